//! The tables of nf_tables, with what is in them.

use serde::Serialize;

use super::Backend;
use crate::sys::Text;
use crate::sys::nft as wire;

/// A table and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The table itself: family, name, flags, owner.
    pub def: wire::Table,
    /// Who it looks like it was made by.
    pub backend: Backend,
    /// Its chains, in the kernel's order.
    pub chains: Vec<Chain>,
    /// Its sets and maps, anonymous ones included.
    pub sets: Vec<Set>,
    /// Its stateful objects.
    pub objects: Vec<wire::Object>,
    /// Its flowtables.
    pub flowtables: Vec<wire::Flowtable>,
}

/// A chain and its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The chain itself: name, and for a base chain hook, priority and policy.
    pub def: wire::Chain,
    /// Who it looks like it was made by.
    pub backend: Backend,
    /// Its rules in order: the first has position 1.
    pub rules: Vec<wire::Rule>,
}

/// A set or map and its elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Set {
    /// The set itself: flags, lengths, types.
    pub def: wire::Set,
    /// Its elements, in the kernel's order.
    pub elements: Vec<wire::Element>,
}

impl Table {
    /// The chain of that name.
    pub fn chain(&self, name: &Text) -> Option<&Chain> {
        self.chains.iter().find(|c| c.def.name == *name)
    }

    /// The set of that name.
    pub fn set(&self, name: &Text) -> Option<&Set> {
        self.sets.iter().find(|s| s.def.name == *name)
    }

    /// The object of that kind and name.
    pub fn object(&self, kind: wire::ObjectKind, name: &Text) -> Option<&wire::Object> {
        self.objects.iter().find(|o| o.kind == kind && o.name == *name)
    }
}

impl Chain {
    /// The rule at that position, the first being 1.
    pub fn rule(&self, position: usize) -> Option<&wire::Rule> {
        self.rules.get(position.checked_sub(1)?)
    }

    /// The position of the rule with that handle, the first being 1.
    pub fn position(&self, handle: u64) -> Option<usize> {
        self.rules.iter().position(|r| r.handle == handle).map(|i| i + 1)
    }
}
