//! Address translation: SNAT, DNAT, MASQUERADE, REDIRECT, NETMAP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::before_routing;
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::evaluate::nat::{self, Manip, Range};
use crate::sys::xt::targets::Nat;

/// The range of a rule, its addresses replaced if it has others than are written there.
fn range(t: &Nat, addresses: Fact<(IpAddr, IpAddr)>) -> Range {
    let has = |flag: u32| t.flags & flag != 0;
    Range {
        addresses,
        ports: has(Nat::PROTO_SPECIFIED).then_some((t.min_port, t.max_port)),
        random: has(Nat::PROTO_RANDOM | Nat::PROTO_RANDOM_FULLY),
        persistent: has(Nat::PERSISTENT),
        base: has(Nat::PROTO_OFFSET).then_some(t.base_port),
    }
}

fn written(t: &Nat) -> Fact<(IpAddr, IpAddr)> {
    if t.flags & Nat::MAP_IPS != 0 { Fact::Is((t.min_address, t.max_address)) } else { Fact::Absent }
}

pub(super) fn snat(cx: &mut Context, t: &Nat) -> Decision {
    nat::setup(cx, Manip::Source, &range(t, written(t)))
}

pub(super) fn dnat(cx: &mut Context, t: &Nat) -> Decision {
    nat::setup(cx, Manip::Destination, &range(t, written(t)))
}

pub(super) fn masquerade(cx: &mut Context, t: &Nat) -> Decision {
    nat::masquerade(cx, &range(t, Fact::Absent))
}

pub(super) fn redirect(cx: &mut Context, t: &Nat) -> Decision {
    nat::redirect(cx, &range(t, Fact::Absent))
}

pub(super) fn netmap(cx: &mut Context, t: &Nat) -> Decision {
    let destination = before_routing(cx.hook);
    let old = cx.packet.addresses().and_then(|(s, d)| nat::address(if destination { d } else { s }));
    let new: Option<IpAddr> = match (old, t.min_address, t.max_address) {
        (Some(IpAddr::V4(old)), IpAddr::V4(min), IpAddr::V4(max)) => {
            let mask = !(min.to_bits() ^ max.to_bits());
            Some(Ipv4Addr::from_bits(old.to_bits() & !mask | min.to_bits() & mask).into())
        }
        (Some(IpAddr::V6(old)), IpAddr::V6(min), IpAddr::V6(max)) => {
            let mask = !(min.to_bits() ^ max.to_bits());
            Some(Ipv6Addr::from_bits(old.to_bits() & !mask | min.to_bits() & mask).into())
        }
        _ => None,
    };
    let addresses = match new {
        Some(a) => Fact::Is((a, a)),
        None => Fact::unknown("address to map"),
    };
    nat::setup(cx, Manip::at(cx.hook), &range(t, addresses))
}
