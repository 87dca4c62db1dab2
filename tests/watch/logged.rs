//! A rule logs the packet, and a rule or policy drops it: the same rule, a later one, one elsewhere.

use std::time::Duration;

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, Side, V4, V6, udp};
use crate::common::until;
use crate::watcher::{Watcher, logged};

kernel_tests! {
    one_nft_rule_logs_and_drops needs ["nft"];
    a_later_rule_of_the_chain_drops needs ["nft"];
    a_later_rule_of_iptables_drops needs
        ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    a_rule_in_another_chain_drops needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    a_rule_behind_a_goto_drops needs ["nft", "iptables-nft", "iptables-legacy"];
    a_rule_in_another_table_drops needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    a_rule_of_another_backend_drops needs ["nft", "iptables-nft", "iptables-legacy"];
    the_policy_drops needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    a_packet_that_gets_through_is_told_of_only_where_asked needs ["nft"];
    a_group_that_a_rule_names_later_is_heard_too needs ["nft"];
    the_same_prefix_at_two_rules_is_no_trouble_where_both_lead_to_the_same needs ["nft"];
    the_same_prefix_at_two_rules_is_told_by_their_conditions needs
        ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    the_same_prefix_at_two_rules_leaves_a_doubt_where_they_part needs ["nft"];
    rules_of_three_backends_are_walked_in_the_kernels_order needs ["nft", "iptables-nft", "iptables-legacy"];
}

/// A program that writes iptables rules, the backend that has them then, and the addresses that they are about.
pub const IPTABLES: [(&str, &str, Side); 4] = [
    ("iptables-nft", "nft-compat", V4),
    ("ip6tables-nft", "nft-compat", V6),
    ("iptables-legacy", "xtables", V4),
    ("ip6tables-legacy", "xtables", V6),
];

fn one_nft_rule_logs_and_drops() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain inp { type filter hook input priority 0; meta l4proto icmpv6 accept
                udp dport 1 log prefix \"in: \" group 5 counter drop comment \"not here\"
            }
            chain forw { type filter hook forward priority 0; udp dport 2 log group 5 drop
            }
            chain outp { type filter hook output priority 0; udp dport 3 log prefix \"out\" group 6 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    for side in [V4, V6] {
        udp(&lab.client, side.router, 1);
        let text = "udp dport 1 log prefix \"in: \" group 5 counter drop comment \"not here\"";
        let b = watch.expect(&lab, "drop nflog certain", "rule nft inet t inp 2 \"not here\"", text);
        let p = &b.packet;
        assert_eq!((p.family.as_str(), p.hook, p.transport.as_deref()), (side.family, Some("input"), Some("udp")));
        assert_eq!((p.iif.as_deref(), p.oif.as_deref()), (Some("r0"), None));
        assert_eq!((p.source, p.destination), (side.client.parse().ok(), side.router.parse().ok()));
        assert_eq!((p.destination_port, p.prefix.as_deref(), p.group), (Some(1), Some("in: "), Some(5)));
        let path: Vec<_> = b.path.iter().map(|s| (s.rule_position, s.action.as_str())).collect();
        assert_eq!(path, [(Some(2), "log, drop")]);

        udp(&lab.client, side.server, 2);
        let text = "udp dport 2 log group 5 drop";
        let b = watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 1", text);
        assert_eq!((b.packet.iif.as_deref(), b.packet.oif.as_deref()), (Some("r0"), Some("r1")));

        udp(&lab.router, side.client, 3);
        let text = "udp dport 3 log prefix \"out\" group 6 drop";
        let b = watch.expect(&lab, "drop nflog certain", "rule nft inet t outp 1", text);
        assert_eq!((b.packet.iif.as_deref(), b.packet.oif.as_deref(), b.packet.uid), (None, Some("r0"), Some(0)));
    }
    let (rest, summary) = watch.finish();
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!((summary.seen, summary.drops, summary.attributed, summary.certain), (6, 6, 6, 6));
    assert_eq!((summary.accepted, summary.unknown, summary.lost), (0, 0, 0));
}

fn a_later_rule_of_the_chain_drops() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            set bad { type inet_service; elements = { 1, 2 }
            }
            chain forw { type filter hook forward priority 0; udp dport 1-2 log prefix \"seen \" group 5
                udp dport 9 drop
                udp dport 1 ct state established accept
                udp dport @bad counter drop comment \"bad ports\"
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    for side in [V4, V6] {
        udp(&lab.client, side.server, 1);
        let text = "udp dport @bad counter drop comment \"bad ports\"";
        let b = watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 4 \"bad ports\"", text);
        // Whether conntrack is asked in between depends on whether the record said it.
        let rules = b.path.iter().filter_map(|s| Some((s.rule_position?, s.action.as_str())));
        assert_eq!(rules.collect::<Vec<_>>(), [(1, "log"), (4, "drop")]);
    }
}

