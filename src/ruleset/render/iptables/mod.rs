//! Rules in the words of `iptables-save`, `ip6tables-save` and `arptables-save`.

mod address;
mod arp;
mod context;
mod legacy;
mod line;
pub mod matches;
mod selector;
mod set;
pub mod targets;

pub use super::out::Out;
pub(crate) use super::out::put;
pub use address::{Address, Mask, prefix_length};
pub use context::{Context, Names, Protocols};
pub use legacy::{legacy_rule, legacy_table};
pub use line::{Jump, Rendered};
