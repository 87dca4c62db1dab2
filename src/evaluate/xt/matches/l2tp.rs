//! `-m l2tp`

use super::{Checked, found, known, note, place};
use crate::evaluate::context::Context;
use crate::evaluate::ip6::{self, Wanted};
use crate::evaluate::xt::{Outcome, Param};
use crate::sys::xt::Family;
use crate::sys::xt::matches::L2tp;

const UDP: u8 = 17;
const PROTOCOL: u8 = 115;
const CONTROL: u8 = 0;
const DATA: u8 = 1;

/// The fields of an L2TP header.
#[derive(Debug, Default)]
struct Fields {
    tunnel: u32,
    session: u32,
    kind: u8,
    version: u8,
}

pub(super) fn check(cx: &mut Context, param: &Param, m: &L2tp) -> Checked {
    let (protocol, at, fragment) = if param.family == Family::Ip6 {
        let header = ip6::find_in(cx, Wanted::Transport).map_err(|e| match e {
            // Here what cannot be taken apart just does not match.
            ip6::Missing::Broken => ip6::Missing::Absent,
            e => e,
        });
        let Some(header) = found(cx, header, m)? else { return Ok(false) };
        (header.protocol, header.offset, header.fragment)
    } else {
        let protocol = cx.packet.array::<1>(9);
        let Some([protocol]) = known(cx, protocol, m)? else { return Ok(false) };
        let transport = place(cx, param, m)?;
        // Only within UDP does the kernel look for fragments.
        (protocol, transport.offset, if protocol == UDP { transport.fragment } else { 0 })
    };
    if fragment != 0 {
        return Ok(false);
    }
    let fields = match protocol {
        UDP => in_udp(cx, at + 8, m)?,
        PROTOCOL => in_ip(cx, at, m)?,
        _ => None,
    };
    let Some(f) = fields else { return Ok(note(cx, false, "-m l2tp", "an L2TP header", "none")) };
    let asked = |bit: u8| m.flags & bit != 0;
    let met = !(asked(L2tp::KIND) && m.kind != f.kind
        || asked(L2tp::VERSION) && m.version != f.version
        || asked(L2tp::TUNNEL) && (f.kind == CONTROL || f.version == 2) && m.tunnel != f.tunnel
        || asked(L2tp::SESSION) && f.kind == DATA && m.session != f.session);
    Ok(note(cx, met, "-m l2tp", m, f))
}

fn word(cx: &mut Context, at: usize, m: &L2tp) -> Result<Option<u32>, Outcome> {
    let fact = cx.packet.array(at).map(u32::from_be_bytes);
    known(cx, fact, m)
}

fn in_udp(cx: &mut Context, mut at: usize, m: &L2tp) -> Result<Option<Fields>, Outcome> {
    let flags = cx.packet.array(at).map(u16::from_be_bytes);
    let Some(flags) = known(cx, flags, m)? else { return Ok(None) };
    let kind = if flags & 0x8000 != 0 { CONTROL } else { DATA };
    let mut fields = Fields { kind, version: flags as u8 & 0x0f, ..Fields::default() };
    match fields.version {
        3 => {
            let Some(id) = word(cx, at + 4, m)? else { return Ok(None) };
            if kind == CONTROL { fields.tunnel = id } else { fields.session = id }
        }
        2 => {
            if flags & 0x4000 != 0 {
                at += 2;
            }
            let Some(ids) = word(cx, at + 2, m)? else { return Ok(None) };
            (fields.tunnel, fields.session) = (ids >> 16, ids & 0xffff);
        }
        _ => return Ok(None),
    }
    Ok(Some(fields))
}

fn in_ip(cx: &mut Context, at: usize, m: &L2tp) -> Result<Option<Fields>, Outcome> {
    let Some(session) = word(cx, at, m)? else { return Ok(None) };
    let mut fields = Fields { kind: DATA, version: 3, session, ..Fields::default() };
    if session == 0 {
        let Some(tunnel) = word(cx, at + 8, m)? else { return Ok(None) };
        (fields.kind, fields.tunnel) = (CONTROL, tunnel);
    }
    Ok(Some(fields))
}
