//! Where packets go, and what keeps them from it.

use nfblame::evaluate::Fact;
use nfblame::host::route::{self, Outcome};
use nfblame::host::{Cause, KernelHost, Query};
use nfblame::sys::rt::{NewRoute, NewRule, Prefix, RouteKind};

use crate::common::kernel_tests;
use crate::world::{Lab, refusal, setting, summary, tcp, triple};

kernel_tests! {
    a_packet_is_delivered_or_forwarded needs [];
    forwarding_that_is_off_is_named_by_the_key_that_decides needs [];
    routes_that_lead_nowhere_are_told_apart needs [];
    the_reverse_path_filter_is_named_with_the_value_that_would_do needs [];
    martians_are_told_apart needs [];
    policy_routing_by_mark_source_and_interface_is_followed needs [];
    this_hosts_own_packets_are_routed needs [];
    ipv6_is_forwarded_where_all_forwarding_is_on needs [];
}

fn a_packet_is_delivered_or_forwarded() {
    let lab = Lab::new();
    let Outcome::Local(way) = lab.route("eth0", "192.0.2.2", "192.0.2.1") else { panic!("not local") };
    assert_eq!(way.kind, RouteKind::Local);
    let eth1 = lab.router.index("eth1");
    let Outcome::Onward(way) = lab.route("eth0", "192.0.2.2", "10.0.5.2") else { panic!("not forwarded") };
    assert_eq!((way.oif, way.gateway), (eth1, None));
    lab.router.route("203.0.113.0/24", "10.0.5.2");
    let Outcome::Onward(way) = lab.route("eth0", "192.0.2.2", "203.0.113.9") else { panic!("not forwarded") };
    assert_eq!((way.oif, way.gateway), (eth1, Some([10, 0, 5, 2].into())));
    for everybody in ["192.0.2.255", "255.255.255.255", "224.0.0.1"] {
        let outcome = lab.route("eth0", "192.0.2.2", everybody);
        assert!(matches!(outcome, Outcome::Local(_)), "{everybody}: {outcome:?}");
    }
    assert_eq!(lab.refused("eth0", "192.0.2.2", "224.1.2.3").cause, Cause::NotJoined);
}

fn forwarding_that_is_off_is_named_by_the_key_that_decides() {
    let lab = Lab::new();
    lab.router.sysctl("net.ipv4.conf.eth0.forwarding", "0");
    let r = lab.refused("eth0", "192.0.2.2", "10.0.5.2");
    assert_eq!(setting(&r), triple("net.ipv4.conf.eth0.forwarding", "0", "1"));
    assert!(matches!(lab.route("eth1", "10.0.5.2", "192.0.2.2"), Outcome::Onward(_)), "the other direction works");
    lab.router.sysctl("net.ipv4.ip_forward", "0");
    let r = lab.refused("eth0", "192.0.2.2", "10.0.5.2");
    assert_eq!((r.cause, r.told.clone()), (Cause::ForwardingOff, None));
    assert_eq!(setting(&r), triple("net.ipv4.ip_forward", "0", "1"));
    assert!(matches!(lab.route("eth0", "192.0.2.2", "192.0.2.1"), Outcome::Local(_)), "local delivery needs none");
    // Both ends would be dead: forwarding is what the kernel looks at first, and the other is not hidden.
    lab.rt_route("198.51.100.0/24", RouteKind::Blackhole);
    let r = lab.refused("eth0", "192.0.2.2", "198.51.100.1");
    assert_eq!(r.cause, Cause::ForwardingOff);
    assert!(r.evidence.iter().any(|e| e.value.contains("blackhole")), "{:?}", r.evidence);
}

fn routes_that_lead_nowhere_are_told_apart() {
    let lab = Lab::new();
    for (net, kind, cause) in [
        ("198.51.100.0/28", RouteKind::Blackhole, Cause::Blackhole),
        ("198.51.100.16/28", RouteKind::Unreachable, Cause::Unreachable),
        ("198.51.100.32/28", RouteKind::Prohibit, Cause::Prohibit),
        ("198.51.100.48/28", RouteKind::Throw, Cause::NoRoute),
    ] {
        lab.rt_route(net, kind);
        let dst = net.parse::<Prefix>().unwrap().addr.to_string();
        let r = lab.refused("eth0", "192.0.2.2", &dst);
        assert_eq!(r.cause, cause, "{net}");
        assert_eq!(r.told.is_none(), cause == Cause::Blackhole, "{net}");
    }
    assert_eq!(lab.refused("eth0", "192.0.2.2", "203.0.113.1").cause, Cause::NoRoute);
}

