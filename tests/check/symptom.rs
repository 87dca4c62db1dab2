//! `nfblame why --symptom`.

use std::net::TcpListener;

use serde_json::Value;

use crate::common::kernel_tests;
use crate::world::{World, lines, nfblame, sh};

kernel_tests! {
    complaints_fit_what_the_client_would_see needs ["iptables-nft"];
    a_complaint_that_does_not_fit_is_told_so needs ["iptables-nft"];
    open_files_are_no_matter_of_the_firewall needs [];
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
