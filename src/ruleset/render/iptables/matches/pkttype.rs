//! `-m pkttype`

use nfblame_sys::xt::matches::Pkttype;

use super::{Out, put};

pub(super) fn render(m: &Pkttype, out: &mut Out) {
    out.not(m.invert != 0);
    match m.kind {
        Pkttype::HOST => out.str(" --pkt-type unicast"),
        Pkttype::BROADCAST => out.str(" --pkt-type broadcast"),
        Pkttype::MULTICAST => out.str(" --pkt-type multicast"),
        Pkttype::OTHERHOST => out.str(" --pkt-type otherhost"),
        other => put!(out, " --pkt-type {other}"),
    }
}
