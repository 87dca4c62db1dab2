//! `-m rt`, `-m srh`

use std::net::Ipv6Addr;

use super::{Checked, bytes, found, known, malformed, note, range};
use crate::evaluate::context::Context;
use crate::evaluate::ip6::{self, Wanted};
use crate::evaluate::xt::Outcome;
use crate::sys::xt::matches::{Routing, Srh};

pub(super) fn rt(cx: &mut Context, m: &Routing<'_>) -> Checked {
    let header = ip6::find_in(cx, Wanted::Type(ip6::ROUTING));
    let Some(header) = found(cx, header, m)? else { return Ok(note(cx, false, "-m rt", "a routing header", "none")) };
    let [_, length, kind, left] = bytes(cx, header.offset, m)?;
    let length = ip6::header_length(ip6::ROUTING, length);
    if cx.packet.length.saturating_sub(header.offset) < length {
        return Err(malformed(cx));
    }
    let asked = |bit: u8| m.flags & bit != 0;
    let inverted = |bit: u8| m.invert & bit != 0;
    let mut met = range(cx, "--rt-segsleft", left.into(), m.segments_left, inverted(Routing::INVERT_SEGMENTS))
        && (!asked(Routing::LENGTH)
            || range(cx, "--rt-len", length as u32, (m.length, m.length), inverted(Routing::INVERT_LENGTH)))
        && (!asked(Routing::KIND)
            || range(cx, "--rt-type", kind.into(), (m.kind, m.kind), inverted(Routing::INVERT_KIND)));
    if met && asked(Routing::RESERVED) {
        let reserved = bytes::<4>(cx, header.offset + 4, m)?;
        met = note(cx, reserved == [0; 4], "--rt-0-res", 0, reserved);
    }
    if !asked(Routing::ADDRESSES) {
        return Ok(met);
    }
    let there = (length - 8) / 16;
    if m.addresses.iter().len() > there {
        return Ok(note(cx, false, "--rt-0-addrs", m.addresses.iter().len(), there));
    }
    let mut wanted = m.addresses.iter().peekable();
    for i in 0..there {
        let Some(next) = wanted.peek() else { break };
        let have = Ipv6Addr::from(bytes::<16>(cx, header.offset + 8 + 16 * i, m)?);
        if have == *next {
            wanted.next();
        } else if !asked(Routing::NOT_STRICT) {
            return Ok(note(cx, false, "--rt-0-addrs", *next, have));
        }
    }
    let exact = asked(Routing::NOT_STRICT) || m.addresses.iter().len() == there;
    let all = wanted.peek().is_none();
    Ok(note(cx, all && exact, "--rt-0-addrs", m.addresses, there) && met)
}

pub(super) fn srh(cx: &mut Context, m: &Srh) -> Checked {
    let header = ip6::find_in(cx, Wanted::Type(ip6::ROUTING)).map_err(|e| match e {
        // Here what cannot be taken apart just does not match.
        ip6::Missing::Broken => ip6::Missing::Absent,
        e => e,
    });
    let Some(header) = found(cx, header, m)? else { return Ok(note(cx, false, "-m srh", "a routing header", "none")) };
    let fact = cx.packet.array::<8>(header.offset);
    let Some([next, length, kind, left, last, _, a, b]) = known(cx, fact, m)? else { return Ok(false) };
    let size = ip6::header_length(ip6::ROUTING, length);
    if cx.packet.length.saturating_sub(header.offset) < size || left > last {
        return Ok(false);
    }
    if !note(cx, kind == 4, "-m srh", "type 4", kind) {
        return Ok(false);
    }
    let conditions = [
        (Srh::NEXT_HEADER, next == m.next_header, "--srh-next-hdr"),
        (Srh::LENGTH_EQUAL, length == m.length, "--srh-hdr-len-eq"),
        (Srh::LENGTH_GREATER, length > m.length, "--srh-hdr-len-gt"),
        (Srh::LENGTH_LESS, length < m.length, "--srh-hdr-len-lt"),
        (Srh::SEGMENTS_EQUAL, left == m.segments_left, "--srh-segs-left-eq"),
        (Srh::SEGMENTS_GREATER, left > m.segments_left, "--srh-segs-left-gt"),
        (Srh::SEGMENTS_LESS, left < m.segments_left, "--srh-segs-left-lt"),
        (Srh::LAST_EQUAL, last == m.last_entry, "--srh-last-entry-eq"),
        (Srh::LAST_GREATER, last > m.last_entry, "--srh-last-entry-gt"),
        (Srh::LAST_LESS, last < m.last_entry, "--srh-last-entry-lt"),
        // The kernel compares the field as it lies in memory.
        (Srh::TAG, u16::from_ne_bytes([a, b]) == m.tag, "--srh-tag"),
    ];
    for (bit, holds, name) in conditions {
        if m.matched & bit != 0 && !note(cx, holds != (m.invert & bit != 0), name, true, holds) {
            return Ok(false);
        }
    }
    let segment = |n: u8| header.offset + 8 + 16 * usize::from(n);
    let segments = [
        (Srh::PREVIOUS, (left != last).then(|| segment(left.wrapping_add(1))), m.previous, "--srh-psid"),
        (Srh::NEXT, (left != 0).then(|| segment(left.wrapping_sub(1))), m.next, "--srh-nsid"),
        (Srh::LAST, Some(segment(0)), m.last, "--srh-lsid"),
    ];
    for (bit, at, wanted, name) in segments {
        if m.matched & bit != 0 && !is_segment(cx, at, wanted, m.invert & bit != 0, name, m)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_segment(
    cx: &mut Context,
    at: Option<usize>,
    (wanted, mask): (Ipv6Addr, Ipv6Addr),
    inverted: bool,
    name: &'static str,
    m: &Srh,
) -> Result<bool, Outcome> {
    let Some(at) = at else { return Ok(note(cx, false, name, wanted, "no such segment")) };
    let fact = cx.packet.array::<16>(at);
    let Some(have) = known(cx, fact, m)? else { return Ok(false) };
    let have = Ipv6Addr::from(have);
    let equal = (have.to_bits() ^ wanted.to_bits()) & mask.to_bits() == 0;
    Ok(note(cx, equal != inverted, name, wanted, have))
}
