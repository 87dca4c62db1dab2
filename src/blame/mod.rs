//! Attribution: evidence, ruleset and host state joined into one answer.
//!
//! [`Blame`] is the answer. Serialised, it is the JSON that `nfblame watch -j` and `explain -j` print, one object a
//! line; the names are those of the published contract and are only ever added to.

pub mod answer;
pub mod attributor;
pub mod beyond;
pub mod culprit;
pub mod describe;
pub mod dropped;
pub mod generations;
pub mod journey;
pub mod packet;
mod placed;
mod reason;
pub mod time;

use std::borrow::Cow;

use serde::Serialize;

pub use attributor::Attributor;
pub use culprit::{Backend, Change, Counters, Culprit, CulpritKind, SysctlValue};
pub use dropped::Freed;
pub use generations::Generations;
pub use packet::PacketFields;
pub use time::Time;

/// The version of the JSON that [`Blame`] and the other events serialise to.
pub const SCHEMA: u32 = 1;

/// What happened to a packet, who decided it, and how we know.
#[derive(Debug, Clone, Serialize)]
pub struct Blame {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Always `"blame"`.
    pub event: &'static str,
    /// When the packet passed, as far as the evidence says.
    pub time: Option<Time>,
    /// What became of it.
    pub verdict: Verdict,
    /// For a reject: what the sender is told (`"icmp-port-unreachable"`, `"tcp-reset"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_with: Option<Cow<'static, str>>,
    /// Where the knowledge comes from.
    pub evidence: EvidenceKind,
    /// How sure the answer is.
    pub confidence: Confidence,
    /// What was not known, where that may matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknowns: Vec<String>,
    /// The packet.
    pub packet: PacketFields,
    /// Who decided.
    pub culprit: Culprit,
    /// Where the kernel freed the packet, where that is the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freed: Option<Freed>,
    /// Other culprits that the same evidence allows, when it is not certain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Culprit>,
    /// The rules that did something with the packet on its way, in order.
    pub path: Vec<Step>,
    /// Why it came to this.
    pub why: Vec<Why>,
    /// What to change.
    pub fix: Vec<Fix>,
    /// What to tell the one who keeps the rule in the way: words for which no change stands that could be tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
    /// Rules that nearly let it pass, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_misses: Vec<NearMiss>,
}

/// A rule that would have let a packet pass, had one field been different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// The backend of the rule.
    pub backend: Option<Backend>,
    /// The table's family.
    pub family: Option<&'static str>,
    /// The table.
    pub table_name: Option<String>,
    /// The chain.
    pub chain_name: Option<String>,
    /// The rule's place in its chain, from 1.
    pub rule_position: Option<u32>,
    /// The nft rule handle.
    pub rule_handle: Option<u64>,
    /// The rule's text.
    pub text: Option<String>,
    /// What it does with the packets that it matches.
    pub action: String,
    /// The field on which it missed; none if it matches, and is never reached.
    pub field: Option<String>,
    /// What it wants there.
    pub wanted: Option<String>,
    /// What the packet has there.
    pub have: Option<String>,
    /// The same as a clause.
    pub message: String,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Thrown away without a word.
    Drop,
    /// Thrown away, and the sender is told.
    Reject,
    /// It reached its socket or left the host.
    Accept,
    /// Handed to user space.
    Queue,
    /// Taken over by the kernel code of a rule.
    Stolen,
    /// Not known.
    Unknown,
}

impl Verdict {
    /// Is the packet lost to whoever waits for it?
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Drop | Self::Reject | Self::Queue | Self::Stolen)
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Accept => "accept",
            Self::Queue => "queue",
            Self::Stolen => "stolen",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the knowledge about a packet comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A rule logged it; what followed was derived from the ruleset.
    Nflog,
    /// The kernel named each rule as the packet met it.
    Trace,
    /// The kernel said where it freed the packet.
    DropMonitor,
    /// Nothing happened: a question was answered.
    Simulation,
}

/// How sure an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Observed, or derived without anything unknown that matters.
    Certain,
    /// The most plausible of several answers.
    Likely,
    /// Not to be relied on.
    Unknown,
}

impl Confidence {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Unknown => "unknown",
        }
    }
}

/// One rule, policy or kernel decision on the packet's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The hook, in lower case.
    pub hook: &'static str,
    /// The backend whose rule this was; none for the kernel's own decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// The table's family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<&'static str>,
    /// The table.
    pub table_name: Option<String>,
    /// The chain.
    pub chain_name: Option<String>,
    /// The rule's place in its chain, from 1; none for a policy.
    pub rule_position: Option<u32>,
    /// The nft rule handle.
    pub rule_handle: Option<u64>,
    /// What happened there: `accept`, `drop`, `log`, `jump NAME`, `return`, `policy accept`, `dnat to …`, `route: forward out eth1`.
    pub action: String,
    /// The rule's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Step {
    /// Are both about one rule or policy at one hook, whatever it did?
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |s: &Self| {
            let Self { hook, backend, family, rule_position, rule_handle, .. } = *s;
            (hook, backend, family, rule_position, rule_handle)
        };
        place(self) == place(other) && self.table_name == other.table_name && self.chain_name == other.chain_name
    }
}

/// A reason, with the code of the finding that documents it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// `NBxxxx`, where a finding stands behind it.
    pub code: Option<&'static str>,
    /// The reason as a sentence.
    pub message: String,
}

impl Why {
    /// A reason without a finding of its own.
    pub fn plain(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }
}

/// What the program that keeps a rule may be told. It was not tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Who keeps the rule.
    pub manager: &'static str,
    /// What to do, as a clause.
    pub message: String,
    /// The commands or lines of a file; what is in capitals is to be filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// A change that would let the packet pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What it does.
    pub message: String,
    /// The commands that do it.
    pub commands: Vec<String>,
    /// The commands that make it last beyond the next boot.
    pub persistent: Vec<String>,
    /// Was it applied to the model and the packet evaluated again?
    pub verified: bool,
    /// What else it lets pass that was stopped before, beside the packet in question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_allows: Vec<String>,
    /// The same for the model.
    #[serde(skip)]
    pub changes: Vec<crate::fix::Change>,
}
