//! NFLOG: packets that rules logged to user space (nfnetlink_log).
