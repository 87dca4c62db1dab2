//! `-m conntrack`, `-m state`

use std::net::IpAddr;

use super::{Checked, ask, known, note, range};
use crate::evaluate::connection;
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::packet::CtState;
use crate::evaluate::xt::Outcome;
use crate::sys::ct::{L4, Status, Tuple};
use crate::sys::xt::matches::{Conntrack, State};

/// The state's bit (`XT_CONNTRACK_STATE_*`, `XT_STATE_*`), but for the untracked, which the two number differently.
fn bit(state: CtState, untracked: u32) -> u32 {
    match state {
        CtState::Invalid => Conntrack::STATE_INVALID.into(),
        CtState::Established => Conntrack::STATE_ESTABLISHED.into(),
        CtState::Related => Conntrack::STATE_RELATED.into(),
        CtState::New => Conntrack::STATE_NEW.into(),
        CtState::Untracked => untracked,
    }
}

pub(super) fn state(cx: &mut Context, m: &State) -> Checked {
    let state = connection::state(cx);
    let met = m.states & bit(state, State::UNTRACKED) != 0;
    if !met {
        cx.miss("--state", || (Some(names(m.states, State::UNTRACKED)), Some(state.name().to_uppercase())));
    }
    Ok(met)
}

pub(super) fn conntrack(cx: &mut Context, m: &Conntrack) -> Checked {
    let asked = |bit: u16| m.matched & bit != 0;
    let inverted = |bit: u16| m.invert & bit != 0;
    let state = connection::state(cx);
    let tracked = !matches!(state, CtState::Invalid | CtState::Untracked);
    if asked(Conntrack::STATE) {
        let untracked = Conntrack::STATE_UNTRACKED.into();
        let mut bits = bit(state, untracked);
        if tracked && m.states & (Conntrack::STATE_SNAT | Conntrack::STATE_DNAT) != 0 {
            let status = status(cx, m)?;
            bits |= if status.contains(Status::SRC_NAT) { Conntrack::STATE_SNAT.into() } else { 0 };
            bits |= if status.contains(Status::DST_NAT) { Conntrack::STATE_DNAT.into() } else { 0 };
        }
        if (u32::from(m.states) & bits != 0) == inverted(Conntrack::STATE) {
            cx.miss("--ctstate", || {
                let not = if inverted(Conntrack::STATE) { "! " } else { "" };
                (Some(format!("{not}{}", names(m.states.into(), untracked))), Some(state.name().to_uppercase()))
            });
            return Ok(false);
        }
    }
    if !tracked {
        // Without a connection only the state can be matched, and then the rest is not looked at.
        return Ok(note(cx, asked(Conntrack::STATE), "-m conntrack", "a connection", "none"));
    }
    if asked(Conntrack::DIRECTION) {
        let fact = cx.packet.ct.reply.clone();
        let original = !known(cx, fact, m)?.unwrap_or(false);
        let wanted = !inverted(Conntrack::DIRECTION);
        if !note(cx, original == wanted, "--ctdir", direction(wanted), direction(original)) {
            return Ok(false);
        }
    }
    if !tuples(cx, m)? {
        return Ok(false);
    }
    if asked(Conntrack::STATUS) {
        let assured = m.status & Status::ASSURED.bits() as u16 != 0;
        let fact = if assured { connection::status(cx) } else { cx.packet.ct.status.clone() };
        let status = Status::from_bits_retain(known(cx, fact, m)?.unwrap_or(0));
        let met = (u32::from(m.status) & status.bits() != 0) != inverted(Conntrack::STATUS);
        if !note(cx, met, "--ctstatus", Status::from_bits_retain(m.status.into()), status) {
            return Ok(false);
        }
    }
    if asked(Conntrack::EXPIRES) {
        // The packet itself sets the timer anew; what was read before or after it is not what the rule saw.
        return ask(cx, "time until the connection expires", m);
    }
    Ok(true)
}

fn direction(original: bool) -> &'static str {
    if original { "ORIGINAL" } else { "REPLY" }
}

fn status(cx: &mut Context, m: &Conntrack) -> Result<Status, Outcome> {
    let fact = cx.packet.ct.status.clone();
    Ok(Status::from_bits_retain(known(cx, fact, m)?.unwrap_or(0)))
}

