//! `-m time`

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nfblame_sys::xt::matches::Time;

use super::{Out, put};

pub(super) fn render(m: &Time, out: &mut Out) {
    if (m.day_start, m.day_stop) != (0, Time::LAST) {
        for (option, at) in [("--timestart", m.day_start), ("--timestop", m.day_stop)] {
            put!(out, " {option} {:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
        }
    }
    if m.monthdays != Time::ALL_MONTHDAYS {
        out.str(" --monthdays ");
        for (n, day) in (1..=31).filter(|day| m.monthdays & 1 << day != 0).enumerate() {
            put!(out, "{}{day}", if n == 0 { "" } else { "," });
        }
    }
    if m.weekdays != Time::ALL_WEEKDAYS {
        const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        out.str(" --weekdays ");
        super::list(NAMES.iter().zip(1..).filter(|(_, bit)| m.weekdays & 1 << bit != 0).map(|(name, _)| *name), out);
    }
    date("--datestart", m.date_start, out);
    date("--datestop", m.date_stop, out);
    if m.flags & Time::LOCAL != 0 {
        out.str(" --kerneltz");
    }
    if m.flags & Time::CONTIGUOUS != 0 {
        out.str(" --contiguous");
    }
}

fn date(option: &str, seconds: u32, out: &mut Out) {
    if seconds == 0 {
        return;
    }
    // Every 32-bit time is one that jiff knows.
    let at = Timestamp::from_second(seconds.into()).unwrap_or_default().to_zoned(TimeZone::UTC);
    put!(out, " {option} {:04}-{:02}-{:02}", at.year(), at.month(), at.day());
    put!(out, "T{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
}
