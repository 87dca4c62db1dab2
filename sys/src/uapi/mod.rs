//! The numbers of the kernel's user-space headers (include/uapi/linux/…), under the kernel's own names.
//!
//! libc has none of nfnetlink's; each module here is named after its header.

pub mod inet_diag;
pub mod ip_set;
pub mod net_dropmon;
pub mod netfilter;
pub mod nf_tables;
pub mod nf_tables_compat;
pub mod nfnetlink;
pub mod nfnetlink_conntrack;
pub mod nfnetlink_hook;
pub mod nfnetlink_log;
pub mod rtnetlink;
pub mod x_tables;
