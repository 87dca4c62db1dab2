//! The conditions of legacy rules, and of those that iptables-nft keeps in xtables' form.

use std::net::IpAddr;

use crate::sys::nft::expr::CmpOp;
use crate::sys::uapi::x_tables::*;
use crate::sys::xt::matches::{Conntrack, Icmp, Iprange, Multiport, Tcp, Udp};
use crate::sys::xt::{Family, Interface, Match, Rule, Selector};

use super::axis::{Axes, What};
use super::nft::masked;
use super::ranges::Ranges;
use super::region::Region;
use super::shape::Conditions;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// The conditions of a legacy rule.
pub(super) fn conditions(rule: &Rule<'_>, axes: &mut Axes) -> Conditions {
    let mut all = Conditions::new();
    let family = rule.family();
    let protocol = selector(&rule.entry.selector, axes, &mut all);
    for raw in rule.entry.matches() {
        match raw {
            Ok(raw) => {
                condition(&raw.decode(family), raw.data.0, family == Family::Ip6, protocol, axes, &mut all);
            }
            Err(_) => all.unknown(),
        }
    }
    all
}

fn inside(what: What, ranges: Ranges, inverted: bool, axes: &mut Axes, all: &mut Conditions) {
    let ranges = if inverted { ranges.not(axes.top(&what)) } else { ranges };
    let axis = axes.id(what);
    all.and(axis, &ranges);
}

/// What an entry itself selects; its protocol, if it names one.
fn selector(s: &Selector, axes: &mut Axes, all: &mut Conditions) -> Option<u8> {
    let (ends, devices, proto, inverted_proto, fragments) = match s {
        Selector::Ip(s) => {
            let bits = |a: std::net::Ipv4Addr| u128::from(a.to_bits());
            (
                [
                    (What::Source4, bits(s.src), bits(s.src_mask), s.invert & IPT_INV_SRCIP != 0),
                    (What::Destination4, bits(s.dst), bits(s.dst_mask), s.invert & IPT_INV_DSTIP != 0),
                ],
                [
                    (What::Input, s.iif, s.invert & IPT_INV_VIA_IN != 0),
                    (What::Output, s.oif, s.invert & IPT_INV_VIA_OUT != 0),
                ],
                s.proto,
                s.invert & XT_INV_PROTO != 0,
                s.flags & IPT_F_FRAG != 0 || s.invert & IPT_INV_FRAG != 0,
            )
        }
        Selector::Ip6(s) => (
            [
                (What::Source6, s.src.to_bits(), s.src_mask.to_bits(), s.invert & IPT_INV_SRCIP != 0),
                (What::Destination6, s.dst.to_bits(), s.dst_mask.to_bits(), s.invert & IPT_INV_DSTIP != 0),
            ],
            [
                (What::Input, s.iif, s.invert & IPT_INV_VIA_IN != 0),
                (What::Output, s.oif, s.invert & IPT_INV_VIA_OUT != 0),
            ],
            if s.flags & IP6T_F_PROTO != 0 { s.proto } else { 0 },
            s.invert & XT_INV_PROTO != 0,
            false,
        ),
        Selector::Arp(_) => {
            if !s.is_any() {
                let axis = axes.id(What::Other(format!("{s:?}"), 0));
                all.and(axis, &Ranges::one(1));
            }
            return None;
        }
    };
    let bits = if matches!(s, Selector::Ip(_)) { 32 } else { 128 };
    for (what, value, mask, inverted) in ends {
        if mask == 0 && value == 0 {
            if inverted {
                all.regions.clear();
            }
            continue;
        }
        let op = if inverted { CmpOp::Neq } else { CmpOp::Eq };
        let top = axes.top(&what);
        match masked(what, mask, bits, op, value, top) {
            Some((what, ranges)) => {
                let axis = axes.id(what);
                all.and(axis, &ranges);
            }
            None => all.unknown(),
        }
    }
    for (what, name, inverted) in devices {
        if let Some(ranges) = interface(&name) {
            inside(what, ranges, inverted, axes, all);
        } else if inverted {
            all.regions.clear();
        }
    }
    if fragments {
        all.unknown();
    }
    let proto = u8::try_from(proto).ok().filter(|p| *p != 0)?;
    inside(What::Protocol, Ranges::one(proto.into()), inverted_proto, axes, all);
    (!inverted_proto).then_some(proto)
}

/// The names that an interface pattern takes, as numbers. None: all.
fn interface(wanted: &Interface) -> Option<Ranges> {
    let mask = u128::from_be_bytes(wanted.mask);
    if mask == 0 {
        return None;
    }
    let value = u128::from_be_bytes(wanted.name) & mask;
    let name = wanted.name.iter().position(|b| *b == 0).unwrap_or(16);
    // A whole name is compared with the zero behind it; names are padded with zeros.
    let whole = (mask.leading_ones() / 8) as usize > name || mask == u128::MAX;
    Some(if whole { Ranges::one(value) } else { Ranges::span(value, value | !mask) })
}

