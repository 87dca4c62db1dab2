//! Netlink: sockets, messages, attributes, dumps and acks.
//!
//! neli serves ordinary netlink (see [`crate::rt`]); this is the transport of the netfilter subsystems, where a
//! dump of a million entries, a lost datagram or a torn ruleset decides whether an answer is true.

mod ahead;
pub mod attr;
pub mod batch;
pub mod build;
pub mod fake;
pub mod message;
pub mod request;
pub mod socket;

pub use attr::{Attr, Attrs};
pub use batch::Batch;
pub use build::Builder;
pub use message::{Message, Messages};
pub use request::{Client, Dumped};
pub use socket::{Datagram, Family, Socket, Transport};
