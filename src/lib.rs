//! nfblame: git blame for dropped packets.
//!
//! Evidence that a packet was dropped, the rulesets that it met and the host's state give a blame: the rule, policy,
//! setting, route or missing listener that decided, and how sure that is. The program `nfblame` is a thin layer over
//! this library; `nfblame-sys`, here as [`sys`], has the wire formats below it.
//!
//! | to | begin with |
//! |---|---|
//! | read the rulesets of all backends, of one generation | [`ruleset::Ruleset::read`] |
//! | show them as their own tools would, or in the order in which packets meet them | [`ruleset::render`], [`listing`] |
//! | ask what would happen to a packet | [`explain::Explainer`], [`explain::complain`] |
//! | blame packets as they are dropped | [`watch::Watch`] |
//! | follow changes, and who made them | [`watch::Follower`] |
//! | find what is wrong with a host | [`finding::all`] |
//! | put a packet through a ruleset that is not of this host | [`evaluate`] |
//!
//! ```no_run
//! use nfblame::explain::{Ask, Explainer, complain};
//! use nfblame::host::KernelHost;
//! use nfblame::ruleset::Ruleset;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (host, rules) = (KernelHost::open()?, Ruleset::read()?);
//! let packet = Ask {
//!     protocol: "tcp".into(),
//!     src: "192.0.2.7:4242".into(),
//!     dst: "10.0.0.1:80".into(),
//!     iif: Some("eth0".into()),
//!     ..Ask::default()
//! };
//! let answer = complain(&Explainer::new(&rules, &host), &packet.question()?)?;
//! println!("{:?} by {:?}", answer.blame.verdict, answer.blame.culprit.text);
//! for fix in &answer.blame.fix {
//!     println!("{}: {:?}", fix.message, fix.commands);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The repository's `examples/` can be run. Reading needs `CAP_NET_ADMIN` in the network namespace, and changes nothing.
//! Calls work on the network namespace of the thread that makes them ([`sys::ns`]). The feature `cli` (on by default) is
//! only needed for the program: without it the library has neither argument parsing nor output for terminals.
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
