//! `NB05`: sockets.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::common::{Netns, kernel_tests, until};
use crate::record;
use crate::world::{World, apply, found, says, why};

kernel_tests! {
    a_service_that_no_rule_allows_is_found needs ["iptables-nft"];
    a_service_on_loopback_is_found_where_rules_invite_others needs ["nft", "iptables-nft", "iptables-legacy"];
    a_port_without_service_is_found_where_rules_invite_others needs ["nft", "iptables-nft", "iptables-legacy"];
    a_full_backlog_is_found_while_it_lasts_and_after needs [];
    what_everybody_can_reach_is_listed needs ["iptables-nft", "ip"];
    a_full_buffer_is_found needs [];
    a_range_that_is_half_of_a_network_is_told needs ["iptables-nft", "ip"];
    clients_that_a_narrow_rule_keeps_out_are_told needs ["nft", "iptables-nft", "iptables-legacy"];
}

fn a_service_that_no_rule_allows_is_found() {
    let w = World::new();
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let _local = w.server.run(|| TcpListener::bind("127.0.0.1:8081")).unwrap();
    assert!(found(&w.server, "NB0501").is_empty() && w.reaches_server(8080));
    w.run("iptables-nft -P INPUT DROP");
    let findings = found(&w.server, "NB0501");
    assert_eq!(findings.len(), 1);
    assert!(findings[0]["message"].as_str().unwrap().contains("tcp port 8080"));
    assert!(!w.reaches_server(8080));
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0"), "NB0501"));
    w.run("iptables-nft -I INPUT -p tcp --dport 8080 -j ACCEPT");
    assert!(found(&w.server, "NB0501").is_empty() && w.reaches_server(8080));
}

/// Rules that accept new connections to tcp port 8080 by name, and drop all else, in every backend.
const INVITING: [&str; 3] = [
    "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'; \
     nft add rule inet f in tcp dport '{ 22, 8080 }' accept",
    "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -p tcp --dport 8080 -j ACCEPT",
    "iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -p tcp -m multiport --dports 22,8080 -j ACCEPT",
];

fn about(ns: &Netns, code: &str, port: &str) -> usize {
    found(ns, code).iter().filter(|f| f["message"].as_str().unwrap().contains(port)).count()
}

fn a_service_on_loopback_is_found_where_rules_invite_others() {
    for rules in INVITING {
        let w = World::new();
        let local = w.server.run(|| TcpListener::bind("127.0.0.1:8080")).unwrap();
        assert_eq!(about(&w.server, "NB0502", "tcp port 8080"), 0, "no rule invites");
        w.run(rules);
        assert_eq!(about(&w.server, "NB0502", "tcp port 8080"), 1, "{rules}");
        assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0"), "NB0502"), "{rules}");
        drop(local);
        // A program that another test is about to start holds a copy of it until it runs.
        let mut service = None;
        until("the port is free", || {
            service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).ok();
            service.is_some()
        });
        assert!(about(&w.server, "NB0502", "tcp port 8080") == 0 && w.reaches_server(8080), "{rules}");
    }
}

fn a_port_without_service_is_found_where_rules_invite_others() {
    for rules in INVITING {
        let w = World::new();
        w.run(rules);
        assert_eq!(about(&w.server, "NB0504", "tcp port 8080"), 1, "{rules}");
        assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0"), "NB0504"), "{rules}");
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(about(&w.server, "NB0504", "tcp port 8080") == 0 && w.reaches_server(8080), "{rules}");
    }
    for rules in [
        "iptables-nft -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",
        "nft 'table ip n { chain p { type nat hook prerouting priority -100; meta l4proto tcp redirect to :tcp dport map { 80 : 8080 }; }; }'",
    ] {
        let w = World::new();
        w.run(rules);
        let findings = found(&w.server, "NB0504");
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()), "{rules}");
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(found(&w.server, "NB0504").is_empty(), "{rules}");
    }
}

fn a_full_backlog_is_found_while_it_lasts_and_after() {
    let w = World::new();
    w.server.sysctl("net.core.somaxconn", "1");
    let service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    assert!(found(&w.server, "NB0503").is_empty());
    let to = "192.0.2.1:8080".parse().unwrap();
    let connect = || w.client.run(|| TcpStream::connect_timeout(&to, Duration::from_millis(300)));
    let open: Vec<_> = (0..2).map(|_| connect().unwrap()).collect();
    assert!(connect().is_err(), "no room");
    let findings = found(&w.server, "NB0503");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"error".into()));
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0"), "NB0503"));
    let full = findings[0].clone();
    for _ in &open {
        drop(service.accept().unwrap());
    }
    let findings = found(&w.server, "NB0503");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"note".into()), "it was full");
    assert!(connect().is_ok());
    // The larger queue is that of who listens anew.
    apply(&w.server, &full);
    drop(service);
    // A test beside this one that starts a program may hold the old one for a moment, until that program begins.
    let begun = Instant::now();
    let service = loop {
        match w.server.run(|| TcpListener::bind("0.0.0.0:8080")) {
            Err(e) if e.kind() == ErrorKind::AddrInUse && begun.elapsed() < Duration::from_secs(5) => {
                std::thread::yield_now();
            }
            bound => break bound.unwrap(),
        }
    };
    let many: Vec<_> = (0..6).map(|_| connect()).collect();
    assert!(many.iter().all(Result::is_ok) && found(&w.server, "NB0503").iter().all(|f| f["severity"] == "note"));
    record::mended(&w.server.path(), "NB0503");
    drop(service);
}

