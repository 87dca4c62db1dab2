//! Single questions: hook after hook, by all backends, with routing and conntrack between them.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::common::{Netns, kernel_tests, veth};
use crate::world::{Load, Row, ask, nfblame, pair, path, who};

kernel_tests! {
    a_forwarded_packet_is_followed_through_nat_to_the_policy needs ["nft"];
    rules_of_all_backends_are_walked_in_order needs ["nft", "iptables-legacy", "iptables-nft"];
    conntrack_states_are_as_asked needs ["nft"];
    what_this_host_sends_is_routed_rerouted_and_comes_back needs ["nft"];
    the_interface_is_derived_and_contradictions_are_errors needs ["nft"];
    what_a_packet_carries_is_not_known needs ["nft", "iptables-legacy"];
    a_routing_rule_that_refuses_is_named needs ["ip"];
    a_proxy_that_is_not_transparent_takes_nothing needs ["nft"];
    a_port_of_a_bridge_leads_to_the_bridge needs ["nft"];
    programs_at_the_device_are_open_questions needs ["nft", "tc"];
    a_near_miss_names_the_members_of_a_small_set needs ["nft"];
    sets_are_taken_as_they_are needs ["nft", "ipset", "iptables-legacy"];
    rules_whose_jumps_multiply_are_given_up needs ["nft", "iptables-legacy-restore"];
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

/// Headers that the question tells are known, and nothing behind them.
fn what_a_packet_carries_is_not_known() {
    let (_client, host) = pair();
    host.cmd(
        "iptables-legacy",
        &["-A", "INPUT", "-m", "string", "--algo", "bm", "--string", "torrent", "-j", "DROP"],
        "",
    );
    host.load(
        "table ip f { chain c { type filter hook input priority 5; esp spi 0x100 drop; @th,64,32 0x64 reject } }",
    );
    for (packet, rules) in [("udp 192.0.2.2 192.0.2.1:53", ["INPUT", "c"]), ("esp 192.0.2.2 192.0.2.1", ["INPUT", "c"])]
    {
        let (answer, _) = ask(&host, &format!("explain {packet} -i eth0"));
        assert_eq!(answer["confidence"], "likely", "{answer}");
        let others = answer["alternatives"].as_array().unwrap();
        let named = |rule: &str| others.iter().any(|c| c["chain_name"] == rule);
        assert!(rules.iter().all(|r| named(r)) && answer["culprit"]["kind"] != "rule", "{answer}");
    }
    // What asks for a connection carries nothing.
    let (answer, _) = ask(&host, "explain tcp 192.0.2.2 192.0.2.1:53 -i eth0");
    assert_eq!((who(&answer).as_str(), &answer["confidence"]), ("reject socket no listener", &json!("certain")));
}

/// The kernel's errno for such a rule is that of no route at all.
fn a_routing_rule_that_refuses_is_named() {
    let (_client, host) = pair();
    host.cmd("ip", &["rule", "add", "pref", "40", "ipproto", "tcp", "sport", "80", "unreachable"], "");
    let (answer, _) = ask(&host, "explain tcp 192.0.2.1:80 192.0.2.2:40000 --out --flags syn,ack");
    assert_eq!((&answer["culprit"]["detail"], &answer["confidence"]), (&json!("unreachable"), &json!("certain")));
    assert!(answer["why"].to_string().contains("rule 40: from all ipproto 6 sport 80 unreachable"), "{answer}");
    let (answer, _) = ask(&host, "explain tcp 192.0.2.1:80 198.51.100.1:40000 --out --flags syn,ack");
    assert!(answer["why"].to_string().contains("rule 40: from all ipproto 6 sport 80 unreachable"), "{answer}");
    let (answer, _) = ask(&host, "explain tcp 192.0.2.1:81 198.51.100.1:40000 --out --flags syn,ack");
    assert_eq!(answer["culprit"]["detail"], "no route");
}

/// Where a rule names no address, the proxy is looked for at the first one of the device.
fn a_proxy_that_is_not_transparent_takes_nothing() {
    let (_client, host) = pair();
    host.load(
        "table ip p { chain c { type filter hook prerouting priority -150;
            ip daddr 198.51.100.0/24 tcp dport 80 tproxy to :3129 accept
            ip daddr 198.51.100.0/24 drop } }",
    );
    let place = || {
        let (answer, _) = ask(&host, "explain tcp 192.0.2.2 198.51.100.7:80 -i eth0");
        (answer["culprit"]["rule_position"].clone(), answer["confidence"].clone())
    };
    assert_eq!(place(), (json!(2), json!("certain")));
    let _proxy = host.run(|| TcpListener::bind("0.0.0.0:3129")).unwrap();
    assert_eq!(place(), (json!(2), json!("certain")));
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
    assert_eq!(who(&of("tcp 192.0.2.1 203.0.113.1:80 --out --uid 0")), "drop route no route");
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
