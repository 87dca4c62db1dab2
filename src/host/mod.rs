//! What the packet path depends on outside the rules: links, routes, sockets, connection tracking, sysctls.
//!
//! [`Host`] is the raw facts, each of which may be unknown. What they come to for one packet (where does it go, who
//! takes it, what does conntrack say) is decided here too, on nothing but these facts: in [`route`], [`deliver`] and [`track`]. [`KernelHost`] asks the kernel; [`FakeHost`] is a host described by data.

mod cgroup;
pub mod conntrack;
pub mod counter;
pub mod deliver;
mod environment;
mod facts;
mod fake;
mod guarded;
pub mod heavy;
mod ipsec;
mod jiffies;
mod kernel;
mod memo;
mod programs;
mod query;
mod refusal;
pub mod route;
mod sums;
pub mod sysctl;
mod track;

pub use deliver::Taker;
pub use facts::{CgroupProgram, Host, Program, Usage};
pub use fake::FakeHost;
pub use kernel::KernelHost;
pub use query::Query;
pub use refusal::{Cause, Evidence, Refusal};
pub use route::{Outcome, Way};
pub use sysctl::Setting;
pub use track::track;
