//! What the host layer says about routing, sockets, connection tracking and neighbours, against the running kernel in
//! networks of its own. Every routing answer is asked for twice: of the kernel, and of the walk over rules, tables
//! and settings that explains the kernel's refusals. They have to agree.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::rc::Rc;

use common::{Netns, kernel, kernel_tests, until, veth};
use nfblame::evaluate::Fact;
use nfblame::host::deliver::{Taker, deliver};
use nfblame::host::route::{self, Outcome};
use nfblame::host::{Cause, Host, KernelHost, Query, Refusal};
use nfblame::sys::ct::{L4, Tuple, Zone};
use nfblame::sys::rt::{Address, Link, NewRoute, NewRule, Prefix, Route, RouteKind, Rule};

kernel_tests! {
    a_packet_is_delivered_or_forwarded needs [];
    forwarding_that_is_off_is_named_by_the_key_that_decides needs [];
    routes_that_lead_nowhere_are_told_apart needs [];
    the_reverse_path_filter_is_named_with_the_value_that_would_do needs [];
    martians_are_told_apart needs [];
    policy_routing_by_mark_source_and_interface_is_followed needs [];
    this_hosts_own_packets_are_routed needs [];
    ipv6_is_forwarded_where_all_forwarding_is_on needs [];
    sockets_are_found_as_the_kernel_finds_them needs [];
    a_listener_that_does_not_accept_overflows needs [];
    a_neighbour_that_does_not_answer_and_a_small_mtu_stop_a_packet needs [];
    an_ipsec_policy_blocks_what_it_selects needs ["ip"];
    connections_are_found_in_both_directions_with_their_nat needs ["nft"];
    the_walk_agrees_with_the_kernel_on_random_networks needs [];
}

fn main() {
    kernel::run(cases());
}

/// A client, a router, and a server behind it; forwarding is on.
struct Lab {
    client: Netns,
    router: Netns,
    server: Netns,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { client: Netns::new(), router: Netns::new(), server: Netns::new() };
        veth(&lab.client, "eth0", "192.0.2.2/24", &lab.router, "eth0", "192.0.2.1/24");
        veth(&lab.router, "eth1", "10.0.5.1/24", &lab.server, "eth0", "10.0.5.2/24");
        lab.client.route("0.0.0.0/0", "192.0.2.1");
        lab.server.route("0.0.0.0/0", "10.0.5.1");
        for (key, value) in [("ip_forward", "1"), ("conf.all.rp_filter", "0"), ("conf.default.rp_filter", "0")] {
            lab.router.sysctl(&format!("net.ipv4.{key}"), value);
        }
        for link in ["eth0", "eth1"] {
            lab.router.sysctl(&format!("net.ipv4.conf.{link}.rp_filter"), "0");
        }
        lab
    }

    fn rt_route(&self, to: &str, kind: RouteKind) {
        let route = NewRoute::kind(to.parse().unwrap(), kind.raw());
        self.router.rt(|rt| rt.add_route(route)).unwrap();
    }

    /// Where a TCP packet that comes in by an interface of the router goes.
    fn route(&self, iif: &str, src: &str, dst: &str) -> Outcome {
        self.route_marked(iif, src, dst, 0)
    }

    fn route_marked(&self, iif: &str, src: &str, dst: &str, mark: u32) -> Outcome {
        let query = Query { mark: Fact::Is(mark), ..tcp(src, dst).via(self.router.index(iif)) };
        self.router.run(|| {
            let host = KernelHost::open().unwrap();
            let asked = route::input(&host, &query);
            let walked = route::input(&Tables(&host), &query);
            assert_eq!(summary(&asked), summary(&walked), "{src} > {dst} by {iif}: the kernel and the walk disagree");
            asked
        })
    }

    fn refused(&self, iif: &str, src: &str, dst: &str) -> Refusal {
        refusal(self.route(iif, src, dst))
    }
}

fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The part of an outcome that the kernel and the walk have to agree on.
fn summary(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Local(_) => "local".into(),
        Outcome::Onward(way) => format!("by {} via {:?}", way.oif, way.gateway),
        Outcome::Refused(r) => format!("refused: {}", r.cause),
        Outcome::Unknown(why) => format!("unknown: {why}"),
    }
}

/// The same host without the kernel's lookup.
struct Tables<'a>(&'a KernelHost);

impl Host for Tables<'_> {
    fn sysctl(&self, key: &str) -> Fact<String> {
        Host::sysctl(self.0, key)
    }
    fn links(&self) -> Fact<Rc<[Link]>> {
        self.0.links()
    }
    fn addresses(&self) -> Fact<Rc<[Address]>> {
        self.0.addresses()
    }
    fn rules(&self, v6: bool) -> Fact<Rc<[Rule]>> {
        self.0.rules(v6)
    }
    fn routes_to(&self, table: u32, to: IpAddr) -> Fact<Rc<[Route]>> {
        self.0.routes_to(table, to)
    }
    fn proc_net(&self, name: &str) -> Fact<String> {
        self.0.proc_net(name)
    }
}

fn tcp(src: &str, dst: &str) -> Query {
    let l4 = L4::Ports { src: 40000, dst: 80 };
    Query {
        tcp_flags: Some(2),
        ttl: Some(64),
        length: Some(60),
        ..Query::new(src.parse().unwrap(), dst.parse().unwrap(), 6, l4)
    }
}

fn setting(r: &Refusal) -> (String, String, String) {
    let (s, wanted) = r.setting.clone().unwrap_or_else(|| panic!("no setting: {r:?}"));
    (s.key, s.value.to_string(), wanted)
}

