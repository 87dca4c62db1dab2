//! Which findings say why a packet was lost.

use super::code::codes;
use super::report::Finding;
use super::view::View;
use crate::blame::{Blame, Culprit, CulpritKind, Why};
use crate::explain::{Explained, Question};

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
}

/// Adds to an answer why it came to that: the findings that name its culprit, and the codes that know such a case.
pub fn explain(view: &View<'_>, question: &Question, explained: &mut Explained, found: &[Finding]) {
    if !explained.blame.verdict.is_loss() {
        return;
    }
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
    explained.blame.why.splice(0..0, reasons);
}

/// Is the finding about the culprit?
fn names(f: &Finding, blame: &Blame) -> bool {
    let c = &blame.culprit;
    match c.kind {
        CulpritKind::Rule | CulpritKind::Policy => f.rules.first().is_some_and(|r| {
            let e = &r.entry;
            (e.backend, e.family, e.rule_position, e.policy) == (c.backend, c.family, c.rule_position, c.policy)
                && e.table_name == c.table_name
                && e.chain_name == c.chain_name
        }),
        CulpritKind::Sysctl => c.sysctl.as_ref().is_some_and(|s| f.evidence.iter().any(|e| is_key(&e.source, &s.key))),
        _ => false,
    }
}

/// Is the file under `/proc/sys` that of a key?
fn is_key(file: &str, key: &str) -> bool {
    crate::host::sysctl::path(key).is_some_and(|p| p.as_os_str() == file)
}
