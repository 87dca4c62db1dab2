//! Journeys of real packets through the three backends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Netns, kernel, kernel_tests, until, veth};
use nfblame::evaluate::hook::Hook;
use nfblame::evidence::trace::{Edge, End, Record, Step};
use nfblame::evidence::{Config, Event, Evidence, Journey, Selection, TraceConfig, logger};
use nfblame::filter::Filter;
use nfblame_sys::nft::Verdict;

kernel_tests! {
    nft_rules_that_drop_are_named_at_every_hook needs ["linux 5.12", "nft"];
    a_policy_that_drops_is_told_from_a_rule needs ["linux 5.12", "nft"];
    iptables_nft_rules_are_named_by_handle needs ["linux 5.12", "nft", "iptables-nft", "ip6tables-nft"];
    legacy_rules_join_the_journey_and_its_silence_names_the_last needs ["linux 5.12", "iptables-legacy", "ip6tables-legacy", "nft"];
    legacy_nat_does_not_tear_a_journey_apart needs ["linux 5.12", "iptables-legacy"];
    what_the_kernel_drops_between_the_hooks_shows_as_silence_there needs ["linux 5.12", "nft"];
    fragments_end_in_reassembly_and_the_whole_goes_on needs ["linux 5.12", "nft"];
    two_at_once_do_not_confuse_each_other needs ["linux 5.12", "nft", "iptables-legacy"];
    a_rate_limits_how_many_packets_are_traced needs ["linux 5.12", "nft"];
    a_flood_is_traced_or_its_losses_are_told needs ["linux 5.12", "nft", "iptables-legacy"];
    an_interface_selects_both_ways needs ["linux 5.12", "nft"];
    a_bridged_frame_passes_the_bridge needs ["linux 5.12", "nft"];
    what_a_bridge_hands_up_to_the_host_is_one_packet needs ["linux 5.12", "nft"];
    a_stolen_packet_ends_with_the_verdict needs ["linux 5.12", "nft"];
    the_logger_is_put_back_at_the_end needs ["linux 5.12", "iptables-legacy", "nft"];
    after_a_kill_the_table_is_gone_and_the_next_run_puts_the_logger_back needs ["linux 5.12", "iptables-legacy", "nft"];
}

fn main() {
    kernel::run(cases());
}

const PATIENCE: Duration = Duration::from_secs(10);

