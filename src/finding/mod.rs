//! What is wrong, or may be, with a host's firewall and packet path: one file for each code.
//!
//! A [`Code`] is stable and documented by a page of its own; its check looks at a [`View`] and tells what it found as
//! [`Finding`]s. docs/findings/README.md says how to add one.

pub mod act;
mod check;
mod code;
pub mod counter;
mod fix;
pub mod forwards;
pub mod probe;
mod report;
pub mod selects;
mod span;
pub mod symptom;
mod view;
mod why;
pub mod witness;

mod beyond;
mod conntrack;
mod host;
mod logging;
mod managers;
mod missing;
mod nat;
mod rules;
mod sockets;

#[cfg(test)]
pub(crate) mod testing;

pub use check::{all, check};
pub use code::{Check, Code, code, codes};
pub use fix::Fix;
pub use report::{Certainty, Evidence, Finding, RuleRef, Severity};
pub use view::View;
pub use why::explain;

/// The codes of all groups. Each group has a directory, which lists its own: `NB00` host and sysctls, `NB01` rules by
/// themselves, `NB02` rules that are missing, `NB03` NAT, `NB04` conntrack, `NB05` sockets, `NB06` logging and queues,
/// `NB07` managers, `NB08` programs beyond netfilter.
const GROUPS: [&[&Code]; 9] = [
    host::CODES,
    rules::CODES,
    missing::CODES,
    nat::CODES,
    conntrack::CODES,
    sockets::CODES,
    logging::CODES,
    managers::CODES,
    beyond::CODES,
];
