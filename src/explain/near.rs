//! Near misses: rules that would have let the packet pass, and the field on which they missed it.

use rustc_hash::FxHashSet;

use crate::blame::describe::Describer;
use crate::blame::{Culprit, CulpritKind, NearMiss};
use crate::evaluate::conditions::Conditions;
use crate::evaluate::walk::{Fate, Run, Step};
use crate::evaluate::{Assumptions, Context, Decision, Environment, Hook, Place, Prepared, TableRef};
use crate::explain::explainer::Explainer;
use crate::listing::len;
use crate::sys::Text;
use crate::sys::nft::expr::NatKind;
use crate::sys::nft::{Expr, Value, Verdict};
use crate::sys::xt::{self, Action};

/// So many are shown.
const SHOWN: usize = 3;
/// A rule that misses on more fields is about something else.
const FIELDS: usize = 2;

/// The rules that nearly let a packet pass which a rule or policy stopped, the nearest first.
pub(super) fn misses(prepared: &Prepared<'_>, env: &dyn Environment, by: &Describer<'_>, run: &Run) -> Vec<NearMiss> {
    let Fate::Decided { decision: Decision::Drop | Decision::Reject(_) | Decision::Queue { .. }, at } = &run.fate
    else {
        return Vec::new();
    };
    let held = |place: Place| {
        let mut assumptions = Assumptions::new();
        let mut cx = Context::new(run.packet.clone(), run.hook, env, &mut assumptions);
        prepared.conditions(&mut cx, place)
    };
    let mut seen = FxHashSet::default();
    let mut found: Vec<(Place, Conditions, String)> = Vec::new();
    for step in &run.steps {
        let Step::Rule { hook, tried } = step else { continue };
        let place = tried.at;
        if *hook != run.hook || tried.matched || place.chain.table != at.chain.table || !seen.insert(place) {
            continue;
        }
        let Some(does) = lets_pass(by, place) else { continue };
        // A condition that failed on the way may hold by itself: what was unknown was taken one way.
        if let Some(c) = held(place).filter(|c| (1..=FIELDS).contains(&c.missed.len())) {
            found.push((place, c, does));
        }
    }
    // What stands behind the rule that decided, and would have let it pass.
    if let Some(position) = at.position {
        for place in (position + 1..=len(by.rules, at.chain)).map(|p| Place { chain: at.chain, position: Some(p) }) {
            if let Some(does) = lets_pass(by, place)
                && let Some(c) = held(place).filter(|c| c.missed.is_empty())
            {
                found.push((place, c, does));
                break;
            }
        }
    }
    found.sort_by_key(|(_, c, _)| (c.missed.len(), std::cmp::Reverse(c.met)));
    found.truncate(SHOWN);
    found.into_iter().map(|(place, c, does)| near_miss(by.culprit(place), &c, does)).collect()
}

/// The rules that would have translated the source of a packet, and missed it.
pub(super) fn translations(explainer: &Explainer<'_>, run: &Run) -> Vec<NearMiss> {
    let by = explainer.describer();
    translating(explainer.prepared(), explainer.env(), &by, run, (Hook::Postrouting, FIELDS, translates_source))
}

/// The rules that would have sent a packet on which ends at this host, and missed it in one thing.
pub(super) fn forwards(prepared: &Prepared<'_>, env: &dyn Environment, by: &Describer<'_>, run: &Run) -> Vec<NearMiss> {
    let ends_here = match &run.fate {
        Fate::Lost(o) => o.kind == CulpritKind::Socket,
        Fate::Decided { decision, .. } => matches!(decision, Decision::Drop | Decision::Reject(_)),
        _ => false,
    };
    if run.hook != Hook::Input || !ends_here {
        return Vec::new();
    }
    translating(prepared, env, by, run, (Hook::Prerouting, 1, translates_destination))
}

