//! What a watch is asked for, and what it hands out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::blame::{Blame, Time};
use crate::evidence::{Loss, TraceConfig};

/// What to watch.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// NFLOG groups; `None`: every group that the rules name, also later ones.
    pub groups: Option<Vec<u16>>,
    /// Which packets are of interest.
    pub selection: crate::evidence::Selection,
    /// Trace the packets of interest.
    pub trace: Option<TraceConfig>,
    /// Have the kernel's drop monitor report, where there is one.
    pub drop_monitor: bool,
    /// Hand out packets that got through, and drops that are normal life, too.
    pub all: bool,
}

/// What comes out.
#[derive(Debug)]
pub enum Output<'a> {
    /// A packet, and who is to blame.
    Blame(&'a Blame, Seen<'a>),
    /// Evidence is missing from here on.
    Lost(Loss),
    /// Something that people should know.
    Note(String),
    /// Nothing more is there for the moment: what is in buffers may be written.
    Idle,
}

/// A packet as it was seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When.
    pub time: Time,
    /// Its bytes from the network header on, as far as they are known.
    pub bytes: &'a [u8],
    /// Did it come in, rather than being made here?
    pub inbound: Option<bool>,
    /// How many packets it stands for: more than one where they came faster than they could be told of one by one.
    pub count: u64,
    /// Blames with the same number say the same, but for the packet's own addresses, ports, flags and length.
    pub answer: Option<u64>,
}

/// The account at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// [`crate::blame::SCHEMA`].
    pub schema: u32,
    /// Always `"summary"`.
    pub event: &'static str,
    /// Packets seen.
    pub seen: u64,
    /// Of these, lost to whoever waits for them.
    pub drops: u64,
    /// Of the drops, those with a culprit.
    pub attributed: u64,
    /// Of these, with certainty.
    pub certain: u64,
    /// Packets that got through.
    pub accepted: u64,
    /// Drops that are normal life, which are counted here only.
    pub noise: u64,
    /// Packets of which it is not known what became of them.
    pub unknown: u64,
    /// Records of evidence that are known to be missing.
    pub lost: u64,
    /// Is `lost` only a lower bound?
    pub lost_at_least: bool,
    /// The losses by source and cause.
    pub losses: BTreeMap<String, u64>,
    /// Changes of the ruleset that were seen.
    pub ruleset_changes: u64,
}
