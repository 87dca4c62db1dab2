//! rtnetlink: links, addresses, routes, rules, neighbours, and the per-interface switches that routing reads.
//!
//! [`Handle`] speaks through neli: what a host has a handful of, and all that changes something. A route lookup
//! ([`Router`]) goes through [`netlink::Client`](crate::netlink::Client) instead: it is asked once a packet, its errno is
//! the answer, and it can be replayed in tests.

mod address;
mod bridge;
mod filter;
mod handle;
mod link;
mod neighbour;
mod netconf;
mod origin;
mod prefix;
mod qdisc;
mod route;
mod rule;
mod station;
mod write;
mod xfrm;

pub use address::Address;
pub use bridge::{Bridge, BridgePort};
pub use filter::{TcFilter, tc_filters};
pub use handle::Handle;
pub(crate) use handle::{from_neli, refused};
pub use link::{Link, LinkFlags, Xdp};
pub use neighbour::{Neighbour, NeighbourState, NeighbourTable};
pub use netconf::{Netconf, Scope};
pub use prefix::{NotAPrefix, Prefix};
pub use qdisc::{Qdisc, qdiscs};
pub use route::{Lookup, NextHop, Route, RouteKind, Router};
pub use rule::{Rule, TableName};
pub use station::Station;
pub use write::{NewRoute, NewRule, Veth};
pub use xfrm::{Direction, Policy, has_states, policies};
