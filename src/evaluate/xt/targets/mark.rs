//! Marks of the packet and of its connection: MARK, CONNMARK, CLASSIFY.

use crate::evaluate::connection::tracked;
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::sys::xt::targets::{Classify, Connmark, Mark};

/// `old & !clear ^ set`, which may be known although `old` is not.
fn changed(old: &Fact<u32>, clear: u32, set: u32, by: &str) -> Fact<u32> {
    match old {
        _ if clear == u32::MAX => Fact::Is(set),
        Fact::Is(old) => Fact::Is((old & !clear) ^ set),
        Fact::Absent => Fact::Is(set),
        Fact::Unknown(what) => Fact::unknown(format!("{what} after {by}")),
    }
}

pub(super) fn mark(cx: &mut Context, t: &Mark) -> Decision {
    cx.set_mark(changed(&cx.packet.mark, t.mask, t.mark, &format!("MARK {:#x}/{:#x}", t.mark, t.mask)));
    Decision::Next
}

pub(super) fn classify(cx: &mut Context, t: &Classify) -> Decision {
    cx.packet.priority = Fact::Is(t.priority);
    Decision::Next
}

pub(super) fn connmark(cx: &mut Context, t: &Connmark) -> Decision {
    if !tracked(cx) {
        return Decision::Next;
    }
    let shift = |v: u32| match t.shift_direction {
        0 => v.checked_shl(t.shift_bits.into()).unwrap_or(0),
        _ => v.checked_shr(t.shift_bits.into()).unwrap_or(0),
    };
    match t.mode {
        Connmark::SET => {
            let by = format!("CONNMARK {:#x}/{:#x}", t.ctmark, t.ctmask);
            cx.packet.ct.mark = changed(&cx.packet.ct.mark, t.ctmask, t.ctmark, &by).map(shift);
        }
        Connmark::SAVE => {
            let old = cx.packet.ct.mark.clone();
            cx.packet.ct.mark = match &cx.packet.mark {
                Fact::Is(m) => changed(&old, t.ctmask, shift(m & t.nfmask), "CONNMARK save"),
                Fact::Absent => changed(&old, t.ctmask, 0, "CONNMARK save"),
                Fact::Unknown(what) => Fact::unknown(format!("{what} saved by CONNMARK")),
            };
        }
        Connmark::RESTORE => {
            let old = cx.packet.mark.clone();
            cx.set_mark(match &cx.packet.ct.mark {
                Fact::Is(m) => changed(&old, t.nfmask, shift(m & t.ctmask), "CONNMARK restore"),
                Fact::Absent => changed(&old, t.nfmask, 0, "CONNMARK restore"),
                Fact::Unknown(what) => Fact::unknown(format!("{what} restored by CONNMARK")),
            });
        }
        _ => {}
    }
    Decision::Next
}
