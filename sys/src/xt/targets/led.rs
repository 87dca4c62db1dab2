//! `-j LED` (include/uapi/linux/netfilter/xt_LED.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// Blinks (`struct xt_led_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Led<'a> {
    /// The trigger's name, which begins with `netfilter-`.
    pub id: TextRef<'a>,
    /// Blink even if it is on.
    pub always_blink: bool,
    /// Milliseconds until it goes off; `u32::MAX` for never.
    pub delay: u32,
}

impl<'a> Led<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 {
            return None;
        }
        Some(Self {
            id: TextRef::from_c(data.get(..27)?),
            always_blink: *data.get(27)? != 0,
            delay: read(data.get(28..)?)?,
        })
    }
}