fn a_later_rule_of_iptables_drops() {
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        for rule in [
            "-A FORWARD -p tcp -j ACCEPT",
            "-A FORWARD -p udp -m udp --dport 1 -j NFLOG --nflog-prefix seen --nflog-group 5",
            "-A FORWARD -p udp -m udp --dport 2 -j DROP",
            "-A FORWARD -p udp -m udp --dport 1 -m comment --comment closed -j DROP",
        ] {
            lab.run(&format!("{program} {rule}"));
        }
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, side.server, 1);
        let place = format!("rule {backend} {} filter FORWARD 4 \"closed\"", side.family);
        let text = "-A FORWARD -p udp -m udp --dport 1 -m comment --comment closed -j DROP";
        watch.expect(&lab, "drop nflog certain", &place, text);
    }
}

fn a_rule_in_another_chain_drops() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain svc { udp dport 9 accept
                ip version 4 drop
                drop
            }
            chain forw { type filter hook forward priority 0; udp dport 1 log group 5 jump svc
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 1);
    watch.expect(&lab, "drop nflog certain", "rule nft inet t svc 2", "ip version 4 drop");
    udp(&lab.client, V6.server, 1);
    watch.expect(&lab, "drop nflog certain", "rule nft inet t svc 3", "drop");

    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        for rule in [
            "-N inner",
            "-N outer",
            "-A inner -p udp -j NFLOG --nflog-group 5",
            "-A outer -j inner",
            "-A outer -p udp -m udp --dport 1 -j DROP",
            "-A FORWARD -j outer",
        ] {
            lab.run(&format!("{program} {rule}"));
        }
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, side.server, 1);
        let place = format!("rule {backend} {} filter outer 2", side.family);
        watch.expect(&lab, "drop nflog certain", &place, "-A outer -p udp -m udp --dport 1 -j DROP");
    }
}

fn a_rule_behind_a_goto_drops() {
    for (program, backend, side) in [IPTABLES[0], IPTABLES[2]] {
        let lab = Lab::new();
        for rule in [
            "-N logs",
            "-N first",
            "-A logs -p udp -j NFLOG --nflog-group 5",
            // The end of the chain goes on behind the last jump, not behind the goto.
            "-A first -p udp -g logs",
            "-A first -j ACCEPT",
            "-A FORWARD -j first",
            "-A FORWARD -p udp -m udp --dport 1 -j DROP",
        ] {
            lab.run(&format!("{program} {rule}"));
        }
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, side.server, 1);
        let place = format!("rule {backend} {} filter FORWARD 2", side.family);
        watch.expect(&lab, "drop nflog certain", &place, "-A FORWARD -p udp -m udp --dport 1 -j DROP");
    }
    let lab = Lab::new();
    lab.router.nft(
        "table ip t {
            chain logs { udp dport 1 log group 5
            }
            chain first { goto logs
                accept
            }
            chain forw { type filter hook forward priority 0; jump first
                udp dport 1 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 1);
    watch.expect(&lab, "drop nflog certain", "rule nft ip t forw 2", "udp dport 1 drop");
}

fn a_rule_in_another_table_drops() {
    let lab = Lab::new();
    lab.router.nft(
        "table ip6 six { chain forw { type filter hook forward priority 7; udp dport 1 drop
            }
        }
        table ip four { chain post { type filter hook postrouting priority -5; udp dport 1 drop
            }
        }
        table inet logs { chain pre { type filter hook prerouting priority -300; udp dport 1 log group 5 accept
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 1);
    watch.expect(&lab, "drop nflog certain", "rule nft ip four post 1", "udp dport 1 drop");
    udp(&lab.client, V6.server, 1);
    watch.expect(&lab, "drop nflog certain", "rule nft ip6 six forw 1", "udp dport 1 drop");

    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        for rule in [
            "-t raw -A PREROUTING -p udp -j NFLOG --nflog-group 5",
            "-t mangle -A FORWARD -p udp -m udp --dport 1 -j MARK --set-xmark 0x7/0xffffffff",
            "-A FORWARD -m mark --mark 0x7 -j DROP",
        ] {
            lab.run(&format!("{program} {rule}"));
        }
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, side.server, 1);
        let place = format!("rule {backend} {} filter FORWARD 1", side.family);
        watch.expect(&lab, "drop nflog certain", &place, "-A FORWARD -m mark --mark 0x7 -j DROP");
    }
}

