//! Many packets at once.

use nfblame::evidence::trace::End;
use nfblame::evidence::{Event, TraceConfig};

use crate::common::kernel_tests;
use crate::world::{Lab, config, last, next, send, start, steps, trace};
use std::net::UdpSocket;

kernel_tests! {
    two_at_once_do_not_confuse_each_other needs ["linux 5.12", "nft", "iptables-legacy"];
    a_rate_limits_how_many_packets_are_traced needs ["linux 5.12", "nft"];
    a_flood_is_traced_or_its_losses_are_told needs ["linux 5.12", "nft", "iptables-legacy"];
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
