//! All conditions of one rule, each by itself: how nearly did it match?

use super::context::{Context, Missed};
use super::nft;
use super::place::{Place, TableRef};
use super::run::Prepared;

/// The conditions of a rule, held against a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// How many hold.
    pub met: usize,
    /// Those that do not.
    pub missed: Vec<Missed>,
}

impl Conditions {
    /// Counts one more, by what it left in the context.
    pub(crate) fn count(&mut self, cx: &mut Context<'_>, holds: bool) {
        let missed = cx.missed.take();
        if holds {
            self.met += 1;
        } else {
            self.missed.push(missed.unwrap_or(Missed { field: "a condition".into(), wanted: None, have: None }));
        }
    }
}

impl Prepared<'_> {
    /// Holds every condition of a rule against the packet of `cx`, also those behind one that fails. The packet and the
    /// effects of `cx` are not to be used afterwards.
    pub fn conditions(&self, cx: &mut Context<'_>, at: Place) -> Option<Conditions> {
        self.first_conditions(cx, at, None)
    }

    /// The same with only so many expressions of an nf_tables rule.
    pub(crate) fn first_conditions(&self, cx: &mut Context<'_>, at: Place, first: Option<usize>) -> Option<Conditions> {
        cx.explain = true;
        cx.missed = None;
        match at.chain.table {
            TableRef::Nft(t) => {
                let (table, index) = self.nft_table(t)?;
                let rule = table.chains.get(at.chain.chain)?.rule(at.position?)?;
                nft::conditions(cx, table, index, rule, first)
            }
            TableRef::Xt(t) => self.program(t)?.conditions(cx, at.chain.chain, at.position?),
        }
    }
}
