//! `-m tcp`

use nfblame_sys::xt::matches::Tcp;

use super::{Out, put};

pub(super) fn render(m: &Tcp, out: &mut Out) {
    ports("--sport", m.source, m.invert & Tcp::INVERT_SOURCE != 0, out);
    ports("--dport", m.destination, m.invert & Tcp::INVERT_DESTINATION != 0, out);
    let inverted = m.invert & Tcp::INVERT_OPTION != 0;
    if m.option != 0 || inverted {
        out.not(inverted);
        put!(out, " --tcp-option {}", m.option);
    }
    let inverted = m.invert & Tcp::INVERT_FLAGS != 0;
    if m.flag_mask != 0 || inverted {
        out.not(inverted);
        out.str(" --tcp-flags ");
        flags(m.flag_mask, out);
        out.str(" ");
        flags(m.flags, out);
    }
}

/// Appends ` --sport 1:2`, unless every port is meant.
pub(super) fn ports(option: &str, (low, high): (u16, u16), inverted: bool, out: &mut Out) {
    if (low, high) == (0, u16::MAX) {
        return;
    }
    out.not(inverted);
    if low == high {
        put!(out, " {option} {low}");
    } else {
        put!(out, " {option} {low}:{high}");
    }
}

/// Appends `SYN,ACK`, `NONE`, or a number for bits that have no name.
pub(super) fn flags(bits: u8, out: &mut Out) {
    const NAMES: [(&str, u8); 6] =
        [("FIN", 0x01), ("SYN", 0x02), ("RST", 0x04), ("PSH", 0x08), ("ACK", 0x10), ("URG", 0x20)];
    let mut rest = bits;
    let mut first = true;
    for (name, bit) in NAMES {
        if rest & bit != 0 {
            put!(out, "{}{name}", if first { "" } else { "," });
            first = false;
            rest &= !bit;
        }
    }
    if rest != 0 {
        put!(out, "{}{rest:#04X}", if first { "" } else { "," });
    } else if first {
        out.str("NONE");
    }
}
