//! `-m time`

use super::{Checked, known};
use crate::evaluate::context::Context;
use crate::sys::xt::matches::Time;

const DAY: i64 = 86_400;

pub(super) fn check(cx: &mut Context, m: &Time) -> Checked {
    let clock = cx.env.clock();
    let Some((utc, offset)) = known(cx, clock, m)? else { return Ok(false) };
    let mut now = utc + if m.flags & Time::LOCAL != 0 { i64::from(offset) } else { 0 };
    let (first, last) = (i64::from(m.date_start), i64::from(m.date_stop));
    if !held(cx, now >= first, "--datestart", || (date(first), date(now)))
        || !held(cx, now <= last, "--datestop", || (date(last), date(now)))
    {
        return Ok(false);
    }
    let (start, stop) = (i64::from(m.day_start), i64::from(m.day_stop));
    let second = now.rem_euclid(DAY);
    let zone = if m.flags & Time::LOCAL != 0 { " of the kernel's time zone" } else { " UTC" };
    let hours = || (format!("{}-{}", hour(start), hour(stop)), format!("{}{zone}", hour(second)));
    if start < stop {
        if !held(cx, start <= second && second <= stop, "--timestart", hours) {
            return Ok(false);
        }
    } else {
        if !held(cx, start <= second || second <= stop, "--timestart", hours) {
            return Ok(false);
        }
        // Behind midnight, and the rule counts that as the day before.
        if m.flags & Time::CONTIGUOUS != 0 && second <= stop {
            now -= DAY;
        }
    }
    let days = now.div_euclid(DAY);
    // 1970-01-01 was a Thursday; Monday is 1.
    let weekday = (days + 3).rem_euclid(7) + 1;
    let names = |bits: u32| names(&WEEKDAYS, bits);
    if !held(cx, m.weekdays >> weekday & 1 != 0, "--weekdays", || (names(m.weekdays.into()), names(1 << weekday))) {
        return Ok(false);
    }
    if m.monthdays == Time::ALL_MONTHDAYS {
        return Ok(true);
    }
    let (.., day) = civil(days);
    let numbers: Vec<String> = (1..=31).map(|n: u32| n.to_string()).collect();
    let days = |bits: u32| {
        (1u32..)
            .zip(&numbers)
            .filter(|(n, _)| bits >> n & 1 != 0)
            .map(|(_, n)| n.as_str())
            .collect::<Vec<_>>()
            .join(",")
    };
    Ok(held(cx, m.monthdays >> day & 1 != 0, "--monthdays", || (days(m.monthdays), day.to_string())))
}

/// From 1, as the tool names them.
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Notes what was wanted and what there is, where they do not fit.
fn held(cx: &mut Context, met: bool, field: &'static str, both: impl FnOnce() -> (String, String)) -> bool {
    if !met {
        cx.miss(field, || {
            let (wanted, have) = both();
            (Some(wanted), Some(have))
        });
    }
    met
}

fn names(all: &[&str], bits: u32) -> String {
    let set = (1u32..).zip(all).filter(|(n, _)| bits >> n & 1 != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

/// A second of a day as a time.
fn hour(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn date(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}T{}", hour(seconds.rem_euclid(DAY)))
}

/// Year, month and day of the month, the latter from 1, of a day counted from 1970-01-01. Years are counted from March here, so
/// that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (400 * era + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_those_of_the_calendar() {
        let dates = [(0, (1970, 1, 1)), (789, (1972, 2, 29)), (11_016, (2000, 2, 29)), (20_779, (2026, 11, 22))];
        for (days, is) in dates.into_iter().chain([(47_541, (2100, 3, 1)), (11_322, (2000, 12, 31))]) {
            assert_eq!(civil(days), is, "day {days}");
        }
        assert_eq!(date(20_779 * DAY + 3_661), "2026-11-22T01:01:01");
        assert_eq!(names(&WEEKDAYS, 1 << 1 | 1 << 7), "Mon,Sun");
    }
}