/// client 10.9.1.2 — 10.9.1.1 router 10.9.2.1 — 10.9.2.2 server, the same in IPv6.
struct Lab {
    client: Netns,
    router: Netns,
    server: Netns,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { client: Netns::new(), router: Netns::new(), server: Netns::new() };
        veth(&lab.client, "a0", "10.9.1.2/24", &lab.router, "r0", "10.9.1.1/24");
        veth(&lab.server, "b0", "10.9.2.2/24", &lab.router, "r1", "10.9.2.1/24");
        for (ns, dev, addr) in [
            (&lab.client, "a0", "fd09:1::2/64"),
            (&lab.router, "r0", "fd09:1::1/64"),
            (&lab.server, "b0", "fd09:2::2/64"),
            (&lab.router, "r1", "fd09:2::1/64"),
        ] {
            ns.address(dev, addr);
        }
        lab.client.route("0.0.0.0/0", "10.9.1.1");
        lab.client.route("::/0", "fd09:1::1");
        lab.server.route("0.0.0.0/0", "10.9.2.1");
        lab.server.route("::/0", "fd09:2::1");
        lab.router.sysctl("net.ipv4.ip_forward", "1");
        lab.router.sysctl("net.ipv6.conf.all.forwarding", "1");
        lab
    }

    /// The handle of the router's rule whose listing contains `part`.
    fn handle(&self, part: &str) -> u64 {
        let listing = self.router.cmd("nft", &["-a", "list", "ruleset"], "");
        let line = listing.lines().find(|l| l.contains(part)).unwrap_or_else(|| panic!("no {part} in {listing}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn config(filter: &str) -> Config {
    let selection = Selection { filter: Some(Filter::parse(filter).unwrap()), interface: None };
    let trace = Some(TraceConfig { rate: None, ephemeral: true });
    Config { selection, trace, ..Config::default() }
}

fn start(ns: &Netns, config: Config) -> Evidence {
    ns.run(|| Evidence::start(config)).unwrap_or_else(|e| panic!("{e}"))
}

fn trace(ns: &Netns, filter: &str) -> Evidence {
    let evidence = start(ns, config(filter));
    assert!(evidence.gaps().is_empty(), "{:?}", evidence.gaps());
    evidence
}

fn send(ns: &Netns, to: &str) {
    ns.run(|| {
        let any = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let _ = UdpSocket::bind(any).unwrap().send_to(b"x", to);
    });
}

fn next(evidence: &Evidence) -> Journey {
    match evidence.next_within(PATIENCE) {
        Ok(Event::Journey(j)) => *j,
        other => panic!("expected a journey, got {other:?}"),
    }
}

fn text(s: &Step) -> String {
    let hook = s.hook.map_or("?", Hook::name);
    match &s.record {
        Record::Edge(Edge::Enters, _) => format!("> {hook}"),
        Record::Edge(Edge::Leaves, _) => format!("< {hook}"),
        Record::Nft(t) => {
            let verdict = t.policy.as_ref().or(t.verdict.as_ref()).map(ToString::to_string).unwrap_or_default();
            let handle = t.rule_handle.map(|h| format!(" #{h}")).unwrap_or_default();
            format!("{hook} {} {} {} {} {verdict}{handle}", t.family, t.table, t.chain, t.kind)
        }
        Record::Legacy(l) => format!("{hook} legacy {} {} {:?} {}", l.table, l.chain, l.comment, l.number),
    }
}

fn steps(j: &Journey) -> Vec<String> {
    j.steps.iter().map(text).collect()
}

fn last(j: &Journey) -> String {
    text(j.steps.last().unwrap())
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

fn what_the_kernel_drops_between_the_hooks_shows_as_silence_there() {
    let lab = Lab::new();
    lab.router.sysctl("net.ipv4.ip_forward", "0");
    let evidence = trace(&lab.router, "udp");
    send(&lab.client, "10.9.2.2:53");
    let j = next(&evidence);
    assert_eq!(
        (steps(&j), j.end),
        (vec!["> ingress".into(), "> prerouting".into(), "< prerouting".into()], End::Silent)
    );
    assert!(j.reached(Hook::Prerouting, Edge::Leaves) && !j.reached(Hook::Forward, Edge::Enters));
    // To a socket that nobody has: the hooks are passed all the same.
    send(&lab.client, "10.9.1.1:53");
    assert_eq!(next(&evidence).end, End::Passed(Hook::Input));
}

fn fragments_end_in_reassembly_and_the_whole_goes_on() {
    let lab = Lab::new();
    lab.router.nft(
        "table ip t { chain forw { type filter hook forward priority 0; ct state new udp dport 53 drop
        }
        }",
    );
    let evidence = trace(&lab.router, "host 10.9.2.2");
    lab.client.run(|| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(&[7; 4000], "10.9.2.2:53")).unwrap();
    let mut ends = Vec::new();
    while !ends.contains(&End::Dropped) || ends.len() < 3 {
        let j = next(&evidence);
        assert!(j.first_view().is_some());
        ends.push(j.end);
    }
    let reassembled = ends.iter().filter(|e| **e == End::Reassembly).count();
    assert_eq!((reassembled, ends.len()), (2, 3), "{ends:?}");
}

fn two_at_once_do_not_confuse_each_other() {
    let lab = Lab::new();
    lab.router.cmd("iptables-legacy", &["-A", "FORWARD", "-p", "udp", "--dport", "54", "-j", "DROP"], "");
    lab.router.nft(
        "table ip t { chain forw { type filter hook forward priority 10; udp dport 53 drop
        }
        }",
    );
    let first = trace(&lab.router, "udp port 53 or 54");
    let second = start(&lab.router, config("udp port 53"));
    let gaps: Vec<String> = second.gaps().iter().map(ToString::to_string).collect();
    assert!(
        matches!(gaps.as_slice(), [g] if g.starts_with("tracing in the legacy tables: ") && g.contains(&format!("held by process {}", std::process::id()))),
        "{gaps:?}"
    );
    send(&lab.client, "10.9.2.2:53");
    for evidence in [&first, &second] {
        let j = next(evidence);
        let handle = lab.handle("dport 53 drop");
        assert!(steps(&j).contains(&format!("forward ip t forw rule drop #{handle}")), "{:#?}", steps(&j));
        assert_eq!(j.end, End::Dropped);
        assert!(!steps(&j).iter().any(|s| s.contains("nfblame")), "{:#?}", steps(&j));
    }
    send(&lab.client, "10.9.2.2:54");
    let j = next(&first);
    assert_eq!((last(&j).as_str(), j.end), ("forward legacy filter FORWARD Rule 1", End::Silent));
    second.stopper().stop();
    assert!(second.next().is_none(), "port 54 is not of interest to the second");
}