fn triple(key: &str, value: &str, wanted: &str) -> (String, String, String) {
    (key.into(), value.into(), wanted.into())
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

/// Who takes a packet from the client to the router.
fn taker(lab: &Lab, query: Query) -> Taker {
    let query = query.via(lab.router.index("eth0"));
    lab.router.run(|| match deliver(&KernelHost::open().unwrap(), &query) {
        Fact::Is(taker) => taker,
        other => panic!("{other:?}"),
    })
}

fn nobody(lab: &Lab, query: Query) -> (Cause, String) {
    match taker(lab, query) {
        Taker::Nobody(r) => (r.cause, r.detail.unwrap_or_else(|| r.cause.to_string())),
        other => panic!("taken: {other:?}"),
    }
}

fn sockets_are_found_as_the_kernel_finds_them() {
    let lab = Lab::new();
    let syn = || tcp("192.0.2.2", "192.0.2.1");
    assert_eq!(nobody(&lab, syn()), (Cause::NoListener, "no listener".into()));
    let loopback = lab.router.run(|| TcpListener::bind("127.0.0.1:80")).unwrap();
    assert_eq!(nobody(&lab, syn()), (Cause::BoundElsewhere, "bound to 127.0.0.1".into()));
    drop(loopback);
    let dual = lab.router.run(|| TcpListener::bind("[::]:80")).unwrap();
    let Taker::Socket(socket) = taker(&lab, syn()) else { panic!("not taken") };
    assert!(socket.is_wildcard() && socket.addr.is_ipv6(), "an IPv6 listener takes IPv4");
    let stray = Query { tcp_flags: Some(0x10), ..syn() };
    assert_eq!(nobody(&lab, stray.clone()).0, Cause::NoConnection);
    let client = lab.client.run(|| TcpStream::connect("192.0.2.1:80")).unwrap();
    let port = client.local_addr().unwrap().port();
    let Taker::Socket(socket) = taker(&lab, Query { l4: L4::Ports { src: port, dst: 80 }, ..stray }) else {
        panic!("the connection is there")
    };
    assert_eq!((socket.peer_port, socket.state.to_string().as_str()), (port, "ESTABLISHED"));
    drop((dual, client));

    let udp = |dst: &str| Query { protocol: Some(17), tcp_flags: None, ..tcp("192.0.2.2", dst) };
    assert_eq!(nobody(&lab, udp("192.0.2.1")).0, Cause::NoListener);
    let _bound = lab.router.run(|| UdpSocket::bind("10.0.5.1:80")).unwrap();
    assert_eq!(nobody(&lab, udp("192.0.2.1")), (Cause::BoundElsewhere, "bound to 10.0.5.1".into()));
    assert!(matches!(taker(&lab, udp("10.0.5.1")), Taker::Socket(_)));
    let _any = lab.router.run(|| UdpSocket::bind("0.0.0.0:81")).unwrap();
    let to_all = Query { l4: L4::Ports { src: 1, dst: 81 }, ..udp("192.0.2.255") };
    assert!(matches!(taker(&lab, to_all), Taker::Socket(_)));
}

fn a_listener_that_does_not_accept_overflows() {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
    use std::os::fd::AsRawFd;
    let lab = Lab::new();
    let listener = lab.router.run(|| {
        let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(fd.as_raw_fd(), &SockaddrIn::new(0, 0, 0, 0, 80)).unwrap();
        listen(&fd, Backlog::new(1).unwrap()).unwrap();
        fd
    });
    let clients: Vec<_> = (0..2).map(|_| lab.client.run(|| TcpStream::connect("192.0.2.1:80")).unwrap()).collect();
    until("the backlog to fill", || matches!(taker(&lab, tcp("192.0.2.2", "192.0.2.1")), Taker::Nobody(_)));
    assert_eq!(nobody(&lab, tcp("192.0.2.2", "192.0.2.1")), (Cause::ListenOverflow, "listen overflow".into()));
    drop((listener, clients));
}

fn a_neighbour_that_does_not_answer_and_a_small_mtu_stop_a_packet() {
    let lab = Lab::new();
    lab.router.sysctl("net.ipv4.neigh.eth1.retrans_time_ms", "20");
    let stopped = |dst: &str, change: fn(Query) -> Query| {
        let query = change(tcp("192.0.2.2", dst).via(lab.router.index("eth0")));
        lab.router.run(|| {
            let host = KernelHost::open().unwrap();
            let Outcome::Onward(way) = route::input(&host, &query) else { panic!("not forwarded") };
            match route::forward(&host, &query, &way) {
                Fact::Absent => route::leave(&host, &query, &way),
                stopped => stopped,
            }
        })
    };
    assert_eq!(stopped("10.0.5.2", |q| q), Fact::Absent);
    // Somebody asks for a neighbour that is not there.
    let socket = lab.router.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    socket.send_to(b"?", "10.0.5.77:9").unwrap();
    until("the neighbour to fail", || matches!(stopped("10.0.5.77", |q| q), Fact::Is(_)));
    assert_eq!(stopped("10.0.5.77", |q| q).map(|r| r.cause), Fact::Is(Cause::NeighbourFailed));

    assert_eq!(stopped("10.0.5.2", |q| Query { ttl: Some(1), ..q }).map(|r| r.cause), Fact::Is(Cause::TtlExpired));
    let eth1 = lab.router.index("eth1");
    lab.router.rt(|rt| rt.set_mtu(eth1, 1000)).unwrap();
    let big = |q| Query { length: Some(1200), dont_fragment: true, ..q };
    assert_eq!(stopped("10.0.5.2", big).map(|r| r.cause), Fact::Is(Cause::TooBig));
    assert_eq!(stopped("10.0.5.2", |q| Query { length: Some(1200), dont_fragment: false, ..q }), Fact::Absent);
    let together = |q| Query { length: Some(9000), dont_fragment: true, ..q };
    assert!(stopped("10.0.5.2", together).is_unknown(), "segments that the device put together");
}

fn an_ipsec_policy_blocks_what_it_selects() {
    let lab = Lab::new();
    let _listener = lab.router.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    let block = |dir: &str, dst: &str| {
        let args = ["xfrm", "policy", "add", "src", "192.0.2.2/32", "dst", dst, "dir", dir, "action", "block"];
        lab.router.cmd("ip", &args, "");
    };
    assert!(matches!(taker(&lab, tcp("192.0.2.2", "192.0.2.1")), Taker::Socket(_)));
    block("in", "192.0.2.1/32");
    assert_eq!(nobody(&lab, tcp("192.0.2.2", "192.0.2.1")), (Cause::IpsecPolicy, "policy block".into()));
    assert!(matches!(taker(&lab, tcp("192.0.2.3", "192.0.2.1")), Taker::Socket(_)), "others are let in");
    block("fwd", "10.0.5.0/24");
    let query = tcp("192.0.2.2", "10.0.5.2").via(lab.router.index("eth0"));
    let stopped = lab.router.run(|| {
        let host = KernelHost::open().unwrap();
        let Outcome::Onward(way) = route::input(&host, &query) else { panic!("not forwarded") };
        route::forward(&host, &query, &way)
    });
    assert_eq!(stopped.map(|r| r.cause), Fact::Is(Cause::IpsecPolicy));
}

fn connections_are_found_in_both_directions_with_their_nat() {
    let lab = Lab::new();
    lab.router.nft(
        "table ip t {
            chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 10.0.5.2:80; }
            chain post { type nat hook postrouting priority srcnat; oifname eth1 masquerade; }
        }",
    );
    let _listener = lab.server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    let client = lab.client.run(|| TcpStream::connect("192.0.2.1:8080")).unwrap();
    let port = client.local_addr().unwrap().port();
    let way_in = Tuple::ports(6, ([192, 0, 2, 2].into(), port), ([192, 0, 2, 1].into(), 8080));
    let way_back = Tuple::ports(6, ([10, 0, 5, 2].into(), 80), ([10, 0, 5, 1].into(), port));
    lab.router.run(|| {
        let host = KernelHost::open().unwrap();
        for (tuple, reply) in [(way_in, false), (way_back, true)] {
            let Fact::Is(flow) = host.flow(&tuple, Zone::default()) else { panic!("no entry for {tuple:?}") };
            assert_eq!((flow.orig, flow.is_reply(&tuple)), (way_in, Some(reply)));
            assert!(matches!(&flow.protoinfo, Some(nfblame::sys::ct::ProtoInfo::Tcp { state, .. })
                if state.to_string() == "ESTABLISHED"));
        }
        assert_eq!(host.flow(&way_in, Zone::both(5)), Fact::Absent, "another zone");
        assert_eq!(host.flow(&Tuple::ports(17, (way_in.src, 1), (way_in.dst, 2)), Zone::default()), Fact::Absent);
        let Fact::Is(usage) = host.conntrack_usage() else { panic!("no usage") };
        assert!(usage.count == 1 && usage.max > 1000, "{usage:?}");
    });
}

