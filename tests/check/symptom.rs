//! `nfblame why --symptom`.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::Value;

use crate::common::kernel_tests;
use crate::world::{World, lines, nfblame, sh};

kernel_tests! {
    complaints_fit_what_the_client_would_see needs ["iptables-nft"];
    a_complaint_that_does_not_fit_is_told_so needs ["iptables-nft"];
    what_the_answer_names_comes_first needs ["iptables-nft", "iptables-legacy"];
    programs_of_this_host_are_told_at_once needs ["iptables-nft", "nft"];
    open_files_are_no_matter_of_the_firewall needs [];
    what_would_tell_the_sender_may_be_lost_itself needs ["iptables-nft", "iptables-legacy", "nft"];
    a_connection_that_begins_and_hangs_is_a_stall needs ["nft"];
    what_is_wrong_with_other_services_is_no_cause needs ["nft"];
}

fn ask(w: &World, packet: &str, symptom: &str) -> Value {
    let mut args = vec!["why", "-j", "--symptom", symptom];
    args.extend(packet.split(' '));
    lines(&nfblame(&w.server, &args)).remove(0)
}

const SYN: &str = "tcp 192.0.2.2 192.0.2.1:8080 -i eth0";

fn complaints_fit_what_the_client_would_see() {
    let w = World::new();
    let local = w.server.run(|| TcpListener::bind("127.0.0.1:8080")).unwrap();
    w.run("iptables-nft -A INPUT -p tcp --dport 8080 -j ACCEPT");
    let refused = ask(&w, SYN, "refused");
    assert_eq!((&refused["diagnosis"]["fits"], &refused["culprit"]["kind"]), (&true.into(), &"socket".into()));
    assert_eq!(refused["diagnosis"]["causes"][0]["codes"][0], "NB0502", "what was found comes first");
    drop(local);
    for (target, symptom, packet) in [
        ("INPUT -j DROP", "timeout", SYN),
        ("INPUT -p tcp -j REJECT --reject-with tcp-reset", "refused", SYN),
        ("INPUT -j REJECT --reject-with icmp-host-prohibited", "host-unreachable", SYN),
        ("INPUT -j REJECT --reject-with icmp-net-unreachable", "net-unreachable", SYN),
        ("OUTPUT -p udp -j DROP", "eperm", "udp 192.0.2.1 192.0.2.2:53 --out"),
        ("INPUT -j DROP", "stalls", "tcp 192.0.2.2 192.0.2.1:8080 -i eth0 --ct established"),
    ] {
        sh(&w.server, &format!("iptables-nft -F; iptables-nft -A {target}"));
        let answer = ask(&w, packet, symptom);
        assert_eq!(
            (&answer["diagnosis"]["fits"], &answer["culprit"]["kind"]),
            (&true.into(), &"rule".into()),
            "{target}"
        );
        assert!(!answer["diagnosis"]["causes"].as_array().unwrap().is_empty(), "{symptom}");
    }
}

fn a_complaint_that_does_not_fit_is_told_so() {
    let w = World::new();
    w.run("iptables-nft -A INPUT -j DROP");
    let answer = ask(&w, SYN, "refused");
    assert_eq!(answer["diagnosis"]["fits"], false);
    assert!(answer["diagnosis"]["message"].as_str().unwrap().contains("timeout"));
    w.run("iptables-nft -F");
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    assert_eq!(ask(&w, SYN, "timeout")["diagnosis"]["fits"], Value::Null, "it would pass");
}

fn open_files_are_no_matter_of_the_firewall() {
    let answer = ask(&World::new(), SYN, "too-many-open-files");
    assert!(answer["diagnosis"]["message"].as_str().unwrap().contains("file descriptors"));
}

/// Each with the symptom that a client would have, and what its cause is to say.
fn what_the_answer_names_comes_first() {
    for (setup, symptom, cause) in [
        ("true", "refused", "no socket listens"),
        ("iptables-nft -A INPUT -p tcp -j REJECT --reject-with tcp-reset", "refused", "a rule rejects"),
        ("ip route add blackhole 192.0.2.2/32", "timeout", "a route throws it away, or none leads back"),
        ("iptables-legacy -A INPUT -p tcp -j NFQUEUE --queue-num 3", "timeout", "a queue has no reader"),
        ("ip xfrm policy add dir in src 192.0.2.2 dst 192.0.2.1 action block", "timeout", "an IPsec policy"),
        ("iptables-nft -A INPUT -j REJECT --reject-with icmp-host-prohibited", "host-unreachable", "a rule rejects"),
        ("iptables-legacy -A INPUT -j REJECT --reject-with icmp-net-unreachable", "net-unreachable", "a rule rejects"),
    ] {
        let w = World::new();
        let _service = (symptom != "refused" || setup != "true")
            .then(|| w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap());
        w.run(setup);
        let answer = ask(&w, SYN, symptom);
        let first = &answer["diagnosis"]["causes"][0];
        assert_eq!((&answer["diagnosis"]["fits"], &first["answer"]), (&true.into(), &true.into()), "{setup}: {answer}");
        assert!(first["message"].as_str().unwrap().starts_with(cause), "{setup}: {first}");
        let back = answer["why"].to_string().contains("no way back to who asks (blackhole)");
        assert_eq!(back, setup.contains("blackhole"), "{answer}");
    }
}

