//! `explain` and `why` on the command line: questions, captures and batches, asked of real hosts. What is said of a packet
//! has to be what the kernel then does with it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Netns, kernel, kernel_tests, until, veth};
use serde_json::{Value, json};

kernel_tests! {
    a_forwarded_packet_is_followed_through_nat_to_the_policy needs ["nft"];
    rules_of_all_backends_are_walked_in_order needs ["nft", "iptables-legacy", "iptables-nft"];
    conntrack_states_are_as_asked needs ["nft"];
    what_this_host_sends_is_routed_rerouted_and_comes_back needs ["nft"];
    the_interface_is_derived_and_contradictions_are_errors needs ["nft"];
    a_batch_answers_every_line_in_order needs ["nft"];
    a_batch_sees_the_ruleset_change needs ["nft"];
    a_batch_sees_what_packets_do needs ["nft"];
    a_batch_is_fast_enough needs ["nft"];
    a_batch_outlives_anything_that_it_is_fed needs ["nft"];
    rules_whose_jumps_multiply_are_given_up needs ["nft", "iptables-legacy-restore"];
    captures_of_all_forms_are_explained needs ["nft", "tcpdump", "editcap"];
    a_broken_packet_of_a_capture_is_told_and_the_rest_explained needs ["nft"];
    a_port_of_a_bridge_leads_to_the_bridge needs ["nft"];
    clients_are_compared_and_tables_are_taken_away needs ["nft", "iptables-legacy"];
    a_complaint_finds_what_the_packet_depends_on needs ["nft"];
    a_source_that_nobody_translates_is_told needs ["nft"];
    programs_at_the_device_are_open_questions needs ["nft", "tc"];
    a_near_miss_names_the_members_of_a_small_set needs ["nft"];
    sets_are_taken_as_they_are needs ["nft", "ipset", "iptables-legacy"];
}

fn main() {
    kernel::run(cases());
}

const BIN: &str = env!("CARGO_BIN_EXE_nfblame");

/// Runs nfblame in a namespace.
fn nfblame(ns: &Netns, args: &str, stdin: &[u8]) -> Output {
    let mut child = start(ns, args);
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|s| {
        s.spawn(move || {
            // A program that ends early closes its input: that is not our failure.
            let _ = input.write_all(stdin);
        });
        child.wait_with_output().unwrap()
    })
}

fn start(ns: &Netns, args: &str) -> Child {
    let mut command = Command::new(BIN);
    command.args(args.split_whitespace()).args(["--netns", &ns.path()]).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

trait Load {
    fn load(&self, rules: &str);
}

impl Load for Netns {
    /// Loads rules written in few lines: nft wants a new line, or a semicolon, before a brace that closes a chain.
    fn load(&self, rules: &str) {
        self.nft(&rules.replace(" }", "\n}"));
    }
}

/// One question, its answer and the exit code.
fn ask(ns: &Netns, args: &str) -> (Value, i32) {
    let out = nfblame(ns, &format!("{args} -j"), b"");
    let text = String::from_utf8(out.stdout).unwrap();
    let answer = serde_json::from_str(&text);
    let answer = answer.unwrap_or_else(|e| panic!("{args}: {e}: {text:?} {}", String::from_utf8_lossy(&out.stderr)));
    (answer, out.status.code().unwrap())
}

/// Who decided, in a line: `drop policy inet filter input`.
fn who(answer: &Value) -> String {
    let c = &answer["culprit"];
    let mut words: Vec<String> =
        ["/verdict", "/culprit/kind", "/culprit/family", "/culprit/table_name", "/culprit/chain_name"]
            .iter()
            .filter_map(|p| answer.pointer(p)?.as_str().map(str::to_owned))
            .collect();
    words.extend(c["rule_position"].as_u64().map(|n| n.to_string()));
    words.extend(c["sysctl"]["key"].as_str().map(str::to_owned));
    words.extend(c["detail"].as_str().map(str::to_owned));
    words.join(" ")
}

/// Has the answer the id of its question? Of a broken line that is what it begins with, if anything.
fn repeats_id(asked: &Value, line: &str, answer: &Value) -> bool {
    match (asked, &answer["id"]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, id) => line.starts_with(&format!("{{\"id\":{id}")),
        (asked, id) => asked.get("id").unwrap_or(&Value::Null) == id,
    }
}

fn path(answer: &Value) -> Vec<String> {
    answer["path"].as_array().unwrap().iter().map(|s| s["action"].as_str().unwrap().to_owned()).collect()
}

/// A client, a router and a server in a row.
struct Row {
    _client: Netns,
    router: Netns,
    server: Netns,
}

impl Row {
    fn new() -> Self {
        let (client, router, server) = (Netns::new(), Netns::new(), Netns::new());
        veth(&client, "eth0", "192.0.2.2/24", &router, "eth0", "192.0.2.1/24");
        veth(&router, "eth1", "10.0.5.1/24", &server, "eth0", "10.0.5.2/24");
        client.route("0.0.0.0/0", "192.0.2.1");
        server.route("0.0.0.0/0", "10.0.5.1");
        router.sysctl("net.ipv4.ip_forward", "1");
        Self { _client: client, router, server }
    }
}

