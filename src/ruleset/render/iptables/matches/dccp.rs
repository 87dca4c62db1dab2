//! `-m dccp`

use nfblame_sys::xt::matches::Dccp;

use super::{Out, port_range, put};

pub(super) fn render(m: &Dccp, out: &mut Out) {
    let has = |flag: u16, out: &mut Out| {
        if m.flags & flag != 0 {
            out.not(m.invert & flag != 0);
        }
        m.flags & flag != 0
    };
    if has(Dccp::SOURCE, out) {
        port_range("--sport", m.source.into(), out);
    }
    if has(Dccp::DESTINATION, out) {
        port_range("--dport", m.destination.into(), out);
    }
    if has(Dccp::TYPE, out) {
        const NAMES: [&str; 11] = [
            "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID",
        ];
        out.str(" --dccp-types ");
        let named = NAMES.iter().enumerate().filter(|(bit, _)| m.types & 1 << bit != 0).map(|(_, name)| *name);
        super::list(named, out);
    }
    if has(Dccp::OPTION, out) {
        put!(out, " --dccp-option {}", m.option);
    }
}
