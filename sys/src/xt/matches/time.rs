//! `-m time` (include/uapi/linux/netfilter/xt_time.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// When the packet arrives, UTC (`struct xt_time_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Time {
    /// Seconds since 1970; not before.
    pub date_start: u32,
    /// Seconds since 1970; not after.
    pub date_stop: u32,
    /// Seconds since midnight.
    pub day_start: u32,
    /// Seconds since midnight; before `day_start` it is on the next day.
    pub day_stop: u32,
    /// Bit n: day n of the month.
    pub monthdays: u32,
    /// Bit n: day n of the week, 1 is Monday.
    pub weekdays: u8,
    /// `XT_TIME_*`.
    pub flags: u8,
}

impl Time {
    /// `XT_TIME_LOCAL_TZ`: the kernel's time zone.
    pub const LOCAL: u8 = 1 << 0;
    /// `XT_TIME_CONTIGUOUS`: past midnight belongs to the day before.
    pub const CONTIGUOUS: u8 = 1 << 1;
    /// `XT_TIME_ALL_MONTHDAYS`
    pub const ALL_MONTHDAYS: u32 = 0xffff_fffe;
    /// `XT_TIME_ALL_WEEKDAYS`
    pub const ALL_WEEKDAYS: u8 = 0xfe;
    /// `XT_TIME_MAX_DAYTIME`
    pub const LAST: u32 = 24 * 60 * 60 - 1;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        (revision == 0).then(|| read(data)).flatten()
    }
}
