//! `why`: what a complaint depends on.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::common::{Netns, kernel_tests, veth};
use crate::world::{Load, Row, ask, who};

kernel_tests! {
    clients_are_compared_and_tables_are_taken_away needs ["nft", "iptables-legacy"];
    a_complaint_finds_what_the_packet_depends_on needs ["nft"];
    a_source_that_nobody_translates_is_told needs ["nft"];
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
