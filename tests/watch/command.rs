//! The command itself: what it prints, how it ends, and what it does when things go wrong.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nfblame::host::KernelHost;
use nfblame::watch::{Output, Watch};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, V4, udp};
use crate::common::{DEADLINE, Netns, until};
use crate::watcher::{Watcher, logged};

kernel_tests! {
    a_broken_pipe_ends_quietly needs ["nft"];
    without_privilege_it_ends_with_two_and_says_why needs ["nft"];
    an_interface_that_is_not_there_is_an_error needs [];
    a_capture_carries_the_blame_of_each_packet needs ["nft", "tshark"];
    what_was_lost_is_told_and_adds_up needs ["nft"];
    stopping_does_not_wait_for_the_backlog needs ["nft"];
    a_second_signal_ends_at_once needs ["nft"];
    who_added_the_rule_is_told needs ["nft"];
    that_nothing_can_be_seen_is_said needs ["nft"];
}

const RULES: &str = "table inet t {
    chain inp { type filter hook input priority 0; udp dport 9 log prefix \"flood\" group 5 drop
    }
}";

fn command(ns: &Netns, args: &[&str], set: impl FnOnce(&mut Command)) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfblame"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    set(&mut command);
    ns.run(|| command.spawn()).unwrap()
}

/// A host whose rules log and drop what goes to port 9, with `watch` running on it.
fn watching(args: &[&str]) -> (Netns, Child, BufReader<std::process::ChildStderr>) {
    let ns = Netns::new();
    ns.nft(RULES);
    let mut child = command(&ns, &[&["watch"], args].concat(), |_| {});
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    if !args.contains(&"-j") {
        stderr.read_line(&mut line).unwrap();
        assert!(line.contains("watching"), "{line}");
    }
    (ns, child, stderr)
}

fn send(ns: &Netns, times: u32) {
    send_bytes(ns, b"x", times);
}

fn send_bytes(ns: &Netns, bytes: &[u8], times: u32) {
    ns.run(|| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.1:9").unwrap();
        (0..times).for_each(|_| _ = socket.send(bytes).unwrap());
    });
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

fn a_broken_pipe_ends_quietly() {
    for form in ["-b", "-q"] {
        let ns = Netns::new();
        ns.nft(RULES);
        // The drop monitor tells of every namespace's packets, also of a flood that another test makes.
        let mut child = command(&ns, &["watch", form, "--no-drop-monitor"], |_| {});
        drop(child.stdout.take());
        until("the broken pipe to be noticed", || {
            send(&ns, 1);
            child.try_wait().unwrap().is_some()
        });
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words}");
        assert!(!words.contains("pipe") && !words.contains("panic"), "{words}");
    }
}

fn without_privilege_it_ends_with_two_and_says_why() {
    let ns = Netns::new();
    ns.nft(RULES);
    // Where somebody without rights can reach it.
    let program = std::env::temp_dir().join(format!("nfblame-{}", std::process::id()));
    // By another process: what one of ours holds open for writing while a second one is started cannot be run.
    ns.cmd("cp", &[env!("CARGO_BIN_EXE_nfblame"), program.to_str().unwrap()], "");
    let mut c = Command::new(&program);
    c.args(["watch", "-g", "5"]).uid(65534).gid(65534).stdin(Stdio::null());
    let out = ns.run(move || c.output());
    std::fs::remove_file(&program).unwrap();
    let out = out.unwrap();
    let words = String::from_utf8_lossy(&out.stderr);
    assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0), "{words}");
    assert!(words.starts_with("nfblame: ") && words.contains("CAP_NET_ADMIN"), "{words}");
}

fn an_interface_that_is_not_there_is_an_error() {
    let child = command(&Netns::new(), &["watch", "-i", "nosuch0"], |_| {});
    let out = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{words}");
    assert!(words.contains("interface nosuch0"), "{words}");
}

fn a_capture_carries_the_blame_of_each_packet() {
    let file = std::env::temp_dir().join(format!("nfblame-{}.pcapng", std::process::id()));
    let name = file.to_str().unwrap();
    let (ns, child, _stderr) = watching(&["-b", "-c", "3", "-w", name]);
    send(&ns, 3);
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stdout).lines().count()), (Some(1), 3));
    let fields = ["-T", "fields", "-e", "udp.dstport", "-e", "ip.dst", "-e", "frame.comment"];
    let read = ns.cmd("tshark", &[&["-r", name][..], &fields].concat(), "");
    std::fs::remove_file(&file).unwrap();
    let lines: Vec<&str> = read.lines().filter(|l| l.starts_with("9\t127.0.0.1\t")).collect();
    assert_eq!(lines.len(), 3, "{read}");
    assert!(read.contains("inet t inp rule 1"), "{read}");
}

