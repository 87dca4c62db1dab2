//! `-j NFLOG` (include/uapi/linux/netfilter/xt_NFLOG.h).

use serde::Serialize;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::TextRef;
use crate::xt::wire::read;

/// Sends the packet to a netlink group and goes on (`struct xt_nflog_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Nflog<'a> {
    /// Bytes of the packet to send, 0 for all; counts only under [`Self::COPY_LEN`].
    pub len: u32,
    /// The group.
    pub group: u16,
    /// Packets to gather before sending; 0 leaves it to the listener.
    pub threshold: u16,
    /// `XT_NFLOG_F_*`.
    pub flags: u16,
    /// What the record begins with.
    pub prefix: TextRef<'a>,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Info {
    len: u32,
    group: u16,
    threshold: u16,
    flags: u16,
    pad: u16,
}

const PREFIX: usize = 64;

impl<'a> Nflog<'a> {
    /// `XT_NFLOG_F_COPY_LEN`
    pub const COPY_LEN: u16 = 1;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 {
            return None;
        }
        let Info { len, group, threshold, flags, pad: _ } = read(data)?;
        let start = size_of::<Info>();
        Some(Self { len, group, threshold, flags, prefix: TextRef::from_c(data.get(start..start + PREFIX)?) })
    }

    /// The payload of revision 0. A prefix longer than 63 bytes is cut.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { len, group, threshold, flags, prefix } = *self;
        let mut bytes = Info { len, group, threshold, flags, pad: 0 }.as_bytes().to_vec();
        bytes.extend(prefix.as_bytes().iter().take(PREFIX - 1));
        bytes.resize(size_of::<Info>() + PREFIX, 0);
        bytes
    }
}
