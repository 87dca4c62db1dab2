//! Tracing: the kernel names each rule that a packet meets.
//!
//! A table of ours ([`Table`]) sets `meta nftrace` on the packets that the filter selects. From then on nf_tables sends a
//! record for each rule and policy that the packet meets, and the legacy tables log a TRACE record for each of
//! theirs. [`Joiner`] puts the records of one packet together into a [`Journey`].
//!
//! Neither kind says that a packet was accepted by all in the end, and the legacy kind says no verdict at all. So
//! our table also has an empty chain at the beginning and the end of every hook: a traced packet leaves a record
//! there ([`Edge`]), and where its journey stops short of the next one, something in between has taken it.

mod join;
mod journey;
mod names;
mod print;
pub(super) mod reader;
mod rules;
pub mod table;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use join::{Joiner, Now};
pub use journey::{Edge, End, Journey, Record, Step, View};
pub use names::is_ours;
pub use table::Table;
