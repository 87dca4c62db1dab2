//! Durations, dates and hours.

use std::fmt;

use crate::ruleset::render::nft::Names;
use crate::ruleset::render::out::{Out, put};

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Writes milliseconds as `1d2h3m4s5ms`, nothing for none; or in whole seconds where numbers are asked for.
pub fn duration(ms: u64, numeric: bool, out: &mut Out) {
    if numeric {
        out.dec(ms / 1000);
        return out.str("s");
    }
    let mut rest = ms;
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")] {
        if rest >= unit {
            out.dec(rest / unit);
            out.str(name);
            rest %= unit;
        }
    }
}

/// Writes nanoseconds since 1970 as a local date and time.
pub(super) fn date(ns: u64, names: &dyn Names, out: &mut Out) {
    let utc = (ns / 1_000_000_000) as i64;
    let local = utc.saturating_add(names.utc_offset(Some(utc)).into());
    put!(out, "\"{}\"", CivilDate(local));
}

/// Seconds since 1970, displayed as date and time.
pub struct CivilDate(pub i64);

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(SECONDS_PER_DAY));
        let (h, m, s) = clock(self.0.rem_euclid(SECONDS_PER_DAY));
        write!(f, "{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}")
    }
}

/// Writes seconds since midnight in UTC as a local hour, by the offset of now.
pub(super) fn hour(seconds: u32, names: &dyn Names, out: &mut Out) {
    // The remainder keeps the sign, as C's does: an hour before local midnight stays negative.
    let local = (i64::from(seconds) + i64::from(names.utc_offset(None))) % SECONDS_PER_DAY;
    let (h, m, s) = clock(i64::from(local as u32));
    put!(out, "\"{h:02}:{m:02}");
    if s != 0 {
        put!(out, ":{s:02}");
    }
    out.str("\"");
}

fn clock(seconds: i64) -> (i64, i64, i64) {
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that a leap day is the last day of its year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_leave_out_empty_units() {
        let text = |ms| {
            let mut out = Out::new();
            duration(ms, false, &mut out);
            out.into_text().to_string()
        };
        assert_eq!(text(90_061_001), "1d1h1m1s1ms");
        assert_eq!(text(3_600_000), "1h");
        assert_eq!(text(0), "");
        let mut out = Out::new();
        duration(61_500, true, &mut out);
        assert_eq!(out.as_bytes(), b"61s");
    }

    #[test]
    fn dates_are_counted_right() {
        let text = |s: u64| {
            let mut out = Out::new();
            date(s * 1_000_000_000, &(), &mut out);
            out.into_text().to_string()
        };
        assert_eq!(text(0), "\"1970-01-01 00:00:00\"");
        assert_eq!(text(1_582_934_400), "\"2020-02-29 00:00:00\"");
        assert_eq!(text(4_102_444_799), "\"2099-12-31 23:59:59\"");
    }
}
