//! `-m tos`, `-m dscp`, `-m ttl`, `-m hl`, `-m ecn`, `-m length`

use super::{Checked, known, note, place, range};
use crate::evaluate::context::Context;
use crate::evaluate::xt::Param;
use crate::evaluate::xt::targets::dsfield;
use crate::sys::xt::Family;
use crate::sys::xt::matches::{Dscp, Ecn, Length, Tos, Ttl};

pub(super) fn tos(cx: &mut Context, m: &Tos) -> Checked {
    let fact = dsfield(&cx.packet);
    let Some(have) = known(cx, fact, m)? else { return Ok(false) };
    let met = (have & m.mask.unwrap_or(u8::MAX) == m.value) != m.invert;
    Ok(note(cx, met, "--tos", m.value, have))
}

pub(super) fn dscp(cx: &mut Context, m: &Dscp) -> Checked {
    let fact = dsfield(&cx.packet);
    let Some(have) = known(cx, fact, m)? else { return Ok(false) };
    Ok(range(cx, "--dscp", have >> 2, (m.dscp, m.dscp), m.invert != 0))
}

pub(super) fn ttl(cx: &mut Context, m: &Ttl, name: &'static str, at: usize) -> Checked {
    let fact = cx.packet.array::<1>(at);
    let Some([have]) = known(cx, fact, m)? else { return Ok(false) };
    let (met, sign) = match m.mode {
        Ttl::EQUAL => (have == m.value, ""),
        Ttl::NOT_EQUAL => (have != m.value, "! "),
        Ttl::LESS => (have < m.value, "< "),
        Ttl::GREATER => (have > m.value, "> "),
        _ => (false, "? "),
    };
    if !met {
        cx.miss(name, || (Some(format!("{sign}{}", m.value)), Some(have.to_string())));
    }
    Ok(met)
}

pub(super) fn ecn(cx: &mut Context, param: &Param, m: &Ecn) -> Checked {
    if m.operation & Ecn::IP != 0 {
        let fact = dsfield(&cx.packet);
        let Some(have) = known(cx, fact, m)? else { return Ok(false) };
        if !range(cx, "--ecn-ip-ect", have & 3, (m.ect, m.ect), m.invert & Ecn::IP != 0) {
            return Ok(false);
        }
    }
    if m.operation & (Ecn::ECE | Ecn::CWR) == 0 {
        return Ok(true);
    }
    let at = place(cx, param, m)?.offset;
    let fact = cx.packet.array::<20>(at);
    let Some(header) = known(cx, fact, m)? else { return Ok(false) };
    for (operation, bit, name) in [(Ecn::ECE, 0x40, "--ecn-tcp-ece"), (Ecn::CWR, 0x80, "--ecn-tcp-cwr")] {
        let (set, wanted) = (header[13] & bit != 0, m.invert & operation == 0);
        if m.operation & operation != 0 && !note(cx, set == wanted, name, wanted, set) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn length(cx: &mut Context, param: &Param, m: &Length) -> Checked {
    let have = match param.family {
        Family::Ip => {
            let fact = cx.packet.array(2).map(u16::from_be_bytes);
            match known(cx, fact, m)? {
                // A packet that segmentation offload made too big for the field.
                None | Some(0) => cx.packet.length,
                Some(n) => n.into(),
            }
        }
        _ => cx.packet.length,
    };
    Ok(range(cx, "--length", have, (m.min.into(), m.max.into()), m.invert != 0))
}
