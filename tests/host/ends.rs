//! Who takes packets, and what they meet on the way out: sockets, neighbours, IPsec, connections.

use nfblame::evaluate::Fact;
use nfblame::host::deliver::{Taker, deliver};
use nfblame::host::route::{self, Outcome};
use nfblame::host::{Cause, Host, KernelHost, Query};
use nfblame::sys::ct::{L4, Tuple, Zone};

use crate::common::{kernel_tests, until};
use crate::world::{Lab, tcp};
use std::net::{TcpListener, TcpStream, UdpSocket};

kernel_tests! {
    sockets_are_found_as_the_kernel_finds_them needs [];
    a_listener_that_does_not_accept_overflows needs [];
    a_neighbour_that_does_not_answer_and_a_small_mtu_stop_a_packet needs [];
    an_ipsec_policy_blocks_what_it_selects needs ["ip"];
    connections_are_found_in_both_directions_with_their_nat needs ["nft"];
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
    // Answers of this host do not leave either, and what asks for IPsec does not without a state.
    let leaves = |dst: &str| {
        let query = Query { iif: 0, ..tcp("192.0.2.1", dst) };
        lab.router.run(|| route::output(&KernelHost::open().unwrap(), &query))
    };
    let kept = |outcome| matches!(outcome, Outcome::Refused(r) if r.cause == Cause::IpsecPolicy && r.unless.is_none());
    let policy = |rest: &str| {
        let args = ["xfrm", "policy", "add", "dir", "out", "src", "192.0.2.1/32", "dst"];
        lab.router.cmd("ip", &[&args[..], &rest.split(' ').collect::<Vec<_>>()].concat(), "");
    };
    assert!(!kept(leaves("192.0.2.2")));
    policy("192.0.2.2/32 action block");
    assert!(kept(leaves("192.0.2.2")) && !kept(leaves("192.0.2.3")));
    policy("192.0.2.3/32 tmpl proto esp mode transport");
    assert!(kept(leaves("192.0.2.3")));
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
