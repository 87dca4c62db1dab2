//! `-m limit`

use nfblame_sys::xt::matches::Limit;

use super::{Out, put};

pub(super) fn render(m: &Limit, out: &mut Out) {
    /// `XT_LIMIT_SCALE`
    const SCALE: u64 = 10_000;
    /// `XT_LIMIT_BURST` of the tool: what it does not write.
    const BURST: u32 = 5;
    out.str(" --limit");
    rate(m.average.into(), SCALE, out);
    if m.burst != BURST {
        put!(out, " --limit-burst {}", m.burst);
    }
}

/// Appends ` 3/hour` for a period of so many `scale`ths of a second, in the longest unit that loses less than the
/// next one would, and says how many seconds that unit has.
pub(super) fn rate(period: u64, scale: u64, out: &mut Out) -> u32 {
    const UNITS: [(&str, u32); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];
    if period == 0 {
        out.str(" inf");
        return 0;
    }
    let worse = |(_, seconds): &(&str, u32)| {
        let unit = u64::from(*seconds) * scale;
        period > unit || unit / period < unit % period
    };
    let chosen = UNITS.iter().skip(1).position(worse).unwrap_or(UNITS.len() - 1);
    let (name, seconds) = UNITS.get(chosen).copied().unwrap_or(("sec", 1));
    put!(out, " {}/{name}", u64::from(seconds) * scale / period);
    seconds
}
