//! nfblame: git blame for dropped packets.
#![forbid(unsafe_code)]

pub use nfblame_sys as sys;

pub mod analysis;
pub mod blame;
pub mod capture;
pub mod demo;
pub mod doctor;
pub mod evaluate;
pub mod evidence;
pub mod explain;
pub mod filter;
pub mod finding;
pub mod fix;
pub mod host;
pub mod listing;
pub mod manager;
pub mod report;
pub mod ruleset;
pub mod watch;
