//! What became of a packet, and the way there.

use std::borrow::Cow;

use crate::evaluate::assume::Assumption;
use crate::evaluate::decision::{Decision, RejectWith};
use crate::evaluate::hook::Hook;
use crate::evaluate::obstacle::Obstacle;
use crate::evaluate::packet::Packet;
use crate::evaluate::place::{ChainRef, Place};
use crate::evaluate::traversal::Tried;

/// What became of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A rule or policy ended it.
    Decided {
        /// Drop, reject, queue, stolen or something unknown.
        decision: Decision,
        /// Who did.
        at: Place,
    },
    /// The kernel itself did.
    Lost(Box<Obstacle>),
    /// It reached its socket (who, for people).
    Delivered(String),
    /// It left the host.
    Left,
    /// It went through all that was to be walked.
    Passed,
    /// The walk could not go on: what was missing.
    Unknown(Cow<'static, str>),
}

/// One thing that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A rule matched, or a policy was applied.
    Rule {
        /// The hook.
        hook: Hook,
        /// What happened.
        tried: Tried,
    },
    /// A base chain let the packet pass.
    Passed {
        /// The hook.
        hook: Hook,
        /// The chain.
        base: ChainRef,
    },
    /// The kernel decided something: `routed out eth1`.
    Kernel {
        /// The hook before it.
        hook: Hook,
        /// What, for people.
        what: String,
    },
}

/// One run of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How it ended.
    pub fate: Fate,
    /// At which hook.
    pub hook: Hook,
    /// The way there.
    pub steps: Vec<Step>,
    /// The packet as it was at the end.
    pub packet: Packet,
    /// What was assumed.
    pub assumed: Vec<Assumption>,
}

/// All runs of a walk, the most plausible first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The runs.
    pub runs: Vec<Run>,
    /// Were there more combinations of open questions than were tried?
    pub incomplete: bool,
}

/// How the sender learns of a fate, if at all.
pub fn told(fate: &Fate) -> Option<RejectWith> {
    match fate {
        Fate::Decided { decision: Decision::Reject(with), .. } => Some(with.clone()),
        Fate::Lost(o) => o.told.clone(),
        _ => None,
    }
}
