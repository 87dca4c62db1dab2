//! NFLOG: packets that rules logged to user space (nfnetlink_log).
//!
//! A rule (`-j NFLOG --nflog-group 5`, `log group 5`) sends a copy of the packet to the one socket that has bound its
//! group. [`Listener`] binds groups and reads many datagrams with one system call; [`Packet`] is the decoded view
//! of one message, borrowed from the receive buffer, made without allocation. What was lost on the way is told as
//! [`Lost`], in the place where it went missing.

mod holder;
mod listener;
mod loss;
mod packet;

pub use holder::{Holder, holders};
pub use listener::{Config, Listener, Received};
pub use loss::{Cause, Lost};
pub use packet::{Packet, Vlan};
