//! Rules in the words of `iptables-save`, `ip6tables-save` and `arptables-save`.

mod context;
pub mod matches;
mod out;
pub mod targets;

pub use context::{Context, Names, prefix_length};
pub use out::Out;
pub(crate) use out::put;