fn the_reverse_path_filter_is_named_with_the_value_that_would_do() {
    let lab = Lab::new();
    let spoofed = ("eth0", "10.0.5.77", "192.0.2.1");
    assert!(matches!(lab.route(spoofed.0, spoofed.1, spoofed.2), Outcome::Local(_)), "nothing filters yet");
    lab.router.sysctl("net.ipv4.conf.eth0.rp_filter", "1");
    let r = lab.refused(spoofed.0, spoofed.1, spoofed.2);
    assert_eq!((r.cause, setting(&r)), (Cause::ReversePath, triple("net.ipv4.conf.eth0.rp_filter", "1", "2")));
    assert!(r.evidence.iter().any(|e| e.value.contains("dev eth1")), "the way back is shown: {:?}", r.evidence);
    assert!(matches!(lab.route("eth0", "192.0.2.2", "192.0.2.1"), Outcome::Local(_)), "the right way in is open");
    let r = lab.refused("eth0", "10.0.5.77", "10.0.5.2");
    assert_eq!(r.cause, Cause::ReversePath, "forwarded packets are checked too");

    lab.router.sysctl("net.ipv4.conf.eth0.rp_filter", "0");
    lab.router.sysctl("net.ipv4.conf.all.rp_filter", "1");
    let r = lab.refused(spoofed.0, spoofed.1, spoofed.2);
    assert_eq!(setting(&r), triple("net.ipv4.conf.all.rp_filter", "1", "2"), "the larger of the two decides");

    lab.router.sysctl("net.ipv4.conf.eth0.rp_filter", "2");
    assert!(matches!(lab.route(spoofed.0, spoofed.1, spoofed.2), Outcome::Local(_)), "loose: any way back will do");
    let r = lab.refused("eth0", "203.0.113.1", "192.0.2.1");
    assert_eq!(setting(&r), triple("net.ipv4.conf.eth0.rp_filter", "2", "0"), "and here there is none");
}

fn martians_are_told_apart() {
    let lab = Lab::new();
    let r = lab.refused("eth0", "192.0.2.1", "192.0.2.1");
    assert_eq!((r.cause, setting(&r)), (Cause::OwnSource, triple("net.ipv4.conf.eth0.accept_local", "0", "1")));
    lab.router.sysctl("net.ipv4.conf.eth0.rp_filter", "1");
    assert_eq!(lab.refused("eth0", "10.0.5.1", "192.0.2.1").cause, Cause::OwnSource, "also where the filter is on");
    lab.router.sysctl("net.ipv4.conf.eth0.accept_local", "1");
    lab.router.sysctl("net.ipv4.conf.eth0.rp_filter", "0");
    assert!(matches!(lab.route("eth0", "192.0.2.1", "192.0.2.1"), Outcome::Local(_)));
    for (src, dst, cause) in [
        ("224.0.0.5", "192.0.2.1", Cause::MartianSource),
        ("255.255.255.255", "192.0.2.1", Cause::MartianSource),
        ("0.0.0.0", "192.0.2.1", Cause::MartianSource),
        ("192.0.2.2", "0.0.0.0", Cause::MartianDestination),
        ("127.0.0.1", "192.0.2.1", Cause::RouteLocalnet),
        ("192.0.2.2", "127.0.0.1", Cause::RouteLocalnet),
    ] {
        assert_eq!(lab.refused("eth0", src, dst).cause, cause, "{src} > {dst}");
    }
    let r = lab.refused("eth0", "192.0.2.2", "127.0.0.1");
    assert_eq!(setting(&r), triple("net.ipv4.conf.eth0.route_localnet", "0", "1"));
    lab.router.sysctl("net.ipv4.conf.eth0.route_localnet", "1");
    assert!(matches!(lab.route("eth0", "192.0.2.2", "127.0.0.1"), Outcome::Local(_)));
}

fn policy_routing_by_mark_source_and_interface_is_followed() {
    let lab = Lab::new();
    let inet = nix::libc::AF_INET as u8;
    let unreachable =
        NewRoute { table: 66, ..NewRoute::kind("0.0.0.0/0".parse().unwrap(), RouteKind::Unreachable.raw()) };
    let rules = [
        NewRule { mark: Some(0x66), ..NewRule::lookup(inet, 100, 66) },
        NewRule { from: Some("203.0.113.0/24".parse().unwrap()), iif: Some("eth0"), ..NewRule::lookup(inet, 101, 66) },
        NewRule { mark: Some(7), action: 8, ..NewRule::lookup(inet, 102, 0) },
    ];
    lab.router
        .rt(|rt| rules.iter().try_for_each(|rule| rt.add_rule(*rule)).and_then(|()| rt.add_route(unreachable)))
        .unwrap();
    assert!(matches!(lab.route("eth0", "192.0.2.2", "10.0.5.2"), Outcome::Onward(_)), "unmarked packets pass");
    let r = refusal(lab.route_marked("eth0", "192.0.2.2", "10.0.5.2", 0x66));
    assert_eq!(r.cause, Cause::Unreachable);
    assert!(r.evidence.iter().any(|e| e.value.contains("table 66")), "{:?}", r.evidence);
    assert_eq!(lab.refused("eth0", "203.0.113.1", "10.0.5.2").cause, Cause::Unreachable);
    assert_eq!(refusal(lab.route_marked("eth0", "192.0.2.2", "10.0.5.2", 7)).cause, Cause::Prohibit);
}

