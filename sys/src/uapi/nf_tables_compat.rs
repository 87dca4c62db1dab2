//! include/uapi/linux/netfilter/nf_tables_compat.h

/// Name of an xtables target.
pub const NFTA_TARGET_NAME: u16 = 1;
/// Its revision.
pub const NFTA_TARGET_REV: u16 = 2;
/// Its private structure.
pub const NFTA_TARGET_INFO: u16 = 3;

/// Name of an xtables match.
pub const NFTA_MATCH_NAME: u16 = 1;
/// Its revision.
pub const NFTA_MATCH_REV: u16 = 2;
/// Its private structure.
pub const NFTA_MATCH_INFO: u16 = 3;
