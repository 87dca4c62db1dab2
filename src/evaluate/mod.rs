//! One packet through the ruleset, as the kernel would take it.
//!
//! The walk is an ordinary interpreter that answers every question with yes or no. Where the evidence does not
//! hold the answer it asks [`Assumptions`], which answers both ways in turn: the walk is run again for each
//! combination that matters. If all runs end at the same culprit, the answer is certain although some of its
//! inputs were unknown; if they do not, the answer says what it depends on.

pub mod arrival;
pub mod asked;
pub mod assume;
pub mod bytes;
pub mod candidates;
pub mod checksum;
pub mod conditions;
pub mod connection;
pub mod context;
pub mod decision;
pub mod effect;
pub mod environment;
pub mod fact;
pub mod forwarding;
pub mod headers;
pub mod hook;
pub mod ip4_options;
pub mod ip6;
pub mod ip6_options;
pub mod jhash;
pub mod log_rules;
pub mod nat;
pub mod nft;
pub mod obstacle;
pub mod packet;
pub mod path_mtu;
pub mod place;
pub mod reject;
pub mod release;
pub mod run;
pub mod stations;
pub mod summed;
pub mod telling;
pub mod tracking;
pub mod traversal;
pub mod verdict;
pub mod walk;
pub mod xt;

pub use assume::{Assumption, Assumptions};
pub use context::{Context, Missed};
pub use decision::{Decision, RejectWith};
pub use effect::{Effect, LogTo};
pub use environment::Environment;
pub use fact::Fact;
pub use headers::{Headers, Network};
pub use hook::Hook;
pub use obstacle::{DeadEnd, Delivery, Obstacle, Routed, Tracked};
pub use packet::{Device, Packet};
pub use place::{ChainRef, Place, TableRef};
pub use run::Prepared;
pub use stations::{Station, Stations};