/// A reproducible source of choices (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % below as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// Random settings, routes and rules; random packets: the walk never contradicts the kernel, and explains its refusals.
fn the_walk_agrees_with_the_kernel_on_random_networks() {
    let networks: u64 = std::env::var("NFBLAME_TEST_NETWORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    for seed in 0..networks {
        random_network(seed, 150);
    }
}

fn random_network(seed: u64, packets: usize) {
    const ADDRESSES: [&str; 18] = [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.255",
        "10.0.5.1",
        "10.0.5.2",
        "10.0.5.77",
        "10.0.5.255",
        "198.51.100.1",
        "198.51.100.200",
        "203.0.113.1",
        "203.0.113.129",
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "224.9.9.9",
        "240.0.0.1",
    ];
    const NETS: [&str; 9] = [
        "0.0.0.0/0",
        "198.51.100.0/24",
        "198.51.100.128/25",
        "203.0.113.0/24",
        "203.0.113.128/25",
        "10.0.5.64/26",
        "192.0.2.0/25",
        "203.0.113.1/32",
        "240.0.0.0/4",
    ];
    let (lab, mut dice) = (Lab::new(), Dice(seed));
    for interface in ["all", "eth0", "eth1"] {
        for (key, values) in
            [("rp_filter", 3), ("forwarding", 2), ("accept_local", 2), ("route_localnet", 2), ("src_valid_mark", 2)]
        {
            // Mostly as it is found in practice.
            let value = if dice.roll(3) == 0 { dice.roll(values) } else { usize::from(key == "forwarding") };
            lab.router.sysctl(&format!("net.ipv4.conf.{interface}.{key}"), &value.to_string());
        }
    }
    let via = [Some("192.0.2.2"), Some("10.0.5.2"), None];
    let kinds = [
        RouteKind::Unicast,
        RouteKind::Unicast,
        RouteKind::Blackhole,
        RouteKind::Unreachable,
        RouteKind::Prohibit,
        RouteKind::Throw,
        RouteKind::Local,
    ];
    let (eth0, eth1) = (lab.router.index("eth0"), lab.router.index("eth1"));
    lab.router.rt(|rt| {
        for _ in 0..dice.roll(8) {
            let kind = dice.pick(&kinds);
            let via = dice.pick(&via).map(|a| a.parse().unwrap()).filter(|_| kind == RouteKind::Unicast);
            let bare = via.is_none() && matches!(kind, RouteKind::Unicast | RouteKind::Local);
            let oif = bare.then(|| dice.pick(&[eth0, eth1]));
            let route = NewRoute {
                via,
                oif,
                table: dice.pick(&[254, 66, 67]),
                ..NewRoute::kind(dice.pick(&NETS).parse().unwrap(), kind.raw())
            };
            let _ = rt.add_route(route); // one that is there already is refused
        }
        for priority in 0..dice.roll(4) {
            let rule = NewRule {
                mark: dice.pick(&[None, Some(1), Some(2)]),
                from: dice.pick(&[
                    None,
                    None,
                    Some("203.0.113.0/24".parse().unwrap()),
                    Some("192.0.2.0/24".parse().unwrap()),
                ]),
                iif: dice.pick(&[None, None, Some("eth0"), Some("lo")]),
                action: dice.pick(&[1, 1, 1, 6, 7, 8]),
                ..NewRule::lookup(nix::libc::AF_INET as u8, 100 + priority as u32, dice.pick(&[66, 67, 254]))
            };
            rt.add_rule(rule).unwrap();
        }
    });
    let disagreements = lab.router.run(|| {
        let host = KernelHost::open().unwrap();
        let mut found = Vec::new();
        for _ in 0..packets {
            let (src, dst) = (dice.pick(&ADDRESSES), dice.pick(&ADDRESSES));
            let (iif, mark) = (dice.pick(&[eth0, eth1]), dice.pick(&[0, 1, 2]));
            let query = Query { mark: Fact::Is(mark), ..tcp(src, dst).via(iif) };
            let (asked, walked) = (route::input(&host, &query), route::input(&Tables(&host), &query));
            if summary(&asked) != summary(&walked) {
                found.push(format!(
                    "seed {seed}: {src} > {dst} by {iif} mark {mark}: {} / {}",
                    summary(&asked),
                    summary(&walked)
                ));
            }
        }
        found
    });
    if !disagreements.is_empty() {
        let shown = if common::find_program("ip").is_some() {
            lab.router.cmd("ip", &["rule"], "") + &lab.router.cmd("ip", &["route", "show", "table", "all"], "")
        } else {
            String::new()
        };
        panic!("{}\n{shown}", disagreements.join("\n"));
    }
}
