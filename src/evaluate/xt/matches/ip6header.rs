//! `-m frag`, `-m ipv6header`, `-m mh`

use super::{Checked, bytes, found, header, known, malformed, note, range};
use crate::evaluate::context::Context;
use crate::evaluate::ip6::{self, Wanted};
use crate::evaluate::xt::Param;
use crate::sys::xt::matches::{Frag, Ip6Header, Mh};

pub(super) fn frag(cx: &mut Context, m: &Frag) -> Checked {
    let header = ip6::find_in(cx, Wanted::Type(ip6::FRAGMENT));
    let Some(header) = found(cx, header, m)? else {
        return Ok(note(cx, false, "-m frag", "a fragment header", "none"));
    };
    let [_, reserved, a, b, c, d, e, f] = bytes(cx, header.offset, m)?;
    let field = u16::from_be_bytes([a, b]);
    let (first, more) = (field & !7 == 0, field & 1 != 0);
    let asked = |bit: u8| m.flags & bit != 0;
    Ok(range(cx, "--fragid", u32::from_be_bytes([c, d, e, f]), m.ids.into(), m.invert & Frag::INVERT_IDS != 0)
        && note(cx, !asked(Frag::RESERVED) || (reserved == 0 && field & 6 == 0), "--fragres", 0, (reserved, field & 6))
        && note(cx, !asked(Frag::FIRST) || first, "--fragfirst", true, first)
        && note(cx, !asked(Frag::MORE) || more, "--fragmore", true, more)
        && note(cx, !asked(Frag::LAST) || !more, "--fraglast", true, !more))
}

pub(super) fn which(cx: &mut Context, m: &Ip6Header) -> Checked {
    let next = cx.packet.array::<1>(6);
    let Some([mut next]) = known(cx, next, m)? else { return Ok(false) };
    let mut at = 40;
    let mut have = 0;
    while ip6::is_extension(next) || next == ip6::ESP {
        if next == ip6::NONE {
            have |= Ip6Header::NONE;
            break;
        }
        if at + 2 > cx.packet.length {
            return Ok(false);
        }
        if next == ip6::ESP {
            have |= Ip6Header::ESP;
            break;
        }
        let fact = cx.packet.array::<2>(at);
        let Some([following, length]) = known(cx, fact, m)? else { return Err(malformed(cx)) };
        have |= match next {
            ip6::HOP => Ip6Header::HOP_BY_HOP,
            ip6::ROUTING => Ip6Header::ROUTING,
            ip6::FRAGMENT => Ip6Header::FRAGMENT,
            ip6::AUTH => Ip6Header::AUTHENTICATION,
            _ => Ip6Header::DESTINATION,
        };
        at += ip6::header_length(next, length);
        next = following;
        if at > cx.packet.length {
            break;
        }
    }
    if next != ip6::NONE && next != ip6::ESP {
        have |= Ip6Header::PROTOCOL;
    }
    let met = if m.soft != 0 {
        (have ^ m.headers ^ m.invert) & m.headers == 0
    } else {
        (have == m.headers) == (m.invert == 0)
    };
    Ok(note(cx, met, "--header", m.headers, have))
}

pub(super) fn mobility(cx: &mut Context, param: &Param, m: &Mh) -> Checked {
    let (_, [protocol, _, kind, ..]) = header::<6>(cx, param, m)?;
    if protocol != ip6::NONE {
        return Err(malformed(cx));
    }
    Ok(range(cx, "--mh-type", kind, m.types.into(), m.invert & Mh::INVERT != 0))
}
