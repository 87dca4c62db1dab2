//! What to change so that a packet arrives, tried on the model before it is told.
//!
//! A [`Change`] is applied to a copy of the ruleset, or laid over the host's settings ([`Patched`]); the packet, the answer to it and what
//! else it depends on are evaluated again. What does not help is not told.

mod advice;
mod allow;
mod change;
mod entry;
mod listed;
mod mend;
mod owner;
mod patched;
mod propose;
mod rule;
mod saved;
mod stopped;
mod translate;
mod trial;

pub(crate) use change::save;
pub use change::{Change, xtables_tool};
pub use entry::Entry;
pub use listed::Listed;
pub use mend::let_pass;
pub use patched::Patched;
pub use propose::{Proposed, propose};
pub use rule::NewRule;
pub use stopped::without_tables;
pub use translate::{Translation, ways as translations};
pub use trial::Trial;
