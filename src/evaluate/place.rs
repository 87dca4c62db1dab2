//! Where in a [`Ruleset`](crate::ruleset::Ruleset) something stands, as indices: cheap to keep, resolved when it is shown.

/// A table of a ruleset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableRef {
    /// `ruleset.nft[n]`.
    Nft(usize),
    /// `ruleset.xt[n]`.
    Xt(usize),
}

/// A chain of a table: its index in `table.chains`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainRef {
    /// The table.
    pub table: TableRef,
    /// The index of the chain.
    pub chain: usize,
}

/// A rule, or the policy of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The chain.
    pub chain: ChainRef,
    /// The rule's position, from 1; none for the policy.
    pub position: Option<usize>,
}
