//! Evidence from the real kernel: logged packets, losses, groups that are taken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use common::{Netns, kernel, kernel_tests, veth};
use nfblame::evaluate::headers::Network;
use nfblame::evaluate::hook::Hook;
use nfblame::evidence::{Config, Event, Evidence, Ledger, LoggedPacket, LossCause, Selection, Source};
use nfblame::filter::Filter;
use nfblame_sys::nflog;

kernel_tests! {
    a_logged_packet_comes_with_all_that_the_kernel_knows needs ["nft"];
    only_packets_of_interest_come_through needs ["nft"];
    a_taken_group_names_its_holder_and_the_others_go_on needs ["nft"];
    without_privilege_the_error_says_what_is_needed needs [];
    every_packet_is_seen_or_counted_as_lost needs ["nft"];
    more_kinds_of_packets_than_are_kept_apart_are_counted_as_lost needs ["nft"];
    a_full_socket_is_counted_exactly_once_reading_goes_on needs ["nft"];
    a_group_is_bound_although_the_socket_is_full needs ["nft"];
}

fn main() {
    kernel::run(cases());
}

const PATIENCE: Duration = Duration::from_secs(10);

fn start(ns: &Netns, config: Config) -> Evidence {
    ns.run(|| Evidence::start(config)).unwrap_or_else(|e| panic!("{e}"))
}

fn groups(groups: &[u16]) -> Config {
    Config { groups: groups.to_vec(), ..Config::default() }
}

/// Sends UDP datagrams from inside a namespace; a rule that drops them on output is no error.
fn send(ns: &Netns, to: &str, payload: &[u8], times: u32) {
    ns.run(|| {
        let any = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(any).unwrap();
        for _ in 0..times {
            let _ = socket.send_to(payload, to);
        }
    });
}

fn next_packet(evidence: &Evidence) -> LoggedPacket {
    match evidence.next_within(PATIENCE) {
        Ok(Event::Packet(p)) => *p,
        other => panic!("expected a packet, got {other:?}"),
    }
}

fn a_logged_packet_comes_with_all_that_the_kernel_knows() {
    let (client, router, server) = (Netns::new(), Netns::new(), Netns::new());
    veth(&client, "a0", "10.9.1.2/24", &router, "r0", "10.9.1.1/24");
    veth(&server, "b0", "10.9.2.2/24", &router, "r1", "10.9.2.1/24");
    router.sysctl("net.ipv4.ip_forward", "1");
    client.route("0.0.0.0/0", "10.9.1.1");
    router.nft(
        "table inet t {
            chain pre { type filter hook prerouting priority 0; meta mark set 7
            }
            chain forw { type filter hook forward priority 0; udp dport 53 log prefix \"no dns \u{1b}[2J\" group 5 drop
            }
            chain outp { type filter hook output priority 0; udp dport 99 log group 6 drop
            }
        }
        table netdev d {
            chain ing { type filter hook ingress device \"r0\" priority 0; udp dport 77 log prefix \"ingress\" group 7 drop
            }
        }",
    );
    let evidence = start(&router, groups(&[5, 6, 7]));
    assert!(evidence.gaps().is_empty(), "{:?}", evidence.gaps());

    send(&client, "10.9.2.2:53", b"who?", 1);
    let p = next_packet(&evidence);
    assert_eq!((p.group, p.hook, p.network, p.mark), (5, Some(Hook::Forward), Network::Ip4, 7));
    assert_eq!((p.iif, p.oif), (Some(router.index("r0")), Some(router.index("r1"))));
    assert_eq!((p.physin, p.physout, p.uid, p.vlan), (None, None, None, None));
    assert_eq!(p.prefix.as_bytes(), b"no dns \x1b[2J");
    assert_eq!(p.prefix.to_string(), "no dns \\x1b[2J");
    assert_eq!((p.payload.len(), &p.payload[28..]), (32, b"who?".as_slice()));
    assert_eq!(p.link.len(), 14);
    // Older kernels say the time only where somebody else wants it, too.
    assert!(p.time.is_none_or(|t| t <= p.received && p.received.since(t) < PATIENCE));

    send(&router, "10.9.1.2:99", b"x", 1);
    let p = next_packet(&evidence);
    assert_eq!((p.group, p.hook, p.iif, p.oif), (6, Some(Hook::Output), None, Some(router.index("r0"))));
    assert_eq!((p.uid, p.gid, p.time), (Some(0), Some(0), None));

    send(&client, "10.9.2.2:77", b"x", 1);
    let p = next_packet(&evidence);
    assert_eq!((p.group, p.hook, p.iif), (7, Some(Hook::Ingress), Some(router.index("r0"))));
    assert_eq!((p.network, p.link.len()), (Network::Ip4, 14));
}

