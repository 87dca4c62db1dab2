//! `nfblame list` over namespaces whose rulesets are known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::io::{BufRead, BufReader};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::{Netns, kernel, kernel_tests};
use serde_json::Value;

kernel_tests! {
    tools_words_are_printed_as_they_print_them needs ["nft", "iptables-nft", "iptables-nft-save", "iptables-legacy", "iptables-legacy-save", "ip6tables-legacy", "ip6tables-legacy-save", "ipset"];
    the_default_backend_is_the_one_in_use needs ["iptables-nft", "iptables-legacy"];
    hooks_show_what_packets_meet_in_order needs ["nft", "iptables-legacy", "iptables-nft"];
    blockers_are_sorted_by_what_they_stopped needs ["nft", "iptables-legacy"];
    sets_and_objects_are_listed_with_their_elements needs ["nft", "ipset"];
    what_nft_misreads_of_its_own_is_read_rightly needs ["nft"];
    what_ebtables_made_is_said_in_nfts_words needs ["ebtables-nft", "arptables-nft"];
    policies_are_listed_by_family_and_hook needs ["nft", "iptables-legacy"];
    rates_follow_the_traffic needs ["nft", "iptables-legacy"];
    hostile_strings_are_escaped_for_people_only needs ["nft"];
    comments_in_json_are_what_was_set needs ["nft", "iptables-legacy", "iptables-nft"];
    what_is_not_there_is_an_error needs ["nft", "setpriv"];
}

fn main() {
    kernel::run(cases());
}

fn command(ns: &Netns, args: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_nfblame"));
    c.args(["list", "--netns", &ns.path()])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    c
}

fn try_list(ns: &Netns, args: &[&str]) -> Output {
    command(ns, args).output().unwrap()
}

fn list(ns: &Netns, args: &[&str]) -> String {
    let out = try_list(ns, args);
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && err.is_empty(), "list {}: {err}", args.join(" "));
    String::from_utf8(out.stdout).unwrap()
}

fn json(ns: &Netns, args: &[&str]) -> Value {
    serde_json::from_str(&list(ns, &[args, &["-j"]].concat())).unwrap()
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect()
}

const FIREWALL: &str = "table inet fw {
    counter seen { }
    set allowed { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.7 }; }
    map ports { type inet_service : verdict; counter; elements = { 23 : drop, 24 : jump services }; }
    chain input { type filter hook input priority 10; policy drop;
        iif lo udp dport 9000-9999 counter name seen accept
        ip saddr @allowed accept
        udp dport vmap @ports
        udp dport 53 counter drop comment \"no names\"
        limit rate over 1/day burst 1000 packets counter drop
        counter ip saddr 10.0.0.0/8 reject
    }
    chain services {
        counter drop
    }
    chain forgotten {
        drop
    }
}
table ip6 six { chain out { type filter hook output priority -10; policy accept; counter
    }
}
";

fn lab() -> Netns {
    let ns = Netns::new();
    ns.nft(FIREWALL);
    for rule in [
        "-P FORWARD DROP",
        "-N user",
        "-A INPUT -p udp -m udp --dport 54 -j DROP",
        "-A INPUT -j user",
        "-A user -p tcp -j REJECT",
        "-A OUTPUT -p udp -m udp --dport 99 -j NFQUEUE --queue-num 3",
        "-A OUTPUT -p udp --dport 98 -j NFQUEUE --queue-num 3 --queue-bypass",
        "-t nat -A POSTROUTING -s 192.0.2.1/32 -j MASQUERADE",
    ] {
        ns.cmd("iptables-legacy", &rule.split(' ').collect::<Vec<_>>(), "");
    }
    ns
}

