//! A rule logs the packet, no rule drops it, and yet it does not get through.

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, V4, V6, listen, syn, udp, udp_socket};
use crate::common::{Netns, veth};
use crate::watcher::{Watcher, line, logged, more};

kernel_tests! {
    forwarding_is_off needs ["nft"];
    forwarding_is_off_by_legacy_evidence needs ["iptables-legacy", "ip6tables-legacy"];
    the_reverse_path_filter_takes_it needs ["nft"];
    a_route_leads_nowhere needs ["nft", "ip"];
    nobody_listens needs ["nft"];
    a_listener_is_bound_elsewhere needs ["nft"];
    a_packet_that_reaches_its_socket_is_accepted needs ["nft"];
    echo_requests_are_ignored needs ["nft"];
}

const LOG: &str = "table inet logs { chain pre { type filter hook prerouting priority -300
        meta l4proto { tcp, udp, icmp } log prefix \"pre \" group 5
    }
}";

/// The reasons of a blame.
fn why(b: &nfblame::blame::Blame) -> String {
    b.why.iter().map(|w| w.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn forwarding_is_off() {
    let lab = Lab::new();
    lab.router.nft(LOG);
    lab.router.sysctl("net.ipv4.ip_forward", "0");
    lab.router.sysctl("net.ipv6.conf.all.forwarding", "0");
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 53);
    let how = "drop nflog certain | sysctl net.ipv4.ip_forward=0 wanted 1";
    let b = watch.blame();
    assert!(line(&b).starts_with(how), "{}", more(&b));
    assert!(why(&b).contains("logged by inet logs pre rule 1"), "{}", why(&b));
    udp(&lab.client, V6.server, 53);
    let how = "drop nflog certain | sysctl net.ipv6.conf.all.forwarding=0 wanted 1";
    let b = watch.blame();
    assert!(line(&b).starts_with(how), "{}", more(&b));
}

fn forwarding_is_off_by_legacy_evidence() {
    let lab = Lab::new();
    for program in ["iptables-legacy", "ip6tables-legacy"] {
        lab.run(&format!("{program} -t raw -A PREROUTING -p udp -j NFLOG --nflog-prefix x --nflog-group 5"));
        lab.run(&format!("{program} -A FORWARD -p udp -j DROP"));
    }
    lab.router.sysctl("net.ipv4.conf.r0.forwarding", "0");
    lab.router.sysctl("net.ipv6.conf.r0.forwarding", "0");
    let watch = Watcher::start(&lab.router, logged(false));
    udp(&lab.client, V4.server, 53);
    let b = watch.blame();
    let how = "drop nflog certain | sysctl net.ipv4.conf.r0.forwarding=0 wanted 1";
    assert!(line(&b).starts_with(how), "{}", more(&b));
    // For IPv6 only the setting for all interfaces counts.
    udp(&lab.client, V6.server, 53);
    let place = "rule xtables ip6 filter FORWARD 1";
    watch.expect(&lab, "drop nflog certain", place, "-A FORWARD -p udp -j DROP");
}

fn the_reverse_path_filter_takes_it() {
    let lab = Lab::new();
    lab.router.nft(LOG);
    lab.router.sysctl("net.ipv4.conf.r0.rp_filter", "1");
    // The answer to this sender would leave by r1.
    lab.client.address("a0", "10.9.2.77/32");
    let watch = Watcher::start(&lab.router, logged(false));
    // So that the router is known: it would not answer to who asks with this address.
    udp(&lab.client, V4.router, 53);
    assert!(watch.line().contains("socket no listener"));
    lab.client.run(|| {
        let socket = std::net::UdpSocket::bind("10.9.2.77:0").unwrap();
        socket.send_to(b"x", (V4.router, 53)).unwrap();
    });
    let said = watch.line();
    assert!(said.starts_with("drop nflog certain | sysctl net.ipv4.conf.r0.rp_filter=1 wanted 2"), "{said}");
}

fn a_route_leads_nowhere() {
    let lab = Lab::new();
    lab.router.nft(LOG);
    for (kind, to) in [("blackhole", "10.7.1.0/24"), ("unreachable", "10.7.2.0/24"), ("prohibit", "10.7.3.0/24")] {
        lab.run(&format!("ip route add {kind} {to}"));
    }
    let watch = Watcher::start(&lab.router, logged(false));
    for (to, want) in [
        ("10.7.1.1", "drop nflog certain | route blackhole"),
        ("10.7.2.1", "reject icmp-host-unreachable nflog certain | route unreachable"),
        ("10.7.3.1", "reject icmp-admin-prohibited nflog certain | route prohibit"),
        ("10.8.0.1", "reject icmp-net-unreachable nflog certain | route no route"),
    ] {
        udp(&lab.client, to, 53);
        assert_eq!(watch.line(), want);
    }
}

fn nobody_listens() {
    let lab = Lab::new();
    lab.router.nft(LOG);
    let watch = Watcher::start(&lab.router, logged(false));
    for (side, told) in [(V4, "icmp-port-unreachable"), (V6, "icmp6-port-unreachable")] {
        udp(&lab.client, side.router, 53);
        assert_eq!(watch.line(), format!("reject {told} nflog certain | socket no listener"));
        let _socket = syn(&lab.client, side.router, 80);
        assert_eq!(watch.line(), "reject tcp-reset nflog certain | socket no listener");
    }
}

fn a_listener_is_bound_elsewhere() {
    let lab = Lab::new();
    lab.router.nft(LOG);
    let _tcp = lab.router.run(|| std::net::TcpListener::bind("127.0.0.1:80")).unwrap();
    let _udp = lab.router.run(|| std::net::UdpSocket::bind("10.9.2.1:53")).unwrap();
    let watch = Watcher::start(&lab.router, logged(false));
    let _socket = syn(&lab.client, V4.router, 80);
    assert_eq!(watch.line(), "reject tcp-reset nflog certain | socket bound to 127.0.0.1");
    udp(&lab.client, V4.router, 53);
    assert_eq!(watch.line(), "reject icmp-port-unreachable nflog certain | socket bound to 10.9.2.1");
}

fn a_packet_that_reaches_its_socket_is_accepted() {
    let lab = Lab::new();
    lab.router.nft(LOG);
    let (_tcp, _udp) = (listen(&lab.router, 80), udp_socket(&lab.router, 53));
    let watch = Watcher::start(&lab.router, logged(true));
    for side in [V4, V6] {
        udp(&lab.client, side.router, 53);
        assert_eq!(watch.line(), "accept nflog certain | none");
    }
    let socket = syn(&lab.client, V4.router, 80);
    // The handshake's last packet is one of a connection that is known by then.
    assert_eq!(watch.line(), "accept nflog certain | none");
    assert_eq!(watch.line(), "accept nflog certain | none");
    drop(socket);
}

fn echo_requests_are_ignored() {
    let (a, b) = (Netns::new(), Netns::new());
    veth(&a, "a0", "10.9.1.2/24", &b, "b0", "10.9.1.1/24");
    b.nft(LOG);
    b.sysctl("net.ipv4.icmp_echo_ignore_all", "1");
    let watch = Watcher::start(&b, logged(false));
    a.run(|| {
        use nix::sys::socket::*;
        let fd = socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Icmp).unwrap();
        let echo = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
        let to = SockaddrIn::new(10, 9, 1, 1, 0);
        use std::os::fd::AsRawFd;
        sendto(fd.as_raw_fd(), &echo, &to, MsgFlags::empty()).unwrap();
    });
    let said = watch.line();
    assert!(said.starts_with("drop nflog certain | sysctl net.ipv4.icmp_echo_ignore_all=1 wanted 0"), "{said}");
}