fn a_forwarded_packet_is_followed_through_nat_to_the_policy() {
    let row = Row::new();
    row.router.load(
        "table ip nat { chain pre { type nat hook prerouting priority -100; tcp dport 80 dnat to 10.0.5.2:8080 } }
         table ip filter { chain fwdc { type filter hook forward priority 0; policy drop;
            ct state established,related accept
            ip daddr 10.0.5.2 tcp dport 80 accept } }",
    );
    let (answer, code) = ask(&row.router, "explain tcp 192.0.2.2:40000 192.0.2.1:80 -i eth0");
    assert_eq!((who(&answer).as_str(), code), ("drop policy ip filter fwdc", 1));
    assert_eq!(answer["confidence"], "certain");
    assert_eq!(answer["evidence"], "simulation");
    assert_eq!(answer["packet"]["oif"], "eth1");
    assert_eq!(answer["packet"]["ct_state"], "new");
    assert!(path(&answer).contains(&"destination 192.0.2.1:80 becomes 10.0.5.2:8080".to_owned()), "{answer}");
    let near = &answer["near_misses"][0];
    assert_eq!(
        (&near["rule_position"], &near["field"], &near["wanted"], &near["have"]),
        (&json!(2), &json!("tcp dport"), &json!("80"), &json!("8080"))
    );
    let text = nfblame(&row.router, "explain tcp 192.0.2.2:40000 192.0.2.1:80 -i eth0 -v", b"");
    let text = String::from_utf8(text.stdout).unwrap();
    for words in ["prerouting", "-100   ip nat pre", "forward", "- rule 2", "80 is wanted, the packet has 8080", "DROP"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // The fix that the near miss suggests is right.
    row.router.load("add rule ip filter fwdc ip daddr 10.0.5.2 tcp dport 8080 accept");
    let (answer, code) = ask(&row.router, "explain tcp 192.0.2.2:40000 192.0.2.1:80 -i eth0");
    assert_eq!((who(&answer).as_str(), code), ("accept none", 0));
}

fn rules_of_all_backends_are_walked_in_order() {
    let (client, host) = (Netns::new(), Netns::new());
    veth(&client, "eth0", "192.0.2.2/24", &host, "eth0", "192.0.2.1/24");
    host.load("table inet app { chain in { type filter hook input priority -10; tcp dport 443 accept } }");
    host.cmd("iptables-nft", &["-A", "INPUT", "-p", "tcp", "--dport", "443", "-j", "ACCEPT"], "");
    host.cmd("iptables-legacy", &["-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"], "");
    host.cmd("iptables-legacy", &["-A", "INPUT", "-p", "tcp", "--dport", "443", "-j", "REJECT"], "");
    let (answer, _) = ask(&host, "explain tcp 192.0.2.2 192.0.2.1:443 -i eth0");
    assert_eq!(who(&answer), "reject rule ip filter INPUT 2");
    assert_eq!(answer["culprit"]["backend"], "xtables");
    assert_eq!(answer["reject_with"], "icmp-port-unreachable");
    let places: Vec<_> = answer["path"].as_array().unwrap().iter().filter_map(|s| s["backend"].as_str()).collect();
    assert_eq!(places.first(), Some(&"nft"));
    assert!(places.contains(&"nft-compat") && places.last() == Some(&"xtables"), "{places:?}");
    let (answer, _) = ask(&host, "explain udp 192.0.2.2 192.0.2.1:53 -i eth0");
    assert_eq!(who(&answer), "reject socket no listener");
    let (answer, _) = ask(&host, "explain icmp 192.0.2.2 192.0.2.1 -i eth0");
    assert_eq!(who(&answer), "accept none");
}

fn conntrack_states_are_as_asked() {
    let row = Row::new();
    row.router.load(
        "table ip f {
            chain pre { type nat hook prerouting priority -100; tcp dport 80 dnat to 10.0.5.2:8080 }
            chain fwdc { type filter hook forward priority 0; policy drop;
                ct state invalid drop
                ct state established ip daddr 10.0.5.2 tcp dport 8080 accept
                ct state related accept
                ct state untracked accept } }",
    );
    let of =
        |state: &str| ask(&row.router, &format!("explain tcp 192.0.2.2:40000 192.0.2.1:80 -i eth0 --ct {state}")).0;
    // An established connection is translated as its first packet was.
    assert_eq!(who(&of("established")), "accept none");
    assert_eq!(who(&of("new")), "drop policy ip f fwdc");
    assert_eq!(who(&of("related")), "accept none");
    // Nothing translates what is not tracked: it goes to the router itself.
    assert_eq!(who(&of("untracked")), "reject socket no listener");
    let forwarded =
        |state: &str| ask(&row.router, &format!("explain tcp 192.0.2.2:4 10.0.5.2:8080 -i eth0 --ct {state}")).0;
    assert_eq!(who(&forwarded("invalid")), "drop rule ip f fwdc 1");
    assert_eq!(who(&forwarded("untracked")), "accept none");
}

