//! `-m statistic`

use nfblame_sys::xt::matches::Statistic;

use super::{Out, put};

pub(super) fn render(m: &Statistic, out: &mut Out) {
    let not = if m.flags & Statistic::INVERT != 0 { " !" } else { "" };
    match m.mode {
        Statistic::RANDOM => {
            let probability = f64::from(m.value) / f64::from(1u32 << 31);
            put!(out, " --mode random{not} --probability {probability:.11}");
        }
        Statistic::NTH => put!(out, " --mode nth{not} --every {} --packet {}", m.value.wrapping_add(1), m.packet),
        other => out.unknown(format_args!("mode {other}")),
    }
}
