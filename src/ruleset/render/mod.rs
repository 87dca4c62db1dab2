//! Rules in the words of the tool that owns them.

pub mod iptables;
pub mod nft;
mod out;

pub use out::Out;