/// What its programs see of it when this host cannot send.
fn programs_of_this_host_are_told_at_once() {
    let send =
        |w: &World| w.server.run(|| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"x", "192.0.2.2:53").unwrap_err());
    for (setup, symptom, errno) in [
        ("iptables-nft -A OUTPUT -p udp -j DROP", "eperm", 1),
        ("iptables-nft -A OUTPUT -p udp -j REJECT", "eperm", 1),
        ("nft 'table ip t { chain p { type filter hook postrouting priority 0; udp dport 53 drop; }; }'", "eperm", 1),
        ("ip route add prohibit 192.0.2.2/32", "eperm", 13),
        ("ip route add unreachable 192.0.2.2/32", "host-unreachable", 113),
        ("ip route del 192.0.2.0/24", "net-unreachable", 101),
    ] {
        let w = World::new();
        w.run(setup);
        assert_eq!(send(&w).raw_os_error(), Some(errno), "{setup}");
        let answer = ask(&w, "udp 192.0.2.1 192.0.2.2:53 --out", symptom);
        assert_eq!(answer["diagnosis"]["fits"], true, "{setup}: {answer}");
        assert_eq!(answer["diagnosis"]["causes"][0]["answer"], true, "{setup}: {answer}");
    }
    let w = World::new();
    w.run("ip route add blackhole 192.0.2.2/32");
    assert_eq!(send(&w).raw_os_error(), Some(22));
    let answer = ask(&w, "udp 192.0.2.1 192.0.2.2:53 --out", "eperm");
    let causes = answer["diagnosis"]["causes"].as_array().unwrap();
    assert!(causes.iter().all(|c| c["answer"] == false) && answer["why"].to_string().contains("EINVAL"), "{answer}");
}

fn connect(w: &World) -> std::io::Result<TcpStream> {
    w.client.run(|| TcpStream::connect_timeout(&"192.0.2.1:8080".parse().unwrap(), Duration::from_millis(700)))
}

fn what_would_tell_the_sender_may_be_lost_itself() {
    let output = |more: &str| {
        format!(
            "nft 'table inet f {{
                chain o {{ type filter hook output priority 0; policy drop; ct state established accept; }}
                chain i {{ type filter hook input priority 0; {more} }}
            }}'"
        )
    };
    for (rules, seen) in [
        ("true".into(), "refused"),
        (output(""), "refused"),
        (output("tcp dport 8080 reject with tcp reset;"), "timeout"),
        ("iptables-legacy -A OUTPUT -p tcp --tcp-flags RST RST -j DROP".into(), "timeout"),
        ("iptables-nft -A INPUT -p tcp -j REJECT; iptables-nft -A OUTPUT -p tcp -j DROP".into(), "refused"),
        ("iptables-nft -A INPUT -p tcp -j REJECT; iptables-nft -A OUTPUT -p icmp -j DROP".into(), "timeout"),
    ] {
        let w = World::new();
        w.run(&rules);
        let kind = if seen == "refused" { ErrorKind::ConnectionRefused } else { ErrorKind::TimedOut };
        assert_eq!(connect(&w).unwrap_err().kind(), kind, "{rules}");
        for symptom in ["refused", "timeout"] {
            let answer = ask(&w, SYN, symptom);
            let first = &answer["diagnosis"]["causes"][0]["answer"];
            let fits = symptom == seen;
            assert_eq!((&answer["diagnosis"]["fits"], first), (&fits.into(), &fits.into()), "{rules}: {answer}");
        }
    }
}

fn a_connection_that_begins_and_hangs_is_a_stall() {
    let w = World::new();
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    w.server.nft(
        "table inet f { chain i { type filter hook input priority 0; policy drop; \
         ct state new accept; meta l4proto icmpv6 accept; }; }",
    );
    let mut connection = connect(&w).unwrap();
    connection.write_all(b"hello").unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(connection.read(&mut [0]).is_err(), "nobody answers");
    for (symptom, fits) in [("stalls", true), ("timeout", true), ("refused", false)] {
        assert_eq!(ask(&w, SYN, symptom)["diagnosis"]["fits"], fits, "{symptom}");
    }
    let answer = ask(&w, SYN, "stalls");
    assert!(answer["why"].to_string().contains("what its client sends next is lost"), "{answer}");
    assert_eq!((&answer["confidence"], &answer["culprit"]["policy"]), (&"likely".into(), &true.into()), "{answer}");
}

fn what_is_wrong_with_other_services_is_no_cause() {
    let w = World::new();
    w.server.nft(
        "table inet f { chain i { type filter hook input priority 0; policy drop; \
         ct state established accept; tcp dport 9090 accept; }; }",
    );
    let codes = |packet: &str| ask(&w, packet, "refused")["diagnosis"]["causes"][0]["codes"].clone();
    assert_eq!(codes(SYN), serde_json::json!([]), "nobody listens on port 9090, which is another one");
    assert_eq!(codes("tcp 192.0.2.2 192.0.2.1:9090 -i eth0"), serde_json::json!(["NB0504"]));
}
