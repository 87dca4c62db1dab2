//! `nfblame watch`: evidence joined with the ruleset that each packet met.

mod counters;
mod drops;
mod ends;
pub mod engine;
pub mod follower;
mod known;
mod onward;
mod twice;
mod unheard;

pub use engine::{Options, Output, Seen, Summary, Watch};
pub use follower::{Follower, Update};
