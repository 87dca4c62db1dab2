//! Sockets over sock_diag (include/uapi/linux/inet_diag.h).
//!
//! Through [`netlink::Client`](crate::netlink::Client), not neli: a busy host has as many sockets as connections, and a
//! lookup is asked once a packet.

mod inet;
mod lookup;

pub use inet::{InetSocket, Protocol, SocketMemory, SocketState};
pub use lookup::{Ends, Sockets};
