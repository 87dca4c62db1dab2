//! Rules in the words of `iptables-save`, `ip6tables-save` and `arptables-save`.

mod context;
pub mod matches;
pub mod targets;

pub use super::out::Out;
pub(crate) use super::out::put;
pub use context::{Context, Names, prefix_length};
