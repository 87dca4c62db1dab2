//! `-m socket` (include/uapi/linux/netfilter/xt_socket.h).

use serde::Serialize;

/// An open socket that would take the packet (`struct xt_socket_mtinfo3` and older).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Socket {
    /// `XT_SOCKET_*`; none in revision 0.
    pub flags: u8,
}

impl Socket {
    /// `XT_SOCKET_TRANSPARENT`: not if it is not transparent.
    pub const TRANSPARENT: u8 = 1 << 0;
    /// `XT_SOCKET_NOWILDCARD`: also if it listens on any address.
    pub const NO_WILDCARD: u8 = 1 << 1;
    /// `XT_SOCKET_RESTORESKMARK`: the packet gets the socket's mark.
    pub const RESTORE_MARK: u8 = 1 << 2;

    pub(super) fn decode(revision: u8, data: &[u8]) -> Option<Self> {
        match revision {
            0 => Some(Self { flags: 0 }),
            1..=3 => data.first().map(|&flags| Self { flags }),
            _ => None,
        }
    }
}
