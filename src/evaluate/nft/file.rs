//! How rules of nf_tables are filed by their conditions, and what a packet looks them up with.
//!
//! Only conditions count that a rule asks before it does anything, so that leaving the rule out leaves nothing undone. What is
//! not understood here asks for nothing: such a rule is always tried.

mod keys;
mod load;

use std::sync::OnceLock;

use smallvec::SmallVec;

use super::expr;
use super::machine::{Machine, Step};
use crate::evaluate::candidates::{Candidates, Have, Matching, WORTHWHILE};
use crate::evaluate::{Context, Fact};
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::{Chain, Table};
use crate::sys::nft::expr::Lookup;
use crate::sys::nft::{Expr, Reg};
use keys::keys;
use load::{Load, Loads, number};

/// The chains of a table, filed when they are first walked.
#[derive(Debug, Default)]
pub struct FiledTable(Vec<OnceLock<Option<FiledChain>>>);

/// The rules of a chain, filed.
#[derive(Debug)]
pub struct FiledChain {
    candidates: Candidates,
    /// What the fields are.
    loads: Vec<Load>,
    /// The rules that may change what others look at, ascending.
    changing: Vec<u32>,
}

impl FiledTable {
    /// Of that table; nothing is filed yet.
    pub fn new(table: &Table) -> Self {
        Self(table.chains.iter().map(|_| OnceLock::new()).collect())
    }

    /// A chain, unless it is too short for this to be worth it.
    pub fn chain(&self, table: &Table, index: &TableIndex, chain: usize) -> Option<&FiledChain> {
        let rules = table.chains.get(chain).filter(|c| c.rules.len() >= WORTHWHILE)?;
        self.0.get(chain)?.get_or_init(|| FiledChain::new(table, index, rules)).as_ref()
    }
}

impl FiledChain {
    fn new(table: &Table, index: &TableIndex, chain: &Chain) -> Option<Self> {
        let mut loads = Loads::default();
        let set = |l: &Lookup| index.set(&l.set).and_then(|at| table.sets.get(at));
        let keys: Vec<_> = chain.rules.iter().map(|r| keys(r, &set, &mut loads)).collect();
        let changing = (0u32..).zip(&chain.rules).filter(|(_, r)| !r.exprs.iter().all(only_looks)).map(|(n, _)| n);
        let changing = changing.collect();
        let candidates = Candidates::new(&keys);
        Some(Self { candidates, loads: loads.all, changing })
    }

    /// May that rule change what the others look at?
    pub fn changes(&self, rule: usize) -> bool {
        u32::try_from(rule).is_ok_and(|n| self.changing.binary_search(&n).is_ok())
    }

    /// The rules that the packet as it is now can match.
    pub fn matching(&self, cx: &mut Context<'_>, m: &mut Machine<'_>) -> Matching<'_> {
        let mut known: SmallVec<[Option<Have>; 16]> = SmallVec::from_elem(None, self.loads.len());
        self.candidates.of(|field| {
            let field = usize::from(field);
            let (Some(load), Some(known)) = (self.loads.get(field), known.get_mut(field)) else {
                return Have::Entangled;
            };
            *known.get_or_insert_with(|| have(cx, m, *load))
        })
    }
}

/// What the packet has in a field.
fn have(cx: &mut Context<'_>, m: &mut Machine<'_>, load: Load) -> Have {
    if let (Load::Transport(..), Fact::Is(t)) = (load, &m.info.transport)
        && t.fragment != 0
    {
        // What is loaded then is a question, which rules shall ask in their turn.
        return Have::Unknown;
    }
    match expr::eval(cx, m, &load.expr()) {
        Step::Go => m.regs.read(Reg::R1, load.len()).map_or(Have::Unknown, |bytes| Have::Is(number(bytes, 0))),
        // Whatever asks for it ends there.
        Step::Break => Have::Nothing,
        Step::Verdict(_) => Have::Entangled,
    }
}

/// Does it leave the packet and all else as it is?
fn only_looks(e: &Expr) -> bool {
    matches!(
        e,
        Expr::Payload(_)
            | Expr::Cmp(_)
            | Expr::Meta(_)
            | Expr::Bitwise(_)
            | Expr::Immediate(_)
            | Expr::Lookup(_)
            | Expr::Ct(_)
            | Expr::Counter(_)
            | Expr::Last(_)
            | Expr::Range(_)
            | Expr::Byteorder(_)
            | Expr::Exthdr(_)
            | Expr::Log(_)
            | Expr::Reject(_)
            | Expr::Limit(_)
            | Expr::Quota(_)
            | Expr::Connlimit(_)
            | Expr::Queue(_)
            | Expr::Fib(_)
            | Expr::Rt(_)
            | Expr::Socket(_)
            | Expr::Osf(_)
            | Expr::Numgen(_)
            | Expr::Hash(_)
            | Expr::Match(_)
    )
}

#[cfg(test)]
mod tests;
