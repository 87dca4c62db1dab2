//! `log`: to the kernel log, to NFLOG, or to the audit subsystem.

use bitflags::bitflags;
use serde::Serialize;

use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// `NFT_LOGLEVEL_*`, in nft's words.
    pub enum LogLevel(u32) {
        /// The system is unusable.
        Emerg = NFT_LOGLEVEL_EMERG => "emerg",
        /// Something must be done at once.
        Alert = NFT_LOGLEVEL_ALERT => "alert",
        /// Critical.
        Crit = NFT_LOGLEVEL_CRIT => "crit",
        /// An error.
        Err = NFT_LOGLEVEL_ERR => "err",
        /// A warning.
        Warn = NFT_LOGLEVEL_WARNING => "warn",
        /// Normal but notable.
        Notice = NFT_LOGLEVEL_NOTICE => "notice",
        /// Information.
        Info = NFT_LOGLEVEL_INFO => "info",
        /// For debugging.
        Debug = NFT_LOGLEVEL_DEBUG => "debug",
        /// To the audit subsystem.
        Audit = NFT_LOGLEVEL_AUDIT => "audit",
    }
}

bitflags! {
    /// `NF_LOG_*` (include/uapi/linux/netfilter/nf_log.h): what a line in the kernel log shows.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct LogFlags: u32 {
        /// TCP sequence numbers.
        const TCPSEQ = 0x01;
        /// TCP options.
        const TCPOPT = 0x02;
        /// IP options.
        const IPOPT = 0x04;
        /// User of the local socket.
        const UID = 0x08;
        /// Decoded link-layer header.
        const MACDECODE = 0x20;
        const _ = !0;
    }
}

/// `log` (`NFTA_LOG_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The NFLOG group; nothing for the kernel log.
    pub group: Option<u16>,
    /// What each record begins with.
    pub prefix: Option<Text>,
    /// How many bytes of the packet NFLOG copies; nothing for the group's own limit.
    pub snaplen: Option<u32>,
    /// How many records NFLOG collects before it sends them.
    pub qthreshold: Option<u16>,
    /// The level, for the kernel log.
    pub level: Option<LogLevel>,
    /// Its flags, for the kernel log.
    pub flags: LogFlags,
}

impl Log {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let mut l =
            Self { group: None, prefix: None, snaplen: None, qthreshold: None, level: None, flags: LogFlags::empty() };
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_LOG_GROUP => l.group = Some(a.be16()?),
                NFTA_LOG_PREFIX => l.prefix = Some(a.text()),
                NFTA_LOG_SNAPLEN => l.snaplen = Some(a.be32()?),
                NFTA_LOG_QTHRESHOLD => l.qthreshold = Some(a.be16()?),
                NFTA_LOG_LEVEL => l.level = Some(a.be32()?.into()),
                NFTA_LOG_FLAGS => l.flags = LogFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        Ok(l)
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.opt_be16(NFTA_LOG_GROUP, self.group).opt_be32(NFTA_LOG_SNAPLEN, self.snaplen);
        b.opt_be16(NFTA_LOG_QTHRESHOLD, self.qthreshold).opt_be32(NFTA_LOG_LEVEL, self.level.map(LogLevel::code));
        if let Some(prefix) = &self.prefix {
            b.str(NFTA_LOG_PREFIX, prefix);
        }
        if !self.flags.is_empty() {
            b.be32(NFTA_LOG_FLAGS, self.flags.bits());
        }
    }
}
