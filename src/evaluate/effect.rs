//! What a rule does to the world beside its verdict.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::sys::Text;

/// A side effect of a rule that the packet met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The packet was logged.
    Log {
        /// Where to.
        to: LogTo,
        /// The prefix of the line or record.
        prefix: Text,
    },
    /// From here on the packet is traced (`-j TRACE`, `meta nftrace set 1`).
    Trace,
    /// A copy of the packet was sent elsewhere (`TEE`, `dup`).
    Copy {
        /// The next hop of the copy, where one is named.
        gateway: Option<IpAddr>,
        /// The device that it leaves by, where one is named.
        device: Option<Text>,
    },
    /// The packet got another mark.
    Mark(u32),
    /// State that other packets meet was changed: `add to set bad`, `recent list DEFAULT`.
    State(Cow<'static, str>),
}

/// Where a rule logs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTo {
    /// The kernel's log, with this level.
    Syslog {
        /// `LOGLEVEL_*`, 4 for warning.
        level: u8,
    },
    /// NFLOG, this group.
    Nflog {
        /// The group.
        group: u16,
    },
    /// The audit subsystem.
    Audit,
}
