//! `-m owner`, `-m cgroup`

use super::{Checked, ask, known, note, range};
use crate::evaluate::context::Context;
use crate::sys::xt::matches::{Cgroup, Owner};

pub(super) fn owner(cx: &mut Context, m: &Owner) -> Checked {
    let asked = |bit: u8| m.matched & bit != 0;
    let inverted = |bit: u8| m.invert & bit != 0;
    let fact = cx.packet.owner.clone();
    let Some(owner) = known(cx, fact, m)? else {
        return Ok(note(cx, m.matched ^ m.invert == 0, "-m owner", "a socket", "none"));
    };
    if asked(Owner::SOCKET) && inverted(Owner::SOCKET) {
        return Ok(note(cx, false, "! --socket-exists", "no socket", "one"));
    }
    if owner.uid.is_none() && owner.gid.is_none() {
        // A socket that no file leads to any more.
        let met = (m.matched ^ m.invert) & (Owner::UID | Owner::GID) == 0;
        return Ok(note(cx, met, "-m owner", "an owner", "a socket without one"));
    }
    if asked(Owner::UID) {
        let Some(uid) = owner.uid else { return ask(cx, "user of the socket", m) };
        if !range(cx, "--uid-owner", uid, m.uids.into(), inverted(Owner::UID)) {
            return Ok(false);
        }
    }
    if asked(Owner::GID) {
        let Some(gid) = owner.gid else { return ask(cx, "group of the socket", m) };
        let [low, high] = m.gids;
        if asked(Owner::SUPPLEMENTARY) && !(low <= gid && gid <= high) {
            return ask(cx, "supplementary groups of the socket's owner", m);
        }
        if !range(cx, "--gid-owner", gid, (low, high), inverted(Owner::GID)) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn cgroup(cx: &mut Context, m: &Cgroup<'_>) -> Checked {
    let fact = cx.packet.owner.clone();
    let Some(owner) = known(cx, fact, m)? else { return Ok(note(cx, false, "-m cgroup", "a socket", "none")) };
    let Some(path) = m.path else { return ask(cx, "net_cls class of the socket", m) };
    let Some(have) = owner.cgroup else { return ask(cx, "cgroup of the socket", m) };
    let trim =
        |b: &[u8]| -> Vec<u8> { b.split(|&c| c == b'/').filter(|p| !p.is_empty()).collect::<Vec<_>>().join(&b'/') };
    let (wanted, inside) = (trim(path.as_bytes()), trim(have.as_bytes()));
    let below = wanted.is_empty()
        || inside.strip_prefix(wanted.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    Ok(note(cx, below != m.invert_path, "--path", path, have))
}
