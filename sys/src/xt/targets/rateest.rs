//! `-j RATEEST` (include/uapi/linux/netfilter/xt_RATEEST.h).

use serde::Serialize;

use crate::TextRef;

/// Feeds a rate estimator (`struct xt_rateest_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rateest<'a> {
    /// The estimator.
    pub name: TextRef<'a>,
    /// It samples every `2^interval` seconds, from -2.
    pub interval: i8,
    /// The average runs over `2^ewma_log` intervals.
    pub ewma_log: u8,
}

impl<'a> Rateest<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 {
            return None;
        }
        let [interval, ewma_log] = *data.get(16..)?.first_chunk()?;
        Some(Self { name: TextRef::from_c(data.get(..16)?), interval: i8::from_ne_bytes([interval]), ewma_log })
    }
}
