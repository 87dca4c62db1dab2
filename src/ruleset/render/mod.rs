//! Rules in the words of the tool that owns them.

mod address;
pub mod ipset;
pub mod iptables;
mod labels;
pub mod nft;
mod out;
mod protocols;

pub use address::Address;
pub use out::Out;
pub use protocols::protocol_name;
