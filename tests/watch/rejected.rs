//! Rejects of every kind: the verdict says what the sender is told.

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, V4, V6, syn, udp};
use crate::logged::IPTABLES;
use crate::watcher::{Watcher, logged};

kernel_tests! {
    nft_rejects_with_each_icmp_code needs ["nft"];
    nft_resets needs ["nft"];
    iptables_rejects_with_each_icmp_code needs
        ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    iptables_resets needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
}

/// For IPv4: what nft calls it, and what iptables does.
const CODES4: [(&str, &str); 7] = [
    ("net-unreachable", "icmp-net-unreachable"),
    ("host-unreachable", "icmp-host-unreachable"),
    ("prot-unreachable", "icmp-proto-unreachable"),
    ("port-unreachable", "icmp-port-unreachable"),
    ("net-prohibited", "icmp-net-prohibited"),
    ("host-prohibited", "icmp-host-prohibited"),
    ("admin-prohibited", "icmp-admin-prohibited"),
];

/// For IPv6.
const CODES6: [(&str, &str); 6] = [
    ("no-route", "icmp6-no-route"),
    ("admin-prohibited", "icmp6-adm-prohibited"),
    ("addr-unreachable", "icmp6-addr-unreachable"),
    ("port-unreachable", "icmp6-port-unreachable"),
    ("policy-fail", "icmp6-policy-fail"),
    ("reject-route", "icmp6-reject-route"),
];

/// What is told in either family by one name, in IPv4 and IPv6.
const CODES: [(&str, &str, &str); 4] = [
    ("no-route", "icmp-net-unreachable", "icmp6-no-route"),
    ("port-unreachable", "icmp-port-unreachable", "icmp6-port-unreachable"),
    ("host-unreachable", "icmp-host-unreachable", "icmp6-addr-unreachable"),
    ("admin-prohibited", "icmp-admin-prohibited", "icmp6-adm-prohibited"),
];

fn nft_rejects_with_each_icmp_code() {
    let lab = Lab::new();
    let mut rules = Vec::new();
    let mut add = |side, with: String, told| {
        let port = rules.len() as u16 + 1;
        rules.push((side, port, format!("udp dport {port} log group 5 reject with {with}"), told));
    };
    for (name, told) in CODES4 {
        add(V4, format!("icmp {name}"), told);
    }
    for (name, told) in CODES6 {
        add(V6, format!("icmpv6 {name}"), told);
    }
    for (name, told4, told6) in CODES {
        add(V4, format!("icmpx {name}"), told4);
        add(V6, format!("icmpx {name}"), told6);
    }
    let text: Vec<_> = rules.iter().map(|(_, _, text, _)| text.as_str()).collect();
    lab.router.nft(&format!(
        "table inet t {{ chain forw {{ type filter hook forward priority 0; {}
        }}
        }}",
        text.join("\n")
    ));
    let watch = Watcher::start(&lab.router, logged(false));
    for (i, (side, port, text, told)) in rules.iter().enumerate() {
        udp(&lab.client, side.server, *port);
        // nft leaves out what is the default.
        let text = text.replace(" with icmpx port-unreachable", "");
        // Within one family it names the protocol of a family's own code first.
        let text = match text.split_once("with icmp ").or(text.split_once("with icmpv6 ")) {
            Some(_) if side.family == "ip" => format!("meta nfproto ipv4 {text}"),
            Some(_) => format!("meta nfproto ipv6 {text}"),
            None => text,
        };
        watch.expect(&lab, &format!("reject {told} nflog certain"), &format!("rule nft inet t forw {}", i + 1), &text);
    }
}

fn nft_resets() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t { chain inp { type filter hook input priority 0; tcp dport 1 log group 5 counter reject with tcp reset
        }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    for side in [V4, V6] {
        let _socket = syn(&lab.client, side.router, 1);
        let text = "tcp dport 1 log group 5 counter reject with tcp reset";
        let b = watch.expect(&lab, "reject tcp-reset nflog certain", "rule nft inet t inp 1", text);
        assert_eq!(b.packet.tcp_flags.as_deref(), Some("syn"));
    }
}

fn iptables_rejects_with_each_icmp_code() {
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        let told: Vec<_> = match side {
            V4 => CODES4.iter().map(|c| c.1).collect(),
            _ => CODES6.iter().map(|c| c.1).collect(),
        };
        lab.run(&format!("{program} -A FORWARD -p udp -j NFLOG --nflog-prefix no --nflog-group 5"));
        let rule = |i, told| format!("-A FORWARD -p udp -m udp --dport {i} -j REJECT --reject-with {told}");
        for (i, told) in told.iter().enumerate() {
            lab.run(&format!("{program} {}", rule(i + 1, told)));
        }
        let watch = Watcher::start(&lab.router, logged(false));
        for (i, told) in told.iter().enumerate() {
            udp(&lab.client, side.server, i as u16 + 1);
            let place = format!("rule {backend} {} filter FORWARD {}", side.family, i + 2);
            watch.expect(&lab, &format!("reject {told} nflog certain"), &place, &rule(i + 1, told));
        }
    }
}

fn iptables_resets() {
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        lab.run(&format!("{program} -A INPUT -p tcp -j NFLOG --nflog-group 5"));
        let rule = "-A INPUT -p tcp -m tcp --dport 1 -j REJECT --reject-with tcp-reset";
        lab.run(&format!("{program} {rule}"));
        let watch = Watcher::start(&lab.router, logged(false));
        let _socket = syn(&lab.client, side.router, 1);
        let place = format!("rule {backend} {} filter INPUT 2", side.family);
        watch.expect(&lab, "reject tcp-reset nflog certain", &place, rule);
    }
}
