//! `-m physdev`, `-m devgroup`, `-m pkttype`, `-m cpu`, `-m ipvs`

use super::{Checked, known, note};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::packet::Device;
use crate::evaluate::xt::view::padded;
use crate::evaluate::xt::{Outcome, Param};
use crate::sys::Text;
use crate::sys::xt::Family;
use crate::sys::xt::matches::{Cpu, Devgroup, Ipvs, Physdev, Pkttype};

const PACKET_BROADCAST: i32 = 1;
const PACKET_MULTICAST: i32 = 2;
const PACKET_LOOPBACK: i32 = 5;

/// The name of a device, where there is one.
fn name(cx: &mut Context, device: Fact<Device>, about: &dyn std::fmt::Debug) -> Result<Option<Text>, Outcome> {
    match known(cx, device, about)? {
        Some(d) => known(cx, d.name, about),
        None => Ok(None),
    }
}

pub(super) fn physdev(cx: &mut Context, m: &Physdev<'_>) -> Checked {
    let asked = |bit: u8| m.matched & bit != 0;
    let inverted = |bit: u8| m.invert & bit != 0;
    let (input, output) = (cx.packet.physin.clone(), cx.packet.physout.clone());
    if (&input, &output) == (&Fact::Absent, &Fact::Absent) {
        // Not a bridged packet: only inverted conditions hold.
        let met = m.matched & !m.invert == 0;
        return Ok(note(cx, met, "-m physdev", "a bridged packet", "none"));
    }
    let input = name(cx, input, m)?;
    let output = name(cx, output, m)?;
    let is = |bit: u8, holds: bool| !asked(bit) || holds != inverted(bit);
    if !note(cx, is(Physdev::BRIDGED, output.is_some()), "--physdev-is-bridged", true, output.is_some())
        || !note(cx, is(Physdev::IS_IN, input.is_some()), "--physdev-is-in", true, input.is_some())
        || !note(cx, is(Physdev::IS_OUT, output.is_some()), "--physdev-is-out", true, output.is_some())
    {
        return Ok(false);
    }
    let same = |have: &Text, wanted: &[u8], mask: [u8; 16]| {
        (padded(have.as_bytes()) ^ padded(wanted)) & u128::from_be_bytes(mask) == 0
    };
    if asked(Physdev::IN)
        && let Some(have) = &input
    {
        let met = same(have, m.input.as_bytes(), m.input_mask) != inverted(Physdev::IN);
        if !note(cx, met, "--physdev-in", m.input, have) {
            return Ok(false);
        }
    }
    if !asked(Physdev::OUT) {
        return Ok(true);
    }
    let Some(have) = &output else { return Ok(note(cx, false, "--physdev-out", m.output, "none")) };
    let met = same(have, m.output.as_bytes(), m.output_mask) != inverted(Physdev::OUT);
    Ok(note(cx, met, "--physdev-out", m.output, have))
}

pub(super) fn group(cx: &mut Context, m: &Devgroup) -> Checked {
    let sides = [
        (Devgroup::SOURCE, Devgroup::INVERT_SOURCE, true, m.source, m.source_mask, "--src-group"),
        (Devgroup::DESTINATION, Devgroup::INVERT_DESTINATION, false, m.destination, m.destination_mask, "--dst-group"),
    ];
    for (asked, inverted, input, wanted, mask, field) in sides {
        if m.flags & asked == 0 {
            continue;
        }
        let device = if input { cx.packet.iif.clone() } else { cx.packet.oif.clone() };
        let Some(device) = known(cx, device, m)? else { return Ok(false) };
        let link = cx.env.link(device.index);
        let Some(link) = known(cx, link, m)? else { return Ok(false) };
        let met = ((wanted ^ link.group) & mask == 0) != (m.flags & inverted != 0);
        if !note(cx, met, field, wanted, link.group) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn pkttype(cx: &mut Context, param: &Param, m: &Pkttype) -> Checked {
    let fact = cx.packet.pkttype.clone();
    let Some(kind) = known(cx, fact, m)? else { return Ok(false) };
    let mut kind = i32::from(kind);
    if kind == PACKET_LOOPBACK {
        let group = cx.packet.array::<1>(16).known().is_some_and(|[first]| first >> 4 == 0xe);
        kind = if param.family == Family::Ip6 || group { PACKET_MULTICAST } else { PACKET_BROADCAST };
    }
    Ok(note(cx, (kind == m.kind) != (m.invert != 0), "--pkt-type", m.kind, kind))
}

pub(super) fn cpu(cx: &mut Context, m: &Cpu) -> Checked {
    let same = cx.ask(format!("whether CPU {} had the packet", m.cpu), format!("cpu {}", m.cpu).as_bytes(), true);
    Ok(same != (m.invert != 0))
}

pub(super) fn ipvs(cx: &mut Context, m: &Ipvs) -> Checked {
    // Without its sysctl directory the kernel has no virtual server.
    let loaded = !matches!(cx.env.sysctl("net.ipv4.vs.conntrack"), Fact::Absent);
    let balanced = loaded && cx.ask("whether the virtual server handles the packet", b"ipvs", false);
    if m.matched == Ipvs::PROPERTY {
        return Ok(note(cx, balanced != (m.invert & Ipvs::PROPERTY != 0), "--ipvs", true, balanced));
    }
    if !balanced {
        return Ok(note(cx, false, "-m ipvs", true, false));
    }
    super::ask(cx, "the virtual server's connection", m)
}
