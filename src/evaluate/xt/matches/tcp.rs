//! `-m tcp`, `-m tcpmss`

use super::{Checked, bytes, header, known, malformed, place, range};
use crate::evaluate::context::Context;
use crate::evaluate::xt::{Outcome, Param};
use crate::sys::xt::matches::{Tcp, Tcpmss};

const HEADER: usize = 20;
const OPTION_MSS: u8 = 2;

pub(super) fn tcp(cx: &mut Context, param: &Param, m: &Tcp) -> Checked {
    // A fragment that begins eight bytes into the header would overwrite the flags: the kernel drops it.
    if place(cx, param, m)?.fragment == 1 {
        cx.miss("packet", || (Some("a whole header".into()), Some("a fragment that begins within it".into())));
        return Err(Outcome::HotDrop);
    }
    let (at, header) = header::<HEADER>(cx, param, m)?;
    let inverted = |bit: u8| m.invert & bit != 0;
    let port = |i: usize| u16::from_be_bytes([header[i], header[i + 1]]);
    if !range(cx, "--sport", port(0), m.source, inverted(Tcp::INVERT_SOURCE))
        || !range(cx, "--dport", port(2), m.destination, inverted(Tcp::INVERT_DESTINATION))
    {
        return Ok(false);
    }
    let flags = header[13];
    if (flags & m.flag_mask == m.flags) == inverted(Tcp::INVERT_FLAGS) {
        cx.miss("--tcp-flags", || {
            let not = if inverted(Tcp::INVERT_FLAGS) { "! " } else { "" };
            let wanted = format!("{not}{} {}", names(m.flag_mask), names(m.flags));
            (Some(wanted), Some(names(flags)))
        });
        return Ok(false);
    }
    if m.option == 0 {
        return Ok(true);
    }
    let there = options(cx, at, header[12], m)?.is_some_and(|o| find(&o, m.option).is_some());
    let met = there != inverted(Tcp::INVERT_OPTION);
    if !met {
        cx.miss("--tcp-option", || (Some(m.option.to_string()), None));
    }
    Ok(met)
}

/// The options; none if there are none. A header too short for what it says kills the packet.
fn options(cx: &mut Context, at: usize, offset: u8, about: &dyn std::fmt::Debug) -> Result<Option<Vec<u8>>, Outcome> {
    let length = usize::from(offset >> 4) * 4;
    let Some(length) = length.checked_sub(HEADER) else { return Err(malformed(cx)) };
    if length == 0 {
        return Ok(None);
    }
    let options = cx.packet.read(at + HEADER, length).map(<[u8]>::to_vec);
    match known(cx, options, about)? {
        Some(o) => Ok(Some(o)),
        None => Err(malformed(cx)),
    }
}

/// Where an option begins, walking as the kernel does: lengths of 0 count as 1.
fn find(options: &[u8], wanted: u8) -> Option<usize> {
    let mut i = 0;
    while let Some(&kind) = options.get(i) {
        if kind == wanted {
            return Some(i);
        }
        i += step(options, i, kind);
    }
    None
}

fn step(options: &[u8], i: usize, kind: u8) -> usize {
    match options.get(i + 1) {
        Some(&length) if kind >= 2 => usize::from(length.max(1)),
        _ => 1,
    }
}

/// The flags by name.
fn names(flags: u8) -> String {
    const NAMES: [(&str, u8); 8] = [
        ("FIN", 0x01),
        ("SYN", 0x02),
        ("RST", 0x04),
        ("PSH", 0x08),
        ("ACK", 0x10),
        ("URG", 0x20),
        ("ECE", 0x40),
        ("CWR", 0x80),
    ];
    let set: Vec<&str> = NAMES.iter().filter(|(_, bit)| flags & bit != 0).map(|(name, _)| *name).collect();
    if set.is_empty() { "NONE".to_owned() } else { set.join(",") }
}

pub(super) fn mss(cx: &mut Context, param: &Param, m: &Tcpmss) -> Checked {
    // Fragments are not looked for here: the bytes are taken for a header all the same.
    let at = place(cx, param, m)?.offset;
    let header = bytes::<HEADER>(cx, at, m)?;
    let inverted = m.invert != 0;
    let options = options(cx, at, header[12], m)?.unwrap_or_default();
    let mut i = 0;
    while let Some(&kind) = options.get(i) {
        if let Some(&[OPTION_MSS, 4, high, low]) = options.get(i..i + 4) {
            return Ok(range(cx, "--mss", u16::from_be_bytes([high, low]), (m.min, m.max), inverted));
        }
        i += step(&options, i, kind);
    }
    if !inverted {
        cx.miss("--mss", || (Some(format!("{}:{}", m.min, m.max)), Some("no such option".into())));
    }
    Ok(inverted)
}
