//! `-m ah`, `-m esp`, `-m ipcomp`, `-m policy`

use super::{Checked, ask, bytes, found, header, malformed, note, range};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::ip6::{self, Wanted};
use crate::evaluate::xt::Param;
use crate::sys::xt::Family;
use crate::sys::xt::matches::{Ah, Esp, Ipcomp, Policy};

pub(super) fn esp(cx: &mut Context, param: &Param, m: &Esp) -> Checked {
    let (_, [a, b, c, d, ..]) = header::<8>(cx, param, m)?;
    let spi = u32::from_be_bytes([a, b, c, d]);
    Ok(range(cx, "--espspi", spi, m.spis.into(), m.invert & Esp::INVERT_SPI != 0))
}

pub(super) fn ipcomp(cx: &mut Context, param: &Param, m: &Ipcomp) -> Checked {
    let (_, [_, _, a, b]) = header::<4>(cx, param, m)?;
    let cpi = u32::from(u16::from_be_bytes([a, b]));
    Ok(range(cx, "--ipcompspi", cpi, m.spis.into(), m.invert & Ipcomp::INVERT_SPI != 0))
}

pub(super) fn ah(cx: &mut Context, param: &Param, m: &Ah) -> Checked {
    if param.family != Family::Ip6 {
        let (_, [_, _, _, _, a, b, c, d, ..]) = header::<12>(cx, param, m)?;
        let spi = u32::from_be_bytes([a, b, c, d]);
        return Ok(range(cx, "--ahspi", spi, m.spis, m.invert & Ah::INVERT_SPI != 0));
    }
    let header = ip6::find_in(cx, Wanted::Type(ip6::AUTH));
    let Some(header) = found(cx, header, m)? else {
        return Ok(note(cx, false, "-m ah", "an authentication header", "none"));
    };
    let [_, length, r, s, a, b, c, d, ..] = bytes::<12>(cx, header.offset, m)?;
    let length = ip6::header_length(ip6::AUTH, length) as u32;
    if cx.packet.length.saturating_sub(header.offset) < length as usize {
        return Err(malformed(cx));
    }
    let spi = u32::from_be_bytes([a, b, c, d]);
    Ok(range(cx, "--ahspi", spi, m.spis, m.invert & Ah::INVERT_SPI != 0)
        && (m.length == 0 || range(cx, "--ahlen", length, (m.length, m.length), m.invert & Ah::INVERT_LENGTH != 0))
        && note(cx, m.reserved == 0 || (r, s) == (0, 0), "--ahres", 0, (r, s)))
}

pub(super) fn policy(cx: &mut Context, m: &Policy<'_>) -> Checked {
    match cx.env.under_ipsec() {
        Fact::Is(false) | Fact::Absent => Ok(note(cx, m.flags & Policy::NONE != 0, "--pol", "ipsec", "none")),
        Fact::Is(true) => ask(cx, "IPsec policy", m),
        Fact::Unknown(what) => ask(cx, what, m),
    }
}
