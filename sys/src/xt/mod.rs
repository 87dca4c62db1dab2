//! xtables: legacy tables through their socket options, and the match and target payloads that nft_compat shares
//! with them.
//!
//! A legacy table is one blob of entries, which [`Table`] checks once and then shows as [`Chain`]s of [`Rule`]s; an
//! [`Entry`] is a view into that blob. The payload of a match or target is decoded by [`matches::decode`] and
//! [`targets::decode`], for legacy entries and for nft_compat expressions alike. What they do not know stays raw.

mod bytes;
mod draft;
mod entry;
mod family;
mod json;
mod legacy;
pub mod matches;
mod payload;
mod selector;
mod set;
mod sockopt;
mod table;
pub mod targets;
#[cfg(test)]
mod tests;
mod wire;

pub use bytes::Bytes;
pub use draft::{Draft, DraftChain, DraftRule, DraftTarget, Extension};
pub use entry::{Counters, Entry};
pub use family::{Family, Hook};
pub use legacy::Legacy;
pub use matches::Match;
pub use payload::{RawMatch, RawMatches, RawTarget};
pub use selector::{ArpSelector, DeviceAddress, Interface, Ip6Selector, IpSelector, Selector};
pub use set::SetReference;
pub use table::{Action, Chain, Info, Rule, Table, Verdict};
pub use targets::Target;
