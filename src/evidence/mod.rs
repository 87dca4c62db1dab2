//! What shows that a packet was dropped: NFLOG, nft trace, legacy TRACE, the drop monitor, frames at devices.
//!
//! Each source has one reader thread, which decodes and hands [`Event`]s into one bounded stream, [`Evidence`]. Nothing
//! here judges: a logged packet is not yet a dropped one. What did not arrive is an event too ([`Loss`]), in the place
//! where it went missing.

pub(crate) mod batch;
pub mod dropmon;
pub mod legacy;
pub(crate) mod likeness;
pub mod logger;
pub mod loss;
mod nflog;
pub mod packet;
mod pressure;
pub mod select;
mod sink;
mod stop;
mod stream;
pub mod tap;
pub mod trace;

pub use dropmon::{Dropped, Here};
pub use legacy::LegacyTrace;
pub use loss::{Ledger, Loss, LossCause, Source};
pub use packet::LoggedPacket;
pub use select::Selection;
pub use stop::Stop;
pub(crate) use stream::Parcel;
pub use stream::{Config, Event, Evidence, Gap, StartError, TraceConfig};
pub use tap::Tapped;
pub use trace::Journey;