/// Whoever takes what comes out is slow: the backlog is not judged to its end, and what is left is counted.
fn stopping_does_not_wait_for_the_backlog() {
    const SENT: u32 = 3000;
    let ns = Netns::new();
    ns.nft(RULES);
    let (stop_out, stop_in) = std::sync::mpsc::channel();
    let entered = ns.ns().try_clone().unwrap();
    let watch = std::thread::spawn(move || {
        entered.enter().unwrap();
        let watch = Watch::start(crate::watcher::logged(false)).unwrap();
        stop_out.send(watch.evidence().stopper()).unwrap();
        let (mut told, mut lost) = (0, 0);
        let host = KernelHost::open().unwrap();
        let summary = watch.run(&host, &mut |o| {
            match o {
                Output::Blame(_, seen) => {
                    told += seen.count;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Output::Lost(loss) => lost += loss.at_least(),
                Output::Note(_) | Output::Idle => {}
            }
            ControlFlow::Continue(())
        });
        (summary, told, lost)
    });
    let stop = stop_in.recv().unwrap();
    send(&ns, SENT);
    stop.stop();
    let (summary, told, lost) = watch.join().unwrap();
    assert_eq!((summary.seen, summary.lost), (told, lost));
    assert_eq!(summary.seen + summary.lost, u64::from(SENT), "{summary:?}");
    assert!(summary.losses.keys().any(|cause| cause.ends_with("stopped before they were judged")), "{summary:?}");
}

/// Nobody reads what it says, so that it cannot go on: the second signal is not waited for by anybody.
fn a_second_signal_ends_at_once() {
    let (ns, mut child, _stderr) = watching(&["-j"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    send(&ns, 4000);
    signal(&child, Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(300));
    let ended = child.try_wait().unwrap();
    assert!(ended.is_none(), "the pipe is full, so it waits: {ended:?}");
    signal(&child, Signal::SIGINT);
    until("the end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

fn what_was_lost_is_told_and_adds_up() {
    let mut sent = 40_000;
    let (ns, mut child, _stderr) = watching(&["-j", "--no-drop-monitor"]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (said, hear) = std::sync::mpsc::channel::<serde_json::Value>();
    let reader = std::thread::spawn(move || {
        lines.for_each(|line| said.send(serde_json::from_str(&line.unwrap()).unwrap()).unwrap());
    });
    assert_eq!(hear.recv_timeout(DEADLINE).unwrap()["event"], "ready");
    // While it stands still the socket overflows.
    signal(&child, Signal::SIGSTOP);
    send_bytes(&ns, &[0; 1400], sent);
    signal(&child, Signal::SIGCONT);
    let (mut all, mut told) = (Vec::new(), false);
    while !told {
        // The gap shows when a packet comes behind it.
        match hear.recv_timeout(Duration::from_millis(200)) {
            Ok(v) => {
                told = v["event"] == "lost";
                all.push(v);
            }
            Err(_) => {
                send(&ns, 1);
                sent += 1;
                assert!(sent < 40_100, "{:?}", all.last());
            }
        }
    }
    signal(&child, Signal::SIGINT);
    all.extend(hear.iter());
    reader.join().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let count = |event: &str| {
        let of = all.iter().filter(|v| v["event"] == event);
        of.map(|v| v["count"].as_u64().unwrap_or(1)).sum::<u64>()
    };
    let lost = all.iter().find(|v| v["event"] == "lost").unwrap();
    assert_eq!((&lost["source"], &lost["cause"]), (&"nflog group 5".into(), &"ENOBUFS".into()));
    let summary = all.last().unwrap();
    assert_eq!((summary["event"].as_str(), summary["lost_at_least"].as_bool()), (Some("summary"), Some(false)));
    assert_eq!(summary["seen"].as_u64(), Some(count("blame")));
    assert_eq!(summary["lost"].as_u64(), Some(count("lost")));
    assert_eq!(count("blame") + count("lost"), u64::from(sent), "{summary}");
}

fn that_nothing_can_be_seen_is_said() {
    let said = |ns: &Netns| {
        let mut child = command(ns, &["watch", "--no-drop-monitor"], |_| {});
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.next().unwrap().contains("watching"));
        signal(&child, Signal::SIGINT);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        lines.any(|l| l.contains("nothing will be seen"))
    };
    let ns = Netns::new();
    assert!(said(&ns));
    ns.nft(RULES);
    assert!(!said(&ns), "a rule logs");
}

fn who_added_the_rule_is_told() {
    let lab = Lab::new();
    lab.router.nft("table inet t { chain forw { type filter hook forward priority 0; udp dport 1 log group 5\n }\n }");
    let watch = Watcher::start(&lab.router, logged(false));
    lab.run("nft add rule inet t forw udp dport 1 drop");
    let mut blame = None;
    // Until the change is seen, packets pass.
    until("the new rule to be blamed", || {
        udp(&lab.client, V4.server, 1);
        // Nothing is said of packets that pass.
        blame = watch.blame_within(Duration::from_millis(100));
        blame.is_some()
    });
    let blame = blame.unwrap();
    let change = blame.culprit.changed_by.clone().unwrap_or_else(|| panic!("{blame:?}"));
    assert_eq!((blame.culprit.rule_position, change.program.as_deref()), (Some(2), Some("nft")));
    assert!(change.pid.is_some() && Some(change.generation) == blame.culprit.generation);
}
