//! The ruleset as the kernel holds it: one model for nft, nft-compat and legacy xtables.
pub mod backend;
pub mod render;

pub use backend::Backend;