fn a_rule_of_another_backend_drops() {
    let nft_logs = "table ip n { chain forw { type filter hook forward priority -10; udp dport 1 log group 5
        }
    }";
    let nft_drops = "table ip n { chain forw { type filter hook forward priority 10; udp dport 1 drop
        }
    }";
    for (program, backend, _) in [IPTABLES[0], IPTABLES[2]] {
        let lab = Lab::new();
        lab.router.nft(nft_logs);
        lab.run(&format!("{program} -A FORWARD -p udp -m udp --dport 1 -j DROP"));
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, V4.server, 1);
        let place = format!("rule {backend} ip filter FORWARD 1");
        watch.expect(&lab, "drop nflog certain", &place, "-A FORWARD -p udp -m udp --dport 1 -j DROP");

        let lab = Lab::new();
        lab.router.nft(nft_drops);
        lab.run(&format!("{program} -A FORWARD -p udp -m udp --dport 1 -j NFLOG --nflog-group 5"));
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, V4.server, 1);
        watch.expect(&lab, "drop nflog certain", "rule nft ip n forw 1", "udp dport 1 drop");
    }
    for (logs, drops, backend) in
        [("iptables-nft", "iptables-legacy", "xtables"), ("iptables-legacy", "iptables-nft", "nft-compat")]
    {
        let lab = Lab::new();
        lab.run(&format!("{logs} -t mangle -A FORWARD -p udp -m udp --dport 1 -j NFLOG --nflog-group 5"));
        lab.run(&format!("{drops} -A FORWARD -p udp -j DROP"));
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, V4.server, 1);
        let place = format!("rule {backend} ip filter FORWARD 1");
        watch.expect(&lab, "drop nflog certain", &place, "-A FORWARD -p udp -j DROP");
    }
}

fn the_policy_drops() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t { chain forw { type filter hook forward priority 5; policy drop; log prefix \"end \" group 5
                tcp dport 22 accept
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    for side in [V4, V6] {
        udp(&lab.client, side.server, 1);
        let text = "type filter hook forward priority 5; policy drop;";
        watch.expect(&lab, "drop nflog certain", "policy nft inet t forw", text);
    }
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        lab.run(&format!("{program} -P FORWARD DROP"));
        lab.run(&format!("{program} -A FORWARD -p udp -j NFLOG --nflog-group 5"));
        lab.run(&format!("{program} -A FORWARD -p tcp -j ACCEPT"));
        let watch = Watcher::start(&lab.router, logged(false));
        udp(&lab.client, side.server, 1);
        let place = format!("policy {backend} {} filter FORWARD", side.family);
        watch.expect(&lab, "drop nflog certain", &place, "-P FORWARD DROP");
    }
}

fn a_packet_that_gets_through_is_told_of_only_where_asked() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t { chain forw { type filter hook forward priority 0; udp dport 1-2 log group 5
                udp dport 2 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 1);
    udp(&lab.client, V4.server, 2);
    watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 2", "udp dport 2 drop");
    let (rest, summary) = watch.finish();
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!((summary.seen, summary.accepted, summary.drops), (2, 1, 1));

    let watch = Watcher::start(&lab.router, logged(true));
    for side in [V4, V6] {
        udp(&lab.client, side.server, 1);
        assert_eq!(watch.line(), "accept nflog certain | none");
    }
}

fn a_group_that_a_rule_names_later_is_heard_too() {
    let lab = Lab::new();
    let watch = Watcher::start(&lab.router, logged(false));
    lab.router.nft(
        "table inet t { chain inp { type filter hook input priority 0; udp dport 1 log group 5 drop
            }
        }",
    );
    // Until now nothing has come that would have been judged.
    let mut told = None;
    until("the new group to be bound", || {
        udp(&lab.client, V4.router, 1);
        told = watch.blame_within(Duration::from_millis(100));
        told.is_some()
    });
    assert_eq!(told.unwrap().culprit.text.as_deref(), Some("udp dport 1 log group 5 drop"));
    assert_eq!(watch.finish().1.ruleset_changes, 1);
}

fn the_same_prefix_at_two_rules_is_no_trouble_where_both_lead_to_the_same() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain pre { type filter hook prerouting priority 0; udp dport 1 log prefix \"x\" group 5
            }
            chain forw { type filter hook forward priority 0; iifname \"r0\" log prefix \"x\" group 5
                udp sport 0-65535 log prefix \"x\" group 5
                udp dport 1 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 1);
    // Logged three times, and each time it is the same rule that drops it.
    for hook in ["prerouting", "forward", "forward"] {
        let b = watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 3", "udp dport 1 drop");
        assert_eq!(b.packet.hook, Some(hook));
        assert!(b.alternatives.is_empty());
    }
}

