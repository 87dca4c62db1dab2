//! `-m addrtype`

use std::net::IpAddr;

use super::address::end;
use super::{Checked, known, note};
use crate::evaluate::context::Context;
use crate::evaluate::packet::Device;
use crate::evaluate::xt::{Outcome, Param};
use crate::sys::xt::Family;
use crate::sys::xt::matches::Addrtype;

// `enum` of include/uapi/linux/netfilter/xt_addrtype.h, the bits of `RTN_*`.
const UNSPEC: u16 = 1 << 0;
const UNICAST: u16 = 1 << 1;
const LOCAL: u16 = 1 << 2;
const ANYCAST: u16 = 1 << 4;
const MULTICAST: u16 = 1 << 5;
const BLACKHOLE: u16 = 1 << 6;
const UNREACHABLE: u16 = 1 << 7;
const PROHIBIT: u16 = 1 << 8;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Addrtype) -> Checked {
    let device = match (m.flags & Addrtype::LIMIT_IN != 0, m.flags & Addrtype::LIMIT_OUT != 0) {
        (true, _) => Some(cx.packet.iif.clone()),
        (_, true) => Some(cx.packet.oif.clone()),
        _ => None,
    };
    let device = match device {
        Some(fact) => known(cx, fact, m)?.map(|Device { index, .. }| index),
        None => None,
    };
    let ends = [
        (true, m.source, Addrtype::INVERT_SOURCE, "--src-type"),
        (false, m.destination, Addrtype::INVERT_DESTINATION, "--dst-type"),
    ];
    for (source, types, inverted, name) in ends {
        if types == 0 {
            continue;
        }
        let Some(address) = end(cx, source, m)? else { return Ok(false) };
        let holds = match param.family {
            Family::Ip6 => is_type6(cx, address, device, types, m)?,
            _ => kind(cx, address, device, m)? & types != 0,
        };
        if !note(cx, holds != (m.flags & inverted != 0), name, Types(types), address) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The bit of an address's type.
fn kind(cx: &mut Context, address: IpAddr, device: Option<u32>, m: &Addrtype) -> Result<u16, Outcome> {
    let fact = cx.env.address_type(address, device);
    Ok(known(cx, fact, m)?.map_or(UNREACHABLE, |kind| 1u16.checked_shl(kind.into()).unwrap_or(0)))
}

/// `match_type6`: some types are seen in the address itself, and then each must be right.
fn is_type6(cx: &mut Context, address: IpAddr, device: Option<u32>, types: u16, m: &Addrtype) -> Result<bool, Outcome> {
    let IpAddr::V6(a) = address else { return Ok(false) };
    let multicast = a.is_multicast();
    let unicast = !multicast && !a.is_unspecified() && a.to_ipv4_mapped().is_none();
    if types & MULTICAST != 0 && !multicast
        || types & UNICAST != 0 && !unicast
        || types & UNSPEC != 0 && !a.is_unspecified()
    {
        return Ok(false);
    }
    if types & (LOCAL | ANYCAST | UNREACHABLE) == 0 {
        return Ok(true);
    }
    let found = match kind(cx, address, device, m)? {
        BLACKHOLE | PROHIBIT => UNREACHABLE,
        other => other & (LOCAL | ANYCAST | UNREACHABLE),
    };
    Ok(types & found != 0)
}

/// Types by the tool's names.
struct Types(u16);

impl std::fmt::Debug for Types {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 12] = [
            "UNSPEC",
            "UNICAST",
            "LOCAL",
            "BROADCAST",
            "ANYCAST",
            "MULTICAST",
            "BLACKHOLE",
            "UNREACHABLE",
            "PROHIBIT",
            "THROW",
            "NAT",
            "XRESOLVE",
        ];
        let set: Vec<&str> = NAMES.iter().enumerate().filter(|(i, _)| self.0 >> i & 1 != 0).map(|(_, n)| *n).collect();
        f.write_str(&set.join(","))
    }
}
