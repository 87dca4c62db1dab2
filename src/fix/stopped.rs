//! As if the firewall were stopped: what becomes of a lost packet without the table that ends it, and then without the next.

use super::trial::Trial;
use crate::blame::{Culprit, CulpritKind, Verdict};
use crate::evaluate::TableRef;
use crate::evaluate::walk::Fate;
use crate::explain::{Explained, Question};
use crate::finding::probe;
use crate::host::Host;
use crate::ruleset::{Backend, Ruleset};

/// So many tables are taken away.
const MOST: usize = 8;

/// Says which tables stand in the way, and what would become of the packet without them. None: no rule or policy ends it.
pub fn without_tables(rules: &Ruleset, host: &dyn Host, q: &Question, lost: &Explained) -> Option<String> {
    let (mut trial, mut now) = (Trial::new(rules, host), lost.clone());
    let mut gone: Vec<String> = Vec::new();
    while gone.len() < MOST
        && let Some(table) = in_the_way(&now)
    {
        gone.push(name(&now.blame.culprit));
        match table {
            TableRef::Nft(t) if t < trial.rules.nft.len() => drop(trial.rules.nft.remove(t)),
            TableRef::Xt(t) if t < trial.rules.xt.len() => drop(trial.rules.xt.remove(t)),
            _ => return None,
        }
        now = trial.run(q)?;
    }
    let all = match gone.as_slice() {
        [] => return None,
        [one] => format!("without the table {one}, as when its firewall is stopped"),
        [first @ .., last] => format!("without the tables {} and {last}", first.join(", ")),
    };
    let c = &now.blame.culprit;
    Some(match now.blame.verdict {
        Verdict::Accept if c.kind == CulpritKind::None => format!("{all}, it would arrive: no other stops it"),
        _ => {
            let what = c.detail.as_ref().map_or_else(String::new, |d| format!(", {d}"));
            format!("{all}, it would be lost all the same: {}{what}", c.kind.name())
        }
    })
}

fn in_the_way(now: &Explained) -> Option<TableRef> {
    let run = now.walked.runs.first().filter(|r| probe::is_stopped(r))?;
    match &run.fate {
        Fate::Decided { at, .. } => Some(at.chain.table),
        _ => None,
    }
}

fn name(c: &Culprit) -> String {
    let of = [c.family, c.table_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    match c.backend {
        Some(Backend::Xtables) => format!("{of} (legacy)"),
        _ => of,
    }
}
