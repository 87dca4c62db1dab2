//! Hand-made packets against hand-made rules: what the kernel at hand cannot be asked, above all. The rest is in
//! tests/differential_xt.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod matches;
mod nat;
mod table;
mod targets;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Outcome, matches::matches as matches_packet, targets::apply};
use crate::evaluate::environment::{FibAnswer, FibQuery, Link, RouteType, SocketFacts};
use crate::evaluate::headers::Network;
use crate::evaluate::{Assumptions, Context, Decision, Device, Environment, Fact, Hook, Packet, checksum};
use crate::sys::ct::{Flow, Tuple, Zone};
use crate::sys::xt::{Family, Match, Target};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [192, 0, 2, 9];

/// A host of which only this is known.
#[derive(Default)]
struct Host {
    links: BTreeMap<u32, Link>,
    kinds: BTreeMap<IpAddr, RouteType>,
    route: Option<Fact<FibAnswer>>,
    sockets: BTreeMap<(u8, IpAddr, u16), SocketFacts>,
    ipsec: Option<bool>,
    clock: Option<i64>,
    release: Option<&'static str>,
    address: Option<IpAddr>,
    taken: Option<bool>,
}

impl Environment for Host {
    fn link(&self, index: u32) -> Fact<Link> {
        self.links.get(&index).cloned().map_or(Fact::unknown("network device"), Fact::Is)
    }

    fn address_type(&self, address: IpAddr, _: Option<u32>) -> Fact<RouteType> {
        self.kinds.get(&address).copied().map_or(Fact::unknown("address type"), Fact::Is)
    }

    fn fib(&self, _: &FibQuery) -> Fact<FibAnswer> {
        self.route.clone().unwrap_or(Fact::unknown("routing tables"))
    }

    fn socket(&self, protocol: u8, _: (IpAddr, u16), to: (IpAddr, u16)) -> Fact<SocketFacts> {
        self.sockets.get(&(protocol, to.0, to.1)).cloned().into()
    }

    fn under_ipsec(&self) -> Fact<bool> {
        self.ipsec.map_or(Fact::unknown("IPsec state"), Fact::Is)
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        self.clock.map_or(Fact::unknown("time of day"), |t| Fact::Is((t, 7200)))
    }

    fn sysctl(&self, key: &str) -> Fact<String> {
        match (key, self.release) {
            ("kernel.osrelease", Some(r)) => Fact::Is(r.to_owned()),
            ("net.ipv4.vs.conntrack", _) => Fact::Absent,
            _ => Fact::unknown("sysctl"),
        }
    }

    fn masquerade_address(&self, _: u32, _: IpAddr) -> Fact<IpAddr> {
        self.address.into()
    }

    fn redirect_address(&self, _: u32, _: IpAddr) -> Fact<IpAddr> {
        self.address.into()
    }

    fn same_source(&self, _: &Tuple, _: Zone) -> Fact<Vec<Tuple>> {
        Fact::Absent
    }

    fn tuple_taken(&self, _: &Tuple, _: Zone) -> Fact<bool> {
        self.taken.map_or(Fact::unknown("other connections on the same ports"), Fact::Is)
    }
}

/// An IPv4 packet from A to B with right checksums.
fn ip4(protocol: u8, payload: &[u8]) -> Packet {
    let mut b = vec![0x45, 0, 0, (20 + payload.len()) as u8, 0, 1, 0, 0, 64, protocol, 0, 0];
    b.extend(A);
    b.extend(B);
    let sum = checksum::of(&b);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
    b.extend(payload);
    if let Some(at) = checksum::place(protocol).map(|p| 20 + p).filter(|at| at + 2 <= b.len()) {
        b[at..at + 2].fill(0);
        let covered = if protocol == 1 {
            b[20..].to_vec()
        } else {
            [&b[12..20], &[0, protocol, 0, payload.len() as u8], &b[20..]].concat()
        };
        let sum = checksum::of(&covered);
        b[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    let mut p = Packet::new(Network::Ip4, b);
    p.iif = Fact::Is(Device { index: 2, name: Fact::Is("eth0".into()) });
    p
}

/// An IPv6 packet from fd00::1 to fd00::2, its payload as it is.
fn ip6(next: u8, payload: &[u8]) -> Packet {
    let mut b = vec![0x60, 0, 0, 0, 0, payload.len() as u8, next, 64];
    b.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    b.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    b.extend(payload);
    Packet::new(Network::Ip6, b)
}

/// A UDP datagram from port 4000.
fn udp(to: u16, data: &[u8]) -> Packet {
    let mut b = vec![0x0f, 0xa0];
    b.extend(to.to_be_bytes());
    b.extend(((8 + data.len()) as u16).to_be_bytes());
    b.extend([0, 0]);
    b.extend(data);
    ip4(17, &b)
}

/// A TCP segment from port 4000.
fn tcp(to: u16, flags: u8, options: &[u8]) -> Packet {
    let mut b = vec![0x0f, 0xa0];
    b.extend(to.to_be_bytes());
    b.extend([0, 0, 0, 1, 0, 0, 0, 2, ((20 + options.len()) / 4 * 16) as u8, flags, 0x20, 0, 0, 0, 0, 0]);
    b.extend(options);
    ip4(6, &b)
}

fn family(packet: &Packet) -> Family {
    if packet.network == Network::Ip6 { Family::Ip6 } else { Family::Ip }
}

/// Runs `f` for every combination of answers to open questions.
fn each<T: PartialEq>(host: &Host, packet: &Packet, hook: Hook, mut f: impl FnMut(&mut Context) -> T) -> Vec<T> {
    let mut all = Vec::new();
    let mut assumptions = Assumptions::new();
    loop {
        let result = f(&mut Context::new(packet.clone(), hook, host, &mut assumptions));
        if !all.contains(&result) {
            all.push(result);
        }
        if !assumptions.advance() {
            return all;
        }
    }
}

/// The one thing that a match can say; fails if it is open.
fn says(host: &Host, packet: &Packet, m: Match<'_>) -> Outcome {
    let all = each(host, packet, Hook::Input, |cx| matches_packet(cx, family(&cx.packet), &m));
    assert_eq!(all.len(), 1, "{m:?} is open: {all:?}");
    all[0]
}

fn is(host: &Host, packet: &Packet, m: Match<'_>) -> bool {
    says(host, packet, m) == Outcome::Yes
}

fn is_open(host: &Host, packet: &Packet, m: Match<'_>) -> bool {
    each(host, packet, Hook::Input, |cx| matches_packet(cx, family(&cx.packet), &m)).len() > 1
}

/// What a target makes of a packet; fails if that is open.
fn after(host: &Host, packet: &Packet, hook: Hook, t: Target<'_>) -> (Decision, Packet) {
    let mut all = each(host, packet, hook, |cx| {
        (apply(cx, family(&cx.packet), &t), std::mem::replace(&mut cx.packet, packet.clone()))
    });
    assert_eq!(all.len(), 1, "{t:?} is open");
    all.remove(0)
}

/// A connection without anything but its tuples.
fn flow(orig: Tuple, reply: Tuple) -> Fact<Arc<Flow>> {
    Fact::Is(Arc::new(Flow::of(orig, reply)))
}