fn only_packets_of_interest_come_through() {
    let ns = Netns::new();
    ns.nft(
        "table inet t { chain outp { type filter hook output priority 0; meta l4proto udp log group 5
        }
        }",
    );
    let selection = Selection { filter: Some(Filter::parse("dst port 53 and not ip6").unwrap()), interface: Some(1) };
    let evidence = start(&ns, Config { selection, ..groups(&[5]) });
    send(&ns, "127.0.0.1:54", b"a", 1);
    send(&ns, "[::1]:53", b"b", 1);
    send(&ns, "127.0.0.1:53", b"c", 1);
    assert_eq!(next_packet(&evidence).payload[28..], *b"c");
    evidence.stopper().stop();
    assert!(evidence.next().is_none(), "and no other");
}

fn a_taken_group_names_its_holder_and_the_others_go_on() {
    let ns = Netns::new();
    let first = start(&ns, groups(&[5]));
    let second = start(&ns, groups(&[5, 6]));
    let gaps: Vec<_> = second.gaps().iter().map(ToString::to_string).collect();
    assert_eq!(gaps.len(), 1);
    let me = format!("held by process {} (", std::process::id());
    assert!(gaps[0].contains("NFLOG group 5") && gaps[0].contains(&me), "{}", gaps[0]);
    let e = ns.run(|| Evidence::start(groups(&[5]))).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(e.contains(&me), "{e}");
    drop(first);
    second.follow(5);
    ns.nft(
        "table inet t { chain outp { type filter hook output priority 0; udp dport 1 log group 5
        }
        }",
    );
    // Binding happens on another thread: until it has, packets are logged to nobody.
    let deadline = Instant::now() + PATIENCE;
    let packet = loop {
        send(&ns, "127.0.0.1:1", b"x", 1);
        match second.next_within(Duration::from_millis(20)) {
            Ok(Event::Packet(p)) => break p,
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert!(Instant::now() < deadline, "group 5 was never bound"),
        }
    };
    assert_eq!(packet.group, 5);
    second.follow(6);
    match second.next_within(PATIENCE) {
        Ok(Event::Packet(_)) => {}
        Ok(Event::Failed(Source::Group(6), e)) => assert!(e.to_string().contains(&me), "{e}"),
        other => panic!("{other:?}"),
    }
}

fn without_privilege_the_error_says_what_is_needed() {
    let ns = Netns::new();
    let e = ns.run(|| {
        // Of this thread only.
        caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_NET_ADMIN).unwrap();
        Evidence::start(groups(&[5])).err().map(|e| e.to_string()).unwrap_or_default()
    });
    assert!(e.contains("CAP_NET_ADMIN"), "{e}");
}

fn every_packet_is_seen_or_counted_as_lost() {
    let ns = Netns::new();
    ns.nft(
        "table inet t { chain outp { type filter hook output priority 0; udp dport 9 log group 5 drop
        }
        }",
    );
    // A stream of one place, and a socket with the smallest buffer: packets are counted together, and the socket
    // overflows.
    let nflog = nflog::Config { receive_buffer: 0, threshold: 1, ..nflog::Config::default() };
    let evidence = start(&ns, Config { nflog, capacity: 1, ..groups(&[5]) });
    const SENT: u64 = 20_000;
    send(&ns, "127.0.0.1:9", &[0; 1000], SENT as u32);
    evidence.stopper().stop();
    let mut ledger = Ledger::default();
    let mut most = 0;
    for event in &evidence {
        match event {
            Event::Packet(p) => {
                most = most.max(p.count);
                ledger.saw_many(Source::Group(p.group), p.count.into());
            }
            Event::Lost(loss) => ledger.lost(&loss),
            other => panic!("{other:?}"),
        }
    }
    let total = ledger.total();
    let causes: Vec<_> = ledger.causes().collect();
    assert!(most > 1, "{causes:?}");
    assert!(total.lost > 0 && total.seen > 0, "{causes:?}");
    assert!(total.or_more || total.seen + total.lost == SENT, "{total:?} {causes:?}");
    // The socket may tell twice of what is one gap then: no gap is left for the last time it told, which counts as one more.
    let unplaced: u64 = causes.iter().filter(|(source, ..)| *source == Source::Nflog).map(|(.., n)| n).sum();
    assert!(unplaced <= 1 && total.seen + total.lost - unplaced <= SENT, "{total:?} {causes:?}");
}

