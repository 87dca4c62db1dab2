//! Which rule is named, of every backend.

use nfblame::evaluate::hook::Hook;
use nfblame::evidence::trace::{End, Record};
use nfblame::filter::Filter;
use nfblame_sys::nft::Verdict;

use crate::common::kernel_tests;
use crate::world::{Lab, last, next, send, steps, trace};

kernel_tests! {
    nft_rules_that_drop_are_named_at_every_hook needs ["linux 5.12", "nft"];
    a_policy_that_drops_is_told_from_a_rule needs ["linux 5.12", "nft"];
    iptables_nft_rules_are_named_by_handle needs ["linux 5.12", "nft", "iptables-nft", "ip6tables-nft"];
    legacy_rules_join_the_journey_and_its_silence_names_the_last needs ["linux 5.12", "iptables-legacy", "ip6tables-legacy", "nft"];
    legacy_nat_does_not_tear_a_journey_apart needs ["linux 5.12", "iptables-legacy"];
    a_stolen_packet_ends_with_the_verdict needs ["linux 5.12", "nft"];
}

fn nft_rules_that_drop_are_named_at_every_hook() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet t {
            chain pre { type filter hook prerouting priority -10; udp dport 1 drop
            }
            chain inp { type filter hook input priority 0; udp dport 2 drop
            }
            chain forw { type filter hook forward priority 0; udp dport 3 jump deep
            }
            chain deep { meta l4proto udp counter drop
            }
            chain outp { type filter hook output priority 0; udp dport 4 drop
            }
            chain post { type filter hook postrouting priority 0; udp dport 5 drop
            }
        }
        table netdev d {
            chain ing { type filter hook ingress device \"r0\" priority 0; udp dport 6 drop
            }
        }",
    );
    let evidence = trace(&lab.router, "udp and dst portrange 1-6");
    for (server, router, client) in
        [("10.9.2.2", "10.9.1.1", "10.9.1.2"), ("[fd09:2::2]", "[fd09:1::1]", "[fd09:1::2]")]
    {
        for (from, to, port, hook, place) in [
            (&lab.client, server, 1, Hook::Prerouting, "inet t pre"),
            (&lab.client, router, 2, Hook::Input, "inet t inp"),
            (&lab.client, server, 3, Hook::Forward, "inet t deep"),
            (&lab.router, client, 4, Hook::Output, "inet t outp"),
            (&lab.client, server, 5, Hook::Postrouting, "inet t post"),
            (&lab.client, server, 6, Hook::Ingress, "netdev d ing"),
        ] {
            send(from, &format!("{to}:{port}"));
            let j = next(&evidence);
            let rule = if port == 3 { "counter".to_owned() } else { format!("udp dport {port} ") };
            let handle = lab.handle(&rule);
            assert_eq!(last(&j), format!("{} {place} rule drop #{handle}", hook.name()), "{:#?}", steps(&j));
            assert_eq!((j.end, j.selected, j.incomplete, j.ambiguous), (End::Dropped, true, false, false));
            let view = j.first_view().unwrap();
            let subject = view.subject();
            assert_eq!(Filter::parse(&format!("dst port {port}")).unwrap().matches(&subject), Some(true));
            let devices = if hook == Hook::Output { (None, Some("r0")) } else { (Some("r0"), None) };
            assert_eq!(
                (view.iif, view.oif),
                (devices.0.map(|d| lab.router.index(d)), devices.1.map(|d| lab.router.index(d)))
            );
        }
    }
}

fn a_policy_that_drops_is_told_from_a_rule() {
    let lab = Lab::new();
    lab.router.nft(
        "table ip t { chain forw { type filter hook forward priority 0; policy drop; udp dport 9 accept
        }
        }",
    );
    let evidence = trace(&lab.router, "udp");
    send(&lab.client, "10.9.2.2:9");
    assert_eq!(next(&evidence).end, End::Passed(Hook::Postrouting));
    send(&lab.client, "10.9.2.2:10");
    let j = next(&evidence);
    assert_eq!((last(&j).as_str(), j.end), ("forward ip t forw policy drop", End::Dropped));
}

fn iptables_nft_rules_are_named_by_handle() {
    let lab = Lab::new();
    lab.router.cmd("iptables-nft", &["-A", "FORWARD", "-p", "udp", "--dport", "53", "-j", "DROP"], "");
    lab.router.cmd("ip6tables-nft", &["-A", "FORWARD", "-p", "udp", "-j", "REJECT"], "");
    let evidence = trace(&lab.router, "udp");
    send(&lab.client, "10.9.2.2:53");
    let j = next(&evidence);
    let handle = lab.handle("dport 53");
    assert_eq!((last(&j), j.end), (format!("forward ip filter FORWARD rule drop #{handle}"), End::Dropped));
    send(&lab.client, "[fd09:2::2]:53");
    let j = next(&evidence);
    assert!(last(&j).starts_with("forward ip6 filter FORWARD rule drop #"), "{:?}", steps(&j));
    assert_eq!(j.end, End::Dropped);
}

