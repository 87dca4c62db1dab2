//! `-m srh`

use nfblame_sys::xt::matches::Srh;

use super::{Out, put};
use crate::ruleset::render::Address;

pub(super) fn render(m: &Srh, out: &mut Out) {
    let has = |flag: u16, out: &mut Out| {
        if m.matched & flag != 0 {
            out.not(m.invert & flag != 0);
        }
        m.matched & flag != 0
    };
    for (flag, option, value) in [
        (Srh::NEXT_HEADER, "next-hdr", m.next_header),
        (Srh::LENGTH_EQUAL, "hdr-len-eq", m.length),
        (Srh::LENGTH_GREATER, "hdr-len-gt", m.length),
        (Srh::LENGTH_LESS, "hdr-len-lt", m.length),
        (Srh::SEGMENTS_EQUAL, "segs-left-eq", m.segments_left),
        (Srh::SEGMENTS_GREATER, "segs-left-gt", m.segments_left),
        (Srh::SEGMENTS_LESS, "segs-left-lt", m.segments_left),
        (Srh::LAST_EQUAL, "last-entry-eq", m.last_entry),
        (Srh::LAST_GREATER, "last-entry-gt", m.last_entry),
        (Srh::LAST_LESS, "last-entry-lt", m.last_entry),
    ] {
        if has(flag, out) {
            put!(out, " --srh-{option} {value}");
        }
    }
    if has(Srh::TAG, out) {
        put!(out, " --srh-tag {}", m.tag);
    }
    for (flag, option, (segment, mask)) in
        [(Srh::PREVIOUS, "psid", m.previous), (Srh::NEXT, "nsid", m.next), (Srh::LAST, "lsid", m.last)]
    {
        if has(flag, out) {
            put!(out, " --srh-{option} {}/{}", Address::from(segment), mask.to_bits().leading_ones());
        }
    }
}
