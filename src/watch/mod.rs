//! `nfblame watch`: evidence joined with the ruleset that each packet met.

mod counters;
mod drops;
pub mod engine;
pub mod follower;
mod known;
mod twice;

pub use engine::{Options, Output, Seen, Summary, Watch};
pub use follower::{Follower, Update};
