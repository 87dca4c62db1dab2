//! What one run of an evaluation carries along.

use std::borrow::Cow;
use std::net::IpAddr;

use super::assume::Assumptions;
use super::effect::Effect;
use super::environment::Environment;
use super::fact::Fact;
use super::hook::Hook;
use super::nft::Memory;
use super::packet::Packet;
use super::xt::matches::recent;
use crate::sys::Text;

/// The state of one run: the packet as it is now, and everything a rule may ask.
pub struct Context<'a> {
    /// The packet, changed by the rules on the way.
    pub packet: Packet,
    /// The hook it is at.
    pub hook: Hook,
    /// The host.
    pub env: &'a dyn Environment,
    /// The open questions, shared by all runs.
    pub assumptions: &'a mut Assumptions,
    /// The first condition that the rule just tried did not meet, for near misses; cleared before each rule.
    pub missed: Option<Missed>,
    /// Should `missed` be filled in? It costs.
    pub explain: bool,
    /// What rules did beside their verdicts, in order; whoever walks takes them out.
    pub effects: Vec<Effect>,
    /// What nf_tables remembers of this packet from one base chain to the next.
    pub nft: Memory,
    /// What the packet changed in lists of `-m recent`.
    pub recent: recent::Memory,
    /// The entries of `-m hashlimit` that the packet has been counted in.
    pub limited: Vec<(Text, String)>,
}

/// Why a rule did not match: the first of its conditions that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The field in the words of the rule's owner: `tcp dport`, `-s`, `ct state`.
    pub field: Cow<'static, str>,
    /// What the rule wants, where that can be said.
    pub wanted: Option<String>,
    /// What the packet has, where that can be said.
    pub have: Option<String>,
}

impl<'a> Context<'a> {
    /// A packet at a hook, before the first rule.
    pub fn new(packet: Packet, hook: Hook, env: &'a dyn Environment, assumptions: &'a mut Assumptions) -> Self {
        Self {
            packet,
            hook,
            env,
            assumptions,
            missed: None,
            explain: false,
            effects: Vec::new(),
            nft: Memory::default(),
            recent: recent::Memory::default(),
            limited: Vec::new(),
        }
    }

    /// Gives the packet another mark.
    pub fn set_mark(&mut self, new: Fact<u32>) {
        if let Fact::Is(mark) = new
            && self.packet.mark != new
        {
            self.effects.push(Effect::Mark(mark));
        }
        self.packet.mark = new;
    }

    /// Answers a question that the evidence leaves open (see [`Assumptions::ask`]).
    pub fn ask(&mut self, what: impl Into<Cow<'static, str>>, key: &[u8], likely: bool) -> bool {
        self.assumptions.ask(what, key, likely)
    }

    /// The address that TPROXY looks for a socket at where a rule names none: the first one of the device it came in by, or
    /// the destination where that has none (`nf_tproxy_laddr4`, `nf_tproxy_laddr6`).
    pub fn proxy_address(&self, destination: IpAddr) -> Fact<IpAddr> {
        match self.packet.iif.value().map(|d| self.env.redirect_address(d.index, destination)) {
            Some(Fact::Absent) => Fact::Is(destination),
            Some(fact) => fact,
            None => Fact::unknown("interface of arrival"),
        }
    }

    /// Tests a fact: an unknown one becomes an open question, keyed by what is asked of it; an absent one fails.
    pub fn test<T>(&mut self, fact: Fact<T>, key: &[u8], test: impl FnOnce(&T) -> bool) -> bool {
        match fact {
            Fact::Is(v) => test(&v),
            Fact::Absent => false,
            Fact::Unknown(what) => self.ask(what, key, true),
        }
    }

    /// Notes why the present rule does not match, if anybody wants to know and nothing was noted before.
    pub fn miss(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        describe: impl FnOnce() -> (Option<String>, Option<String>),
    ) {
        if self.explain && self.missed.is_none() {
            let (wanted, have) = describe();
            self.missed = Some(Missed { field: field.into(), wanted, have });
        }
    }
}
