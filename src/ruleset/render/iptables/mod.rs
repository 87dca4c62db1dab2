//! Rules in the words of `iptables-save`, `ip6tables-save` and `arptables-save`.

mod arp;
mod compat;
mod context;
mod legacy;
mod line;
mod mask;
pub mod matches;
mod selector;
mod set;
pub mod targets;
#[cfg(test)]
mod tests;

pub use super::address::Address;
pub use super::out::Out;
pub(crate) use super::out::put;
pub use compat::{CompatLines, compat_rule, compat_table, compat_table_of_texts, table_order};
pub use context::{Context, Names};
pub use legacy::{legacy_rule, legacy_table};
pub use line::{Jump, Rendered};
pub use mask::{Mask, prefix_length};