fn the_same_prefix_at_two_rules_is_told_by_their_conditions() {
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        for port in 1..=2 {
            lab.run(&format!("{program} -N c{port}"));
            lab.run(&format!("{program} -A c{port} -p udp -m udp --dport {port} -j NFLOG --nflog-group 5"));
            lab.run(&format!("{program} -A c{port} -p udp -m udp --dport {port} -j DROP"));
            lab.run(&format!("{program} -A FORWARD -j c{port}"));
        }
        lab.run(&format!("{program} -t mangle -A FORWARD -p udp -m mark --mark 0x5 -j NFLOG --nflog-group 5"));
        let watch = Watcher::start(&lab.router, logged(false));
        for port in 1..=2 {
            udp(&lab.client, side.server, port);
            let place = format!("rule {backend} {} filter c{port} 2", side.family);
            let text = format!("-A c{port} -p udp -m udp --dport {port} -j DROP");
            let b = watch.expect(&lab, "drop nflog certain", &place, &text);
            let logged = format!("logged by {} filter c{port} rule 1", side.family);
            assert_eq!(b.why.first().map(|w| &w.message), Some(&logged));
        }
    }
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain forw { type filter hook forward priority 0; udp dport 1-2 log prefix \"x\" group 5 drop
                udp dport 3 limit rate 1/day log prefix \"x\" group 5 drop
                udp dport 4 ct state established log prefix \"x\" group 5 accept
                udp dport 4 ct state new log prefix \"x\" group 5
                udp dport 4 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 3);
    let text = "udp dport 3 limit rate 1/day log prefix \"x\" group 5 drop";
    watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 2", text);
    udp(&lab.client, V4.server, 4);
    watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 5", "udp dport 4 drop");
}

fn the_same_prefix_at_two_rules_leaves_a_doubt_where_they_part() {
    let lab = Lab::new();
    // What tells the two ways apart is in no log record.
    lab.router.nft(
        "table inet t {
            chain one { log prefix \"x\" group 5
                udp dport 1 drop
            }
            chain two { log prefix \"x\" group 5
                udp dport 1 reject
            }
            chain forw { type filter hook forward priority 0; limit rate 1/day burst 1 packets goto one
                goto two
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    for _ in 0..2 {
        udp(&lab.client, V4.server, 1);
        let b = watch.blame();
        assert_eq!(b.confidence.name(), "likely", "{b:#?}");
        let mut culprits: Vec<_> = b.alternatives.iter().map(|c| c.chain_name.clone().unwrap()).collect();
        culprits.extend(b.culprit.chain_name.clone());
        culprits.sort();
        assert_eq!(culprits, ["one", "two"], "{b:#?}");
        assert_eq!(b.unknowns, ["which of 2 rules with this prefix and group logged it"]);
    }
}

fn rules_of_three_backends_are_walked_in_the_kernels_order() {
    let lab = Lab::new();
    lab.run("iptables-legacy -A FORWARD -p udp -m udp --dport 3 -j DROP");
    lab.run("iptables-nft -t mangle -A FORWARD -p udp -m udp --dport 2:3 -j DROP");
    lab.router.nft(
        "table ip n {
            chain pre { type filter hook prerouting priority -400; udp dport 1-4 log group 5
            }
            chain early { type filter hook forward priority -200; udp dport 1-3 udp dport 1 drop
            }
            chain late { type filter hook forward priority 100; udp dport 1-4 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(false));
    for (port, place, text) in [
        (1, "rule nft ip n early 1", "udp dport 1-3 udp dport 1 drop"),
        (2, "rule nft-compat ip mangle FORWARD 1", "-A FORWARD -p udp -m udp --dport 2:3 -j DROP"),
        (3, "rule nft-compat ip mangle FORWARD 1", "-A FORWARD -p udp -m udp --dport 2:3 -j DROP"),
        (4, "rule nft ip n late 1", "udp dport 1-4 drop"),
    ] {
        udp(&lab.client, V4.server, port);
        watch.expect(&lab, "drop nflog certain", place, text);
    }
    drop(watch);
    lab.run("iptables-nft -t mangle -F");
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 3);
    let text = "-A FORWARD -p udp -m udp --dport 3 -j DROP";
    watch.expect(&lab, "drop nflog certain", "rule xtables ip filter FORWARD 1", text);
}
