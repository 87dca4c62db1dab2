//! Puts each thing where it belongs.

use rustc_hash::FxHashMap;

use crate::ruleset::Backend;
use crate::ruleset::nft::{Chain, Set, Table};
use crate::sys::Text;
use crate::sys::nft::{self, Family, Rule};

/// Tables under construction.
#[derive(Default)]
pub(super) struct Index {
    tables: Vec<Table>,
    places: Places,
    strays: usize,
}

/// Where tables and chains are, by name.
#[derive(Default)]
pub(super) struct Places {
    tables: FxHashMap<(Family, Text), usize>,
    chains: FxHashMap<(usize, Text), usize>,
}

impl Places {
    /// The place of the chain of a rule. The kernel lists rules chain by chain, so it nearly always is that of the last.
    pub fn of_rule(&self, rule: &Rule, tables: &[Table], last: Option<(usize, usize)>) -> Option<(usize, usize)> {
        let is_its = |at: &(usize, usize)| {
            let chain = tables.get(at.0).and_then(|t| t.chains.get(at.1));
            chain.is_some_and(|c| c.def.name == rule.chain && c.def.table == rule.table && c.def.family == rule.family)
        };
        if let Some(last) = last.filter(is_its) {
            return Some(last);
        }
        let table = *self.tables.get(&(rule.family, rule.table.clone()))?;
        Some((table, *self.chains.get(&(table, rule.chain.clone()))?))
    }
}

impl Index {
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The tables, their places, and how many things had no table.
    pub fn into_parts(self) -> (Vec<Table>, Places, usize) {
        (self.tables, self.places, self.strays)
    }

    pub fn add_table(&mut self, def: nft::Table) {
        self.places.tables.insert((def.family, def.name.clone()), self.tables.len());
        self.tables.push(Table {
            def,
            backend: Backend::Nft,
            chains: Vec::new(),
            sets: Vec::new(),
            objects: Vec::new(),
            flowtables: Vec::new(),
        });
    }

    pub fn add_chain(&mut self, def: nft::Chain) {
        let Some((i, table)) = self.table(def.family, &def.table) else { return };
        let (name, at) = (def.name.clone(), table.chains.len());
        table.chains.push(Chain { def, backend: Backend::Nft, rules: Vec::new() });
        self.places.chains.insert((i, name), at);
    }

    pub fn add_set(&mut self, def: nft::Set) {
        if let Some((_, table)) = self.table(def.family, &def.table) {
            table.sets.push(Set { def, elements: Vec::new() });
        }
    }

    pub fn add_object(&mut self, object: nft::Object) {
        if let Some((_, table)) = self.table(object.family, &object.table) {
            table.objects.push(object);
        }
    }

    pub fn add_flowtable(&mut self, flowtable: nft::Flowtable) {
        if let Some((_, table)) = self.table(flowtable.family, &flowtable.table) {
            table.flowtables.push(flowtable);
        }
    }

    fn table(&mut self, family: Family, name: &Text) -> Option<(usize, &mut Table)> {
        let at = self.places.tables.get(&(family, name.clone())).copied();
        let table = at.and_then(|at| Some((at, self.tables.get_mut(at)?)));
        if table.is_none() {
            self.strays += 1;
        }
        table
    }
}
