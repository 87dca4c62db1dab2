//! IPv6 extension headers.

use nfblame_sys::xt::matches::{Frag, Ip6Options, Mh, Routing};

use super::{Words, add, span};
use crate::ruleset::render::nft::xt::words::{Span, but, not};

pub(super) fn frag(m: &Frag, w: &mut Words<'_>) -> bool {
    if m.ids != [0, u32::MAX] {
        add!(w, "frag id {}{}", not(m.invert & Frag::INVERT_IDS != 0), span(m.ids));
    }
    for (flag, words) in [
        (Frag::RESERVED, "frag reserved 1"),
        (Frag::FIRST, "frag frag-off 0"),
        (Frag::MORE, "frag more-fragments 1"),
        (Frag::LAST, "frag more-fragments 0"),
    ] {
        if m.flags & flag != 0 {
            add!(w, "{words}");
        }
    }
    true
}

pub(super) fn hop_by_hop(m: &Ip6Options, w: &mut Words<'_>) -> bool {
    if m.flags & Ip6Options::LENGTH == 0 || m.flags & Ip6Options::OPTIONS != 0 {
        return false;
    }
    add!(w, "hbh hdrlength {}{}", not(m.invert & Ip6Options::INVERT_LENGTH != 0), m.length);
    true
}

pub(super) fn mobility(m: &Mh, w: &mut Words<'_>) -> bool {
    if m.types != [0, u8::MAX] {
        add!(w, "mh type {}{}", not(m.invert & Mh::INVERT != 0), span(m.types));
    }
    true
}

pub(super) fn routing(m: &Routing<'_>, w: &mut Words<'_>) -> bool {
    if m.flags & Routing::KIND != 0 {
        add!(w, "rt type{} {}", but(m.invert & Routing::INVERT_KIND != 0), m.kind);
    }
    if m.segments_left != (0, u32::MAX) {
        let (low, high) = m.segments_left;
        add!(w, "rt seg-left{} {}", but(m.invert & Routing::INVERT_SEGMENTS != 0), Span(low, high));
    }
    if m.flags & Routing::LENGTH != 0 {
        add!(w, "rt hdrlength{} {}", but(m.invert & Routing::INVERT_LENGTH != 0), m.length);
    }
    m.flags & (Routing::RESERVED | Routing::ADDRESSES | Routing::NOT_STRICT) == 0
}
