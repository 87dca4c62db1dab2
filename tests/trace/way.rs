//! Ways that are not straight: fragments, bridges, silence between hooks.

use nfblame::evaluate::hook::Hook;
use nfblame::evidence::trace::{Edge, End};

use crate::common::{Netns, kernel_tests, until, veth};
use crate::world::{Lab, config, last, next, send, start, steps, trace};
use std::net::UdpSocket;

kernel_tests! {
    what_the_kernel_drops_between_the_hooks_shows_as_silence_there needs ["linux 5.12", "nft"];
    fragments_end_in_reassembly_and_the_whole_goes_on needs ["linux 5.12", "nft"];
    an_interface_selects_both_ways needs ["linux 5.12", "nft"];
    a_bridged_frame_passes_the_bridge needs ["linux 5.12", "nft"];
    what_a_bridge_hands_up_to_the_host_is_one_packet needs ["linux 5.12", "nft"];
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
    // Where br_netfilter is loaded, it may pass over rules for bridges.
    if std::path::Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() {
        bridge.sysctl("net.bridge.bridge-nf-call-iptables", "0");
    }
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
