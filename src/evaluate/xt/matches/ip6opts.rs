//! `-m hbh`, `-m dst`

use super::{Checked, bytes, found, known, malformed, note, range};
use crate::evaluate::context::Context;
use crate::evaluate::ip6::{self, Wanted};
use crate::sys::xt::matches::Ip6Options;

pub(super) fn check(cx: &mut Context, m: &Ip6Options, kind: u8) -> Checked {
    let (name, length_name, options_name) =
        if kind == ip6::HOP { ("-m hbh", "--hbh-len", "--hbh-opts") } else { ("-m dst", "--dst-len", "--dst-opts") };
    let header = ip6::find_in(cx, Wanted::Type(kind));
    let Some(header) = found(cx, header, m)? else { return Ok(note(cx, false, name, "an options header", "none")) };
    let [_, length] = bytes(cx, header.offset, m)?;
    let length = ip6::header_length(kind, length);
    if cx.packet.length.saturating_sub(header.offset) < length {
        return Err(malformed(cx));
    }
    let long_enough = m.flags & Ip6Options::LENGTH == 0
        || range(cx, length_name, length as u32, (m.length, m.length), m.invert & Ip6Options::INVERT_LENGTH != 0);
    if m.flags & Ip6Options::OPTIONS == 0 {
        return Ok(long_enough);
    }
    // Option by option in the rule's order; what does not fit any more ends the walk, but for the last.
    let (mut at, mut left) = (header.offset + 2, length - 2);
    let count = m.options().count();
    for (i, (wanted, wanted_length)) in m.options().enumerate() {
        if left < 1 {
            return Ok(note(cx, false, options_name, wanted, "no more options"));
        }
        let fact = cx.packet.array::<1>(at);
        let Some([option]) = known(cx, fact, m)? else { return Ok(false) };
        if !note(cx, option == wanted, options_name, wanted, option) {
            return Ok(false);
        }
        let mut size = 1;
        if option != 0 {
            let fact = cx.packet.array::<1>(at + 1);
            if left < 2 {
                return Ok(false);
            }
            let Some([have]) = known(cx, fact, m)? else { return Ok(false) };
            if !note(cx, wanted_length.is_none_or(|w| w == have), options_name, wanted_length, have) {
                return Ok(false);
            }
            size = usize::from(have) + 2;
        }
        if (at + size > cx.packet.length || left < size) && i + 1 < count {
            return Ok(false);
        }
        at += size;
        left = left.saturating_sub(size);
    }
    Ok(long_enough)
}
