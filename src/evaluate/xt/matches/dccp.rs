//! `-m dccp`

use super::{Checked, header, known, malformed, note, range};
use crate::evaluate::context::Context;
use crate::evaluate::xt::{Outcome, Param};
use crate::sys::xt::matches::Dccp;

/// `struct dccp_hdr` without its extensions.
const HEADER: usize = 12;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Dccp) -> Checked {
    let (at, h) = header::<HEADER>(cx, param, m)?;
    let (source, destination) = (u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]]));
    let kind = h[8] >> 1 & 0xf;
    let asked = |bit: u16| m.flags & bit != 0;
    let inverted = |bit: u16| m.invert & bit != 0;
    if asked(Dccp::SOURCE) && !range(cx, "--sport", source, m.source.into(), inverted(Dccp::SOURCE))
        || asked(Dccp::DESTINATION)
            && !range(cx, "--dport", destination, m.destination.into(), inverted(Dccp::DESTINATION))
    {
        return Ok(false);
    }
    if asked(Dccp::TYPE) {
        let met = (m.types >> kind & 1 != 0) != inverted(Dccp::TYPE);
        if !note(cx, met, "--dccp-types", m.types, kind) {
            return Ok(false);
        }
    }
    if asked(Dccp::OPTION) {
        let there = match has_option(cx, at, &h, kind, m) {
            Err(Outcome::HotDrop) if inverted(Dccp::OPTION) => {
                param.doomed.set(true);
                false
            }
            there => there?,
        };
        return Ok(note(cx, there != inverted(Dccp::OPTION), "--dccp-option", m.option, there));
    }
    Ok(true)
}

fn has_option(cx: &mut Context, at: usize, h: &[u8; HEADER], kind: u8, m: &Dccp) -> Result<bool, Outcome> {
    // What follows depends on the type: include/uapi/linux/dccp.h.
    let of_type = match kind {
        0 => 4,
        1 => 12,
        2 => 0,
        3..=6 | 8 | 9 => 8,
        _ => 12,
    };
    let fixed = HEADER + if h[8] & 1 != 0 { 4 } else { 0 } + of_type;
    let Some(length) = (usize::from(h[4]) * 4).checked_sub(fixed) else { return Err(malformed(cx)) };
    if length == 0 {
        return Ok(false);
    }
    let options = cx.packet.read(at + fixed, length).map(<[u8]>::to_vec);
    let Some(options) = known(cx, options, m)? else { return Err(malformed(cx)) };
    let mut i = 0;
    while let Some(&option) = options.get(i) {
        if option == m.option {
            return Ok(true);
        }
        i += match options.get(i + 1) {
            Some(&length) if option >= 2 => usize::from(length.max(1)),
            _ => 1,
        };
    }
    Ok(false)
}
