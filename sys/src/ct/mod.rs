//! Connection tracking over ctnetlink.
//!
//! [`Flow`] is one connection, as dumps, events and the `NFULA_CT` attribute of a logged packet describe it.
//! [`Conntrack`] asks for connections, [`Events`] hears of their changes.

mod events;
mod expect;
mod filter;
mod flow;
mod protoinfo;
mod stats;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod tuple;
mod zone;

pub use events::{Change, Events};
pub use expect::Expectation;
pub use filter::{Filter, TupleFilter};
pub use flow::{Counters, Flow, SeqAdjust, Synproxy, Timestamps};
pub use protoinfo::{ProtoInfo, TcpFlags, TcpState};
pub use stats::{CpuStats, Totals};
pub use status::Status;
pub use table::Conntrack;
pub use tuple::{L4, Tuple};
pub use zone::{Zone, ZoneScope};
