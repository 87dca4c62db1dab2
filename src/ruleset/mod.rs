//! The ruleset as the kernel holds it: one model for nft, nft-compat and legacy xtables.

use serde::Serialize;

pub mod backend;
pub mod classify;
pub mod hooks;
pub mod index;
pub mod ipset;
pub mod nft;
mod read;
pub mod render;

pub use backend::Backend;
pub use read::{RuleTexts, RuleWriter, current_generation};

/// Everything that the kernel's tables held at one moment, in one network namespace.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Ruleset {
    /// The generation of nf_tables that [`nft`](Self::nft) belongs to; nothing where the kernel has no nf_tables.
    pub generation: Option<u32>,
    /// The tables of nf_tables, in the kernel's order.
    pub nft: Vec<nft::Table>,
    /// The legacy tables, in the kernel's order.
    pub xt: Vec<crate::sys::xt::Table>,
    /// The ipsets, which rules of iptables refer to.
    pub ipsets: ipset::IpSets,
    /// What is registered at the hooks, in order; nothing where the kernel does not tell.
    pub registered: Option<hooks::Registered>,
    /// What could not be read, or not consistently. Empty when all the rest is the whole truth.
    pub problems: Vec<Problem>,
}

/// Something that makes a [`Ruleset`] less than the whole truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What was being read, such as `rules of table inet filter`.
    pub object: String,
    /// What went wrong, in the words of the error.
    pub message: String,
    /// Does it come from more than one generation? Then rules may be missing, doubled or out of order.
    pub torn: bool,
}
