//! include/uapi/linux/netfilter/nfnetlink.h

/// ctnetlink.
pub const NFNL_SUBSYS_CTNETLINK: u8 = 1;
/// Expectations.
pub const NFNL_SUBSYS_CTNETLINK_EXP: u8 = 2;
/// NFQUEUE.
pub const NFNL_SUBSYS_QUEUE: u8 = 3;
/// NFLOG.
pub const NFNL_SUBSYS_ULOG: u8 = 4;
/// ipset.
pub const NFNL_SUBSYS_IPSET: u8 = 6;
/// nf_tables.
pub const NFNL_SUBSYS_NFTABLES: u8 = 10;
/// nft_compat: revisions of matches and targets.
pub const NFNL_SUBSYS_NFT_COMPAT: u8 = 11;
/// Registered hooks.
pub const NFNL_SUBSYS_HOOK: u8 = 12;

/// The first message of a batch.
pub const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
/// The last message of a batch; a batch without it is a dry run.
pub const NFNL_MSG_BATCH_END: u16 = 0x11;
/// Attribute of BATCH_BEGIN: apply only to this generation.
pub const NFNL_BATCH_GENID: u16 = 1;

/// Multicast group: changes of nf_tables.
pub const NFNLGRP_NFTABLES: u32 = 7;
/// Multicast group: trace records of nf_tables.
pub const NFNLGRP_NFTRACE: u32 = 9;
