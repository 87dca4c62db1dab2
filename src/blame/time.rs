//! Points in time, as the kernel stamps them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// Nanoseconds since the epoch. Displays and serialises as RFC 3339 in UTC with nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// Now, by the system's clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// How long after `earlier` this is; zero if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time of day, in local time, with milliseconds: `12:04:51.318`.
    pub fn of_day(self) -> String {
        match self.timestamp() {
            Some(t) => t.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f").to_string(),
            None => self.0.to_string(),
        }
    }

    fn timestamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).ok()
    }
}

impl From<SystemTime> for Time {
    fn from(t: SystemTime) -> Self {
        Self(t.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timestamp() {
            Some(t) => write!(f, "{t:.9}"),
            None => write!(f, "{} ns", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rfc_3339_with_nanoseconds() {
        assert_eq!(Time(1_795_349_091_318_204_113).to_string(), "2026-11-22T12:04:51.318204113Z");
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00.000000000Z");
    }
}
