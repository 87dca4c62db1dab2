//! `-m rt`

use nfblame_sys::xt::matches::Routing;

use super::{Out, put, range};
use crate::ruleset::render::Address;

pub(super) fn render(m: &Routing<'_>, out: &mut Out) {
    if m.flags & Routing::KIND != 0 {
        out.not(m.invert & Routing::INVERT_KIND != 0);
        put!(out, " --rt-type {}", m.kind);
    }
    range("--rt-segsleft", m.segments_left, m.invert & Routing::INVERT_SEGMENTS != 0, out);
    if m.flags & Routing::LENGTH != 0 {
        out.not(m.invert & Routing::INVERT_LENGTH != 0);
        put!(out, " --rt-len {}", m.length);
    }
    if m.flags & Routing::RESERVED != 0 {
        out.str(" --rt-0-res");
    }
    if m.flags & Routing::ADDRESSES != 0 {
        out.str(" --rt-0-addrs");
    }
    for (n, address) in m.addresses.iter().enumerate() {
        put!(out, "{}{}", if n == 0 { " " } else { "," }, Address::from(address));
    }
    if m.flags & Routing::NOT_STRICT != 0 {
        out.str(" --rt-0-not-strict");
    }
}