fn legacy_rules_join_the_journey_and_its_silence_names_the_last() {
    let lab = Lab::new();
    for program in ["iptables-legacy", "ip6tables-legacy"] {
        let add = |rule: &str| lab.router.cmd(program, &rule.split(' ').collect::<Vec<_>>(), "");
        add("-t mangle -A PREROUTING -p udp -j MARK --set-mark 1");
        add("-N svc");
        add("-A FORWARD -p udp --dport 54 -j DROP");
        add("-A FORWARD -p udp --dport 55 -j svc");
        add("-A svc -j DROP");
        add("-P FORWARD DROP");
        add("-A INPUT -p udp --dport 56 -j REJECT");
    }
    let evidence = trace(&lab.router, "udp");
    for (server, router) in [("10.9.2.2", "10.9.1.1"), ("[fd09:2::2]", "[fd09:1::1]")] {
        let common = |hook: &str| -> Vec<String> {
            let all = [
                "> ingress",
                "> prerouting",
                "prerouting legacy mangle PREROUTING Rule 1",
                "prerouting legacy mangle PREROUTING Policy 2",
                "< prerouting",
            ];
            all.iter()
                .map(|s| (*s).to_owned())
                .chain([format!("> {hook}"), format!("{hook} legacy mangle {} Policy 1", hook.to_uppercase())])
                .collect()
        };
        for (to, hook, rest) in [
            (format!("{server}:54"), "forward", vec!["forward legacy filter FORWARD Rule 1"]),
            // An unconditional verdict is called the end of its chain: only the number of rules tells.
            (
                format!("{server}:55"),
                "forward",
                vec!["forward legacy filter FORWARD Rule 2", "forward legacy filter svc Return 1"],
            ),
            (format!("{server}:57"), "forward", vec!["forward legacy filter FORWARD Policy 3"]),
            (format!("{router}:56"), "input", vec!["input legacy filter INPUT Rule 1"]),
        ] {
            send(&lab.client, &to);
            let j = next(&evidence);
            let want: Vec<String> = common(hook).into_iter().chain(rest.iter().map(|s| (*s).to_owned())).collect();
            assert_eq!(steps(&j), want);
            assert_eq!((j.end, j.ambiguous, j.incomplete), (End::Silent, false, false));
            let Record::Legacy(l) = &j.steps.last().unwrap().record else { panic!("{:?}", steps(&j)) };
            assert_eq!(l.packet.payload.last(), Some(&b'x'), "the whole packet comes along");
            assert_eq!(l.packet.mark, 1);
        }
    }
}

fn legacy_nat_does_not_tear_a_journey_apart() {
    let lab = Lab::new();
    let add = |rule: &str| lab.router.cmd("iptables-legacy", &rule.split(' ').collect::<Vec<_>>(), "");
    add("-t nat -A PREROUTING -p udp --dport 80 -j DNAT --to-destination 10.9.2.2:8080");
    add("-t nat -A POSTROUTING -o r1 -j MASQUERADE");
    add("-A FORWARD -p udp --dport 8080 -j ACCEPT");
    let evidence = trace(&lab.router, "udp dst port 80");
    send(&lab.client, "10.9.1.1:80");
    let j = next(&evidence);
    assert_eq!(
        steps(&j),
        [
            "> ingress",
            "> prerouting",
            "prerouting legacy nat PREROUTING Rule 1",
            "< prerouting",
            "> forward",
            "forward legacy filter FORWARD Rule 1",
            "< forward",
            "> postrouting",
            "postrouting legacy nat POSTROUTING Rule 1",
            "< postrouting",
        ]
    );
    assert_eq!(j.end, End::Passed(Hook::Postrouting));
}

fn a_stolen_packet_ends_with_the_verdict() {
    let lab = Lab::new();
    lab.router.nft(
        "table netdev d { chain ing { type filter hook ingress device \"r0\" priority 0; udp dport 7 fwd to \"r1\"
        }
        }",
    );
    let evidence = trace(&lab.router, "udp dst port 7");
    send(&lab.client, "10.9.2.2:7");
    let j = next(&evidence);
    let verdict = j.last_rule().and_then(|s| s.record.nft()).and_then(|t| t.verdict.clone());
    assert_eq!((verdict, j.end), (Some(Verdict::Stolen), End::Silent), "{:#?}", steps(&j));
}