/// The conditions on the addresses and ports of both directions.
fn tuples(cx: &mut Context, m: &Conntrack) -> Result<bool, Outcome> {
    type Ends = ((IpAddr, IpAddr), (u16, u16));
    let ends: [(bool, bool, u16, u16, Ends, &'static str, &'static str); 4] = [
        (
            true,
            true,
            Conntrack::ORIGINAL_SOURCE,
            Conntrack::ORIGINAL_SOURCE_PORT,
            (m.original_source, m.original_source_ports),
            "--ctorigsrc",
            "--ctorigsrcport",
        ),
        (
            true,
            false,
            Conntrack::ORIGINAL_DESTINATION,
            Conntrack::ORIGINAL_DESTINATION_PORT,
            (m.original_destination, m.original_destination_ports),
            "--ctorigdst",
            "--ctorigdstport",
        ),
        (
            false,
            true,
            Conntrack::REPLY_SOURCE,
            Conntrack::REPLY_SOURCE_PORT,
            (m.reply_source, m.reply_source_ports),
            "--ctreplsrc",
            "--ctreplsrcport",
        ),
        (
            false,
            false,
            Conntrack::REPLY_DESTINATION,
            Conntrack::REPLY_DESTINATION_PORT,
            (m.reply_destination, m.reply_destination_ports),
            "--ctrepldst",
            "--ctrepldstport",
        ),
    ];
    if m.matched & Conntrack::PROTO != 0 {
        let tuple = tuple(cx, true, m)?;
        let (have, wanted) = (u16::from(tuple.protocol), m.proto);
        if !range(cx, "--ctproto", have, (wanted, wanted), m.invert & Conntrack::PROTO != 0) {
            return Ok(false);
        }
    }
    for (original, source, address_bit, port_bit, ((wanted, mask), ports), address_name, port_name) in ends {
        if m.matched & (address_bit | port_bit) == 0 {
            continue;
        }
        let tuple = tuple(cx, original, m)?;
        let (address, port) = end(&tuple, source);
        if m.matched & address_bit != 0 {
            let met = (bits(address) ^ bits(wanted)) & bits(mask) == 0;
            if !note(cx, met != (m.invert & address_bit != 0), address_name, wanted, address) {
                return Ok(false);
            }
        }
        if m.matched & port_bit != 0 {
            // Older revisions know one port only.
            let ports = if ports.1 == 0 { (ports.0, ports.0) } else { ports };
            if !range(cx, port_name, port, ports, m.invert & port_bit != 0) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn tuple(cx: &mut Context, original: bool, m: &Conntrack) -> Result<Tuple, Outcome> {
    let fact = if original { cx.packet.ct.original.clone() } else { cx.packet.ct.answers.clone() };
    match fact {
        Fact::Is(t) => Ok(t),
        Fact::Absent => ask(cx, "addresses of the connection", m),
        Fact::Unknown(what) => ask(cx, what, m),
    }
}

/// One end of a tuple, with the 16 bits that the kernel takes for a port, whatever the protocol.
fn end(tuple: &Tuple, source: bool) -> (IpAddr, u16) {
    let address = if source { tuple.src } else { tuple.dst };
    let port = match (tuple.l4, source) {
        (L4::Ports { src, .. }, true) => src,
        (L4::Ports { dst, .. }, false) => dst,
        (L4::Icmp { id, .. }, true) => id,
        (L4::Icmp { kind, code, .. }, false) => u16::from_be_bytes([kind, code]),
        (L4::None, _) => 0,
    };
    (address, port)
}

fn bits(a: IpAddr) -> u128 {
    match a {
        IpAddr::V4(a) => a.to_bits().into(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// States by name.
fn names(states: u32, untracked: u32) -> String {
    let all = [
        ("INVALID", u32::from(Conntrack::STATE_INVALID)),
        ("NEW", Conntrack::STATE_NEW.into()),
        ("RELATED", Conntrack::STATE_RELATED.into()),
        ("ESTABLISHED", Conntrack::STATE_ESTABLISHED.into()),
        ("UNTRACKED", untracked),
        ("SNAT", if untracked == u32::from(Conntrack::STATE_SNAT) { 0 } else { Conntrack::STATE_SNAT.into() }),
        ("DNAT", Conntrack::STATE_DNAT.into()),
    ];
    let set: Vec<&str> = all.iter().filter(|(_, bit)| states & bit != 0).map(|(name, _)| *name).collect();
    set.join(",")
}