fn tools_words_are_printed_as_they_print_them() {
    let ns = lab();
    for words in [
        "iptables-nft -A INPUT -p tcp -m tcp --dport 81 -m comment --comment why -j DROP",
        "iptables-nft -t nat -N mine",
        "ip6tables-legacy -A INPUT -s 2001:db8::/32 -j ACCEPT",
        "ipset create s hash:ip,port timeout 100000",
        "ipset add s 192.0.2.1,tcp:80 timeout 0",
        "ipset create t hash:net",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        ns.cmd(words[0], &words[1..], "");
    }
    let same = |ours: &[&str], program: &str, args: &[&str]| {
        let theirs = ns.cmd(program, args, "");
        assert_eq!(without_comments(&list(&ns, ours)), without_comments(&theirs), "{ours:?}");
    };
    same(&["--as", "nft", "inet"], "nft", &["list", "table", "inet", "fw"]);
    same(&["--as", "nft", "inet", "fw", "-a"], "nft", &["-a", "list", "table", "inet", "fw"]);
    same(&["--as", "nft", "fw", "-s"], "nft", &["-s", "list", "table", "inet", "fw"]);
    same(&["--as", "iptables-save"], "iptables-nft-save", &[]);
    same(&["--as", "iptables-save", "-c", "filter"], "iptables-nft-save", &["-c", "-t", "filter"]);
    same(&["--as", "iptables-save", "--backend", "legacy"], "iptables-legacy-save", &[]);
    same(&["--as", "iptables-save", "--backend", "legacy", "-c"], "iptables-legacy-save", &["-c"]);
    same(&["--as", "iptables-save", "--backend", "nft", "nat"], "iptables-nft-save", &["-t", "nat"]);
    same(&["--as", "ip6tables-save"], "ip6tables-legacy-save", &[]);
    same(&["--as", "ipset-save"], "ipset", &["save"]);
    same(&["--as", "ipset-save", "t"], "ipset", &["save", "t"]);
}

fn the_default_backend_is_the_one_in_use() {
    let ns = Netns::new();
    assert_eq!(list(&ns, &["--as", "iptables-save"]), "");
    ns.cmd("iptables-legacy", &["-A", "INPUT", "-j", "DROP"], "");
    assert!(list(&ns, &["--as", "iptables-save"]).contains("-A INPUT -j DROP\n"));
    ns.cmd("iptables-nft", &["-A", "INPUT", "-j", "ACCEPT"], "");
    let text = list(&ns, &["--as", "iptables-save"]);
    assert!(text.contains("-A INPUT -j ACCEPT\n") && !text.contains("DROP"), "{text}");
}

