//! `-m owner`

use nfblame_sys::xt::matches::Owner;

use super::{Out, put};

pub(super) fn render(m: &Owner, out: &mut Out) {
    for (flag, option, ids) in [
        (Owner::SOCKET, "--socket-exists", None),
        (Owner::UID, "--uid-owner", Some(m.uids)),
        (Owner::GID, "--gid-owner", Some(m.gids)),
        (Owner::SUPPLEMENTARY, "--suppl-groups", None),
    ] {
        if m.matched & flag == 0 {
            continue;
        }
        out.not(m.invert & flag != 0);
        put!(out, " {option}");
        match ids {
            Some([first, last]) if first != last => put!(out, " {first}-{last}"),
            Some([id, _]) => put!(out, " {id}"),
            None => {}
        }
    }
}
