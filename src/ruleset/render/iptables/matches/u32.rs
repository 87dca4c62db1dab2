//! `-m u32`

use nfblame_sys::xt::matches::{U32, U32Step};

use super::{Out, put};

pub(super) fn render(m: &U32<'_>, out: &mut Out) {
    out.not(m.invert);
    out.str(" --u32 \"");
    for (n, test) in m.tests.iter().enumerate() {
        out.str(if n == 0 { "" } else { "&&" });
        for (n, step) in test.steps().enumerate() {
            match step.op {
                _ if n == 0 => {}
                U32Step::AND => out.str("&"),
                U32Step::LEFT => out.str("<<"),
                U32Step::RIGHT => out.str(">>"),
                U32Step::AT => out.str("@"),
                other => out.unknown(format_args!("operation {other}")),
            }
            put!(out, "{:#x}", step.number);
        }
        out.str("=");
        for (n, (min, max)) in test.ranges().enumerate() {
            put!(out, "{}{min:#x}", if n == 0 { "" } else { "," });
            if max != min {
                put!(out, ":{max:#x}");
            }
        }
    }
    out.str("\"");
}
