//! `-m sctp`

use super::{Checked, bytes, header, malformed, range};
use crate::evaluate::context::Context;
use crate::evaluate::xt::{Outcome, Param};
use crate::sys::xt::matches::Sctp;

const HEADER: usize = 12;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Sctp) -> Checked {
    let (at, header) = header::<HEADER>(cx, param, m)?;
    let (source, destination) =
        (u16::from_be_bytes([header[0], header[1]]), u16::from_be_bytes([header[2], header[3]]));
    let asked = |bit: u32| m.flags & bit != 0;
    let inverted = |bit: u32| m.invert & bit != 0;
    if asked(Sctp::SOURCE) && !range(cx, "--sport", source, m.source.into(), inverted(Sctp::SOURCE))
        || asked(Sctp::DESTINATION)
            && !range(cx, "--dport", destination, m.destination.into(), inverted(Sctp::DESTINATION))
    {
        return Ok(false);
    }
    if !asked(Sctp::CHUNKS) {
        return Ok(true);
    }
    let found = match chunks(cx, at + HEADER, m) {
        Err(Outcome::HotDrop) if inverted(Sctp::CHUNKS) => {
            param.doomed.set(true);
            false
        }
        found => found?,
    };
    let met = found != inverted(Sctp::CHUNKS);
    if !met {
        cx.miss("--chunk-types", || (None, None));
    }
    Ok(met)
}

/// Do the packet's chunks have the types and flags asked for?
fn chunks(cx: &mut Context, mut at: usize, m: &Sctp) -> Result<bool, Outcome> {
    let mut missing = m.chunks;
    loop {
        let [kind, flags, a, b] = bytes(cx, at, m)?;
        let length = usize::from(u16::from_be_bytes([a, b]));
        if length == 0 {
            return Err(malformed(cx));
        }
        at += length.next_multiple_of(4);
        if m.has_chunk(kind) {
            let right = m.flags_of_chunks().iter().find(|f| f.chunk == kind).is_none_or(|f| flags & f.mask == f.flags);
            match m.chunk_mode {
                Sctp::ANY if right => return Ok(true),
                Sctp::ALL if right => {
                    if let Some(word) = missing.get_mut(usize::from(kind / 32)) {
                        *word &= !(1 << (kind % 32));
                    }
                }
                Sctp::ONLY if !right => return Ok(false),
                _ => {}
            }
        } else if m.chunk_mode == Sctp::ONLY {
            return Ok(false);
        }
        if at >= cx.packet.length {
            break;
        }
    }
    Ok(match m.chunk_mode {
        Sctp::ALL => missing == [0; 8],
        Sctp::ONLY => true,
        _ => false,
    })
}
