//! xtables: legacy tables, and the match and target payloads that nft_compat shares with them.
