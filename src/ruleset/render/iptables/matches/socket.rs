//! `-m socket`

use nfblame_sys::xt::matches::Socket;

use super::Out;

pub(super) fn render(m: &Socket, out: &mut Out) {
    for (flag, option) in [
        (Socket::TRANSPARENT, " --transparent"),
        (Socket::NO_WILDCARD, " --nowildcard"),
        (Socket::RESTORE_MARK, " --restore-skmark"),
    ] {
        if m.flags & flag != 0 {
            out.str(option);
        }
    }
}
