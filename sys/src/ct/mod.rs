//! Connection tracking over ctnetlink.
//!
//! [`Flow`] is one connection, as dumps, events and the `NFULA_CT` attribute of a logged packet describe it.

mod flow;
mod protoinfo;
mod status;
mod tuple;

pub use flow::{Counters, Flow, SeqAdjust, Synproxy, Timestamps};
pub use protoinfo::{ProtoInfo, TcpFlags, TcpState};
pub use status::Status;
pub use tuple::{L4, Tuple};