fn hooks_show_what_packets_meet_in_order() {
    let ns = lab();
    ns.cmd("iptables-nft", &["-t", "raw", "-A", "PREROUTING", "-j", "NOTRACK"], "");
    let report = json(&ns, &[]);
    let hook = |family: &str, hook: &str| -> Vec<String> {
        let all = report["hooks"].as_array().unwrap();
        let Some(h) = all.iter().find(|h| h["family"] == family && h["hook"] == hook) else { return Vec::new() };
        let name = |s: &Value| match s["table_name"].as_str() {
            Some(table) => format!("{} {} {}", s["priority"], s["backend"].as_str().unwrap(), table),
            None => format!("{} {}", s["priority"], s["kind"].as_str().unwrap()),
        };
        h["stations"].as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(hook("ip", "prerouting"), ["-300 nft-compat raw", "-200 conntrack", "-100 nat", "-100 xtables nat"]);
    assert_eq!(hook("ip", "input"), ["0 xtables filter", "10 nft fw", "100 nat", "100 xtables nat"]);
    // No rule tracks connections of IPv6 or translates their addresses, so the kernel has nothing there either.
    assert_eq!(hook("ip6", "input"), ["10 nft fw"]);
    assert_eq!(hook("ip6", "output"), ["-10 nft six"]);
    assert_eq!(hook("ip6", "forward"), [""; 0]);
    let chains = report["chains"].as_array().unwrap();
    let rule = |chain: &str, n: usize| {
        let c = chains.iter().find(|c| c["chain_name"] == chain && c["table_name"] != "raw").unwrap();
        c["rules"][n - 1].clone()
    };
    assert_eq!(rule("user", 1)["text"], "-A user -p tcp -j REJECT --reject-with icmp-port-unreachable");
    assert_eq!(rule("user", 1)["counters"]["packets"], 0);
    assert_eq!(rule("forgotten", 1)["counters"], Value::Null);
    let named = chains.iter().find(|c| c["chain_name"] == "input").unwrap()["rules"][3].clone();
    assert_eq!((&named["rule_position"], &named["comment"]), (&4.into(), &"no names".into()));
    assert!(named["rule_handle"].is_u64(), "{named}");

    let text = list(&ns, &[]);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in\n{text}"));
    let order = [
        "ip prerouting",
        "ip raw PREROUTING",
        "connection tracking",
        "destination address translation",
        "ip nat PREROUTING",
        "\nip input",
        "ip filter INPUT (legacy)  policy accept",
        "-A INPUT -j user",
        "ip filter user (legacy)",
        "-A user -p tcp",
        "inet fw input (nft)  policy drop",
        "inet fw services (nft)",
        "ip6 input",
        "inet fw input  as under ip input",
        "reached from no hook",
        "inet fw forgotten",
    ];
    for pair in order.windows(2) {
        assert!(at(pair[0]) < at(pair[1]), "{pair:?}\n{text}");
    }
    assert_eq!(text.matches("no names").count(), 1, "each rule once\n{text}");
    // One table alone.
    let text = list(&ns, &["ip6", "six"]);
    assert!(text.contains("ip6 six out") && !text.contains("filter"), "{text}");
}

fn sets_and_objects_are_listed_with_their_elements() {
    let ns = lab();
    ns.cmd("ipset", &["restore"], "create many hash:ip comment\nadd many 192.0.2.1 comment \"a b\"\n");
    let addresses: Vec<String> = (0..30).map(|n| format!("203.0.113.{n} comment \"\u{1b}\"")).collect();
    ns.nft(&format!("table ip t {{\nset long {{\ntype ipv4_addr\nelements = {{ {} }}\n}}\n}}\n", addresses.join(", ")));
    let report = json(&ns, &[]);
    let objects = report["objects"].as_array().unwrap();
    let object = |name: &str| objects.iter().find(|o| o["object_name"] == name).unwrap();
    let what = |name: &str| {
        let o = object(name);
        let names =
            (o["backend"].as_str(), o["family"].as_str(), o["table_name"].as_str(), o["kind"].as_str().unwrap());
        (names, o["text"].as_str().unwrap(), &o["elements"])
    };
    let fw = |kind| (Some("nft"), Some("inet"), Some("fw"), kind);
    assert_eq!(what("seen"), (fw("counter"), "packets 0 bytes 0", &Value::Null));
    let elements = serde_json::json!(["192.0.2.0/24", "198.51.100.7"]);
    assert_eq!(what("allowed"), (fw("set"), "type ipv4_addr; flags interval", &elements));
    let elements =
        serde_json::json!(["23 counter packets 0 bytes 0 : drop", "24 counter packets 0 bytes 0 : jump services"]);
    assert_eq!(what("ports"), (fw("map"), "type inet_service : verdict; counter", &elements));
    let (names, text, elements) = what("many");
    assert_eq!((names, elements), ((None, None, None, "ipset"), &serde_json::json!(["192.0.2.1 comment \"a b\""])));
    assert!(text.starts_with("hash:ip family inet hashsize"), "{text}");
    assert_eq!(
        (&object("long")["element_count"], object("long")["elements"].as_array().unwrap().len()),
        (&30.into(), 30)
    );
    // Anonymous sets stand in their rules.
    assert!(objects.iter().all(|o| !o["object_name"].as_str().unwrap().starts_with("__")), "{objects:?}");

    let text = list(&ns, &[]);
    for line in [
        "inet fw set allowed (nft)  type ipv4_addr; flags interval  # handle",
        "\n               198.51.100.7\n",
        "ipset many  hash:ip",
        "and 10 more\n",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(!list(&ns, &["inet", "fw"]).contains("ipset many"), "ipsets belong to no table");
}

fn what_nft_misreads_of_its_own_is_read_rightly() {
    let ns = Netns::new();
    ns.nft(
        "table inet t { chain c {
            ip version . ip saddr { 4 . 192.0.2.1 } drop
            meta length . tcp dport vmap { 100-200 . 80 : drop, 5 . 22 : accept }
        }; }",
    );
    let text = list(&ns, &[]);
    for set in ["{ 4 . 192.0.2.1 }", "{ 100-200 . 80 : drop, 5 . 22 : accept }"] {
        assert!(text.contains(set), "no {set} in\n{text}");
    }
    let report = json(&ns, &["--blockers"]);
    assert_eq!(report["blockers"][1]["element"], "100-200 . 80 : drop", "{report:#}");
    // Byte for byte is another promise.
    assert_eq!(list(&ns, &["--as", "nft"]), ns.cmd("nft", &["list", "ruleset"], ""));
}

