//! `-j IDLETIMER` (include/uapi/linux/netfilter/xt_IDLETIMER.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// Restarts a timer that user space watches (`struct idletimer_tg_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IdleTimer<'a> {
    /// Seconds.
    pub timeout: u32,
    /// The timer's name in sysfs.
    pub label: TextRef<'a>,
    /// 1 (`XT_IDLETIMER_ALARM`): it also runs while suspended. Revision 0 never does.
    pub timer_type: u8,
}

impl<'a> IdleTimer<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        let timer_type = match revision {
            0 => 0,
            1 => *data.get(33)?,
            _ => return None,
        };
        Some(Self { timeout: read(data)?, label: TextRef::from_c(data.get(4..32)?), timer_type })
    }
}
