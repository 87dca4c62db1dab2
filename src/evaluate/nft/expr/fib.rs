//! `fib`: asks the routing tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::evaluate::environment::FibQuery;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::packet::Device;
use crate::evaluate::{Context, Decision, Fact, Hook, Network};
use crate::sys::nft::Family;
use crate::sys::nft::expr::{Fib, FibFlags, FibResult};

use super::meta::{input, link, output};
use super::tproxy::ends;

const NAME: usize = 16;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_ANYCAST: u8 = 4;
/// `RTN_BLACKHOLE` and what is behind it are refusals.
const RTN_BLACKHOLE: u8 = 6;
/// `LOOPBACK_IFINDEX`
const LOOPBACK: u32 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const PACKET_LOOPBACK: u8 = 5;
const ICMPV6: u8 = 58;
/// `INET_DSCP_MASK`
const DSCP: u8 = 0xfc;

/// `nft_fib_inet_eval`, `nft_fib_netdev_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Fib) -> Step {
    if !matches!(cx.packet.network, Network::Ip4 | Network::Ip6) {
        return if m.table_family() == Family::Netdev { Step::Break } else { Step::Verdict(Decision::Drop) };
    }
    let Some((source, destination)) = ends(cx) else {
        return unknown(m, e, Unknown::fact("addresses").perhaps_absent());
    };
    match e.result {
        FibResult::Addrtype => address_type(cx, m, e, source, destination),
        FibResult::Oif | FibResult::Oifname => device(cx, m, e, source, destination),
        FibResult::Unknown(n) => unknown(m, e, Unknown::fact(format!("fib result {n}"))),
    }
}

fn unknown(m: &mut Machine<'_>, e: &Fib, what: Unknown) -> Step {
    let len = match e.result {
        _ if e.flags.contains(FibFlags::PRESENT) => 1,
        FibResult::Oifname => NAME,
        _ => 4,
    };
    let what = what.changed((e.result.code(), e.flags.bits()));
    m.regs.write_unknown(e.dreg, len, what);
    Step::Go
}

/// The device that the question is restricted to.
fn restriction<'c>(cx: &'c Context<'_>, e: &Fib) -> Fact<&'c Device> {
    if e.flags.contains(FibFlags::IIF) {
        input(cx)
    } else if e.flags.contains(FibFlags::OIF) {
        output(cx)
    } else {
        Fact::Absent
    }
}

/// `nft_fib4_eval_type`, `nft_fib6_eval_type`
fn address_type(cx: &Context<'_>, m: &mut Machine<'_>, e: &Fib, source: IpAddr, destination: IpAddr) -> Step {
    let on = match restriction(cx, e) {
        Fact::Is(d) => Some(d.index),
        Fact::Absent => None,
        Fact::Unknown(w) => return unknown(m, e, Unknown::fact(w)),
    };
    let address = if e.flags.contains(FibFlags::DADDR) { destination } else { source };
    match cx.env.address_type(address, on) {
        Fact::Is(kind) => {
            m.regs.write_u32(e.dreg, u32::from(kind));
            Step::Go
        }
        Fact::Absent => unknown(m, e, Unknown::fact("address type")),
        Fact::Unknown(w) => unknown(m, e, Unknown::fact(w).changed((address, on))),
    }
}

/// `nft_fib4_eval`, `nft_fib6_eval`
fn device(cx: &Context<'_>, m: &mut Machine<'_>, e: &Fib, source: IpAddr, destination: IpAddr) -> Step {
    match skips(cx, m, source, destination) {
        Fact::Is(true) => return store(cx, m, e, input(cx).map(|d| d.index)),
        Fact::Is(false) | Fact::Absent => {}
        Fact::Unknown(w) => return unknown(m, e, Unknown::fact(w)),
    }
    let wanted = match restriction(cx, e) {
        Fact::Is(d) => Some(d.index),
        Fact::Absent => None,
        Fact::Unknown(w) => return unknown(m, e, Unknown::fact(w)),
    };
    let mark = match (e.flags.contains(FibFlags::MARK), &cx.packet.mark) {
        (false, _) | (true, Fact::Absent) => 0,
        (true, Fact::Is(mark)) => *mark,
        (true, Fact::Unknown(w)) => return unknown(m, e, Unknown::fact(w.clone())),
    };
    let forward = e.flags.contains(FibFlags::DADDR);
    let (to, from) = if forward { (destination, source) } else { (source, destination) };
    let mut query = FibQuery { to, from: Some(from), oif: None, iif: Some(LOOPBACK), mark, tos: 0 };
    if let (IpAddr::V4(from), Fact::Is([_, tos])) = (from, cx.packet.array(0)) {
        query.tos = tos & DSCP;
        // `get_saddr`
        if from.is_multicast() || from.is_broadcast() || from.octets()[0] == 0 {
            query.from = None;
        }
    }
    if !forward && cx.hook == Hook::Forward && e.flags.contains(FibFlags::IIF) {
        match output(cx) {
            Fact::Is(out) => query.iif = Some(out.index),
            _ => return unknown(m, e, Unknown::fact("output device")),
        }
    }
    if let IpAddr::V6(to) = to
        && to.is_unicast_link_local()
    {
        query.oif = wanted.or_else(|| input(cx).known().or_else(|| output(cx).known()).map(|d| d.index));
    }
    let found = match cx.env.fib(&query) {
        Fact::Is(a) => match a.kind {
            RTN_LOCAL | RTN_BLACKHOLE.. => Fact::Absent,
            RTN_ANYCAST if to.is_ipv6() => Fact::Absent,
            kind if kind < RTN_UNICAST => Fact::Absent,
            _ => match wanted {
                None => Fact::Is(a.oif),
                Some(device) => (a.oif == device).then_some(device).into(),
            },
        },
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => return unknown(m, e, Unknown::fact(w).changed(query)),
    };
    store(cx, m, e, found)
}

