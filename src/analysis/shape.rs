//! What one rule matches and does.

use super::axis::Changes;
use super::region::Region;
use crate::finding::act::Act;
use crate::sys::Text;

/// How a walk ends at a rule, for packets that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// By this.
    By(Act),
    /// Somewhere in this chain, always.
    In(Text),
    /// By this, in a chain that the rule jumps to.
    Within(Act, Text),
}

impl Ends {
    /// Are packets treated alike?
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.act(), other.act()) {
            (Some(a), Some(b)) => a == b,
            _ => self == other,
        }
    }

    fn act(&self) -> Option<&Act> {
        match self {
            Self::By(act) | Self::Within(act, _) => Some(act),
            Self::In(_) => None,
        }
    }

    /// The same, as it looks to one who jumps to that chain.
    pub(super) fn within(&self, chain: &Text) -> Self {
        self.act().map_or_else(|| Self::In(chain.clone()), |act| Self::Within(act.clone(), chain.clone()))
    }

    /// Does it let packets pass?
    pub fn accepts(&self) -> bool {
        self.act() == Some(&Act::Accept)
    }

    /// Does it throw them away?
    pub fn loses(&self) -> bool {
        self.act().is_some_and(Act::is_loss)
    }

    /// In a word or two: "dropped".
    pub fn name(&self) -> String {
        match self {
            Self::By(act) => act.name().to_owned(),
            Self::In(chain) => format!("decided about in chain {chain}"),
            Self::Within(act, chain) => format!("{} in chain {chain}", act.name()),
        }
    }
}

/// What one rule matches and does.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Boxes that hold everything that it may match. None: it can match nothing.
    pub regions: Vec<Region>,
    /// Does it match all that is in them?
    pub exact: bool,
    /// What of it certainly ends the walk of the chain, and how.
    pub covers: Vec<(Region, Ends)>,
    /// What it does to all that it matches, if that ends the walk of the chain; certain or not.
    pub ends: Option<Ends>,
    /// What it changes for the rules behind it.
    pub changes: Changes,
    /// The axis on which its conditions leave nothing, where they do.
    pub conflict: Option<u32>,
}

impl Shape {
    /// A rule of these conditions, which does nothing yet.
    pub(super) fn of(c: Conditions) -> Self {
        Self { regions: c.regions, exact: c.exact, conflict: c.conflict, ..Self::default() }
    }

    /// May it match anything at all?
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// Does it certainly match all packets?
    pub fn is_all(&self) -> bool {
        self.exact && self.regions.iter().any(Region::is_all)
    }
}

/// So many boxes one rule may be; a longer one is as if it were not understood.
pub(super) const MOST_REGIONS: usize = 64;

/// Conditions that are being collected: their product is what the rule matches.
#[derive(Debug)]
pub(super) struct Conditions {
    pub regions: Vec<Region>,
    pub exact: bool,
    /// The axis whose condition was the one too many.
    pub conflict: Option<u32>,
}

impl Conditions {
    pub fn new() -> Self {
        Self { regions: vec![Region::all()], exact: true, conflict: None }
    }

    /// One more condition on one axis.
    pub fn and(&mut self, axis: u32, ranges: &super::ranges::Ranges) {
        self.regions.retain_mut(|r| r.narrow(axis, ranges.clone()));
        self.note_conflict(axis);
    }

    fn note_conflict(&mut self, axis: u32) {
        if self.regions.is_empty() && self.conflict.is_none() {
            self.conflict = Some(axis);
        }
    }

    /// One more condition that is one of several boxes.
    pub fn and_any(&mut self, boxes: &[Region]) {
        if self.regions.len() * boxes.len() > MOST_REGIONS {
            self.exact = false;
            return;
        }
        let (mut all, mut excluded) = (Vec::new(), None);
        for region in &self.regions {
            for other in boxes {
                let mut both = region.clone();
                match other.iter().find(|(axis, ranges)| !both.narrow(*axis, (*ranges).clone())) {
                    Some((axis, _)) => excluded = Some(axis),
                    None => all.push(both),
                }
            }
        }
        self.regions = all;
        if let Some(axis) = excluded {
            self.note_conflict(axis);
        }
    }

    /// Something that cannot be told of a packet by itself.
    pub fn unknown(&mut self) {
        self.exact = false;
    }
}
