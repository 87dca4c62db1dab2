//! By which jumps a packet can come to a chain of a legacy table.

use crate::evaluate::hook::Hook;
use crate::evaluate::place::Place;

use super::{Program, Step};

/// Paths that [`Program::call_stacks`] gives at the most.
const MAX_PATHS: usize = 256;
/// How many chains are looked into to find them, once for each jump that leads there.
const MAX_OPENED: usize = 64 * MAX_PATHS;

impl Program<'_> {
    /// Every way from the built-in chain at a hook to a chain, as the stack of `Begin::After` there; the empty one is
    /// that of the built-in chain itself, or of gotos alone. False if there are more ways than these.
    pub fn call_stacks(&self, hook: Hook, chain: usize) -> (Vec<Vec<Place>>, bool) {
        let mut found: Vec<Vec<Place>> = Vec::new();
        let mut complete = true;
        let Some(start) = self.base(hook) else { return (found, complete) };
        let reaches = self.reaching(chain);
        // Depth first; `on_path` keeps a damaged table's loops out.
        let mut open: Vec<(usize, Vec<Place>, Vec<usize>)> = vec![(start, Vec::new(), Vec::new())];
        let mut opened = 0;
        while let Some((at, stack, on_path)) = open.pop() {
            if found.len() >= MAX_PATHS {
                complete = false;
                break;
            }
            if at == chain && !found.contains(&stack) {
                found.push(stack.clone());
            }
            let Some(here) = self.chains.get(at) else { continue };
            for (i, rule) in here.rules.iter().enumerate() {
                let (to, pushes) = match rule.action {
                    Step::Jump(to) => (to, true),
                    Step::Goto(to) => (to, false),
                    _ => continue,
                };
                if on_path.contains(&to) || to == at || !reaches.get(to).copied().unwrap_or(false) {
                    continue;
                }
                opened += 1;
                if opened > MAX_OPENED {
                    complete = false;
                    break;
                }
                let mut stack = stack.clone();
                if pushes {
                    stack.push(self.place(at, Some(i + 1)));
                }
                let mut on_path = on_path.clone();
                on_path.push(at);
                open.push((to, stack, on_path));
            }
        }
        (found, complete)
    }

    /// For each chain: can a walk get from it to this one?
    fn reaching(&self, chain: usize) -> Vec<bool> {
        let mut reaches = vec![false; self.chains.len()];
        if let Some(r) = reaches.get_mut(chain) {
            *r = true;
        }
        loop {
            let mut changed = false;
            for (i, c) in self.chains.iter().enumerate() {
                let leads = c.rules.iter().any(|r| match r.action {
                    Step::Jump(to) | Step::Goto(to) => reaches.get(to).copied().unwrap_or(false),
                    _ => false,
                });
                if let Some(r) = reaches.get_mut(i).filter(|r| leads && !**r) {
                    *r = true;
                    changed = true;
                }
            }
            if !changed {
                return reaches;
            }
        }
    }
}
