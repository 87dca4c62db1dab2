//! A rule or policy as people read it.

use serde::Serialize;

use crate::blame::{Counters, Culprit};
use crate::ruleset::Backend;

/// A rule or policy as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The backend that holds it.
    pub backend: Option<Backend>,
    /// The table's family.
    pub family: Option<&'static str>,
    /// The table.
    pub table_name: Option<String>,
    /// The chain.
    pub chain_name: Option<String>,
    /// The rule's place in its chain, from 1; none for a policy.
    pub rule_position: Option<u32>,
    /// The nft rule handle; none for legacy rules and policies.
    pub rule_handle: Option<u64>,
    /// Is it the policy of the chain?
    pub policy: bool,
    /// In the syntax of the tool that owns it.
    pub text: Option<String>,
    /// Its counters; none where it does not count.
    pub counters: Option<Counters>,
    /// Who manages it, where that is known.
    pub manager: Option<String>,
    /// Its comment.
    pub comment: Option<String>,
}

impl From<Culprit> for Entry {
    fn from(c: Culprit) -> Self {
        Self {
            backend: c.backend,
            family: c.family,
            table_name: c.table_name,
            chain_name: c.chain_name,
            rule_position: c.rule_position,
            rule_handle: c.rule_handle,
            policy: c.policy,
            text: c.text,
            counters: c.counters,
            manager: c.manager,
            comment: c.comment,
        }
    }
}
