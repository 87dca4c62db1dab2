//! `nfblame watch`: evidence joined with the ruleset that each packet met.

mod account;
mod counters;
mod drops;
mod ends;
pub mod engine;
pub mod follower;
mod judge;
mod known;
mod next;
mod onward;
mod report;
mod roomless;
mod transaction;
mod twice;
mod unconfirmed;
mod unheard;

pub use engine::Watch;
pub use follower::{Follower, Update};
pub use report::{Options, Output, Seen, Summary};
pub use transaction::{Announced, RuleId};