fn what_everybody_can_reach_is_listed() {
    let w = World::new();
    let _service = w.server.run(|| (TcpListener::bind("0.0.0.0:8080"), TcpListener::bind("127.0.0.1:8081")));
    assert!(found(&w.server, "NB0505").is_empty(), "there is nothing beyond");
    w.run("ip route add default via 192.0.2.2");
    let findings = found(&w.server, "NB0505");
    assert_eq!(findings[0]["message"], "anybody may reach tcp 8080");
    w.run("iptables-nft -A INPUT -p tcp --dport 8080 ! -s 192.0.2.0/24 -j DROP");
    assert!(found(&w.server, "NB0505").is_empty());
}

fn a_full_buffer_is_found() {
    let w = World::new();
    let service = w.server.run(|| UdpSocket::bind("0.0.0.0:5300")).unwrap();
    assert!(found(&w.server, "NB0506").is_empty());
    let sender = w.client.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    until("packets that find no room", || {
        for _ in 0..200 {
            let _ = sender.send_to(&[0; 1400], "192.0.2.1:5300");
        }
        !found(&w.server, "NB0506").is_empty()
    });
    drop(service);
    assert!(found(&w.server, "NB0506").is_empty());
}

fn a_range_that_is_half_of_a_network_is_told() {
    let w = World::new();
    w.run("ip addr flush dev eth0; ip addr add 192.0.2.1/24 dev eth0");
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let rules = |range: &str| {
        w.run(&format!("iptables-nft -F; iptables-nft -P INPUT DROP; iptables-nft -A INPUT -s {range} -p tcp --dport 8080 -j ACCEPT"));
        // Somebody has to have been kept out.
        w.reaches_server(9);
    };
    rules("192.0.2.0/25");
    let told = found(&w.server, "NB0508");
    assert!(told.len() == 1 && told[0].to_string().contains("a part of 192.0.2.0/24"), "{told:?}");
    for well in ["192.0.2.0/24", "192.0.2.2/32", "10.0.0.0/8"] {
        rules(well);
        let told = found(&w.server, "NB0508");
        assert!(told.iter().all(|f| !f.to_string().contains("a part of")), "{well}: {told:?}");
    }
}

fn clients_that_a_narrow_rule_keeps_out_are_told() {
    let nft = "nft 'table inet f { chain in { type filter hook input priority 0; policy drop; ct state established accept; }; }'; \
               nft add rule inet f in ip saddr 198.51.100.0/25 tcp dport 8080 accept";
    let xt = |tool: &str, which: &str| {
        format!(
            "{tool} -P INPUT DROP; {tool} -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; \
             {tool} -A INPUT {which} -p tcp --dport 8080 -j ACCEPT"
        )
    };
    for (rules, deciding, widen) in [
        (
            nft.to_owned(),
            "ip saddr 198.51.100.0/25",
            "nft insert rule inet f in ip saddr 192.0.2.0/24 tcp dport 8080 accept",
        ),
        (
            format!("{nft}; nft add rule inet f in tcp dport 8080 counter drop"),
            "ip saddr 198.51.100.0/25",
            "nft insert rule inet f in ip saddr 192.0.2.0/24 tcp dport 8080 accept",
        ),
        (xt("iptables-nft", "-i eth1"), "-i eth1", "iptables-nft -I INPUT -i eth0 -p tcp --dport 8080 -j ACCEPT"),
        (
            xt("iptables-legacy", "-s 198.51.100.0/25"),
            "-s 198.51.100.0/25",
            "iptables-legacy -I INPUT -s 192.0.2.0/25 -p tcp --dport 8080 -j ACCEPT",
        ),
    ] {
        let w = World::new();
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        w.run("ip link add eth1 type veth peer name eth2; ip link set eth1 up");
        w.run(&rules);
        assert!(found(&w.server, "NB0508").is_empty(), "nobody came: {rules}");
        assert!(!w.reaches_server(8080), "{rules}");
        let told = found(&w.server, "NB0508");
        assert_eq!((told.len(), told[0]["certainty"].as_str()), (1, Some("possible")), "{rules}: {told:?}");
        let (text, span) = (told[0]["rules"][0]["text"].as_str().unwrap(), &told[0]["rules"][0]["span"]);
        let at = |i: usize| span[i].as_u64().unwrap() as usize;
        assert_eq!(&text[at(0)..at(1)], deciding, "{told:?}");
        assert!(told[0].to_string().contains("192.0.2.2"), "{told:?}");
        w.run(widen);
        assert!(found(&w.server, "NB0508").is_empty() && w.reaches_server(8080), "{widen}");
    }
}
