//! What shows that a packet was dropped: NFLOG, nft trace, legacy TRACE.
//!
//! Each source has one reader thread, which decodes and hands events into one bounded stream. Nothing here
//! judges: a logged packet is not yet a dropped one. What did not arrive is an event too ([`Loss`]), in the place where
//! it went missing.

pub mod legacy;
pub mod loss;
pub mod packet;
pub mod trace;

pub use legacy::LegacyTrace;
pub use loss::{Ledger, Loss, LossCause, Source};
pub use packet::LoggedPacket;
pub use trace::Journey;
