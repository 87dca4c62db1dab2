//! What would happen to a packet here and now.
//!
//! A [`Question`] is one packet and what is said about it: typed as words ([`Ask`]), read from a capture
//! ([`crate::capture`]), or from a line of a batch ([`batch`]). [`Explainer`] puts it on its way through the rulesets and
//! the kernel's own decisions, and says who would stop it.

mod ask;
pub mod batch;
mod complaint;
mod craft;
mod enter;
mod explainer;
pub mod logged;
mod near;
mod present;
mod question;
mod session;
mod unlike;
pub mod words;

pub use ask::Ask;
pub use complaint::{complain, complain_of};
pub use craft::Craft;
pub use explainer::{Explained, Explainer};
pub use near::difference;
pub use question::{Invalid, Question, Side};
pub use session::{Next, session};
pub use unlike::{Parting, parting};