fn more_kinds_of_packets_than_are_kept_apart_are_counted_as_lost() {
    let ns = Netns::new();
    ns.nft(
        "table inet t { chain outp { type filter hook output priority 0; meta l4proto udp log group 5 drop
        }
        }",
    );
    let evidence = start(&ns, Config { capacity: 1, ..groups(&[5]) });
    const SENT: u16 = 9000;
    ns.run(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for port in 1..=SENT {
            let _ = socket.send_to(b"x", ("127.0.0.1", port));
        }
    });
    evidence.stopper().stop();
    let mut ledger = Ledger::default();
    for event in &evidence {
        match event {
            Event::Packet(p) => ledger.saw_many(Source::Group(p.group), p.count.into()),
            Event::Lost(loss) => ledger.lost(&loss),
            other => panic!("{other:?}"),
        }
    }
    let causes: Vec<_> = ledger.causes().collect();
    assert!(causes.iter().any(|(_, cause, _)| *cause == LossCause::RingOverflow), "{causes:?}");
    assert_eq!(ledger.total().seen + ledger.total().lost, u64::from(SENT), "{causes:?}");
}

fn a_full_socket_is_counted_exactly_once_reading_goes_on() {
    let ns = Netns::new();
    ns.nft(
        "table inet t { chain outp { type filter hook output priority 0; udp dport 9 log group 5 drop
        }
        }",
    );
    ns.run(|| {
        let config = nflog::Config { receive_buffer: 0, threshold: 1, ..nflog::Config::default() };
        let mut listener = nflog::Listener::open(config).unwrap();
        listener.bind(5).unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let send = |n| {
            for _ in 0..n {
                let _ = socket.send_to(&[0; 1000], "127.0.0.1:9");
            }
        };
        let (mut seen, mut lost) = (0u64, Vec::new());
        let mut read = |listener: &mut nflog::Listener| {
            while listener
                .receive(|r| match r {
                    nflog::Received::Packet(_) => seen += 1,
                    nflog::Received::Lost(l) => lost.push(l),
                })
                .unwrap()
            {}
        };
        send(5000);
        read(&mut listener);
        send(10);
        read(&mut listener);
        assert_eq!(listener.unaccounted(), None, "the gap has told how many");
        let missing: u64 = lost.iter().map(|l| u64::from(l.count.unwrap())).sum();
        assert!(lost.iter().all(|l| l.cause == nflog::Cause::NoBuffers && l.group == Some(5)), "{lost:?}");
        assert!(missing > 0, "a socket of the smallest size holds no 5000 packets");
        assert_eq!(seen + missing, 5010, "{lost:?}");
    });
}

fn a_group_is_bound_although_the_socket_is_full() {
    let ns = Netns::new();
    ns.nft(
        "table inet t { chain outp { type filter hook output priority 0; udp dport 9 log group 5 drop; udp dport 10 log group 6 drop
        }
        }",
    );
    ns.run(|| {
        let config = nflog::Config { receive_buffer: 0, threshold: 1, ..nflog::Config::default() };
        let mut listener = nflog::Listener::open(config).unwrap();
        listener.bind(5).unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for _ in 0..5000 {
            let _ = socket.send_to(&[0; 1000], "127.0.0.1:9");
        }
        listener.bind(6).unwrap();
        let _ = socket.send_to(&[0; 1000], "127.0.0.1:9");
        let _ = socket.send_to(&[0; 1000], "127.0.0.1:10");
        let mut seen = [0u64; 2];
        let mut missing = 0;
        while listener
            .receive(|r| match r {
                nflog::Received::Packet(p) => seen[usize::from(p.group - 5)] += 1,
                nflog::Received::Lost(l) => missing += u64::from(l.count.unwrap()),
            })
            .unwrap()
        {}
        assert_eq!((seen[0] + missing, seen[1]), (5001, 1), "what came while the answer was waited for is kept");
        assert!(missing > 0);
    });
}
