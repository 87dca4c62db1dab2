//! Connections listed as conntrack(8) lists them, and counted as the table has them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use common::{Netns, kernel, kernel_tests, until};
use nfblame::host::conntrack::Summary;
use nfblame::report::conntrack as report;
use nfblame::ruleset::render::Out;
use nfblame::sys::ct::{Change, Conntrack, Events, Filter, Status, TupleFilter};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

kernel_tests! {
    connections_are_listed_as_conntrack_lists_them needs ["nft", "conntrack"];
    the_kernel_filters_as_asked needs ["nft", "conntrack"];
    counters_and_summaries_agree_with_the_table needs ["nft", "conntrack"];
    changes_are_seen_as_they_happen_and_json_says_what_text_says needs ["nft", "conntrack"];
    a_stream_of_changes_ends_in_good_order needs ["nft", "conntrack"];
    the_command_line_shows_the_same needs ["nft", "conntrack"];
    each_connection_of_a_large_table_is_listed_once needs ["nft", "conntrack"];
}

fn main() {
    kernel::run(cases());
}

const NOW: u64 = 0;

fn lab() -> Netns {
    let ns = Netns::new();
    ns.nft(
        "table ip t {
            ct helper f { type \"ftp\" protocol tcp; }
            chain o { type filter hook output priority 0; ct state new counter; tcp dport 21 ct helper set \"f\"; ct mark set 5; }
        }",
    );
    let insert = |words: &str| {
        let args: Vec<_> = std::iter::once("-I").chain(words.split(' ')).collect();
        ns.cmd("conntrack", &args, "");
    };
    let there = "-s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1";
    let ports = "--orig-port-src 1000 --orig-port-dst 80 --reply-port-src 80 --reply-port-dst";
    insert(&format!("-p tcp {there} {ports} 1000 --state ESTABLISHED -u ASSURED,SEEN_REPLY -t 100000"));
    insert(&format!("-p tcp {there} {ports} 1001 --state SYN_SENT -t 100000 -m 7 -w 9"));
    insert(&format!("-p udp {there} {ports} 1002 -t 100000 -w 5"));
    insert(&format!("-p udp {there} {ports} 1003 -t 100000 --orig-zone 3"));
    insert(&format!("-p udp {there} {ports} 1004 -t 100000 -u ASSURED,SEEN_REPLY,FIXED_TIMEOUT"));
    insert(&format!("-p sctp {there} {ports} 1005 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 100000"));
    insert(&format!("-p icmp {there} --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 100000"));
    insert(&format!("-p gre {there} --orig-key-src 1 --orig-key-dst 2 --reply-key-src 2 --reply-key-dst 1 -t 100000"));
    insert(&format!("-p 253 {there} -t 100000"));
    let there6 = "-s 2001:db8::1 -d 2001:db8::2 -r 2001:db8::2 -q 2001:db8::1";
    insert(&format!("-p tcp {there6} {ports} 1 --state TIME_WAIT -t 100000"));
    insert(&format!("-p icmpv6 {there6} --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 77 -t 100000"));
    ns
}

/// The lines without the timeout, which falls while they are read.
fn timeless(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text
        .lines()
        .map(|l| {
            let mut words: Vec<_> = l.split(' ').map(str::to_owned).collect();
            let at = words.iter().rposition(|w| w.parse::<u32>().is_ok_and(|n| n > 255)).unwrap_or(0);
            words.get_mut(at).unwrap().clear();
            words.join(" ")
        })
        .collect();
    lines.sort();
    lines
}

fn list(ns: &Netns, filter: &Filter) -> String {
    ns.run(|| {
        let mut text = Out::new();
        let listed = Conntrack::open().unwrap().dump(filter, |flow| {
            report::flow(&mut text, flow, NOW);
            text.str("\n");
        });
        listed.unwrap();
        String::from_utf8(text.into_bytes()).unwrap()
    })
}

fn connections_are_listed_as_conntrack_lists_them() {
    let ns = lab();
    // Since Linux 6.16 without a tracker, and so without ports.
    let dccp = "-I -p dccp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 --state REQUEST --role client -t 100000";
    ns.cmd("conntrack", &dccp.split(' ').collect::<Vec<_>>(), "");
    let listener = ns.run(|| TcpListener::bind("127.0.0.1:21")).unwrap();
    let mut client = ns.run(|| TcpStream::connect("127.0.0.1:21")).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    // The helper reads lines, and takes the second for the first whole one.
    for line in ["USER x\r\n", "PORT 127,0,0,1,4,5\r\n"] {
        client.write_all(line.as_bytes()).unwrap();
        server.read_exact(&mut vec![0; line.len()]).unwrap();
    }
    let expected = ns.cmd("conntrack", &["-L"], "");
    assert_eq!(expected.lines().count(), 13, "{expected}");
    assert!(expected.contains("helper=ftp"), "{expected}");
    assert_eq!(timeless(&list(&ns, &Filter::any())), timeless(&expected));

    until("the announced connection", || !ns.run(|| Conntrack::open().unwrap().expectations().unwrap()).is_empty());
    let ours = ns.run(|| Conntrack::open().unwrap().expectations().unwrap());
    let theirs = ns.cmd("conntrack", &["-L", "expect"], "");
    let json = serde_json::to_value(report::ExpectLine::new(&ours[0])).unwrap();
    assert_eq!((&json["event"], &json["master"]["destination.port"]), (&"expectation".into(), &21.into()));
    assert_eq!(json["expected"]["destination.port"], 1029);
    let line = |e| {
        let mut out = Out::new();
        report::expectation(&mut out, e);
        String::from_utf8(out.into_bytes()).unwrap()
    };
    let ours: Vec<_> = ours.iter().map(line).collect();
    let tail = |l: &str| l.split_once(' ').map(|(_, tail)| tail.trim_end().to_owned());
    assert_eq!(ours.iter().map(|l| tail(l)).collect::<Vec<_>>(), theirs.lines().map(tail).collect::<Vec<_>>());

    ns.sysctl("net.netfilter.nf_conntrack_acct", "1");
    ns.sysctl("net.netfilter.nf_conntrack_timestamp", "1");
    let counted = ns.run(|| TcpStream::connect("127.0.0.1:21")).unwrap();
    let ours = list(&ns, &Filter::any());
    assert!(ours.lines().any(|l| l.contains(" packets=2 bytes=112 ") && l.contains(" delta-time=")), "{ours}");
    drop((server, counted));
}

fn the_kernel_filters_as_asked() {
    let ns = lab();
    let count = |filter: Filter| list(&ns, &filter).lines().count();
    assert_eq!(count(Filter { family: 10, ..Filter::any() }), 2);
    assert_eq!(count(Filter { mark: Some((7, 7)), ..Filter::any() }), 1);
    assert_eq!(count(Filter { mark: Some((0, 7)), ..Filter::any() }), 10);
    assert_eq!(count(Filter { zone: Some(5), ..Filter::any() }), 1);
    let theirs = |words: &str| ns.cmd("conntrack", &words.split(' ').collect::<Vec<_>>(), "").lines().count();
    assert_eq!(
        count(Filter { zone: Some(0), ..Filter::any() }),
        theirs("-L -w 0"),
        "with those of a zone one way only"
    );
    assert_eq!(count(Filter { status: Some((Status::ASSURED, Status::ASSURED)), ..Filter::any() }), 2);
    assert_eq!(count(Filter { status: Some((Status::empty(), Status::ASSURED)), ..Filter::any() }), 9);
    let orig =
        TupleFilter { dst: Some([10, 0, 0, 2].into()), protocol: Some(17), dport: Some(80), ..Default::default() };
    assert_eq!(count(Filter { orig, ..Filter::any() }), 3);
    let other = "-I -p udp -s 2001:db8::1 -d 2001:db8::9 --sport 1 --dport 2 -t 100000";
    ns.cmd("conntrack", &other.split(' ').collect::<Vec<_>>(), "");
    let v6 = |text: &str| Some(text.parse().unwrap());
    let (src, dst) = (v6("2001:db8::1"), v6("2001:db8::2"));
    for (orig, reply, words) in [
        (TupleFilter { src, ..Default::default() }, TupleFilter::default(), "-L -f ipv6 -s 2001:db8::1"),
        (TupleFilter { dst, ..Default::default() }, TupleFilter::default(), "-L -f ipv6 -d 2001:db8::2"),
        (TupleFilter::default(), TupleFilter { src: dst, dst: src, ..Default::default() }, "-L -f ipv6 -r 2001:db8::2"),
    ] {
        let ours = count(Filter { orig, reply, ..Filter::any() });
        assert_eq!((ours, ours > 0), (theirs(words), true), "{words}");
    }
    let reply = TupleFilter { dport: Some(1002), protocol: Some(17), ..Default::default() };
    assert_eq!(count(Filter { reply, ..Filter::any() }), 1);
    let sctp = TupleFilter { protocol: Some(132), sport: Some(1000), ..Default::default() };
    assert_eq!(count(Filter { family: 2, orig: sctp, ..Filter::any() }), 1, "ports that the kernel does not filter by");
}

fn counters_and_summaries_agree_with_the_table() {
    let ns = lab();
    let (totals, cpus) = ns.run(|| {
        let mut table = Conntrack::open().unwrap();
        (table.totals().unwrap(), table.cpu_stats().unwrap())
    });
    assert_eq!(totals.entries, 11);
    let text: String = cpus.iter().map(|c| report::cpu(c) + "\n").collect();
    assert_eq!(text, ns.cmd("conntrack", &["-S"], ""));
    let mut summary = Summary::default();
    ns.run(|| Conntrack::open().unwrap().dump(&Filter::any(), |flow| summary.add(flow)).unwrap());
    assert_eq!((summary.total, summary.assured, summary.unreplied), (11, 2, 9));
    let top = summary.top(1);
    assert_eq!(top.sources[0].key.address.to_string(), "10.0.0.1");
    assert_eq!((top.sources[0].count, top.distinct_sources), (9, Some(2)));
    let shown = report::top(&summary, &top, None);
    assert!(shown.contains("         9  10.0.0.1\n") && shown.contains("tcp ESTABLISHED"), "{shown}");
    let line = serde_json::to_value(report::TopLine::new(&summary, &top, None)).unwrap();
    assert_eq!(line["sources"][0]["address"], "10.0.0.1");
}

fn changes_are_seen_as_they_happen_and_json_says_what_text_says() {
    let ns = lab();
    let mut events = ns.run(|| Events::open(1 << 20)).unwrap();
    // A connection from before anybody listened makes no events.
    let there = "-I -p icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8 --icmp-code 0 --icmp-id 78 -t 100";
    ns.cmd("conntrack", &there.split(' ').collect::<Vec<_>>(), "");
    ns.cmd("conntrack", &["-D", "-p", "icmp", "--icmp-id", "78"], "");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, 10_000u16), Ok(1), "only {seen:?}");
        events.receive(|change, flow| seen.push((change, flow.clone()))).unwrap();
    }
    assert_eq!(seen[0].0, Change::New);
    let (change, flow) = seen.pop().unwrap();
    assert_eq!(change, Change::Destroy);
    let mut text = Out::new();
    report::change(&mut text, change, &flow, NOW);
    let text = String::from_utf8(text.into_bytes()).unwrap();
    assert!(text.starts_with("[DESTROY] icmp     1 ") && text.contains(" [USERSPACE] portid="), "{text}");
    assert!(!text.contains("unknown("), "{text}");
    let json = serde_json::to_value(report::FlowLine::new(&flow, Some(change))).unwrap();
    assert_eq!(json["network.transport"], "icmp");
    assert_eq!(json["change"], "destroy");
    assert_eq!((&json["original"]["icmp_type"], &json["original"]["icmp_id"]), (&8.into(), &78.into()));
    assert_eq!(json["reply"]["source.address"], "10.0.0.2");
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn a_stream_of_changes_ends_in_good_order() {
    let ns = lab();
    let args = ["conntrack", "events", "-j", "--netns", &ns.path()];
    let child = Command::new(env!("CARGO_BIN_EXE_nfblame")).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut child = Running(child);
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let (tell, hear) = mpsc::channel();
    let reader = thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
    let (mut told, mut id) = (None, 100);
    until("a connection to be told", || {
        // A connection from before it listens makes no events.
        id += 1;
        let new = format!("-I -p icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8 --icmp-code 0 --icmp-id {id} -t 100");
        ns.cmd("conntrack", &new.split(' ').collect::<Vec<_>>(), "");
        told = hear.try_recv().ok();
        told.is_some()
    });
    let told: serde_json::Value = serde_json::from_str(&told.unwrap()).unwrap();
    assert_eq!(told["change"], "new");
    kill(Pid::from_raw(i32::try_from(child.0.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    reader.join().unwrap();
}

/// So many are read over two sockets.
fn each_connection_of_a_large_table_is_listed_once() {
    let ns = lab();
    let many: String = (0..21_000)
        .map(|n| {
            let (src, dst) = if n % 3 == 0 { ("2001:db8::7", "2001:db8::8") } else { ("10.0.0.7", "10.0.0.8") };
            format!("-I -p udp -s {src} -d {dst} --sport {} --dport {} -t 100000\n", 1 + n % 60_000, 1 + n % 7)
        })
        .collect();
    ns.cmd("conntrack", &["-R", "-"], &many);
    let netns = ns.path();
    let list = ["conntrack", "--netns", &netns];
    let out = Command::new(env!("CARGO_BIN_EXE_nfblame")).args(list).output().unwrap();
    let (ours, theirs) = (String::from_utf8(out.stdout).unwrap(), ns.cmd("conntrack", &["-L"], ""));
    assert_eq!((out.status.code(), ours.lines().count()), (Some(0), 21_011));
    assert!(timeless(&ours) == timeless(&theirs), "the lists differ");
}

fn the_command_line_shows_the_same() {
    let ns = lab();
    let run = |args: &[&str]| {
        let netns = ns.path();
        let args = [&["conntrack", "--netns", &netns], args].concat();
        let out = Command::new(env!("CARGO_BIN_EXE_nfblame")).args(&args).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, listed, _) = run(&[]);
    assert_eq!((code, timeless(&listed)), (Some(0), timeless(&list(&ns, &Filter::any()))));
    let (_, json, _) = run(&["list", "-j", "-p", "udp", "-w", "5"]);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["reply"]["destination.port"], &line["zone"]), (&1002.into(), &5.into()));
    let (_, json, _) = run(&["stats", "-j"]);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["entries"], line["cpus"].is_array()), (&11.into(), true));
    assert!(run(&["top"]).1.contains("by source (2 of them)"));
    let in_state = |state: &str| run(&["list", "--state", state]).1.lines().count();
    assert_eq!((in_state("established"), in_state("SYN_SENT"), in_state("closing")), (2, 1, 0));
    assert_eq!(run(&["--state", "nowhere"]).0, Some(2));
    assert_eq!(run(&["expect"]), (Some(0), String::new(), String::new()));
    let (code, _, message) = run(&["-u", "nonsense"]);
    assert!(code == Some(2) && message.contains("seen_reply"), "{message}");
}
