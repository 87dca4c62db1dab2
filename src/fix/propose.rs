//! Fixes for a lost packet.

use crate::blame::{Advice, CulpritKind, Fix, PacketFields, Verdict};
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Fate, Run};
use crate::evaluate::{Decision, Packet};
use crate::explain::{Explained, Question, Side};
use crate::finding::{View, probe};
use crate::host::Host;
use crate::manager::{self, Manager};
use crate::ruleset::Ruleset;

use super::advice::advice;
use super::allow;
use super::change::Change;
use super::entry::{self, Entry};
use super::listed::{self, Listed};
use super::owner;
use super::rule::NewRule;
use super::trial::{Trial, is_same};

/// So many things may be in the way of one packet.
const STEPS: usize = 10;

/// What is proposed.
#[derive(Debug, Clone, Default)]
pub struct Proposed {
    /// Changes with which the packet arrives, and its answer too.
    pub fixes: Vec<Fix>,
    /// What its keeper may be told, where no change stands for his words that helps.
    pub advice: Vec<Advice>,
    /// Why there is none: what would stop the packet still, if what stops it now did not.
    pub still: Option<String>,
}

/// Looks for changes with which a lost packet arrives.
pub fn propose(rules: &Ruleset, host: &dyn Host, q: &Question, lost: &Explained) -> Proposed {
    if q.ct.is_none() && goes_on(lost) {
        // No rule asks for its connection yet; the one that is to be added does, and the connection is there.
        return propose(rules, host, &Question { ct: Some(CtState::Established), ..q.clone() }, lost);
    }
    let mut proposed = by_hand(rules, host, q, lost);
    // Who keeps the rules would write them again: their own words come first.
    let managed = with(rules, host, q, lost, managed);
    if managed.is_none() {
        proposed.advice = advice(&lost.blame);
    }
    let delisted = with(rules, host, q, lost, delisted);
    // An element that is about more than this one client opens more than a rule for it.
    let (one, more) = match delisted {
        Some(fix) if is_about_one(rules, &fix) => (Some(fix), None),
        fix => (None, fix),
    };
    let of_kinds: Vec<Fix> = managed.into_iter().chain(one).collect();
    proposed.fixes.splice(0..0, of_kinds);
    proposed.fixes.extend(more);
    proposed
}

/// Are the elements that it takes out about a single address each?
fn is_about_one(rules: &Ruleset, fix: &Fix) -> bool {
    let of = |c: &Change| match c {
        Change::Unlist(listed) => listed.is_about_one(rules),
        _ => true,
    };
    fix.changes.iter().all(of)
}

/// With changes of one kind first, as far as there are any that help.
fn with(
    rules: &Ruleset,
    host: &dyn Host,
    q: &Question,
    lost: &Explained,
    kind: impl Fn(&Ruleset, &Question, &Explained) -> Vec<Step>,
) -> Option<Fix> {
    let (mut trial, mut now) = (Trial::new(rules, host), lost.clone());
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..STEPS {
        let of_kind = first_that_helps(&trial, q, &now, kind(&trial.rules, q, &now));
        if steps.is_empty() && of_kind.is_none() {
            return None;
        }
        let (step, after, then) = of_kind.or_else(|| next(&trial, q, &now))?;
        steps.push(step);
        (trial, now) = (after, then);
        if is_mended(&now) {
            return fix(steps, rules, host, &trial);
        }
    }
    None
}

/// What the manager of the rule in the way may do.
fn managed(rules: &Ruleset, q: &Question, now: &Explained) -> Vec<Step> {
    let Some(run) = now.walked.runs.iter().find(|r| probe::is_stopped(r)) else { return Vec::new() };
    let Fate::Decided { at, .. } = &run.fate else { return Vec::new() };
    let Some(rule) = allow::rule_for(run, is_answer(q, now)) else { return Vec::new() };
    let step = |way: owner::Way| Step {
        also: Some(way.also),
        change: way.change,
        message: way.message,
        commands: Some(way.commands),
        persistent: way.persistent,
    };
    owner::ways(rules, run, *at, &rule).into_iter().map(step).collect()
}

/// Elements of sets that may be what stops it, with the tools of the sets.
fn delisted(rules: &Ruleset, _: &Question, now: &Explained) -> Vec<Step> {
    let Some(run) = now.walked.runs.iter().find(|r| probe::is_stopped(r)) else { return Vec::new() };
    let Fate::Decided { at, .. } = &run.fate else { return Vec::new() };
    let keeper = manager::of_rule(rules, *at);
    let step = |listed: Listed| {
        let (key, set) = (listed.key(rules)?, listed.set(rules)?.to_string());
        let change = Change::Unlist(listed);
        let message = format!("take {key} out of the set {set}{}", undone(keeper));
        let step = Step { also: Some(allow::also_of(&key)), ..Step::new(rules, change, message) };
        // Whoever keeps the rule fills its sets.
        Some(Step { persistent: step.persistent.filter(|_| keeper.is_none()), ..step })
    };
    listed::suspects(rules, run, *at).into_iter().filter_map(step).collect()
}

