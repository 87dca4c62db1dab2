//! Which findings say why a packet was lost.

use super::code::codes;
use super::report::{Finding, RuleRef};
use super::view::View;
use crate::blame::{Backend, Blame, Culprit, CulpritKind, Fix, NearMiss, PacketFields, Why};
use crate::evaluate::Packet;
use crate::evaluate::environment::FibQuery;
use crate::evaluate::packet::CtState;
use crate::explain::{Explained, Question, Side, complain};
use crate::fix::{Trial, propose, without_tables};

/// A lost packet.
pub struct Case<'c, 'a> {
    /// The host and its rules.
    pub view: &'c View<'a>,
    /// What was asked.
    pub question: &'c Question,
    /// What was answered.
    pub explained: &'c Explained,
}

impl Case<'_, '_> {
    /// Who is to blame.
    pub fn culprit(&self) -> &Culprit {
        &self.explained.blame.culprit
    }

    /// Is it the answer to the packet in question that is lost?
    pub fn is_answer(&self) -> bool {
        let asked = PacketFields::of(&Packet::new(self.question.network, self.question.bytes.clone()));
        let lost = &self.explained.blame.packet;
        lost.source.is_some() && lost.source != asked.source && lost.destination == asked.source
    }

    /// Does the packet belong to a connection, as conntrack says, or as the question has it where nothing is tracked?
    pub fn is_of_connection(&self) -> bool {
        matches!(self.explained.blame.packet.ct_state, Some("established" | "related"))
            || matches!(self.question.ct, Some(CtState::Established | CtState::Related))
            || self.is_answer()
    }
}

/// Adds to an answer why it came to that: the findings that name its culprit, and the codes that know such a case.
pub fn explain(view: &View<'_>, question: &Question, explained: &mut Explained, found: &[Finding]) {
    let mut reasons: Vec<Why> = Vec::new();
    let mut add = |code: &'static str, message: String| {
        if reasons.iter().all(|w| w.code != Some(code)) {
            reasons.push(Why { code: Some(code), message });
        }
    };
    let case = Case { view, question, explained };
    for code in codes() {
        if let Some(message) = code.why.and_then(|why| why(&case)) {
            add(code.id, message);
        }
    }
    for f in found.iter().filter(|f| names(f, &explained.blame)) {
        add(f.code, f.message.clone());
    }
    let by_mac = would_decide(view, question, explained);
    let proposed = propose(view.rules, view.host, question, explained);
    let mut fixes = proposed.fixes;
    for f in found.iter().filter(|f| reasons.iter().any(|w| w.code == Some(f.code))).flat_map(|f| &f.fix) {
        if fixes.iter().any(|known| known.commands == f.commands) {
            continue;
        }
        // What can be tried is told only if it helps.
        if f.changes.is_empty() {
            fixes.push(f.clone());
        } else if helps(view, question, f) {
            fixes.push(Fix { verified: true, ..f.clone() });
        }
    }
    if let Some(still) = proposed.still {
        reasons.push(Why::plain(format!("were this out of the way, it would still be lost: {still}")));
    } else {
        reasons.extend(without_tables(view.rules, view.host, question, explained).map(Why::plain));
    }
    reasons.extend(by_mac.map(Why::plain));
    explained.blame.why.splice(0..0, reasons);
    explained.blame.fix.extend(fixes);
    explained.blame.advice = proposed.advice;
}

/// Where a rule asks for the hardware address of who sends it: what would decide, and what the neighbour table has to say.
fn would_decide(view: &View<'_>, q: &Question, explained: &Explained) -> Option<String> {
    let Side::In(name) = &q.side else { return None };
    if !explained.blame.unknowns.iter().any(|u| u == "link layer header") {
        return None;
    }
    let source = explained.blame.packet.source?;
    let index = view.host.link_named(name.as_bytes()).known()?.index;
    let way = FibQuery { to: source, from: None, oif: Some(index), iif: None, mark: 0, tos: 0 };
    let hop = view.env.fib(&way).known().and_then(|way| way.gateway).unwrap_or(source);
    let known = view.host.neighbour(index, hop).known().and_then(|n| <[u8; 6]>::try_from(n.lladdr?).ok());
    let Some(mac) = known else {
        return Some("a rule asks for the hardware address that it comes from: --mac says it".into());
    };
    let words = mac.map(|b| format!("{b:02x}")).join(":");
    let then = complain(view.explainer(), &Question { mac: Some(mac), ..q.clone() }).ok()?;
    let what = match then.blame.culprit.detail.as_deref().filter(|_| !then.passes()) {
        Some(detail) => format!("{} ({detail})", then.blame.verdict.name()),
        None => then.blame.verdict.name().to_owned(),
    };
    let place = match (&then.blame.culprit.chain_name, then.blame.culprit.rule_position) {
        (Some(chain), Some(n)) => format!(" by {chain} rule {n}"),
        (Some(chain), None) => format!(" by the policy of {chain}"),
        _ => String::new(),
    };
    Some(format!(
        "the neighbour table has {words} for {hop} on {name}; if it comes from there (--mac {words}): {what}{place}, {}",
        then.blame.confidence.name()
    ))
}

/// Does the packet arrive with it, and is nothing to blame any more?
fn helps(view: &View<'_>, question: &Question, fix: &Fix) -> bool {
    let trial = fix.changes.iter().try_fold(Trial::new(view.rules, view.host), |trial, change| trial.with(change));
    trial.and_then(|t| t.run(question)).is_some_and(|e| e.passes() && e.blame.culprit.kind == CulpritKind::None)
}

/// Is the finding about the culprit?
fn names(f: &Finding, blame: &Blame) -> bool {
    let c = &blame.culprit;
    // That nobody knows whose a rule is does not say why it drops.
    if f.code == "NB0703" {
        return false;
    }
    match c.kind {
        // What lets all kinds of packets end at one rule or policy explains this one no better than any other: such codes say
        // by themselves what they explain.
        CulpritKind::Rule if ["NB01", "NB07"].iter().any(|group| f.code.starts_with(group)) => {
            let Some((about, others)) = f.rules.split_first() else { return false };
            let here = (c.backend, c.family, &c.table_name, &c.chain_name, c.rule_position);
            // A rule that would have let it pass, had this one not taken its packets.
            let kept_out =
                || others.iter().any(|r| place(r) == here) && blame.near_misses.iter().any(|n| is_missed(n, about));
            place(about) == here || kept_out()
        }
        CulpritKind::Sysctl => c.sysctl.as_ref().is_some_and(|s| f.evidence.iter().any(|e| is_key(&e.source, &s.key))),
        _ => false,
    }
}

/// Where a rule stands.
type Standing<'r> = (Option<Backend>, Option<&'static str>, &'r Option<String>, &'r Option<String>, Option<u32>);

fn place(r: &RuleRef) -> Standing<'_> {
    let e = &r.entry;
    (e.backend, e.family, &e.table_name, &e.chain_name, e.rule_position)
}

/// Does the rule match the packet, and is never reached?
fn is_missed(near: &NearMiss, rule: &RuleRef) -> bool {
    near.field.is_none()
        && (near.backend, near.family, &near.table_name, &near.chain_name, near.rule_position) == place(rule)
}

/// Is the file under `/proc/sys` that of a key?
fn is_key(file: &str, key: &str) -> bool {
    crate::host::sysctl::path(key).is_some_and(|p| p.as_os_str() == file)
}
