//! `-m udp`

use nfblame_sys::xt::matches::Udp;

use super::Out;
use super::tcp::ports;

pub(super) fn render(m: &Udp, out: &mut Out) {
    ports("--sport", m.source.into(), m.invert & Udp::INVERT_SOURCE != 0, out);
    ports("--dport", m.destination.into(), m.invert & Udp::INVERT_DESTINATION != 0, out);
}