/// With the tools of the rules' own backends.
fn by_hand(rules: &Ruleset, host: &dyn Host, q: &Question, lost: &Explained) -> Proposed {
    let (mut trial, mut now) = (Trial::new(rules, host), lost.clone());
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..STEPS {
        let Some((step, after, then)) = next(&trial, q, &now) else { break };
        steps.push(step);
        (trial, now) = (after, then);
        if is_mended(&now) {
            return Proposed { fixes: fix(steps, rules, host, &trial).into_iter().collect(), ..Proposed::default() };
        }
    }
    let still = (!steps.is_empty()).then(|| {
        let c = &now.blame.culprit;
        c.detail.as_ref().map_or_else(|| c.kind.name().to_owned(), |d| format!("{}: {d}", c.kind.name()))
    });
    Proposed { still, ..Proposed::default() }
}

/// A change that helps.
struct Step {
    change: Change,
    message: String,
    commands: Option<Vec<String>>,
    persistent: Option<String>,
    /// What it lets pass beside.
    also: Option<String>,
}

impl Step {
    fn new(rules: &Ruleset, change: Change, message: String) -> Self {
        let (commands, persistent) = (change.commands(rules), change.persistent(rules));
        Self { change, message, commands, persistent, also: None }
    }
}

/// A change after which something else ends the packet, or nothing; and what it looks like then.
fn next<'h>(trial: &Trial<'h>, q: &Question, now: &Explained) -> Option<(Step, Trial<'h>, Explained)> {
    first_that_helps(trial, q, now, options(&trial.rules, q, now)?)
}

fn first_that_helps<'h>(
    trial: &Trial<'h>,
    q: &Question,
    now: &Explained,
    steps: Vec<Step>,
) -> Option<(Step, Trial<'h>, Explained)> {
    steps.into_iter().find_map(|step| {
        let after = trial.with(&step.change)?;
        let then = after.run(q)?;
        (!is_same(&then, now)).then_some((step, after, then))
    })
}

/// What may help, the best first.
fn options(rules: &Ruleset, q: &Question, now: &Explained) -> Option<Vec<Step>> {
    let culprit = &now.blame.culprit;
    match culprit.kind {
        CulpritKind::Sysctl => {
            let s = culprit.sysctl.as_ref()?;
            let change = Change::Sysctl { key: s.key.clone(), value: s.wanted.clone() };
            Some(vec![Step::new(rules, change, format!("set {} to {}", s.key, s.wanted))])
        }
        CulpritKind::Rule | CulpritKind::Policy | CulpritKind::Queue => {
            let queued = |r: &Run| matches!(r.fate, Fate::Decided { decision: Decision::Queue { .. }, .. });
            let run = now.walked.runs.iter().find(|r| probe::is_stopped(r) || queued(r))?;
            let Fate::Decided { at, .. } = &run.fate else { return None };
            let manager = manager::of_rule(rules, *at);
            if manager.is_some_and(|m| !m.can_be_overruled()) {
                return None;
            }
            let unseen = if queued(run) { ", past the queue and the program that should read it" } else { "" };
            let keeper = undone(manager);
            let rule = allow::rule_for(run, is_answer(q, now))?;
            let places = allow::positions(rules, *at, &rule).into_iter();
            let step = |(chain, position)| {
                let change = Change::Insert { chain, position, rule: rule.clone() };
                let also = Some(allow::also(&rule, run.hook));
                Step { also, ..Step::new(rules, change, format!("accept {}{unseen}{keeper}", rule.describe())) }
            };
            Some(places.map(step).collect())
        }
        CulpritKind::Nat => Some(masquerades(rules, now)),
        CulpritKind::Route => {
            let end = now.walked.runs.iter().find_map(|r| match &r.fate {
                Fate::Lost(o) => o.dead_end.as_deref(),
                _ => None,
            });
            let step = |way: Entry| {
                let (message, also) = (way.message(), Some(way.also()));
                Step { also, ..Step::new(rules, Change::Without(way), message) }
            };
            Some(entry::ways(end?).into_iter().map(step).collect())
        }
        _ => None,
    }
}

/// What is said where somebody keeps the rules.
fn undone(keeper: Option<&Manager>) -> String {
    keeper.map_or_else(String::new, |m| {
        let when = m.again.map_or_else(String::new, |again| format!(" {again}"));
        format!(" ({} may undo it{when}: its rules are changed {})", m.name, m.change)
    })
}

