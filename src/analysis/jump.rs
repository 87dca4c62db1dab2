//! What a jump takes: packets that the rules of the other chain decide about, so that they do not come back.

use crate::evaluate::{ChainRef, TableRef};
use crate::finding::act::{self, Act};
use crate::sys::Text;

use super::axis::Axes;
use super::chain::Chains;
use super::region::Region;
use super::shape::Ends;

/// Chains are followed so deep from where they are called.
const DEEPEST: usize = 4;
/// A longer chain is not followed.
const LONGEST: usize = 256;
/// So many rules are read in other chains for one chain.
pub(super) const MOST_READ: usize = 20_000;
/// One jump takes so many boxes at the most; more are left out.
const MOST_BOXES: usize = 256;

impl Chains<'_> {
    /// The parts of these boxes that a jump to `to` never comes back from, and how they end there.
    pub(super) fn taken_by_jump(
        &mut self,
        at: TableRef,
        to: &Text,
        boxes: &[Region],
        axes: &mut Axes,
        depth: usize,
    ) -> Vec<(Region, Ends)> {
        let mut taken = Vec::new();
        let Some(chain) = self.named(at, to) else { return taken };
        let mut does: Vec<Vec<Act>> = Vec::new();
        act::each(self.rules(), chain, |_, acts| does.push(acts));
        if depth >= DEEPEST || does.len() > LONGEST || does.len() > self.may_read {
            return taken;
        }
        self.may_read -= does.len();
        let shapes = self.shapes(chain, axes, depth + 1);
        // What may have gone back to the caller is not taken by the rules behind.
        let mut back: Vec<Region> = Vec::new();
        for (shape, acts) in shapes.iter().zip(&does) {
            for (region, ends) in &shape.covers {
                if !is_final(ends) || back.iter().any(|b| b.meets(region)) {
                    continue;
                }
                taken.extend(boxes.iter().filter_map(|outer| Some((outer.and(region)?, ends.within(to)))));
            }
            if taken.len() > MOST_BOXES {
                taken.truncate(MOST_BOXES);
                break;
            }
            if acts.iter().any(|a| self.may_go_back(chain, a, depth)) {
                back.extend(shape.regions.iter().cloned());
            }
        }
        taken
    }

    /// May a packet go back to the calling chain by this act, past the rules behind it?
    fn may_go_back(&mut self, chain: ChainRef, act: &Act, depth: usize) -> bool {
        match act {
            Act::Return | Act::Vmap(_) | Act::Unknown => true,
            Act::Goto(to) => !self.named(chain.table, to).is_some_and(|c| self.always_ends(c, depth + 1)),
            _ => false,
        }
    }
}

/// Is the packet decided about, for the calling chain too?
fn is_final(ends: &Ends) -> bool {
    match ends {
        Ends::By(act) | Ends::Within(act, _) => !matches!(act, Act::Return | Act::Goto(_) | Act::Jump(_)),
        Ends::In(_) => true,
    }
}