fn a_rate_limits_how_many_packets_are_traced() {
    let lab = Lab::new();
    let mut config = config("udp");
    config.trace = Some(TraceConfig { rate: Some(1), ephemeral: true });
    let evidence = start(&lab.router, config);
    for _ in 0..200 {
        send(&lab.client, "10.9.2.2:53");
    }
    evidence.stopper().stop();
    let journeys = evidence.into_iter().filter(|e| matches!(e, Event::Journey(_))).count();
    // A burst at ingress and one at prerouting, and a few seconds at most.
    assert!((1..50).contains(&journeys), "{journeys}");
}

fn a_flood_is_traced_or_its_losses_are_told() {
    let lab = Lab::new();
    lab.router.nft(
        "table ip t { chain forw { type filter hook forward priority 10; udp dport 53 drop
        }
        }",
    );
    lab.router.cmd("iptables-legacy", &["-A", "FORWARD", "-p", "udp", "-j", "ACCEPT"], "");
    // With the usual buffers, and with the smallest that a socket can have.
    for receive_buffer in [16 << 20, 0] {
        let mut config = config("udp dst port 53");
        config.capacity = 1 << 17;
        config.nflog.receive_buffer = receive_buffer;
        let evidence = start(&lab.router, config);
        const SENT: usize = 20_000;
        lab.client.run(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.connect("10.9.2.2:53").unwrap();
            for _ in 0..SENT {
                let _ = socket.send(b"x");
            }
        });
        evidence.stopper().stop();
        let (mut whole, mut doubtful, mut lost) = (0, 0, 0);
        for event in &evidence {
            match event {
                Event::Journey(j) if j.incomplete || !j.selected => doubtful += 1,
                Event::Journey(j) => {
                    let all = steps(&j);
                    assert_eq!(j.end, End::Dropped, "{all:#?}");
                    let legacy = all.iter().filter(|s| s.contains("legacy")).count();
                    assert_eq!((legacy, all.len()), (1, 6), "{all:#?}");
                    whole += 1;
                }
                Event::Lost(_) => lost += 1,
                other => panic!("{other:?}"),
            }
        }
        println!("{whole} whole, {doubtful} doubtful, {lost} losses");
        assert!(whole > 0 && whole + doubtful <= SENT);
        assert!(lost > 0 || whole == SENT);
        assert!(receive_buffer > 0 || lost > 0, "the smallest socket must overflow");
    }
}

fn an_interface_selects_both_ways() {
    let lab = Lab::new();
    let mut config = config("udp");
    config.selection.interface = Some(lab.router.index("r1"));
    let evidence = start(&lab.router, config);
    send(&lab.client, "10.9.1.1:1"); // in by r0, to the router: not of interest
    send(&lab.client, "10.9.2.2:2"); // out by r1
    let j = next(&evidence);
    assert_eq!(steps(&j).first().map(String::as_str), Some("> forward"), "{:#?}", steps(&j));
    assert_eq!(j.last_view().and_then(|v| v.oif), Some(lab.router.index("r1")));
    send(&lab.server, "10.9.1.2:3"); // in by r1
    assert_eq!(next(&evidence).first_view().and_then(|v| v.iif), Some(lab.router.index("r1")));
}

fn a_bridged_frame_passes_the_bridge() {
    let (a, bridge, b) = (Netns::new(), Netns::new(), Netns::new());
    bridge.rt(|rt| rt.add_bridge("br0")).unwrap();
    veth(&a, "a0", "10.9.3.1/24", &bridge, "p0", "");
    veth(&b, "b0", "10.9.3.2/24", &bridge, "p1", "");
    let br = bridge.index("br0");
    for port in ["p0", "p1"] {
        let index = bridge.index(port);
        bridge.rt(|rt| rt.set_master(index, br)).unwrap();
    }
    bridge.rt(|rt| rt.set_up(br, true)).unwrap();
    bridge.nft(
        "table bridge t { chain forw { type filter hook forward priority 0; ether type ip udp dport 53 drop
        }
        }",
    );
    let evidence = trace(&bridge, "udp and host 10.9.3.2");
    // The ports begin to forward when the bridge says so: until then frames do not get through.
    let passed = || {
        send(&a, "10.9.3.2:54");
        let j = next(&evidence);
        (j.end == End::Passed(Hook::Postrouting)).then_some(j)
    };
    let mut j = None;
    until("the bridge to forward", || {
        j = passed();
        j.is_some()
    });
    let text = steps(&j.unwrap());
    assert_eq!(text.first().map(String::as_str), Some("> ingress"));
    assert!(text.iter().any(|s| s == "forward bridge t forw policy accept"), "{text:#?}");
    send(&a, "10.9.3.2:53");
    let dropped = std::iter::repeat_with(|| next(&evidence)).find(|j| j.end == End::Dropped).unwrap();
    assert!(last(&dropped).starts_with("forward bridge t forw rule drop #"), "{:#?}", steps(&dropped));
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