fn what_ebtables_made_is_said_in_nfts_words() {
    let ns = Netns::new();
    let rule = "-A FORWARD -p IPv4 --ip-src 192.0.2.1 --ip-proto tcp --ip-dport 22 -j DROP";
    ns.cmd("ebtables-nft", &rule.split(' ').collect::<Vec<_>>(), "");
    ns.cmd("arptables-nft", &["-A", "INPUT", "-s", "192.0.2.1", "-j", "DROP"], "");
    let text = list(&ns, &[]);
    for line in [
        "(ebtables-nft)",
        "ether type ip ip saddr 192.0.2.1 tcp dport 22 counter drop",
        "(arptables-nft)",
        "-A INPUT -j DROP -s 192.0.2.1",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

/// Sends datagrams to itself, as many to each port.
fn send(ns: &Netns, ports: &[(u16, u32)]) {
    ns.run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for (port, n) in ports {
            for _ in 0..*n {
                // Refused where an earlier one was rejected, or where our own rules drop it.
                let _ = socket.send_to(b"x", ("127.0.0.1", *port));
            }
        }
    });
}

fn blockers_are_sorted_by_what_they_stopped() {
    let ns = lab();
    send(&ns, &[(53, 3), (54, 2), (23, 4), (24, 1), (99, 5), (98, 1), (9000, 9)]);
    let report = json(&ns, &["--blockers"]);
    let all: Vec<(String, String, Value)> = report["blockers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| {
            let place = format!("{} {}", b["chain_name"].as_str().unwrap(), b["rule_position"]);
            (b["kind"].as_str().unwrap().to_owned(), place, b["blocked"]["packets"].clone())
        })
        .collect();
    let top: Vec<(&str, &str, u64)> =
        all.iter().filter_map(|(k, p, n)| Some((k.as_str(), p.as_str(), n.as_u64().filter(|n| *n > 0)?))).collect();
    assert_eq!(
        top,
        [
            ("queue", "OUTPUT 1", 5),
            ("map", "input 3", 4),
            ("drop", "input 4", 3),
            ("drop", "INPUT 1", 2),
            ("drop", "services 1", 1),
        ],
        "{report:#}"
    );
    let kinds: Vec<&str> = all.iter().filter(|(_, _, n)| n.as_u64().is_none()).map(|(k, ..)| k.as_str()).collect();
    assert_eq!(kinds, ["reject", "policy", "drop"], "what does not count comes last: {all:?}");
    assert!(!all.iter().any(|(k, p, _)| k == "queue" && p == "OUTPUT 2"), "it may be bypassed");
    let of = |chain: &str, kind: &str| {
        let all = report["blockers"].as_array().unwrap();
        all.iter().find(|b| b["chain_name"] == chain && b["kind"] == kind).unwrap().clone()
    };
    assert_eq!(of("input", "map")["map"], "ports");
    assert_eq!(of("input", "map")["element"], "23 counter : drop");
    assert_eq!(of("input", "limit")["detail"], "over a rate");
    assert_eq!(of("OUTPUT", "queue")["detail"], "queue 3 has no reader");
    assert_eq!(of("services", "drop")["hooks"], serde_json::json!(["ip input", "ip6 input"]));
    assert_eq!(of("forgotten", "drop")["hooks"], serde_json::json!([]));
    let text = list(&ns, &["--blockers"]);
    let first = text.lines().nth(1).unwrap();
    assert!(first.contains("           5 ") && first.contains("ip filter OUTPUT rule 1 (legacy)"), "{text}");
    let by_place = json(&ns, &["--blockers", "--sort", "place"]);
    assert_eq!(by_place["blockers"][0]["table_name"], "fw");
}

