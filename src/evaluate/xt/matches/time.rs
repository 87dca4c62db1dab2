//! `-m time`

use super::{Checked, known, note};
use crate::evaluate::context::Context;
use crate::sys::xt::matches::Time;

const DAY: i64 = 86_400;

pub(super) fn check(cx: &mut Context, m: &Time) -> Checked {
    let clock = cx.env.clock();
    let Some((utc, offset)) = known(cx, clock, m)? else { return Ok(false) };
    let mut now = utc + if m.flags & Time::LOCAL != 0 { i64::from(offset) } else { 0 };
    if !note(cx, now >= i64::from(m.date_start), "--datestart", m.date_start, now)
        || !note(cx, now <= i64::from(m.date_stop), "--datestop", m.date_stop, now)
    {
        return Ok(false);
    }
    let (start, stop) = (i64::from(m.day_start), i64::from(m.day_stop));
    let second = now.rem_euclid(DAY);
    if start < stop {
        if !note(cx, start <= second && second <= stop, "--timestart", (start, stop), second) {
            return Ok(false);
        }
    } else {
        if !note(cx, start <= second || second <= stop, "--timestart", (start, stop), second) {
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
    if !note(cx, m.weekdays >> weekday & 1 != 0, "--weekdays", m.weekdays, weekday) {
        return Ok(false);
    }
    if m.monthdays == Time::ALL_MONTHDAYS {
        return Ok(true);
    }
    let day = day_of_month(days);
    Ok(note(cx, m.monthdays >> day & 1 != 0, "--monthdays", m.monthdays, day))
}

/// The day of the month, from 1, of a day counted from 1970-01-01. Years are counted from March here, so that the leap
/// day comes last.
fn day_of_month(days: i64) -> i64 {
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_month_are_those_of_the_calendar() {
        // 1970-01-01, 1972-02-29, 2000-02-29, 2026-11-22, 2100-03-01
        for (days, day) in [(0, 1), (789, 29), (11_016, 29), (20_779, 22), (47_541, 1)] {
            assert_eq!(day_of_month(days), day, "day {days}");
        }
    }
}
