//! `-j RATEEST`

use nfblame_sys::xt::targets::Rateest;

use super::{Out, put};

/// Microseconds in a second.
const SECOND: u32 = 1_000_000;

pub(super) fn render(t: &Rateest<'_>, out: &mut Out) {
    out.str(" --rateest-name ");
    out.bytes(t.name.as_bytes());
    // The arithmetic of the tool, in 32 bits.
    let shift = u32::from_ne_bytes(i32::from(t.interval).wrapping_add(2).to_ne_bytes());
    let interval = SECOND.wrapping_shl(shift) / 4;
    let average = interval.wrapping_mul(1u32.wrapping_shl(u32::from(t.ewma_log)));
    out.str(" --rateest-interval");
    time(interval, out);
    out.str(" --rateest-ewmalog");
    time(average, out);
}

fn time(microseconds: u32, out: &mut Out) {
    let value = f64::from(microseconds);
    if microseconds >= SECOND {
        put!(out, " {:.1}s", value / f64::from(SECOND));
    } else if microseconds >= SECOND / 1000 {
        put!(out, " {:.1}ms", value / f64::from(SECOND / 1000));
    } else {
        put!(out, " {microseconds}us");
    }
}