/// One match. `data` is what it was decoded from.
pub(super) fn condition(
    m: &Match<'_>,
    data: &[u8],
    v6: bool,
    protocol: Option<u8>,
    axes: &mut Axes,
    all: &mut Conditions,
) {
    let span = |(low, high): (u16, u16)| Ranges::span(low.into(), high.into());
    let any = (0, u16::MAX);
    let mut side = |what, range: (u16, u16), inverted: bool| {
        if range != any || inverted {
            inside(what, span(range), inverted, axes, all);
        }
    };
    match m {
        Match::Comment(_) => {}
        Match::Tcp(t) if protocol == Some(TCP) => {
            side(What::SourcePort, t.source, t.invert & Tcp::INVERT_SOURCE != 0);
            side(What::DestinationPort, t.destination, t.invert & Tcp::INVERT_DESTINATION != 0);
            if t.flag_mask != 0 {
                let flags = (0..=255u128).filter(|f| f & u128::from(t.flag_mask) == u128::from(t.flags));
                let ranges = Ranges::of(flags.map(|f| (f, f)));
                inside(What::TcpFlags, ranges, t.invert & Tcp::INVERT_FLAGS != 0, axes, all);
            }
            if t.option != 0 {
                opaque(m, data, axes, all);
            }
            if (t.source, t.destination, t.flag_mask, t.option) == (any, any, 0, 0) {
                // Even so it wants a whole header: no later fragment has one.
                inside(What::DestinationPort, span(any), false, axes, all);
            }
        }
        Match::Udp(u) if protocol == Some(UDP) => {
            let (source, destination) = ((u.source[0], u.source[1]), (u.destination[0], u.destination[1]));
            side(What::SourcePort, source, u.invert & Udp::INVERT_SOURCE != 0);
            side(What::DestinationPort, destination, u.invert & Udp::INVERT_DESTINATION != 0);
            if (source, destination) == (any, any) {
                inside(What::DestinationPort, span(any), false, axes, all);
            }
        }
        Match::Multiport(p) if matches!(protocol, Some(TCP | UDP)) => {
            let ranges = Ranges::of(p.ports.ranges().map(|(a, b)| (a.into(), b.into())));
            match p.side {
                Multiport::SOURCE => inside(What::SourcePort, ranges, p.invert, axes, all),
                Multiport::DESTINATION => inside(What::DestinationPort, ranges, p.invert, axes, all),
                _ => opaque(m, data, axes, all),
            }
        }
        Match::Icmp(i) if i.kind == Icmp::ANY && i.invert == 0 => {
            inside(What::IcmpType, Ranges::span(0, 255), false, axes, all);
        }
        Match::Icmp(i) | Match::Icmp6(i) if i.invert == 0 => {
            inside(What::IcmpType, Ranges::one(i.kind.into()), false, axes, all);
            if i.codes != [0, 255] {
                inside(What::IcmpCode, Ranges::span(i.codes[0].into(), i.codes[1].into()), false, axes, all);
            }
        }
        Match::Conntrack(c)
            if c.matched == Conntrack::STATE && c.states & (Conntrack::STATE_SNAT | Conntrack::STATE_DNAT) == 0 =>
        {
            let bits = [(0, 0), (1, 1), (2, 2), (3, 3), (8, 4)];
            let states = bits.into_iter().filter(|(bit, _)| c.states & (1 << bit) != 0).map(|(_, n)| (n, n));
            inside(What::State, Ranges::of(states), c.invert & Conntrack::STATE != 0, axes, all);
        }
        Match::State(s) => {
            let bits = [(0, 0), (1, 1), (2, 2), (3, 3), (6, 4)];
            let states = bits.into_iter().filter(|(bit, _)| s.states & (1 << bit) != 0).map(|(_, n)| (n, n));
            inside(What::State, Ranges::of(states), false, axes, all);
        }
        Match::Mark(k) => {
            let op = if k.invert != 0 { CmpOp::Neq } else { CmpOp::Eq };
            let (mark, mask) = (u128::from(k.mark), u128::from(k.mask));
            match masked(What::Mark, mask, 32, op, mark, axes.top(&What::Mark)) {
                Some((what, ranges)) if mask != 0 => {
                    let axis = axes.id(what);
                    all.and(axis, &ranges);
                }
                _ => opaque(m, data, axes, all),
            }
        }
        Match::Iprange(r) => {
            let sides = [
                (Iprange::SOURCE, r.source, Iprange::INVERT_SOURCE, if v6 { What::Source6 } else { What::Source4 }),
                (
                    Iprange::DESTINATION,
                    r.destination,
                    Iprange::INVERT_DESTINATION,
                    if v6 { What::Destination6 } else { What::Destination4 },
                ),
            ];
            for (flag, (low, high), invert, what) in sides {
                if r.flags & flag != 0 {
                    inside(what, Ranges::span(bits(low), bits(high)), r.flags & invert != 0, axes, all);
                }
            }
        }
        // They match now and then, or by what others sent before.
        Match::Limit(_)
        | Match::Hashlimit(_)
        | Match::Recent(_)
        | Match::Statistic(_)
        | Match::Quota(_)
        | Match::Connlimit(_)
        | Match::Connbytes(_)
        | Match::Rateest(_)
        | Match::Time(_)
        | Match::Cpu(_)
        | Match::Nfacct(_)
        | Match::Unknown { .. } => all.unknown(),
        _ => opaque(m, data, axes, all),
    }
}

/// A match that says the same about the same packet, whatever it is.
fn opaque(m: &Match<'_>, data: &[u8], axes: &mut Axes, all: &mut Conditions) {
    let axis = axes.id(What::Other(format!("{m:?} {data:?}"), 0));
    let mut one = Region::all();
    if one.narrow(axis, Ranges::one(1)) {
        all.and_any(&[one]);
    }
}

fn bits(a: IpAddr) -> u128 {
    match a {
        IpAddr::V4(a) => a.to_bits().into(),
        IpAddr::V6(a) => a.to_bits(),
    }
}
