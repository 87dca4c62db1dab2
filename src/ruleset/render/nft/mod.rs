//! Rules in the words of `nft list ruleset` (nftables 1.0.6).