fn what_this_host_sends_is_routed_rerouted_and_comes_back() {
    let row = Row::new();
    row.router.load(
        "table ip f {
            chain out { type route hook output priority 0; tcp dport 99 meta mark set 7; }
            chain mine { type filter hook output priority 10; meta skuid 1000 drop; oif eth1 tcp dport 99 drop; }
            chain late { type filter hook postrouting priority 0; oif eth1 tcp dport 99 drop; }
            chain in { type filter hook input priority 0; iif lo tcp dport 25 drop; } }",
    );
    row.router.cmd("ip", &["rule", "add", "fwmark", "7", "table", "70"], "");
    row.router.cmd("ip", &["route", "add", "192.0.2.99", "via", "10.0.5.2", "table", "70"], "");
    let of = |args: &str| ask(&row.router, &format!("explain {args}")).0;
    let answer = of("tcp 192.0.2.1 192.0.2.99:80 --out --uid 1000");
    assert_eq!(who(&answer), "drop rule ip f mine 1");
    assert_eq!(answer["packet"]["oif"], "eth0");
    assert_eq!(who(&of("tcp 192.0.2.1 192.0.2.99:80 --out --uid 1001")), "accept none");
    // The mark sends it another way, which the rules of the next hook see: at this one the kernel goes on with the old one.
    let answer = of("tcp 192.0.2.1 192.0.2.99:99 --out --uid 0");
    assert_eq!(who(&answer), "drop rule ip f late 1");
    assert!(path(&answer).contains(&"routed out eth1".to_owned()));
    // An address of its own is reached over the loopback, through the input hook.
    let answer = of("tcp 192.0.2.1 10.0.5.1:25 --out --uid 0");
    assert_eq!((who(&answer).as_str(), answer["packet"]["hook"].as_str()), ("drop rule ip f in 1", Some("input")));
    // The source is ours, so it is sent by us, without being told.
    let answer = of("tcp 192.0.2.1 192.0.2.99:80");
    assert_eq!(answer["packet"]["iif"], Value::Null);
    assert!(answer["why"].to_string().contains("address of this host"), "{answer}");
    // Who sends it was not said, and matters.
    assert_eq!(answer["confidence"], "likely");
    assert_eq!(who(&of("tcp 192.0.2.1 203.0.113.1:80 --out --uid 0")), "reject route no route");
}

fn the_interface_is_derived_and_contradictions_are_errors() {
    let row = Row::new();
    row.router.load("table ip f { chain fwdc { type filter hook forward priority 0; iifname eth0 drop } }");
    let (answer, _) = ask(&row.router, "explain udp 192.0.2.2 10.0.5.2:53");
    assert_eq!((who(&answer).as_str(), answer["packet"]["iif"].as_str()), ("drop rule ip f fwdc 1", Some("eth0")));
    assert!(answer["why"].to_string().contains("taken to come in by eth0"), "{answer}");
    for (args, words) in [
        ("explain", "say which packet"),
        ("explain tcp 192.0.2.2 192.0.2.1", "needs a destination port"),
        ("explain tcp 192.0.2.2 192.0.2.1:80 -i eth9", "no interface eth9"),
        ("explain tcp 203.0.113.9 192.0.2.1:80", "no route leads back"),
        ("explain tcp 192.0.2.2 192.0.2.1:80 -i eth0 --uid 0", "--out"),
        ("explain tcp 192.0.2.2 192.0.2.1:80 -i eth0 --hook output", "--out"),
        ("explain tcp 192.0.2.2 192.0.2.1:80 -i eth0 --out", "cannot be used with"),
        ("explain -r /nowhere.pcap", "/nowhere.pcap"),
        ("why tcp 192.0.2.2 192.0.2.1:80 --ct open", "not a conntrack state"),
    ] {
        let out = nfblame(&row.router, args, b"");
        let error = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.code() == Some(2) && out.stdout.is_empty() && error.contains(words), "{args}: {error}");
    }
}

/// A TCP SYN to a port, in hex.
fn syn(port: u16) -> String {
    let craft = nfblame::explain::Craft {
        sport: 40000,
        dport: port,
        ..nfblame::explain::Craft::new(6, [192, 0, 2, 2].into(), [192, 0, 2, 1].into())
    };
    craft.make().unwrap().1.iter().map(|b| format!("{b:02x}")).collect()
}

fn pair() -> (Netns, Netns) {
    let (client, host) = (Netns::new(), Netns::new());
    veth(&client, "eth0", "192.0.2.2/24", &host, "eth0", "192.0.2.1/24");
    (client, host)
}

const INPUT: &str = "table inet f { chain i { type filter hook input priority 0; tcp dport 80 drop
    tcp dport 81 meta mark 5 drop; ether saddr 02:00:00:00:00:07 drop; ct state established tcp dport 82 drop; tcp dport 80-90 accept } }";

