//! Changes on trial: the packet again, on copies.

use crate::blame::{Culprit, Verdict};
use crate::explain::{Explained, Explainer, Question, complain};
use crate::host::Host;
use crate::ruleset::Ruleset;

use super::change::Change;
use super::patched::Patched;

/// Rules and a host with some changes made to them.
#[derive(Clone)]
pub struct Trial<'h> {
    /// The rules, changed.
    pub rules: Ruleset,
    /// The host, changed.
    pub host: Patched<'h>,
}

impl<'h> Trial<'h> {
    /// Both as they are.
    pub fn new(rules: &Ruleset, host: &'h dyn Host) -> Self {
        Self { rules: rules.clone(), host: Patched::new(host) }
    }

    /// With one more change. None: it cannot be made here.
    pub fn with(&self, change: &Change) -> Option<Self> {
        let mut new = self.clone();
        change.apply(&mut new.rules, &mut new.host).then_some(new)
    }

    /// What would become of a packet, its answer and what it depends on.
    pub fn run(&self, q: &Question) -> Option<Explained> {
        complain(&Explainer::new(&self.rules, &self.host).brief(), q).ok()
    }

    /// Would the packet arrive, and its answer?
    pub fn passes(&self, q: &Question) -> bool {
        self.run(q).is_some_and(|e| e.blame.verdict == Verdict::Accept)
    }
}

/// Is it the same that ends the same packet? Rules move when others are put before them.
pub(super) fn is_same(a: &Explained, b: &Explained) -> bool {
    let place = |c: &Culprit| Culprit { rule_position: None, counters: None, ..c.clone() };
    let of = |e: &Explained| {
        let p = &e.blame.packet;
        (p.hook, p.source, p.destination, p.source_port, p.destination_port, p.transport.clone(), p.icmp_type)
    };
    place(&a.blame.culprit) == place(&b.blame.culprit) && of(a) == of(b)
}