fn logger_of(ns: &Netns, family: u8) -> String {
    ns.run(|| std::fs::read_to_string(format!("/proc/sys/net/netfilter/nf_log/{family}"))).unwrap().trim().to_owned()
}

fn the_logger_is_put_back_at_the_end() {
    let ns = Netns::new();
    ns.cmd("iptables-legacy", &["-L"], "");
    let (v4, v6) = (logger_of(&ns, 2), logger_of(&ns, 10));
    let evidence = trace(&ns, "udp");
    assert_eq!(
        (logger_of(&ns, 2).as_str(), logger_of(&ns, 10)),
        ("nfnetlink_log", v6.clone()),
        "no ip6 tables, no need"
    );
    drop(evidence);
    assert_eq!((logger_of(&ns, 2), logger_of(&ns, 10)), (v4, v6));
    let tables = ns.cmd("nft", &["list", "tables"], "");
    assert!(!tables.contains("nfblame"), "{tables}");
}

fn after_a_kill_the_table_is_gone_and_the_next_run_puts_the_logger_back() {
    let ns = Netns::new();
    ns.cmd("iptables-legacy", &["-L"], "");
    let before = logger_of(&ns, 2);
    let mut child = ns.run(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nfblame"));
        command.args(["watch", "--trace", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().contains("ready")), "the victim did not start");
    let tables = || ns.cmd("nft", &["list", "tables"], "");
    assert!(tables().contains("inet nfblame-") && tables().contains("netdev nfblame-"), "{}", tables());
    assert_eq!(logger_of(&ns, 2), "nfnetlink_log");
    assert!(ns.run(logger::leftover).is_none(), "its writer lives");
    child.kill().unwrap();
    child.wait().unwrap();
    until("the tables to go", || !tables().contains("nfblame"));
    assert_eq!(logger_of(&ns, 2), "nfnetlink_log", "the kernel does not put it back");
    // From elsewhere it is found too.
    let inode = ns.ns().id().ino;
    assert!(logger::leftovers().iter().any(|l| l.inode() == inode && !l.is_here()));
    let left = ns.run(|| {
        let left = logger::leftover().expect("a note");
        assert_eq!(left.loggers().collect::<Vec<_>>(), [(2, before.as_str())]);
        left.undo()
    });
    left.unwrap();
    assert_eq!(logger_of(&ns, 2), before);
    assert!(ns.run(logger::leftover).is_none());
}

fn what_a_bridge_hands_up_to_the_host_is_one_packet() {
    let (a, host) = (Netns::new(), Netns::new());
    host.rt(|rt| rt.add_bridge("br0")).unwrap();
    veth(&a, "a0", "10.9.3.1/24", &host, "p0", "");
    let (br, port) = (host.index("br0"), host.index("p0"));
    host.rt(|rt| rt.set_master(port, br).and_then(|()| rt.set_up(br, true))).unwrap();
    host.address("br0", "10.9.3.2/24");
    host.nft(
        "table inet t { chain inp { type filter hook input priority 0; udp dport 53 drop
        }
        }",
    );
    // With it, the bridge takes frames through the hooks of IP as well.
    let brnf = "net.bridge.bridge-nf-call-iptables";
    let has_brnf = host.run(|| std::path::Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists());
    if has_brnf {
        host.sysctl(brnf, "0");
    }
    let evidence = trace(&host, "udp and host 10.9.3.2");
    let mut found = None;
    // The port begins to learn and forward when the bridge says so.
    until("the bridge to hand frames up", || {
        send(&a, "10.9.3.2:53");
        found = Some(next(&evidence)).filter(|j| j.end == End::Dropped);
        found.is_some()
    });
    let j = found.unwrap();
    let all = steps(&j);
    let edges: Vec<&str> = all.iter().filter(|s| s.starts_with(['<', '>'])).map(String::as_str).collect();
    let bridge = ["> ingress", "> prerouting", "< prerouting", "> input", "< input"];
    let ip = ["> ingress", "> prerouting", "< prerouting", "> input"];
    assert_eq!(edges, [bridge.as_slice(), ip.as_slice()].concat());
    assert!(last(&j).starts_with("input inet t inp rule drop #"), "{all:#?}");
    assert_eq!(j.first_view().and_then(|v| v.iif), Some(port));
    assert_eq!(j.last_view().and_then(|v| v.iif), Some(br));
    if has_brnf {
        host.sysctl(brnf, "1");
        send(&a, "10.9.3.2:53");
        let j = next(&evidence);
        assert!(last(&j).starts_with("input inet t inp rule drop #"), "{:#?}", steps(&j));
        assert_eq!((j.first_view().and_then(|v| v.iif), j.end), (Some(port), End::Dropped));
    }
}