fn a_batch_answers_every_line_in_order() {
    let (_client, host) = pair();
    host.load(INPUT);
    let line = |id: &str, port: u16, more: &str| {
        let packet = syn(port);
        format!(r#"{{"id":{id},"packet":"{packet}","family":"ip","hook":"prerouting","iif":"eth0","oif":null{more}}}"#)
    };
    let own = host.rt(|rt| rt.link("eth0")).unwrap().address;
    let own: String = own.iter().map(|b| format!("{b:02x}")).collect();
    let lines: Vec<(String, &str)> = vec![
        (line("1", 80, ""), "drop rule inet f i 1"),
        (line(r#""two""#, 81, r#","mark":5"#), "drop rule inet f i 2"),
        (line("3", 84, &format!(r#","l2":"{own}0200000000070800""#)), "drop rule inet f i 3"),
        (line("4", 82, r#","ct_state":"established""#), "drop rule inet f i 4"),
        (line("[5]", 84, &format!(r#","l2":"{own}0200000000080800""#)), "reject socket no listener"),
        ("{\"id\":6".into(), "error"),
        (String::new(), "error"),
        ("{\"id\":8,\"packet\":\"45\"}".into(), "error"),
        ("\u{fffd}\u{0}".into(), "error"),
        (line("10", 80, r#","iif":"eth9""#), "error"),
        (format!(r#"{{"id":11,"packet":"{}"}}"#, "ab".repeat(500_000)), "error"),
        (
            format!(r#"{{"id":12,"junk":"{}","packet":"{}","iif":"eth0"}}"#, "x".repeat(1_000_000), syn(80)),
            "drop rule inet f i 1",
        ),
        (line("13", 80, r#","hook":"upstairs""#), "error"),
        (line("14", 80, ""), "drop rule inet f i 1"),
    ];
    let input: Vec<u8> = lines.iter().flat_map(|(l, _)| [l.as_bytes(), b"\n"].concat()).collect();
    let out = nfblame(&host, "explain --batch", &input);
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let answers: Vec<Value> =
        String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    for ((line, want), answer) in lines.iter().zip(&answers) {
        let asked: Value = serde_json::from_str(line).unwrap_or_default();
        assert!(repeats_id(&asked, line, answer), "{line:.100}: {answer}");
        if *want == "error" {
            assert!(answer["error"].is_string() && answer.get("verdict").is_none(), "{line:.100}: {answer}");
        } else {
            assert_eq!(who(answer), *want, "{line:.100}");
        }
    }
    // The last line needs no end; none at all is no error.
    assert_eq!(nfblame(&host, "explain --batch", syn(1).as_bytes()).status.code(), Some(1));
    assert_eq!(nfblame(&host, "explain --batch", b"").status.code(), Some(0));
}

fn a_batch_sees_the_ruleset_change() {
    let (_client, host) = pair();
    host.load(INPUT);
    let mut batch = start(&host, "explain --batch");
    let mut input = batch.stdin.take().unwrap();
    let mut output = BufReader::new(batch.stdout.take().unwrap());
    let mut ask = |port: u16| {
        writeln!(input, r#"{{"id":{port},"packet":"{}","iif":"eth0"}}"#, syn(port)).unwrap();
        let mut line = String::new();
        // The answer comes before the next line is sent.
        output.read_line(&mut line).unwrap();
        who(&serde_json::from_str(&line).unwrap())
    };
    assert_eq!(ask(80), "drop rule inet f i 1");
    host.load("insert rule inet f i tcp dport 80 accept");
    assert_eq!(ask(80), "reject socket no listener");
    let listener = host.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    until("the listener to be seen", || ask(80) == "accept none");
    drop(listener);
    host.load("flush ruleset");
    until("the listener to be gone", || ask(80) == "reject socket no listener");
    drop(input);
    assert_eq!(batch.wait().unwrap().code(), Some(1));
}

fn a_batch_sees_what_packets_do() {
    let (client, host) = pair();
    host.load(
        "table ip f { set seen { type ipv4_addr; size 100; flags dynamic; }
         chain i { type filter hook input priority 0; ip saddr @seen udp dport 9 drop; udp dport 9 add @seen { ip saddr}; } }",
    );
    let mut batch = start(&host, "explain --batch");
    let mut input = batch.stdin.take().unwrap();
    let mut output = BufReader::new(batch.stdout.take().unwrap());
    let craft = nfblame::explain::Craft {
        sport: 40000,
        dport: 9,
        ..nfblame::explain::Craft::new(17, [192, 0, 2, 2].into(), [192, 0, 2, 1].into())
    };
    let packet: String = craft.make().unwrap().1.iter().map(|b| format!("{b:02x}")).collect();
    let mut ask = || {
        writeln!(input, r#"{{"packet":"{packet}","iif":"eth0"}}"#).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        who(&serde_json::from_str(&line).unwrap())
    };
    assert_eq!(ask(), "reject socket no listener");
    let socket = client.run(|| UdpSocket::bind("192.0.2.2:0")).unwrap();
    socket.send_to(b"nfblame", "192.0.2.1:9").unwrap();
    until("the packet to be remembered", || {
        host.cmd("nft", &["list", "set", "ip", "f", "seen"], "").contains("192.0.2.2")
    });
    // Nothing announced that; the pause did.
    assert_eq!(ask(), "drop rule ip f i 1");
    drop(input);
    batch.wait().unwrap();
}

/// Packets cut and changed anywhere, and lines that are none: an answer for each, and none of them the last.
fn a_batch_outlives_anything_that_it_is_fed() {
    let (_client, host) = pair();
    host.load(
        "table inet f { chain i { type filter hook prerouting priority 0; tcp option maxseg size 1-500 drop
            exthdr frag exists drop; ct state invalid drop; @th,100,40 7 drop; tcp flags syn tcp dport 80 drop; ip frag-off 5 drop; icmpv6 type 1 drop; rt type 0 drop; sctp chunk init exists drop } }
         table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80-90 dnat to 192.0.2.9-192.0.2.11:1-9; udp dport 1 redirect to :5 } }",
    );
    let craft = |protocol, v6: bool| {
        let (a, b): (std::net::IpAddr, std::net::IpAddr) = if v6 {
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into())
        } else {
            ([192, 0, 2, 2].into(), [192, 0, 2, 1].into())
        };
        let c = nfblame::explain::Craft {
            sport: 9,
            dport: 80,
            length: Some(100),
            ..nfblame::explain::Craft::new(protocol, a, b)
        };
        c.make().unwrap().1
    };
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut lines = Vec::new();
    for n in 0..3000 {
        let v6 = random(2) == 1;
        let mut packet = craft([6, 17, 132, if v6 { 58 } else { 1 }, 47][random(5)], v6);
        for _ in 0..random(6) {
            let at = random(packet.len());
            packet[at] = random(256) as u8;
        }
        if v6 && random(2) == 0 {
            packet[6] = [0, 43, 44, 51, 60, 59][random(6)];
        }
        packet.truncate(random(packet.len() * 2).max(1));
        let hex: String = packet.iter().map(|b| format!("{b:02x}")).collect();
        let hook = ["ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"][random(7)];
        let family = ["\"ip\"", "\"ip6\"", "\"arp\"", "null", "7"][random(5)];
        let mut line = format!(
            r#"{{"id":{n},"packet":"{hex}","family":{family},"hook":"{hook}","iif":"eth0","oif":{},"l2":"{}"}}"#,
            ["null", "\"eth0\"", "\"lo\""][random(3)],
            "00".repeat(random(40)),
        );
        if random(10) == 0 {
            line.truncate(random(line.len()));
        }
        lines.push(line);
    }
    let out = nfblame(&host, "explain --batch", lines.join("\n").as_bytes());
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    let answered = answers.iter().filter(|a| a["verdict"].is_string()).count();
    assert!(answered > 500, "{answered}");
    for (line, answer) in lines.iter().zip(&answers) {
        let asked: Value = serde_json::from_str(line).unwrap_or_default();
        assert!(repeats_id(&asked, line, answer), "{line}: {answer}");
        assert!(answer["verdict"].is_string() != answer["error"].is_string(), "{line}: {answer}");
    }
}

/// Each of these chains jumps to all of the next layer. The kernel takes such rules, and would walk them for years: no
/// packet may come to them here.
fn rules_whose_jumps_multiply_are_given_up() {
    let (_client, host) = pair();
    let chains = || (0..12).rev().flat_map(|layer| (0..6).map(move |n| (layer, n)));
    let next = |layer: usize| (0..6).filter(move |_| layer < 11).map(move |n| format!("c{}_{n}", layer + 1));
    let mut native = String::from("table inet t {\n");
    let mut legacy = String::from("*filter\n");
    for (layer, n) in chains() {
        let jumps: String = next(layer).map(|to| format!("jump {to}\n")).collect();
        native += &format!("chain c{layer}_{n} {{\n{jumps}}}\n");
        legacy += &format!(":c{layer}_{n} -\n");
    }
    native += "chain f {\ntype filter hook forward priority 0\nip saddr 198.51.100.9 jump c0_0\n}\n}\n";
    for (layer, n) in chains() {
        legacy.extend(next(layer).map(|to| format!("-A c{layer}_{n} -j {to}\n")));
    }
    legacy += "-A FORWARD -s 198.51.100.9 -j c0_0\nCOMMIT\n";
    let question = "udp 198.51.100.9:1 192.0.2.2:9 -i lo --hook forward --oif eth0";
    let loads: [(_, &[&str], _, _); 2] =
        [("nft", &["-f", "-"], &native, "why"), ("iptables-legacy-restore", &[], &legacy, "explain")];
    for (program, args, rules, command) in loads {
        host.nft("flush ruleset");
        host.cmd(program, args, rules);
        let (answer, code) = ask(&host, &format!("{command} {question}"));
        assert_eq!((&answer["verdict"], code), (&Value::from("unknown"), 1), "{answer}");
        assert_ne!(answer["confidence"], "certain");
    }
}

fn a_batch_is_fast_enough() {
    let (_client, host) = pair();
    host.load(INPUT);
    let lines: String = (0..4000u16)
        .map(|n| format!("{{\"id\":{n},\"packet\":\"{}\",\"iif\":\"eth0\"}}\n", syn(80 + n % 16)))
        .collect();
    let begun = Instant::now();
    let out = nfblame(&host, "explain --batch", lines.as_bytes());
    let took = begun.elapsed();
    assert_eq!(out.stdout.iter().filter(|&&b| b == b'\n').count(), 4000);
    // Unoptimised, on a busy machine: this only tells seconds from minutes.
    assert!(took < Duration::from_secs(300), "{took:?}");
}

fn a_broken_packet_of_a_capture_is_told_and_the_rest_explained() {
    let (_client, host) = pair();
    host.load(INPUT);
    let block = |kind: u32, body: &[u8]| {
        let length = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes(), &length[..], body, &length].concat()
    };
    let section = block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    // LINKTYPE_RAW
    let interface = block(1, &[101, 0, 0, 0, 0, 0, 0, 0]);
    let bytes = nfblame::explain::Craft {
        sport: 9,
        dport: 80,
        ..nfblame::explain::Craft::new(6, [192, 0, 2, 2].into(), [192, 0, 2, 1].into())
    };
    let bytes = bytes.make().unwrap().1;
    let packet = |kept: u32| {
        let head: Vec<u8> =
            [0, 0, 0, kept, bytes.len() as u32].into_iter().flat_map(|n: u32| n.to_le_bytes()).collect();
        block(6, &[head, bytes.clone()].concat())
    };
    let whole = packet(bytes.len() as u32);
    let file = [section, interface, whole.clone(), packet(70_000), whole].concat();
    let explained = |file: &[u8]| {
        let out = nfblame(&host, "explain -j -i eth0 -r -", file);
        let text = String::from_utf8(out.stdout).unwrap();
        let answers: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let said = |a: &Value| a["error"].as_str().map_or_else(|| a["verdict"].to_string(), |_| "error".into());
        let frames: Vec<_> = answers.iter().map(|a| (a["frame"].as_u64().unwrap(), said(a))).collect();
        (frames, out.status.code().unwrap())
    };
    let drop = || "\"drop\"".to_owned();
    assert_eq!(explained(&file), (vec![(1, drop()), (2, "error".into()), (3, drop())], 1));
    // It ends within the last packet.
    let cut = file.get(..file.len() - 9).unwrap();
    assert_eq!(explained(cut), (vec![(1, drop()), (2, "error".into()), (3, "error".into())], 2));
}

fn captures_of_all_forms_are_explained() {
    let (client, host) = pair();
    host.load(INPUT);
    let dir = std::env::temp_dir().join(format!("nfblame-explain-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let pcap = file("a.pcap");
    let mut tcpdump = host.run(|| {
        let path = common::find_program("tcpdump").unwrap();
        let args = ["-i", "eth0", "-U", "--immediate-mode", "-w", &pcap, "udp or tcp"];
        Command::new(path).args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let mut said = BufReader::new(tcpdump.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "tcpdump ended");
    }
    for (from, to) in [(&client, "192.0.2.1:80"), (&client, "192.0.2.1:81"), (&host, "192.0.2.2:9")] {
        let socket = from.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        socket.send_to(b"nfblame", to).unwrap();
    }
    until("the packets to be captured", || std::fs::metadata(&pcap).is_ok_and(|m| m.len() >= 24 + 3 * (16 + 49)));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(tcpdump.id() as i32), nix::sys::signal::Signal::SIGINT).unwrap();
    tcpdump.wait().unwrap();
    host.load("insert rule inet f i udp dport 81 drop");
    for form in ["pcap", "nsecpcap", "pcapng"] {
        let path = file(&format!("b.{form}"));
        client.cmd("editcap", &["-F", form, &pcap, &path], "");
        let out = nfblame(&host, &format!("explain -j -i eth0 -r {path}"), b"");
        let answers: Vec<Value> =
            String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let said: Vec<String> = answers.iter().map(who).collect();
        assert_eq!(said.get(..2).unwrap(), ["reject socket no listener", "drop rule inet f i 1"], "{form}: {said:?}");
        assert!(answers.iter().enumerate().all(|(i, a)| a["frame"] == i + 1 && a["time"].is_string()), "{form}");
        assert_eq!(out.status.code(), Some(1), "{form}");
        // Cut in the middle of the second packet: the first is answered, then comes the error.
        let whole = std::fs::read(&path).unwrap();
        let second = answers.len();
        let mut cut = None;
        for n in (40..whole.len()).rev() {
            let out = if whole.len() - n > 200 { break } else { &whole[..n] };
            cut = Some(out.to_vec());
        }
        let out = nfblame(&host, "explain -j -i eth0 -r -", &cut.unwrap());
        let lines: Vec<Value> =
            String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(out.status.code(), Some(2), "{form}");
        assert!(lines.len() <= second && lines.last().unwrap()["error"].is_string(), "{form}: {lines:?}");
        assert!(lines.iter().rev().skip(1).all(|l| l["verdict"].is_string()), "{form}");
        assert!(String::from_utf8_lossy(&out.stderr).contains("ends in the middle"), "{form}");
    }
    let text = nfblame(&host, &format!("explain -i eth0 -r {pcap}"), b"");
    assert!(String::from_utf8_lossy(&text.stdout).lines().nth(1).unwrap().contains("DROP"));
    std::fs::remove_dir_all(&dir).unwrap();
}

fn a_port_of_a_bridge_leads_to_the_bridge() {
    let (client, host) = (Netns::new(), Netns::new());
    veth(&client, "eth0", "192.0.2.2/24", &host, "port0", "");
    host.cmd("ip", &["link", "add", "br0", "type", "bridge"], "");
    host.cmd("ip", &["link", "set", "port0", "master", "br0"], "");
    host.cmd("ip", &["link", "set", "br0", "up"], "");
    host.address("br0", "192.0.2.1/24");
    host.load(
        "table inet f { chain i { type filter hook input priority 0; iifname port0 drop; iifname br0 tcp dport 80 drop } }
         table bridge b { chain i { type filter hook input priority 0; iifname port0 udp dport 53 drop } }",
    );
    assert_eq!(who(&ask(&host, "explain tcp 192.0.2.2 192.0.2.1:80 -i port0").0), "drop rule inet f i 2");
    assert_eq!(who(&ask(&host, "explain tcp 192.0.2.2 192.0.2.1:80").0), "drop rule inet f i 2");
    assert_eq!(who(&ask(&host, "explain udp 192.0.2.2 192.0.2.1:53 -i port0").0), "drop rule bridge b i 1");
    // By which port it comes is not said: the rule may be about another one.
    let by_bridge = ask(&host, "explain udp 192.0.2.2 192.0.2.1:53 -i br0").0;
    assert_ne!(by_bridge["confidence"], "certain", "{by_bridge}");
    host.load("flush ruleset; table bridge b { chain i { type filter hook input priority 0; udp dport 53 drop } }");
    let by_bridge = ask(&host, "why udp 192.0.2.2 192.0.2.1:53 -i br0").0;
    assert_eq!((who(&by_bridge).as_str(), &by_bridge["confidence"]), ("drop rule bridge b i 1", &"certain".into()));
    // On the way out, too.
    let sent = |host: &Netns| {
        let to = client.run(|| std::net::UdpSocket::bind("192.0.2.2:53")).unwrap();
        to.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
        host.run(|| std::net::UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", "192.0.2.2:53")).unwrap();
        to.recv(&mut [0]).is_ok()
    };
    let out = "explain udp 192.0.2.1 192.0.2.2:53 --out";
    assert!(sent(&host) && who(&ask(&host, out).0).starts_with("accept"));
    host.load("flush ruleset; table bridge b { chain o { type filter hook output priority 0; udp dport 53 drop } }");
    let answer = ask(&host, out).0;
    assert_eq!((who(&answer).as_str(), &answer["confidence"]), ("drop rule bridge b o 1", &"certain".into()));
    assert!(!sent(&host));
}

fn clients_are_compared_and_tables_are_taken_away() {
    let (client, host) = (Netns::new(), Netns::new());
    veth(&client, "eth0", "192.0.2.2/24", &host, "eth0", "192.0.2.1/24");
    client.address("eth0", "192.0.2.3/24");
    let _listens = host.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    host.load(
        "table inet f { chain i { type filter hook input priority -1; policy drop; ct state established accept; ip saddr 192.0.2.3 tcp dport 80 accept } }",
    );
    let why = |args: &str| ask(&host, &format!("why tcp 192.0.2.2 192.0.2.1:80 -i eth0 {args}")).0;
    let answer = why("--unlike 192.0.2.3");
    let parting = &answer["unlike"]["parting"];
    assert_eq!((&parting["rule"]["rule_position"], &parting["matches_this"]), (&2.into(), &false.into()), "{answer}");
    assert_eq!(parting["missed"], "ip saddr: 192.0.2.3 is wanted, the packet has 192.0.2.2");
    assert_eq!(answer["unlike"]["verdict"], "accept");
    let same = why("--unlike 192.0.2.4");
    assert!(same["unlike"]["parting"].is_null() && same["unlike"]["verdict"] == "drop", "{same}");
    // As if a firewall were stopped: which tables are in the way?
    let connects = || {
        let to = "192.0.2.1:80".parse().unwrap();
        client.run(|| std::net::TcpStream::connect_timeout(&to, std::time::Duration::from_millis(500)).is_ok())
    };
    let without = |answer: &Value| answer["why"].to_string();
    assert!(without(&answer).contains("without the table inet f, as when its firewall is stopped, it would arrive"));
    host.cmd("iptables-legacy", &["-A", "INPUT", "-s", "192.0.2.2", "-j", "DROP"], "");
    let both = why("");
    assert!(without(&both).contains("without the tables inet f and ip filter (legacy), it would arrive"), "{both}");
    host.cmd("nft", &["delete", "table", "inet", "f"], "");
    assert!(!connects());
    host.cmd("iptables-legacy", &["-F"], "");
    assert!(connects());
}

fn a_complaint_finds_what_the_packet_depends_on() {
    let row = Row::new();
    let socket = row.server.run(|| TcpListener::bind("10.0.5.2:80")).unwrap();
    let why = |args: &str| ask(&row.router, &format!("why {args} -i eth0")).0;
    assert_eq!(who(&why("tcp 192.0.2.2 10.0.5.2:80")), "accept none");
    // The answer is lost.
    row.router.load("table ip f { chain fwdc { type filter hook forward priority 0; tcp sport 80 drop; } }");
    let answer = why("tcp 192.0.2.2 10.0.5.2:80");
    assert_eq!(who(&answer), "drop rule ip f fwdc 1");
    assert_eq!((answer["confidence"].as_str(), answer["packet"]["source.port"].as_u64()), (Some("likely"), Some(80)));
    assert!(answer["why"].to_string().contains("the answer to it is lost"), "{answer}");
    assert!(answer["sentence"].as_str().unwrap().contains("dropped by ip f fwdc rule 1"), "{answer}");
    // ARP is blocked.
    row.router.load(
        "flush ruleset; table arp a { chain i { type filter hook input priority 0; arp operation request drop } }",
    );
    assert_eq!(who(&why("tcp 192.0.2.2 10.0.5.2:80")), "drop rule arp a i 1");
    // Its sender never learns that it is too big.
    row.router.load("flush ruleset; table ip f { chain o { type filter hook output priority 0; icmp type destination-unreachable drop } }");
    assert_eq!(who(&why("tcp 192.0.2.2 10.0.5.2:80")), "accept none");
    row.router.cmd("ip", &["link", "set", "eth1", "mtu", "1300"], "");
    let answer = why("tcp 192.0.2.2 10.0.5.2:80");
    assert_eq!(who(&answer), "drop rule ip f o 1");
    assert_eq!(answer["packet"]["icmp_code"], 4);
    // Where two answers are possible, the one that loses the packet is what a complaint is about.
    row.router.load(
        "flush ruleset; table ip f { chain fwdc { type filter hook forward priority 0; limit rate over 1/hour drop } }",
    );
    assert_eq!(who(&ask(&row.router, "explain tcp 192.0.2.2 10.0.5.2:80 -i eth0").0), "accept none");
    let answer = why("tcp 192.0.2.2 10.0.5.2:80");
    assert_eq!((who(&answer).as_str(), answer["confidence"].as_str()), ("drop rule ip f fwdc 1", Some("likely")));
    assert_eq!(answer["unknowns"].as_array().unwrap().len(), 1, "{answer}");
    drop(socket);
}

fn a_source_that_nobody_translates_is_told() {
    let row = Row::new();
    row.router.load(
        "table ip n { chain post { type nat hook postrouting priority 100; oifname eth7 masquerade } }
         table ip d { chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.1 tcp dport 80 dnat to 10.0.5.2:80 } }",
    );
    let (answer, code) = ask(&row.router, "why tcp 10.0.5.2 192.0.2.2:80 -i eth1");
    assert_eq!((who(&answer).as_str(), code), ("accept nat the source is not translated", 1));
    assert_eq!(answer["confidence"], "likely");
    let near = &answer["near_misses"][0];
    assert_eq!((&near["table_name"], &near["have"]), (&json!("n"), &json!("\"eth0\"")), "{near}");
    row.router.load("add rule ip n post oifname eth0 masquerade");
    assert_eq!(who(&ask(&row.router, "why tcp 10.0.5.2 192.0.2.2:80 -i eth1").0), "accept none");
    // A client and the server that it is led to are neighbours.
    let (answer, code) = ask(&row.router, "why tcp 10.0.5.3 203.0.113.1:80 -i eth1");
    assert_eq!((who(&answer).as_str(), code), ("accept nat hairpin: the source is not translated", 1));
    assert_eq!(who(&ask(&row.router, "why tcp 192.0.2.2 203.0.113.1:80 -i eth0").0), "accept none");
    row.router.load("add rule ip n post oifname eth1 masquerade");
    assert_eq!(who(&ask(&row.router, "why tcp 10.0.5.3 203.0.113.1:80 -i eth1").0), "accept none");
}

fn programs_at_the_device_are_open_questions() {
    let (_client, host) = pair();
    let _listener = host.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    host.cmd("tc", &["qdisc", "add", "dev", "eth0", "clsact"], "");
    let question = "tcp 192.0.2.2 192.0.2.1:80 -i eth0";
    assert_eq!(ask(&host, &format!("explain {question}")).0["confidence"], "certain");
    host.cmd("tc", &["filter", "add", "dev", "eth0", "ingress", "bpf", "bytecode", "1,6 0 0 2,", "da"], "");
    let (answer, code) = ask(&host, &format!("explain {question}"));
    assert_eq!((who(&answer).as_str(), answer["confidence"].as_str(), code), ("accept none", Some("likely"), 0));
    assert_eq!(answer["alternatives"][0]["kind"], "tc");
    let (answer, code) = ask(&host, &format!("why {question}"));
    assert_eq!(
        (answer["culprit"]["kind"].as_str(), answer["confidence"].as_str(), code),
        (Some("tc"), Some("likely"), 1)
    );
}

fn a_near_miss_names_the_members_of_a_small_set() {
    let (_client, host) = pair();
    let wanted = |rules: &str, packet: &str| {
        host.load(&format!(
            "flush ruleset; table inet f {{ chain i {{ type filter hook input priority 0; policy drop; {rules} }} }}"
        ));
        ask(&host, &format!("why {packet} -i eth0")).0["near_misses"][0]["wanted"].clone()
    };
    let syn = "tcp 192.0.2.2 192.0.2.1:25";
    assert_eq!(wanted("tcp dport { 80, 443 } accept", syn), "{ 80, 443 }");
    assert_eq!(wanted("tcp dport { 65000-65535, 22, 80-90, 443 } accept", syn), "{ 22, 80-90, 443, 65000-65535 }");
    assert_eq!(wanted("tcp dport != { 1-100, 443 } accept", syn), "!= { 1-100, 443 }");
    assert_eq!(wanted("ip saddr { 10.0.0.0/8, 192.0.2.7 } accept", syn), "{ 10.0.0.0-10.255.255.255, 192.0.2.7 }");
}

fn sets_are_taken_as_they_are() {
    let (_client, host) = pair();
    host.cmd("ipset", &["create", "bad", "hash:ip"], "");
    host.cmd("iptables-legacy", &["-A", "INPUT", "-m", "set", "--match-set", "bad", "src", "-j", "DROP"], "");
    host.load(
        "table ip f { set s { type inet_service; elements = { 80 }; }
         chain i { type filter hook input priority 10; tcp dport @s drop; tcp dport vmap { 81 : drop, 82 : accept } } }",
    );
    let of = |port: u16| ask(&host, &format!("explain tcp 192.0.2.2 192.0.2.1:{port} -i eth0")).0;
    assert_eq!((who(&of(80)).as_str(), of(80)["confidence"].as_str()), ("drop rule ip f i 1", Some("certain")));
    assert_eq!(who(&of(81)), "drop rule ip f i 2");
    assert_eq!(who(&of(82)), "reject socket no listener");
    host.cmd("ipset", &["add", "bad", "192.0.2.2"], "");
    assert_eq!(
        (who(&of(82)).as_str(), of(82)["confidence"].as_str()),
        ("drop rule ip filter INPUT 1", Some("certain"))
    );
}