/// Does the kernel answer with the input device without looking (`nft_fib_can_skip` and the special cases behind it)?
fn skips(cx: &Context<'_>, m: &Machine<'_>, source: IpAddr, destination: IpAddr) -> Fact<bool> {
    if matches!(cx.hook, Hook::Ingress | Hook::Prerouting | Hook::Input) {
        if cx.packet.pkttype == Fact::Is(PACKET_LOOPBACK) {
            return Fact::Is(true);
        }
        match link(cx, input(cx)) {
            Fact::Is(l) if l.hardware == ARPHRD_LOOPBACK => return Fact::Is(true),
            Fact::Unknown(w) if input(cx).known().is_none_or(|d| d.name.value().is_none_or(|n| *n == "lo")) => {
                return Fact::Unknown(w);
            }
            _ => {}
        }
    }
    Fact::Is(match (source, destination) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            let local_multicast = d.octets()[..3] == [224, 0, 0];
            s.octets()[0] == 0 && (d == Ipv4Addr::BROADCAST || local_multicast)
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            let icmp = m.info.transport.value().is_some_and(|t| t.protocol == ICMPV6);
            // `ipv6_addr_type` counts link-local multicast as link-local.
            let local = d.is_unicast_link_local() || (d.is_multicast() && d.octets()[1] & 15 == 2);
            icmp && s == Ipv6Addr::UNSPECIFIED && local
        }
        _ => false,
    })
}

/// `nft_fib_store_result`
fn store(cx: &Context<'_>, m: &mut Machine<'_>, e: &Fib, found: Fact<u32>) -> Step {
    let present = e.flags.contains(FibFlags::PRESENT);
    match (found, e.result) {
        (Fact::Unknown(w), _) => return unknown(m, e, Unknown::fact(w)),
        (found, FibResult::Oif) if present => m.regs.write_u8(e.dreg, u8::from(found.known().is_some_and(|i| i != 0))),
        (found, _) if present => m.regs.write_u8(e.dreg, u8::from(found.known().is_some())),
        (found, FibResult::Oif) => m.regs.write_u32(e.dreg, found.known().unwrap_or(0)),
        (Fact::Is(index), _) => match cx.env.link(index) {
            Fact::Is(l) => m.regs.write_name(e.dreg, l.name.as_bytes(), NAME),
            _ => return unknown(m, e, Unknown::fact("name of a device").changed(index)),
        },
        (Fact::Absent, _) => m.regs.write_name(e.dreg, b"", NAME),
    }
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Packet;
    use crate::evaluate::environment::{FibAnswer, Link};
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    fn ask(packet: Packet, kind: u8, oif: u32, flags: FibFlags, result: FibResult) -> (Step, Option<Vec<u8>>) {
        let link = |index, name: &str, hardware| Link { index, name: name.into(), hardware, ..Link::default() };
        let host = Host {
            fib: Some(FibAnswer { kind, oif, ..FibAnswer::default() }),
            links: vec![link(1, "lo", ARPHRD_LOOPBACK), link(2, "eth0", 1), link(3, "eth1", 1)],
            ..Host::default()
        };
        on(packet, Hook::Prerouting, &host, &table(Family::Inet), |cx, m| {
            let step = eval(cx, m, &Fib { dreg: Reg::R1, result, flags });
            (step, m.regs.read(Reg::R1, 4).map(<[u8]>::to_vec))
        })
    }

    fn packet(name: &str, index: u32) -> Packet {
        let mut p = ip4(17, &[0; 8]);
        p.iif = port(index, name);
        p
    }

    const BACK: FibFlags = FibFlags::SADDR.union(FibFlags::IIF);

    #[test]
    fn the_reverse_path_is_the_input_device_or_nothing() {
        let present = BACK.union(FibFlags::PRESENT);
        assert_eq!(ask(packet("eth0", 2), 1, 2, present, FibResult::Oif).1, Some(vec![1, 0, 0, 0]));
        assert_eq!(ask(packet("eth0", 2), 1, 3, present, FibResult::Oif).1, Some(vec![0, 0, 0, 0]));
        assert_eq!(ask(packet("eth0", 2), 2, 2, present, FibResult::Oif).1, Some(vec![0, 0, 0, 0]), "local");
        assert_eq!(ask(packet("eth0", 2), 7, 0, present, FibResult::Oif).1, Some(vec![0, 0, 0, 0]), "unreachable");
        assert_eq!(ask(packet("lo", 1), 7, 0, present, FibResult::Oif).1, Some(vec![1, 0, 0, 0]), "over loopback");
    }

    #[test]
    fn devices_and_types_are_loaded() {
        let any = FibFlags::DADDR;
        assert_eq!(ask(packet("eth0", 2), 1, 3, any, FibResult::Oif).1, Some(3u32.to_ne_bytes().to_vec()));
        assert_eq!(ask(packet("eth0", 2), 1, 3, any, FibResult::Oifname).1, Some(b"eth1".to_vec()));
        assert_eq!(ask(packet("eth0", 2), 1, 3, any, FibResult::Addrtype).1, Some(2u32.to_ne_bytes().to_vec()));
        let arp = Packet::new(Network::Arp, vec![0; 28]);
        let step = on(arp, Hook::Ingress, &Host::default(), &table(Family::Netdev), |cx, m| {
            eval(cx, m, &Fib { dreg: Reg::R1, result: FibResult::Oif, flags: any })
        });
        assert_eq!(step, Step::Break);
    }
}
