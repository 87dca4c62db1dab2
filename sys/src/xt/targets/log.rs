//! `-j LOG` (include/uapi/linux/netfilter/xt_LOG.h).

use serde::Serialize;

use crate::TextRef;

/// Logs the packet through the family's logger and goes on (`struct xt_log_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Log<'a> {
    /// Syslog level.
    pub level: u8,
    /// `XT_LOG_*`.
    pub flags: u8,
    /// What the record begins with.
    pub prefix: TextRef<'a>,
}

impl<'a> Log<'a> {
    /// `XT_LOG_TCPSEQ`
    pub const TCP_SEQUENCE: u8 = 0x01;
    /// `XT_LOG_TCPOPT`
    pub const TCP_OPTIONS: u8 = 0x02;
    /// `XT_LOG_IPOPT`
    pub const IP_OPTIONS: u8 = 0x04;
    /// `XT_LOG_UID`
    pub const UID: u8 = 0x08;
    /// `XT_LOG_MACDECODE`
    pub const MAC_DECODE: u8 = 0x20;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 {
            return None;
        }
        Some(Self { level: *data.first()?, flags: *data.get(1)?, prefix: TextRef::from_c(data.get(2..32)?) })
    }

    /// The payload of revision 0. A prefix longer than 29 bytes is cut.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.level, self.flags];
        bytes.extend(self.prefix.as_bytes().iter().take(29));
        bytes.resize(32, 0);
        bytes
    }
}
