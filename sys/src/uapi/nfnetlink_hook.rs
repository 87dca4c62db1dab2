//! include/uapi/linux/netfilter/nfnetlink_hook.h

/// What is registered at one hook (a dump).
pub const NFNL_MSG_HOOK_GET: u8 = 0;

/// Hook number, big-endian.
pub const NFNLA_HOOK_HOOKNUM: u16 = 1;
/// Priority, big-endian and signed.
pub const NFNLA_HOOK_PRIORITY: u16 = 2;
/// Device, for the family netdev.
pub const NFNLA_HOOK_DEV: u16 = 3;
/// The function.
pub const NFNLA_HOOK_FUNCTION_NAME: u16 = 4;
/// Its module; none where it is built in.
pub const NFNLA_HOOK_MODULE_NAME: u16 = 5;
/// What the function runs.
pub const NFNLA_HOOK_CHAIN_INFO: u16 = 6;

/// Within `NFNLA_HOOK_CHAIN_INFO`: the description, whose meaning depends on the type.
pub const NFNLA_HOOK_INFO_DESC: u16 = 1;
/// The type, big-endian.
pub const NFNLA_HOOK_INFO_TYPE: u16 = 2;

/// A base chain of nf_tables.
pub const NFNL_HOOK_TYPE_NFTABLES: u32 = 1;
/// A BPF program (Linux 6.4).
pub const NFNL_HOOK_TYPE_BPF: u32 = 2;
/// A flowtable (Linux 6.17).
pub const NFNL_HOOK_TYPE_NFT_FLOWTABLE: u32 = 3;

/// Within the description of a chain or flowtable: its table.
pub const NFNLA_CHAIN_TABLE: u16 = 1;
/// The family of the table.
pub const NFNLA_CHAIN_FAMILY: u16 = 2;
/// Its name.
pub const NFNLA_CHAIN_NAME: u16 = 3;

/// Within the description of a BPF program: its id, big-endian.
pub const NFNLA_HOOK_BPF_ID: u16 = 1;
