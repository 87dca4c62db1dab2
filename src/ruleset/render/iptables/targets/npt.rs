//! `-j DNPT` and `-j SNPT`

use nfblame_sys::xt::targets::Npt;

use super::{Address, Out, put};

pub(super) fn render(t: &Npt, out: &mut Out) {
    for (option, prefix, length) in
        [("--src-pfx", t.source, t.source_length), ("--dst-pfx", t.destination, t.destination_length)]
    {
        if !prefix.is_unspecified() || length != 0 {
            put!(out, " {option} {}/{length}", Address::from(prefix));
        }
    }
}
