//! What a host has learned about its ways counts where the kernel goes by it, and there only.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use nfblame::evaluate::checksum;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, sendto};
use serde_json::{Value, json};

use crate::common::lab::{Lab, Side, V4, V6, syn, udp_socket};
use crate::common::{DEADLINE, Netns, kernel_tests, until};
use crate::world::{Load, nfblame, who};

kernel_tests! {
    a_learned_mtu_lowers_segment_sizes_and_lets_what_is_forwarded_pass needs ["nft", "iptables-legacy", "ip6tables-legacy"];
}

/// Tells a host that what it had sent was too big: it learns so from an answer to a ping that it might have given.
fn too_big(from: &Netns, host: &str, sent_to: &str, mtu: u16) {
    let (host, to): (IpAddr, IpAddr) = (host.parse().unwrap(), sent_to.parse().unwrap());
    let mut told = match (host, to) {
        (IpAddr::V4(host), IpAddr::V4(to)) => {
            let mut b = vec![3, 4, 0, 0, 0, 0];
            b.extend(mtu.to_be_bytes());
            b.extend([0x45, 0, 0, 36, 0, 0, 0x40, 0, 64, 1, 0, 0]);
            b.extend(host.octets().into_iter().chain(to.octets()));
            b
        }
        (IpAddr::V6(host), IpAddr::V6(to)) => {
            let mut b = vec![2, 0, 0, 0, 0, 0];
            b.extend(mtu.to_be_bytes());
            b.extend([0x60, 0, 0, 0, 0, 16, 58, 64]);
            b.extend(host.octets().into_iter().chain(to.octets()));
            b
        }
        _ => panic!("{host} and {to}"),
    };
    told.extend(if host.is_ipv4() { [0; 16] } else { [128, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0] });
    if host.is_ipv4() {
        let sum = checksum::of(&told);
        told[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    from.run(|| {
        let (family, protocol) = match host {
            IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
            IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let fd = socket::socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).unwrap();
        use std::os::fd::AsRawFd;
        let to = SockaddrStorage::from(SocketAddr::new(host, 0));
        sendto(fd.as_raw_fd(), &told, &to, socket::MsgFlags::empty()).unwrap();
    });
}

/// What the client would send the server: a segment, or a datagram, after the addresses.
fn packet(side: Side, protocol: u8, payload: &[u8]) -> String {
    let total = payload.len() as u16;
    let mut b = match side.family {
        "ip" => [vec![0x45, 0], (total + 20).to_be_bytes().into(), vec![0, 1, 0x40, 0, 64, protocol, 0, 0]].concat(),
        _ => [vec![0x60, 0, 0, 0], total.to_be_bytes().into(), vec![protocol, 64]].concat(),
    };
    for end in [side.client, side.server] {
        match end.parse().unwrap() {
            IpAddr::V4(a) => b.extend(a.octets()),
            IpAddr::V6(a) => b.extend(a.octets()),
        }
    }
    if side.family == "ip" {
        let sum = checksum::of(&b);
        b[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    b.extend(payload);
    b.iter().map(|b| format!("{b:02x}")).collect()
}

fn explain(lab: &Lab, side: Side, packet: &str) -> Value {
    let line =
        format!("{{\"packet\":\"{packet}\",\"family\":\"{}\",\"hook\":\"prerouting\",\"iif\":\"r0\"}}\n", side.family);
    let out = nfblame(&lab.router, "explain --batch", line.as_bytes());
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
}

fn a_learned_mtu_lowers_segment_sizes_and_lets_what_is_forwarded_pass() {
    let lab = Lab::new();
    let taken = udp_socket(&lab.server, 80);
    taken.set_read_timeout(Some(DEADLINE)).unwrap();
    let rules = "add chain inet f post { type filter hook postrouting priority 10; }
         add rule inet f post tcp option maxseg size < 1000 counter drop
         add rule inet f post tcp option maxseg size < 1250 counter drop
         add rule inet f post tcp flags syn counter drop";
    let clamped = |table: &str| {
        lab.router.load(&format!("add table inet f\ndelete table inet f\nadd table inet f\n{table}\n{rules}"));
    };
    for (side, iptables, mtu) in [(V4, "iptables-legacy", 1000), (V6, "ip6tables-legacy", 1300)] {
        // Only about the way back: what a segment is clamped to is the smaller one.
        too_big(&lab.client, side.router, side.client, mtu);
        let header = [&[0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 4, 0, 0, 0, 0, 0][..], &[2, 4, 5, 0xb4]];
        let opening = packet(side, 6, &header.concat());
        let dropped_by = |expected: u64| {
            let answer = explain(&lab, side, &opening);
            assert_eq!(answer["confidence"], "certain");
            assert_eq!(who(&answer), format!("drop rule inet f post {expected}"), "{}", side.family);
            drop(syn(&lab.client, side.server, 80));
            let counted = |line: &str| line.contains(" counter packets 1 ");
            until("the SYN", || lab.run("nft list chain inet f post").lines().any(counted));
            let chain = lab.run("nft list chain inet f post");
            let place = chain.lines().filter(|l| l.contains("counter")).position(counted);
            assert_eq!(place, Some(expected as usize - 1), "{} {chain}", side.family);
        };
        let expected = if side == V4 { 1 } else { 2 };
        let clamp = format!("{iptables} -t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu");
        clamped("");
        dropped_by(3);
        lab.run(&clamp);
        clamped("");
        dropped_by(expected);
        lab.run(&clamp.replace("-A", "-D"));
        clamped(
            "add chain inet f fw { type filter hook forward priority 0; }
             add rule inet f fw tcp option maxseg size set rt mtu",
        );
        dropped_by(expected);
        // About the way on: an IPv4 router forwards what is larger all the same, unless it is told not to.
        if side == V4 {
            too_big(&lab.server, "10.9.2.1", side.server, mtu);
            let large = packet(side, 17, &[&[0x9c, 0x40, 0, 80, 4, 0xb0, 0, 0][..], &[7; 1192]].concat());
            assert_eq!(who(&explain(&lab, side, &large)), "accept none");
            let send = || {
                lab.client.run(|| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(&[7; 1192], (side.server, 80))).unwrap()
            };
            send();
            assert_eq!(taken.recv(&mut [0; 2000]).unwrap(), 1192);
            lab.router.sysctl("net.ipv4.ip_forward_use_pmtu", "1");
            let answer = explain(&lab, side, &large);
            assert_eq!(
                (who(&answer).as_str(), &answer["confidence"]),
                ("reject mtu larger than MTU 1000 of r1", &json!("certain"))
            );
        }
    }
}