fn policies_are_listed_by_family_and_hook() {
    let ns = lab();
    let _ = ns.run(|| TcpStream::connect_timeout(&"127.0.0.1:1".parse().unwrap(), Duration::from_millis(10)));
    let report = json(&ns, &["--policies"]);
    let all: Vec<String> = report["policies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["table_name"] != "nat")
        .map(|p| {
            let s = |k: &str| p[k].as_str().unwrap().to_owned();
            format!("{} {} {} {}", s("packets"), s("table_name"), s("chain_name"), s("policy"))
        })
        .collect();
    assert_eq!(
        all,
        [
            "ip filter INPUT accept",
            "ip fw input drop",
            "ip filter FORWARD drop",
            "ip filter OUTPUT accept",
            "ip6 fw input drop",
            "ip6 six out accept",
        ]
    );
    let counted = report["policies"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["chain_name"] == "OUTPUT" && p["table_name"] == "filter")
        .unwrap();
    assert!(counted["counters"]["packets"].as_u64().unwrap() > 0, "{counted}");
    let text = list(&ns, &["--policies"]);
    assert!(text.contains("ip      forward              0  ip filter FORWARD (legacy)"), "{text}");
}

/// Reads lines until one says what is wanted.
fn line_with(child: &mut Child, wanted: impl Fn(&Value) -> bool) -> Value {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    lines.map(|l| serde_json::from_str(&l.unwrap()).unwrap()).find(wanted).unwrap()
}

fn rates_follow_the_traffic() {
    let ns = lab();
    let mut child = command(&ns, &["--watch", "--interval", "0.1", "-c", "100", "-j"]).spawn().unwrap();
    line_with(&mut child, |l| l["event"] == "rates" && l["rates"].as_array().unwrap().is_empty());
    send(&ns, &[(53, 30)]);
    // All have come by the last line that tells of any.
    let all = |r: &Value| r["comment"] == "no names" && r["counters"]["packets"] == 30;
    let line = line_with(&mut child, |l| l["rates"].as_array().unwrap().iter().any(all));
    child.kill().unwrap();
    child.wait().unwrap();
    let rate = line["rates"].as_array().unwrap().iter().find(|r| r["comment"] == "no names").unwrap();
    assert!((1..=30).contains(&rate["packets"].as_u64().unwrap()), "{line}");
    let per_second = rate["packets_per_second"].as_f64().unwrap() * line["seconds"].as_f64().unwrap();
    assert!((per_second - rate["packets"].as_f64().unwrap()).abs() < 0.001, "{line}");
    assert!(
        line["rates"].as_array().unwrap().iter().any(|r| r["policy"] == true && r["chain_name"] == "OUTPUT"),
        "policies count too"
    );

    let rounds = list(&ns, &["--watch", "--interval", "0.01", "-c", "3", "--blockers", "-j"]);
    assert_eq!(rounds.lines().count(), 3, "{rounds}");
    assert!(list(&ns, &["--watch", "--interval", "0.01", "-c", "1"]).contains("PACKETS/S"));
    assert_eq!(try_list(&ns, &["--watch", "-c", "many"]).status.code(), Some(2));
}

fn hostile_strings_are_escaped_for_people_only() {
    let ns = Netns::new();
    ns.nft("table ip t {\nchain c {\ntype filter hook input priority 0;\ncounter drop comment \"\u{1b}[2J\"\n}\n}\n");
    assert!(list(&ns, &["--as", "nft"]).contains("\u{1b}[2J"));
    for args in [&[][..], &["--blockers"], &["-j"], &["--blockers", "-j"], &["--color", "never"]] {
        let text = list(&ns, args);
        assert!(!text.contains('\u{1b}') && text.contains("x1b[2J"), "{args:?}: {text}");
    }
}

/// JSON has quoting of its own: a backslash that is doubled once more reads as two.
fn comments_in_json_are_what_was_set() {
    let ns = Netns::new();
    let comment = "C:\\path 'ü'";
    ns.nft(&format!("table ip t {{\nchain c {{\ncounter drop comment \"{comment}\"\n}}\n}}\n"));
    for tool in ["iptables-legacy", "iptables-nft"] {
        ns.cmd(tool, &["-A", "FORWARD", "-m", "comment", "--comment", comment, "-j", "DROP"], "");
    }
    let report = json(&ns, &["--blockers"]);
    let drops: Vec<_> = report["blockers"].as_array().unwrap().iter().filter(|b| b["comment"].is_string()).collect();
    let comments: Vec<&Value> = drops.iter().map(|b| &b["comment"]).collect();
    assert_eq!(comments, [comment; 3], "{report:#}");
}

fn what_is_not_there_is_an_error() {
    let ns = Netns::new();
    ns.nft("table ip t { }");
    let out = try_list(&ns, &["inet", "t"]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&out.stderr), "nfblame: no table \"inet t\" in this network namespace\n");
    assert_eq!(try_list(&ns, &["--as", "nft", "-j"]).status.code(), Some(2));
    let exe = std::env::temp_dir().join(format!("nfblame-list-{}", std::process::id()));
    std::fs::copy(env!("CARGO_BIN_EXE_nfblame"), &exe).unwrap();
    let out =
        ns.try_cmd("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", exe.to_str().unwrap(), "list"], "");
    std::fs::remove_file(&exe).unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("CAP_NET_ADMIN"), "{out:?}");
    // Nobody reads on.
    let mut child = command(&ns, &["--as", "nft"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
