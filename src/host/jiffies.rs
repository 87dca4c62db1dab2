//! The kernel's clock for timers, in which some matches note their times.

use std::fs::File;
use std::io::{BufRead, BufReader};

use nix::time::{ClockId, clock_getres};

use crate::evaluate::Fact;

/// The only file that tells the clock's value; the first lines of it are enough.
const TIMERS: &str = "/proc/timer_list";

/// The clock's value, and its ticks in a second.
pub(super) fn now() -> Fact<(u64, u64)> {
    let Some(hz) = ticks() else { return Fact::unknown("ticks of the kernel in a second") };
    match File::open(TIMERS) {
        Ok(file) => match read(BufReader::new(file)) {
            Some(value) => Fact::Is((value, hz)),
            None => Fact::unknown(format!("{TIMERS} does not tell jiffies")),
        },
        Err(e) => Fact::unknown(format!("{TIMERS}: {e}")),
    }
}

/// `HZ`: the coarse clocks advance with each tick.
fn ticks() -> Option<u64> {
    let resolution = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).ok()?;
    let nanoseconds = u64::try_from(resolution.tv_nsec()).ok().filter(|&n| n != 0)?;
    Some((1_000_000_000 + nanoseconds / 2) / nanoseconds)
}

fn read(from: impl BufRead) -> Option<u64> {
    let value = from.lines().map_while(Result::ok).find_map(|l| l.strip_prefix("jiffies: ").map(str::to_owned))?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_stands_on_a_line_of_its_own() {
        let text = "Timer List Version: v0.10\n\ncpu: 0\n clock 0:\n  .base: 0\njiffies: 4297937465\njiffies: 7\n";
        assert_eq!(read(text.as_bytes()), Some(4_297_937_465));
        assert_eq!(read("cpu: 0\n".as_bytes()), None);
        assert!(matches!(ticks(), Some(24..=10_000)));
    }
}
