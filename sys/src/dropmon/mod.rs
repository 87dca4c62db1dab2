//! The drop monitor (`NET_DM`, net/core/drop_monitor.c): each packet that the kernel frees as dropped, with the place
//! in its code and, since Linux 5.17, the reason.
//!
//! There is one monitor for the whole machine: it reports to the initial network namespace, what every namespace drops.
//! [`Session`] configures and starts it, and stops it when it is dropped; it belongs to no socket, so that one whose
//! process was killed goes on ([`Occupied::Leftover`]). [`Listener`] reads what it reports, as many [`Alert`]s as come.
//! It never sees packets without a link layer header: those that this host makes, until a device sends them.

mod alert;
mod listener;
mod session;

pub use alert::{Alert, Hardware};
pub use listener::{Listener, Received};
pub use session::{Config, Control, Family, Mode, Occupied, Session, Started, find, initial_namespace};
