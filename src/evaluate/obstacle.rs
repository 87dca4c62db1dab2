//! What the kernel decides about a packet beside the rules.

use std::borrow::Cow;

use crate::blame::culprit::{Culprit, CulpritKind, SysctlValue};

use super::decision::RejectWith;
use super::environment::FibAnswer;
use super::packet::{Ct, Device};
use crate::sys::rt::{Route, Rule};

/// A reason to lose a packet that is no rule: a setting, a route, a missing socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What kind of thing it is.
    pub kind: CulpritKind,
    /// What exactly, in the words of the contract: `no listener`, `blackhole`, `table full`.
    pub detail: Option<String>,
    /// The setting that decided.
    pub sysctl: Option<SysctlValue>,
    /// What the sender is told, if anything.
    pub told: Option<RejectWith>,
    /// Are those told, too, who sent to many? So it is with options of IPv6 (`icmpv6_param_prob`).
    pub tells_of_many: bool,
    /// What shows it, for people: one sentence each.
    pub evidence: Vec<String>,
    /// The route and routing rule by whose word it goes nowhere.
    pub dead_end: Option<Box<DeadEnd>>,
    /// It lets the packet pass if this holds, which is not known; and is that likely?
    pub unless: Option<(String, bool)>,
    /// Is it something registered at a hook of netfilter that is in no ruleset? The kernel calls its drops those of rules.
    pub at_hook: bool,
}

impl Obstacle {
    /// An obstacle with a detail.
    pub fn new(kind: CulpritKind, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::bare(kind) }
    }

    fn bare(kind: CulpritKind) -> Self {
        Self {
            kind,
            detail: None,
            sysctl: None,
            told: None,
            tells_of_many: false,
            evidence: Vec::new(),
            dead_end: None,
            unless: None,
            at_hook: false,
        }
    }

    /// A setting that decided.
    pub fn sysctl(key: impl Into<String>, value: impl Into<String>, wanted: impl Into<String>) -> Self {
        let sysctl = SysctlValue { key: key.into(), value: value.into(), wanted: wanted.into() };
        Self { sysctl: Some(sysctl), ..Self::bare(CulpritKind::Sysctl) }
    }

    /// The same, with what the sender is told.
    #[must_use]
    pub fn told(mut self, with: RejectWith) -> Self {
        self.told = Some(with);
        self
    }

    /// The same, with one more piece of evidence.
    #[must_use]
    pub fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// The culprit of a blame.
    pub fn culprit(&self) -> Culprit {
        Culprit { detail: self.detail.clone(), sysctl: self.sysctl.clone(), ..Culprit::new(self.kind) }
    }
}

/// By whose word routing ends a packet's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEnd {
    /// The routing rule that answers by itself or leads to the route; none where it is one that every host has.
    pub rule: Option<Rule>,
    /// The route; none where the rule answers.
    pub route: Option<Route>,
}

/// Where routing sends a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed {
    /// To this host (also broadcast and multicast that it takes).
    Local(FibAnswer),
    /// Out by a device.
    Out {
        /// The device.
        oif: Device,
        /// The route.
        route: FibAnswer,
    },
    /// Nowhere.
    Lost(Obstacle),
}

/// What becomes of a packet that reached this host through all hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Somebody takes it: a socket, or the kernel itself (who, for people).
    Taken(String),
    /// Somebody would, if what stands in front of it lets the packet pass, which is not known ([`Obstacle::unless`]).
    Unless(String, Obstacle),
    /// Nobody does.
    Lost(Obstacle),
}

/// What the conntrack hook makes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked {
    /// It goes on, with this view of it. NAT that its connection already has is in the tuples.
    As(Box<Ct>),
    /// Conntrack throws it away.
    Lost(Obstacle),
    /// It is one or the other, which the evidence does not say.
    Either {
        /// What it takes to be the first: "the TCP window holds its sequence number".
        what: Cow<'static, str>,
        /// If so, which is likely.
        likely: Box<Tracked>,
        /// If not.
        otherwise: Box<Tracked>,
    },
}