/// How a rule translates, if it does.
type Translates = fn(&Describer<'_>, Place) -> Option<&'static str>;

/// The rules of a hook that would have translated a packet, and missed it on so many fields at the most.
fn translating(
    prepared: &Prepared<'_>,
    env: &dyn Environment,
    by: &Describer<'_>,
    run: &Run,
    (at, most, translates): (Hook, usize, Translates),
) -> Vec<NearMiss> {
    let mut seen = FxHashSet::default();
    let missed = run.steps.iter().filter_map(|step| match step {
        Step::Rule { hook, tried } if *hook == at && !tried.matched => Some(tried.at),
        _ => None,
    });
    let mut found: Vec<_> = missed
        .filter(|place| seen.insert(*place))
        .filter_map(|place| {
            let does = translates(by, place)?;
            let mut assumptions = Assumptions::new();
            let mut cx = Context::new(run.packet.clone(), at, env, &mut assumptions);
            let c = prepared.conditions(&mut cx, place)?;
            (1..=most).contains(&c.missed.len()).then_some((place, c, does))
        })
        .collect();
    found.sort_by_key(|(_, c, _)| (c.missed.len(), std::cmp::Reverse(c.met)));
    found.truncate(SHOWN);
    found.into_iter().map(|(place, c, does)| near_miss(by.culprit(place), &c, does.to_owned())).collect()
}

/// How a rule translates sources, if it does.
fn translates_source(by: &Describer<'_>, place: Place) -> Option<&'static str> {
    let by_target = |name: &[u8]| match name {
        b"MASQUERADE" => Some("masquerade"),
        b"SNAT" | b"NETMAP" => Some("snat"),
        _ => None,
    };
    let by_expr = |e: &Expr| match e {
        Expr::Masq(_) => Some("masquerade"),
        Expr::Nat(n) if n.kind == NatKind::Snat => Some("snat"),
        _ => None,
    };
    does(by, place, by_expr, by_target)
}

/// How a rule translates destinations, if it does.
fn translates_destination(by: &Describer<'_>, place: Place) -> Option<&'static str> {
    let by_target = |name: &[u8]| match name {
        b"DNAT" | b"NETMAP" => Some("dnat"),
        b"REDIRECT" => Some("redirect"),
        _ => None,
    };
    let by_expr = |e: &Expr| match e {
        Expr::Redir(_) => Some("redirect"),
        Expr::Nat(n) if n.kind == NatKind::Dnat => Some("dnat"),
        _ => None,
    };
    does(by, place, by_expr, by_target)
}

/// What a rule does, by its expressions or its target.
fn does(
    by: &Describer<'_>,
    place: Place,
    by_expr: impl Fn(&Expr) -> Option<&'static str>,
    by_target: impl Fn(&[u8]) -> Option<&'static str>,
) -> Option<&'static str> {
    match place.chain.table {
        TableRef::Nft(t) => {
            let rule = by.rules.nft.get(t)?.chains.get(place.chain.chain)?.rule(place.position?)?;
            rule.exprs.iter().find_map(|e| match e {
                Expr::Target(t) => by_target(t.name.as_bytes()),
                e => by_expr(e),
            })
        }
        TableRef::Xt(t) => {
            let rule = by.rules.xt.get(t)?.nth_chain(place.chain.chain)?.rule(place.position?)?;
            match rule.action().ok()? {
                Action::Target(t) => by_target(t.name.as_bytes()),
                _ => None,
            }
        }
    }
}

fn near_miss(c: Culprit, conditions: &Conditions, does: String) -> NearMiss {
    let mut fields = conditions.missed.iter();
    let first = fields.next();
    let message = match first {
        None => "it matches, and stands behind the rule that decides: it is never reached".to_owned(),
        Some(m) => {
            let mut text = difference(m);
            for m in fields {
                text = format!("{text}; {}", difference(m));
            }
            text
        }
    };
    NearMiss {
        backend: c.backend,
        family: c.family,
        table_name: c.table_name,
        chain_name: c.chain_name,
        rule_position: c.rule_position,
        rule_handle: c.rule_handle,
        text: c.text,
        action: does,
        field: first.map(|m| m.field.to_string()),
        wanted: first.and_then(|m| m.wanted.clone()),
        have: first.and_then(|m| m.have.clone()),
        message,
    }
}

/// A condition that does not hold, as a clause: `tcp dport: 22 is wanted, the packet has 8080`.
pub fn difference(m: &crate::evaluate::Missed) -> String {
    match (&m.wanted, &m.have) {
        (Some(w), Some(h)) => format!("{}: {w} is wanted, the packet has {h}", m.field),
        (Some(w), None) => format!("{}: {w} is wanted", m.field),
        (None, Some(h)) => format!("{}: the packet has {h}", m.field),
        (None, None) => format!("{} does not hold", m.field),
    }
}

/// What a rule does with packets that it matches, if it lets (some of) them pass.
fn lets_pass(by: &Describer<'_>, place: Place) -> Option<String> {
    match place.chain.table {
        TableRef::Nft(t) => {
            let table = by.rules.nft.get(t)?;
            let rule = table.chains.get(place.chain.chain)?.rule(place.position?)?;
            rule.exprs.iter().find_map(|e| match e {
                Expr::Immediate(i) => i.verdict().and_then(|v| passing(table, v, &mut FxHashSet::default())),
                Expr::Lookup(l) if l.dreg.is_some() => {
                    let set = table.sets.iter().find(|s| s.def.name == l.set)?;
                    let passes = set.elements.iter().any(|e| match &e.value {
                        Some(Value::Verdict(v)) => passing(table, v, &mut FxHashSet::default()).is_some(),
                        _ => false,
                    });
                    passes.then(|| format!("vmap @{}", l.set))
                }
                _ => None,
            })
        }
        TableRef::Xt(t) => {
            let table = by.rules.xt.get(t)?;
            let rule = table.nth_chain(place.chain.chain)?.rule(place.position?)?;
            legacy_passing(table, &rule.action().ok()?, &mut FxHashSet::default())
        }
    }
}

/// Follows jumps in search of an accept; `seen` holds the chains that were looked into.
fn passing(table: &crate::ruleset::nft::Table, verdict: &Verdict, seen: &mut FxHashSet<Text>) -> Option<String> {
    match verdict {
        Verdict::Accept => Some("accept".into()),
        Verdict::Jump(to) | Verdict::Goto(to) if seen.insert(to.clone()) => {
            let chain = table.chains.iter().find(|c| c.def.name == *to)?;
            let leads = chain.rules.iter().flat_map(|r| &r.exprs).any(|e| match e {
                Expr::Immediate(i) => i.verdict().is_some_and(|v| passing(table, v, seen).is_some()),
                _ => false,
            });
            let word = if matches!(verdict, Verdict::Jump(_)) { "jump" } else { "goto" };
            leads.then(|| format!("{word} {to}"))
        }
        _ => None,
    }
}

fn legacy_passing(table: &xt::Table, action: &Action<'_>, seen: &mut FxHashSet<Text>) -> Option<String> {
    match action {
        Action::Verdict(xt::Verdict::Accept) => Some("accept".into()),
        Action::Jump(to) | Action::Goto(to) if seen.insert(Text::new(to.as_bytes())) => {
            let chain = table.chains().find(|c| c.name().as_bytes() == to.as_bytes())?;
            let leads = chain.rules().any(|r| r.action().is_ok_and(|a| legacy_passing(table, &a, seen).is_some()));
            leads.then(|| format!("{} {to}", if matches!(action, Action::Jump(_)) { "jump" } else { "goto" }))
        }
        _ => None,
    }
}
