//! A walk for people: hook by hook, what each base chain did with the packet.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::blame::Backend;
use crate::blame::describe::{self, Describer};
use crate::evaluate::traversal::Tried;
use crate::evaluate::walk::{Fate, Run, Step};
use crate::evaluate::{ChainRef, Decision, Hook, Place, TableRef, stations};
use crate::explain::difference;
use crate::sys::text::Escaped;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

/// A run of a walk, styled. `all`: also the rules that did not match, and why.
pub fn journey(by: &Describer<'_>, run: &Run, all: bool) -> String {
    let mut s = String::new();
    let mut hook = None;
    let mut chain: Option<ChainRef> = None;
    for step in &run.steps {
        let here = match step {
            Step::Rule { hook, .. } | Step::Passed { hook, .. } | Step::Kernel { hook, .. } => *hook,
        };
        if hook != Some(here) {
            let _ = writeln!(s, "{BOLD}{}{BOLD:#}", here.name());
            (hook, chain) = (Some(here), None);
        }
        match step {
            Step::Kernel { what, .. } => {
                let _ = writeln!(s, "         {what}");
            }
            Step::Rule { tried, .. } => {
                // The first thing that is met in a base chain is a rule or the policy of it.
                let base = *chain.get_or_insert_with(|| {
                    head(&mut s, by, here, tried.at.chain);
                    tried.at.chain
                });
                rule(&mut s, by, base, tried, all);
            }
            Step::Passed { base, .. } => {
                if chain.is_none() {
                    head(&mut s, by, here, *base);
                }
                chain = None;
            }
        }
    }
    let end = match &run.fate {
        Fate::Decided { .. } => return s,
        Fate::Lost(o) => format!("lost: {}", o.detail.as_deref().unwrap_or(o.kind.name())),
        Fate::Delivered(who) => format!("delivered to {who}"),
        Fate::Left => "leaves this host".to_owned(),
        Fate::Passed => "passes".to_owned(),
        Fate::Unknown(what) => format!("not known from here on: {what}"),
    };
    let _ = writeln!(s, "{BOLD}{end}{BOLD:#}");
    s
}

/// The line of a base chain: its priority and name.
fn head(s: &mut String, by: &Describer<'_>, hook: Hook, chain: ChainRef) {
    let priority = priority(by, hook, chain).map_or_else(String::new, |p| p.to_string());
    let kind = match by.backend(Place { chain, position: None }) {
        Backend::Nft => "",
        Backend::NftCompat => " (iptables-nft)",
        Backend::Xtables => " (legacy)",
    };
    let _ = writeln!(s, "{DIM}{priority:>6}{DIM:#}   {}{DIM}{kind}{DIM:#}", by.chain_name(chain));
}

fn priority(by: &Describer<'_>, hook: Hook, chain: ChainRef) -> Option<i32> {
    match chain.table {
        TableRef::Nft(t) => by.rules.nft.get(t)?.chains.get(chain.chain)?.def.base.as_ref().map(|b| b.priority),
        TableRef::Xt(t) => Some(stations::legacy_priority(by.rules.xt.get(t)?.name().as_bytes(), hook)),
    }
}

fn rule(s: &mut String, by: &Describer<'_>, base: ChainRef, tried: &Tried, all: bool) {
    let policy = tried.at.position.is_none();
    if !tried.matched && !all && tried.decision == Decision::Next {
        return;
    }
    let inner = if tried.at.chain == base { String::new() } else { format!("{} ", last_name(by, tried.at.chain)) };
    let place = match tried.at.position {
        Some(n) => format!("{inner}rule {n}"),
        None => "policy".to_owned(),
    };
    let mark = if tried.matched { ' ' } else { '-' };
    let _ = write!(s, "       {mark} {place:<9}");
    if !policy && let Some(text) = by.text(tried.at) {
        let _ = write!(s, " {CODE}{}{CODE:#}", Escaped(text.as_bytes()));
    }
    let style = match (tried.matched, &tried.decision) {
        (_, Decision::Drop | Decision::Reject(_)) => AnsiColor::Red.on_default().bold(),
        (true, Decision::Accept) => AnsiColor::Green.on_default(),
        _ => Style::new(),
    };
    if tried.matched || tried.decision != Decision::Next {
        let action = describe::action(&tried.decision, &tried.effects, false);
        let _ = write!(s, "  {style}{action}{style:#}");
    }
    if let Some(m) = &tried.missed {
        let _ = write!(s, "  {DIM}{}{DIM:#}", difference(m));
    }
    s.push('\n');
}

fn last_name(by: &Describer<'_>, chain: ChainRef) -> String {
    by.culprit(Place { chain, position: None }).chain_name.unwrap_or_default()
}
