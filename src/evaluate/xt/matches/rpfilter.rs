//! `-m rpfilter`

use std::net::IpAddr;

use super::address::end;
use super::{Checked, ask, known, note};
use crate::evaluate::context::Context;
use crate::evaluate::environment::FibQuery;
use crate::evaluate::fact::Fact;
use crate::evaluate::packet::Device;
use crate::evaluate::xt::Outcome;
use crate::evaluate::xt::targets::dsfield;
use crate::sys::xt::matches::Rpfilter;

const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const PACKET_LOOPBACK: u8 = 5;
const ARPHRD_LOOPBACK: u16 = 772;

pub(super) fn check(cx: &mut Context, m: &Rpfilter) -> Checked {
    let inverted = m.flags & Rpfilter::INVERT != 0;
    let passes = passes(cx, m)?;
    let have = if passes { "a route back" } else { "no route back by this interface" };
    Ok(note(cx, passes != inverted, "-m rpfilter", if inverted { "no route back" } else { "a route back" }, have))
}

fn passes(cx: &mut Context, m: &Rpfilter) -> Result<bool, Outcome> {
    let device = cx.packet.iif.clone();
    let Some(device) = known(cx, device, m)? else { return Ok(false) };
    if is_loopback(cx, &device) {
        return Ok(true);
    }
    let (Some(source), Some(destination)) = (end(cx, true, m)?, end(cx, false, m)?) else { return Ok(false) };
    let mark = match (m.flags & Rpfilter::VALID_MARK != 0, cx.packet.mark.clone()) {
        (true, mark) => known(cx, mark, m)?.unwrap_or(0),
        _ => 0,
    };
    let has = |flag: u8| m.flags & flag != 0;
    let (from, oif, tos) = match (source, destination) {
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            if s.octets()[0] == 0 && (d.is_broadcast() || d.octets()[..3] == [224, 0, 0]) {
                return Ok(true);
            }
            let usable = !(d.is_multicast() || d.is_broadcast() || d.octets()[0] == 0);
            (usable.then_some(d.into()), None, dsfield(&cx.packet).known().unwrap_or(0) & 0xfc)
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            if s.is_unspecified() {
                return Ok(true);
            }
            let usable = !d.is_multicast() && !d.is_unspecified() && d.to_ipv4_mapped().is_none();
            let bound = s.is_unicast_link_local() || !has(Rpfilter::LOOSE);
            (usable.then_some(d.into()), bound.then_some(device.index), 0)
        }
        _ => return Ok(false),
    };
    let query = FibQuery { to: source, from, oif, iif: None, mark, tos };
    let route = match cx.env.fib(&query) {
        Fact::Is(route) => route,
        Fact::Absent => return Ok(false),
        Fact::Unknown(what) => return ask(cx, what, m),
    };
    Ok(match route.kind {
        RTN_LOCAL if !has(Rpfilter::ACCEPT_LOCAL) => false,
        RTN_LOCAL if source.is_ipv6() => true,
        RTN_UNICAST | RTN_LOCAL => route.oif == device.index || has(Rpfilter::LOOSE),
        _ => false,
    })
}

fn is_loopback(cx: &Context, device: &Device) -> bool {
    cx.packet.pkttype == Fact::Is(PACKET_LOOPBACK)
        || match cx.env.link(device.index) {
            Fact::Is(link) => link.hardware == ARPHRD_LOOPBACK,
            _ => device.name.value().is_some_and(|n| n == "lo"),
        }
}