fn this_hosts_own_packets_are_routed() {
    let lab = Lab::new();
    lab.rt_route("198.51.100.0/28", RouteKind::Blackhole);
    lab.rt_route("198.51.100.16/28", RouteKind::Unreachable);
    let outcomes = lab.router.run(|| {
        let host = KernelHost::open().unwrap();
        let to = |src: &str, dst: &str| route::output(&host, &tcp(src, dst));
        [
            to("192.0.2.1", "10.0.5.2"),
            to("0.0.0.0", "192.0.2.2"),
            to("192.0.2.1", "192.0.2.1"),
            to("192.0.2.1", "198.51.100.1"),
            to("192.0.2.1", "198.51.100.17"),
            to("192.0.2.1", "203.0.113.1"),
            to("203.0.113.77", "10.0.5.2"),
        ]
        .map(|o| summary(&o))
    });
    let (eth0, eth1) = (lab.router.index("eth0"), lab.router.index("eth1"));
    let expected = [
        &format!("by {eth1} via None"),
        &format!("by {eth0} via None"),
        "local",
        "refused: blackhole",
        "refused: unreachable",
        "refused: no route",
        // Raw and transparent sockets send from any address.
        &format!("by {eth1} via None"),
    ];
    assert_eq!(outcomes, expected);
}

fn ipv6_is_forwarded_where_all_forwarding_is_on() {
    let lab = Lab::new();
    lab.router.address("eth0", "2001:db8:1::1/64");
    lab.router.address("eth1", "2001:db8:2::1/64");
    let there = ("eth0", "2001:db8:1::2", "2001:db8:2::2");
    let r = lab.refused(there.0, there.1, there.2);
    assert_eq!((r.cause, setting(&r)), (Cause::ForwardingOff, triple("net.ipv6.conf.all.forwarding", "0", "1")));
    assert!(matches!(lab.route("eth0", "2001:db8:1::2", "2001:db8:1::1"), Outcome::Local(_)));
    lab.router.sysctl("net.ipv6.conf.all.forwarding", "1");
    assert!(
        matches!(lab.route(there.0, there.1, there.2), Outcome::Onward(way) if way.oif == lab.router.index("eth1"))
    );
    for (net, kind, cause) in [
        ("2001:db8:a::/48", RouteKind::Blackhole, Cause::Blackhole),
        ("2001:db8:b::/48", RouteKind::Unreachable, Cause::Unreachable),
        ("2001:db8:c::/48", RouteKind::Prohibit, Cause::Prohibit),
    ] {
        lab.rt_route(net, kind);
        let dst = net.parse::<Prefix>().unwrap().addr.to_string();
        assert_eq!(lab.refused("eth0", "2001:db8:1::2", &dst).cause, cause, "{net}");
    }
    assert_eq!(lab.refused("eth0", "2001:db8:1::2", "2001:db8:ff::1").cause, Cause::NoRoute);
    // Behind its hop limit.
    for (ttl, cause) in [(64, Cause::MartianSource), (1, Cause::TtlExpired)] {
        let query = Query { ttl: Some(ttl), ..tcp("fe80::2", "2001:db8:2::2").via(lab.router.index("eth0")) };
        let stopped = lab.router.run(|| {
            let host = KernelHost::open().unwrap();
            let Outcome::Onward(way) = route::input(&host, &query) else { panic!("not forwarded") };
            route::forward(&host, &query, &way)
        });
        assert_eq!(stopped.map(|r| r.cause), Fact::Is(cause));
    }
    assert_eq!(lab.refused("eth0", "2001:db8:1::2", "ff0e::99").cause, Cause::NotJoined);
    lab.router.sysctl("net.ipv6.conf.eth0.disable_ipv6", "1");
    let r = lab.refused(there.0, there.1, there.2);
    assert_eq!(setting(&r), triple("net.ipv6.conf.eth0.disable_ipv6", "1", "0"));
}
