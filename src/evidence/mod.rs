//! What shows that a packet was dropped: NFLOG, nft trace, legacy TRACE.