/// Rules that give a packet which leaves with an address that nobody beyond answers the address of this host.
fn masquerades(rules: &Ruleset, now: &Explained) -> Vec<Step> {
    // The rule meets the packet as it leaves.
    let Some(p) = now.walked.runs.first().map(|run| PacketFields::of(&run.packet)) else { return Vec::new() };
    let (Some(oif), Some(source)) = (&p.oif, p.source) else { return Vec::new() };
    let all = NewRule {
        v6: source.is_ipv6(),
        src: Some(source),
        oif: Some(oif.as_str().into()),
        masquerade: true,
        ..NewRule::default()
    };
    // What turns back into its own network is about one server there.
    let turned = p.iif.as_deref() == Some(oif);
    let ports = p.transport.as_deref().and_then(|t| match t {
        "tcp" => Some(probe::TCP),
        "udp" => Some(probe::UDP),
        _ => None,
    });
    let rule = match (turned, ports) {
        (true, Some(protocol)) => {
            NewRule { dst: p.destination, protocol: Some(protocol), dport: p.destination_port, ..all }
        }
        (true, None) => NewRule { dst: p.destination, ..all },
        (false, _) => all,
    };
    let also = "connections like it get this host's address as their source: who answers sees that, not the client";
    let step = |change: Change| {
        let message = format!("masquerade {}", rule.describe());
        Step { also: Some(also.to_owned()), ..Step::new(rules, change, message) }
    };
    super::translations(rules, &rule).into_iter().map(step).collect()
}

/// Does the packet arrive now, and its answer, with nothing to blame?
fn is_mended(now: &Explained) -> bool {
    now.blame.verdict == Verdict::Accept && now.blame.culprit.kind != CulpritKind::Nat
}

/// Is it of a connection that has begun, by its TCP flags, where nothing is tracked?
fn goes_on(lost: &Explained) -> bool {
    let p = &lost.blame.packet;
    p.ct_state.is_none() && p.tcp_flags.as_ref().is_some_and(|f| f.split(',').any(|flag| flag == "ack"))
}

/// Is it the answer to the packet that was asked about, which is lost, or another one that a connection goes on with?
fn is_answer(q: &Question, now: &Explained) -> bool {
    if goes_on(now) {
        return true;
    }
    let asked = PacketFields::of(&Packet::new(q.network, q.bytes.clone()));
    let lost = &now.blame.packet;
    let ports = |f: &PacketFields| f.source_port.zip(f.destination_port);
    match (ports(&asked), ports(lost)) {
        (Some((sport, dport)), Some(back)) => {
            asked.transport == lost.transport && back == (dport, sport) && sport != dport
        }
        _ => matches!((asked.icmp_type, lost.icmp_type), (Some(8), Some(0)) | (Some(128), Some(129))),
    }
}

/// Between which networks packets would be forwarded that are not now.
fn opened(rules: &Ruleset, host: &dyn Host, after: &Trial<'_>) -> Vec<String> {
    /// Many networks make many pairs.
    const MOST: usize = 5;
    let before = Trial::new(rules, host);
    let view = View::new(&before.rules, &before.host);
    let peers: Vec<_> = view.peers().iter().take(MOST).collect();
    let mut all = Vec::new();
    for (from, to) in peers.iter().flat_map(|from| peers.iter().map(move |to| (from, to))) {
        if from.link == to.link || from.own.is_ipv4() != to.own.is_ipv4() {
            continue;
        }
        let ends = ((from.remote, 45678), (to.remote, 22));
        let Some(q) = probe::packet(probe::TCP, ends.0, ends.1, CtState::New) else { continue };
        let q = Question { side: Side::In(from.link.clone()), ..q };
        let through = |trial: &Trial<'_>| trial.run(&q).is_some_and(|e| e.blame.packet.oif.is_some() && e.passes());
        if !through(&before) && through(after) {
            all.push(format!("new connections from {} to {} (tried with tcp port 22)", from.place(), to.place()));
        }
    }
    all
}

/// The steps as one fix. None: a command line cannot hold a name.
fn fix(steps: Vec<Step>, rules: &Ruleset, host: &dyn Host, after: &Trial<'_>) -> Option<Fix> {
    let mut fix = Fix::new("");
    let mut messages: Vec<String> = Vec::new();
    let add = |all: &mut Vec<String>, one: String| {
        if !all.contains(&one) {
            all.push(one);
        }
    };
    let sysctl = steps.iter().any(|s| matches!(s.change, Change::Sysctl { .. }));
    for step in steps {
        add(&mut messages, step.message);
        step.commands?.into_iter().for_each(|command| add(&mut fix.commands, command));
        step.persistent.into_iter().for_each(|persistent| add(&mut fix.persistent, persistent));
        step.also.into_iter().for_each(|also| add(&mut fix.also_allows, also));
        fix.changes.push(step.change);
    }
    if sysctl {
        opened(rules, host, after).into_iter().for_each(|also| add(&mut fix.also_allows, also));
    }
    fix.message = messages.join("; ");
    fix.verified = true;
    Some(fix)
}
