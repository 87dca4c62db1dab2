//! `-m osf`

use nfblame_sys::xt::matches::Osf;

use super::{Out, put};

pub(super) fn render(m: &Osf<'_>, out: &mut Out) {
    out.not(m.flags & Osf::INVERT != 0);
    out.str(" --genre ");
    out.bytes(m.genre.as_bytes());
    if m.flags & Osf::TTL != 0 {
        put!(out, " --ttl {}", m.ttl);
    }
    if m.flags & Osf::LOG != 0 {
        put!(out, " --log {}", m.log);
    }
}
