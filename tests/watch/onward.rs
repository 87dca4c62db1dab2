//! What changes on the way between the rule that logs and the one that drops: addresses, tracking; and queues.

use crate::common::DEADLINE;
use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, V4, V6, listen, syn, udp, udp_socket};
use crate::logged::IPTABLES;
use crate::watcher::{Watcher, line, logged, more, rule};

kernel_tests! {
    a_translated_packet_is_dropped_in_forward needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy",
        "ip6tables-legacy"];
    nft_translates_and_drops needs ["nft"];
    a_queue_without_reader_drops needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
    an_untracked_packet_meets_the_rule_for_untracked_ones needs ["nft", "iptables-nft", "iptables-legacy"];
    an_answer_is_established_and_a_stray_one_is_invalid needs ["nft"];
}

fn a_translated_packet_is_dropped_in_forward() {
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        let to = match side {
            V4 => format!("{}:8080", side.server),
            _ => format!("[{}]:8080", side.server),
        };
        lab.run(&format!("{program} -t raw -A PREROUTING -p udp -j NFLOG --nflog-prefix x --nflog-group 5"));
        lab.run(&format!("{program} -t nat -A PREROUTING -p udp -m udp --dport 80 -j DNAT --to-destination {to}"));
        lab.run(&format!("{program} -A FORWARD -p udp -m udp --dport 80 -j ACCEPT"));
        lab.run(&format!("{program} -A FORWARD -p udp -m udp --dport 8080 -j DROP"));
        let watch = Watcher::start(&lab.router, logged(true));
        udp(&lab.client, side.router, 80);
        let place = format!("rule {backend} {} filter FORWARD 2", side.family);
        let text = "-A FORWARD -p udp -m udp --dport 8080 -j DROP";
        let b = watch.expect(&lab, "drop nflog certain", &place, text);
        assert_eq!((b.packet.destination, b.packet.destination_port), (side.router.parse().ok(), Some(80)));
        assert_eq!(b.packet.ct_state, Some("new"));
    }
}

fn nft_translates_and_drops() {
    let lab = Lab::new();
    lab.router.nft(
        "table ip n {
            chain pre { type nat hook prerouting priority -100; tcp dport 80 dnat to 10.9.2.2:8080
            }
        }
        table inet t {
            chain pre { type filter hook prerouting priority -300; tcp dport 80 log prefix \"web \" group 5
            }
            chain forw { type filter hook forward priority 0; policy drop; ct state established,related accept
                tcp dport 80 accept
                ct status dnat ip daddr 10.9.2.2 tcp dport 8080 drop comment \"forgotten\"
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(true));
    let _socket = syn(&lab.client, V4.router, 80);
    let text = "ct status dnat ip daddr 10.9.2.2 tcp dport 8080 drop comment \"forgotten\"";
    watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 3 \"forgotten\"", text);
}

fn a_queue_without_reader_drops() {
    for (program, backend, side) in IPTABLES {
        let lab = Lab::new();
        lab.run(&format!("{program} -A FORWARD -p udp -j NFLOG --nflog-group 5"));
        for rule in [
            "-A FORWARD -p udp -m udp --dport 1 -j NFQUEUE --queue-num 7",
            "-A FORWARD -p udp -m udp --dport 2 -j NFQUEUE --queue-num 7 --queue-bypass",
            "-A FORWARD -p udp -m udp --dport 2 -j DROP",
        ] {
            lab.run(&format!("{program} {rule}"));
        }
        let watch = Watcher::start(&lab.router, logged(true));
        let socket = udp_socket(&lab.server, 2);
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        udp(&lab.client, side.server, 1);
        let b = watch.blame();
        let rule = rule(&lab, &format!("rule {backend} {} filter FORWARD 2", side.family));
        let culprit = rule.replacen("rule", "queue", 1);
        let text = "-A FORWARD -p udp -m udp --dport 1 -j NFQUEUE --queue-num 7";
        assert_eq!(line(&b), format!("queue nflog certain | {culprit} queue 7 | {text}"), "{}", more(&b));
        assert!(b.why.iter().any(|w| w.message.contains("nobody reads that queue")), "{}", more(&b));
        // What may go past a queue without reader goes past the rest of the table too.
        udp(&lab.client, side.server, 2);
        assert_eq!(watch.line(), "accept nflog certain | none");
        assert_eq!(socket.recv(&mut [0; 8]).map_err(|e| format!("{program}: {e}")), Ok(1));
    }
}

fn an_untracked_packet_meets_the_rule_for_untracked_ones() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain pre { type filter hook prerouting priority -300; udp dport 1-2 log group 5
                udp dport 1 notrack
            }
            chain forw { type filter hook forward priority 0; ct state untracked drop
                ct state new udp dport 2 drop
            }
        }",
    );
    let watch = Watcher::start(&lab.router, logged(true));
    for side in [V4, V6] {
        udp(&lab.client, side.server, 1);
        watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 1", "ct state untracked drop");
        udp(&lab.client, side.server, 2);
        watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 2", "ct state new udp dport 2 drop");
    }
    for (program, backend, side) in [IPTABLES[0], IPTABLES[2]] {
        let lab = Lab::new();
        for rule in [
            "-t raw -A PREROUTING -p udp -j NFLOG --nflog-group 5",
            "-t raw -A PREROUTING -p udp -m udp --dport 1 -j CT --notrack",
            "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT",
            "-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP",
        ] {
            lab.run(&format!("{program} {rule}"));
        }
        let watch = Watcher::start(&lab.router, logged(true));
        udp(&lab.client, side.server, 1);
        let place = format!("rule {backend} {} filter FORWARD 2", side.family);
        watch.expect(&lab, "drop nflog certain", &place, "-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP");
    }
}

fn an_answer_is_established_and_a_stray_one_is_invalid() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain pre { type filter hook prerouting priority -300; tcp flags syn,ack / syn,ack log prefix \"answer\" group 5
            }
            chain forw { type filter hook forward priority 0; ct state established tcp sport 80 drop
                ct state invalid tcp sport 81 drop
            }
        }",
    );
    let _listener = listen(&lab.server, 80);
    let watch = Watcher::start(&lab.router, logged(true));
    for side in [V4, V6] {
        let _socket = syn(&lab.client, side.server, 80);
        let text = "ct state established tcp sport 80 drop";
        let b = watch.expect(&lab, "drop nflog certain", "rule nft inet t forw 1", text);
        assert_eq!((b.packet.iif.as_deref(), b.packet.ct_state), (Some("r1"), Some("established")));
    }
}
