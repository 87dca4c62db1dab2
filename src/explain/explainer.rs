//! Questions in, answers out.

use std::cell::Cell;

use super::enter::{Entered, enter};
use super::near;
use super::present::{Asked, Present};
use super::question::{Invalid, Question};
use crate::blame::attributor::{assemble, doubt};
use crate::blame::describe::Describer;
use crate::blame::{Blame, EvidenceKind, PacketFields, Time, Verdict, Why, answer};
use crate::evaluate::packet::{CtState, Packet};
use crate::evaluate::walk::{Fate, Start, Walk, Walked};
use crate::evaluate::{Decision, Environment, Hook, Prepared};
use crate::manager::Keepers;
use crate::ruleset::Ruleset;

/// Answers questions by one ruleset and host.
pub struct Explainer<'a> {
    prepared: Prepared<'a>,
    env: &'a dyn Environment,
    keepers: Keepers,
    tried: bool,
}

/// An answer, and how it came about.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The answer.
    pub blame: Blame,
    /// The walks behind it, that of the answer first.
    pub walked: Walked,
    /// What was assumed, for people.
    pub notes: Vec<String>,
    /// Is what would tell the sender of the loss certainly lost itself? Only a complaint asks.
    pub unheard: bool,
}

impl<'a> Explainer<'a> {
    /// Prepares a ruleset for many questions.
    pub fn new(rules: &'a Ruleset, env: &'a dyn Environment) -> Self {
        Self { prepared: Prepared::new(rules), env, keepers: Keepers::default(), tried: true }
    }

    /// The same, faster, without the rules that did not match, and so without near misses.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.tried = false;
        self
    }

    /// The ruleset.
    pub fn rules(&self) -> &'a Ruleset {
        self.prepared.rules
    }

    /// The ruleset, made ready.
    pub(super) fn prepared(&self) -> &Prepared<'a> {
        &self.prepared
    }

    /// The host.
    pub fn env(&self) -> &'a dyn Environment {
        self.env
    }

    /// Describes places of the ruleset.
    pub fn describer(&self) -> Describer<'_> {
        Describer { rules: self.prepared.rules, history: None, keepers: Some(&self.keepers) }
    }

    /// What would happen to a packet.
    ///
    /// # Errors
    /// A question that cannot be asked of this host: no such interface, for instance.
    pub fn explain(&self, q: &Question) -> Result<Explained, Invalid> {
        self.answer(q, false)
    }

    /// The same for a packet that is said to be lost: where two answers are possible, the one that loses it comes first.
    pub(super) fn answer(&self, q: &Question, lost: bool) -> Result<Explained, Invalid> {
        let mut entered = enter(q, self.env)?;
        let asked = match q.ct {
            Some(CtState::Established) => {
                let (walked, _) = self.walk(&entered.packet, &entered.start, Some(Asked::State(CtState::New)));
                Some(Asked::Established(walked.runs.into_iter().next().map(|r| Box::new(r.packet.ct))))
            }
            Some(state) => Some(Asked::State(state)),
            None => None,
        };
        let (walked, real) = self.walk(&entered.packet, &entered.start, asked);
        if !real && let Some(state) = q.ct {
            let note = format!("taken to be {}, as asked; the live conntrack table does not say so", state.name());
            entered.notes.push(note);
        }
        Ok(self.conclude(q, entered, walked, lost))
    }

    /// What would happen to the first packet of a connection, as if conntrack did not have it already.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_fresh(&self, q: &Question) -> Result<Explained, Invalid> {
        self.answer_as(q, Asked::Fresh)
    }

    /// Walks a packet that conntrack says this about.
    pub(super) fn answer_as(&self, q: &Question, asked: Asked) -> Result<Explained, Invalid> {
        let entered = enter(q, self.env)?;
        let (walked, _) = self.walk(&entered.packet, &entered.start, Some(asked));
        Ok(self.conclude(q, entered, walked, true))
    }

    fn conclude(&self, q: &Question, entered: Entered, mut walked: Walked, lost: bool) -> Explained {
        let Entered { packet, notes, .. } = entered;
        if lost && let Some(at) = walked.runs.iter().position(|r| is_loss(&r.fate)) {
            let run = walked.runs.remove(at);
            walked.runs.insert(0, run);
        }
        let walks = [(self.describer(), walked)];
        let mut answer = answer::of(&walks);
        let [(_, walked)] = walks;
        let mut fields = PacketFields::of(&packet);
        let mut near_misses = Vec::new();
        if let Some(run) = walked.runs.first() {
            fields.hook = Some(run.hook.name());
            fields.oif = PacketFields::of(&run.packet).oif.or(fields.oif);
            fields.ct_state = answer.ct_state;
            if self.tried {
                near_misses = near::misses(&self.prepared, self.env, &self.describer(), run);
                near_misses.extend(near::forwards(&self.prepared, self.env, &self.describer(), run));
            }
        }
        answer.why.extend(notes.iter().cloned().map(Why::plain));
        let mut blame = assemble(EvidenceKind::Simulation, q.time.or_else(|| Some(Time::now())), fields, answer);
        for p in &self.prepared.rules.problems {
            doubt(&mut blame, format!("{}: {}", p.object, p.message));
        }
        blame.near_misses = near_misses;
        Explained { blame, walked, notes, unheard: false }
    }

    /// Walks a packet; and says whether the state that was asked for is also what the live table says.
    fn walk(&self, packet: &Packet, start: &Start, asked: Option<Asked>) -> (Walked, bool) {
        let real = Cell::new(asked.is_none());
        let env = Present { host: self.env, ipsets: &self.prepared.rules.ipsets, asked, real };
        // Hooks behind conntrack: the packet has passed it, and its connection is looked for first.
        let before = matches!(start.hook(), Hook::Ingress | Hook::Prerouting | Hook::Output);
        let tracked = !before && self.prepared.tracks_connections(packet.network);
        let walk = Walk { rules: &self.prepared, env: &env, explain: self.tried, tracked, past: false };
        let walked = walk.run(packet, start);
        (walked, env.real.get())
    }
}

/// Does the packet not arrive where it should?
pub(super) fn is_loss(fate: &Fate) -> bool {
    match fate {
        Fate::Decided { decision, .. } => !matches!(decision, Decision::Unknown(_)),
        Fate::Lost(_) => true,
        Fate::Delivered(_) | Fate::Left | Fate::Passed | Fate::Unknown(_) => false,
    }
}

impl Explained {
    /// Does the packet pass?
    pub fn passes(&self) -> bool {
        self.blame.verdict == Verdict::Accept
    }
}
