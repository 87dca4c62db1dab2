//! xtables as the kernel runs it: what an entry selects, every match and target, and the walk through a legacy table.
//!
//! Matches and targets serve legacy tables and the `match` and `target` expressions of nft_compat alike.
