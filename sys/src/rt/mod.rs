//! rtnetlink: links, addresses, routes, rules, neighbours, and the per-interface switches that routing reads.
//!
//! [`Handle`] speaks through neli: what a host has a handful of, and all that changes something. A route lookup
//! ([`Router`]) goes through [`netlink::Client`](crate::netlink::Client) instead: it is asked once a packet, its errno is
//! the answer, and it can be replayed in tests.

mod address;
mod handle;
mod link;
mod prefix;
mod write;

pub use address::Address;
pub use handle::Handle;
pub use link::{Link, LinkFlags, Xdp};
pub use prefix::Prefix;
pub use write::{NewRoute, NewRule, Veth};
