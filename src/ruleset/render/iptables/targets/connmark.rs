//! `-j CONNMARK`

use nfblame_sys::xt::targets::Connmark;

use super::{Out, put};

pub(super) fn render(t: &Connmark, out: &mut Out) {
    let Connmark { mode, ctmark, ctmask, nfmask, .. } = *t;
    match mode {
        Connmark::SET => put!(out, " --set-xmark {ctmark:#x}/{ctmask:#x}"),
        Connmark::SAVE => put!(out, " --save-mark --nfmask {nfmask:#x} --ctmask {ctmask:#x}"),
        Connmark::RESTORE => put!(out, " --restore-mark --nfmask {nfmask:#x} --ctmask {ctmask:#x}"),
        other => return out.unknown(format_args!("unknown mode {other}")),
    }
    if t.shift_bits != 0 {
        match t.shift_direction {
            0 => put!(out, " --left-shift-mark {}", t.shift_bits),
            1 => put!(out, " --right-shift-mark {}", t.shift_bits),
            other => out.unknown(format_args!("unknown shift {other} by {}", t.shift_bits)),
        }
    }
}
