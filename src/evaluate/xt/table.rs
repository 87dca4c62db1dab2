//! The walk through a legacy table (`ipt_do_table` and its kin).

use super::selector::select;
use super::view::View;
use super::{Outcome, Param, matches, targets};
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::hook::Hook;
use crate::sys::uapi::x_tables::IP6T_F_PROTO;
use crate::sys::xt::{Action, Family, Match, Selector, Table, Target, Verdict};

/// Rules visited at the most in one walk. The kernel knows no bound but forbids loops.
const MAX_STEPS: usize = 20_000_000;
/// Paths that [`Program::call_stacks`] gives at the most.
const MAX_PATHS: usize = 256;

/// A table made ready for packets: payloads understood, jumps resolved.
#[derive(Debug)]
pub struct Program<'t> {
    family: Family,
    chains: Vec<Chain<'t>>,
    /// The matches of all rules; each rule has a range of them.
    matches: Vec<Match<'t>>,
}

#[derive(Debug)]
struct Chain<'t> {
    hook: Option<Hook>,
    rules: Vec<Rule<'t>>,
    /// What a built-in chain does at its end.
    policy: Option<Verdict>,
}

#[derive(Debug)]
struct Rule<'t> {
    selector: Selector,
    matches: std::ops::Range<usize>,
    /// Could its matches not be read to the end?
    broken: bool,
    action: Step<'t>,
}

/// What a rule does with a packet that it matches.
#[derive(Debug)]
enum Step<'t> {
    Verdict(Verdict),
    Jump(usize),
    Goto(usize),
    Continue,
    Target(Target<'t>),
    Unreadable,
}

/// A place in a table to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The chain, as an index into [`Table::chains`].
    pub chain: usize,
    /// How many of its rules are behind: the next rule has this position plus one.
    pub passed: usize,
    /// The jumps that led here, outermost first: chain, and position of the jumping rule. A goto leaves none.
    pub stack: Vec<(usize, usize)>,
}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What becomes of the packet as far as this table goes: never a jump, a return or the next rule.
    pub decision: Decision,
    /// The chain that decided, as an index into [`Table::chains`].
    pub chain: usize,
    /// The rule that decided, from 1; none for the policy.
    pub position: Option<usize>,
    /// The rule did not match: the packet is malformed, and the rule's matches could not stand it (`hotdrop`).
    pub hotdrop: bool,
}

/// A rule that was tried.
#[derive(Debug)]
pub struct Tried<'a> {
    /// The chain, as an index into [`Table::chains`].
    pub chain: usize,
    /// The rule's position, from 1; none for the policy.
    pub position: Option<usize>,
    /// Did it match?
    pub outcome: Outcome,
    /// What it did then.
    pub decision: Option<&'a Decision>,
    /// How many jumps led here.
    pub depth: usize,
}

impl<'t> Program<'t> {
    /// Prepares a table.
    pub fn new(table: &'t Table) -> Self {
        let family = table.family();
        let names: rustc_hash::FxHashMap<&[u8], usize> =
            table.chains().enumerate().map(|(i, c)| (c.name().as_bytes(), i)).collect();
        let chain = |name: &[u8]| names.get(name).copied();
        let mut matches = Vec::new();
        let chains = table
            .chains()
            .map(|c| {
                let rules = c.rules().map(|rule| {
                    let start = matches.len();
                    let mut broken = false;
                    // arp_tables has no matches.
                    if family != Family::Arp {
                        for raw in rule.entry.matches() {
                            match raw {
                                Ok(raw) => matches.push(raw.decode(family)),
                                Err(_) => broken = true,
                            }
                        }
                    }
                    let action = match rule.action() {
                        Ok(Action::Verdict(v)) => Step::Verdict(v),
                        Ok(Action::Jump(to)) => chain(to.as_bytes()).map_or(Step::Unreadable, Step::Jump),
                        Ok(Action::Goto(to)) => chain(to.as_bytes()).map_or(Step::Unreadable, Step::Goto),
                        Ok(Action::Continue) => Step::Continue,
                        Ok(Action::Target(raw)) => Step::Target(raw.decode(family)),
                        Ok(Action::Nowhere(_)) | Err(_) => Step::Unreadable,
                    };
                    Rule { selector: rule.entry.selector, matches: start..matches.len(), broken, action }
                });
                let rules = rules.collect();
                Chain { hook: c.hook().map(Hook::from), rules, policy: c.policy() }
            })
            .collect();
        Self { family, chains, matches }
    }

    /// The beginning of the built-in chain at a hook, if the table has one there.
    pub fn start(&self, hook: Hook) -> Option<Cursor> {
        let chain = self.chains.iter().position(|c| c.hook == Some(hook))?;
        Some(Cursor { chain, ..Cursor::default() })
    }

    /// Walks on from a place. `on_rule` hears of every rule that matched; with [`Context::explain`] of those too that
    /// did not, with [`Context::missed`] saying why.
    pub fn run(&self, cx: &mut Context, from: Cursor, on_rule: &mut dyn FnMut(&mut Context, &Tried<'_>)) -> Ended {
        let Cursor { mut chain, passed: mut next, mut stack } = from;
        let mut view = View::new(self.family, &cx.packet);
        let ended = |decision, chain, position| Ended { decision, chain, position, hotdrop: false };
        for _ in 0..MAX_STEPS {
            let Some(here) = self.chains.get(chain) else {
                return ended(Decision::Unknown("a chain that is not there".into()), chain, None);
            };
            let Some(rule) = here.rules.get(next) else {
                match self.leave(&mut stack) {
                    Some(caller) => (chain, next) = caller,
                    None => return self.policy(cx, chain, on_rule),
                }
                continue;
            };
            next += 1;
            let outcome = self.tries(cx, &view, rule);
            if outcome != Outcome::Yes {
                if cx.explain || outcome == Outcome::HotDrop {
                    let tried = Tried { chain, position: Some(next), outcome, decision: None, depth: stack.len() };
                    on_rule(cx, &tried);
                }
                if outcome == Outcome::HotDrop {
                    return Ended { decision: Decision::Drop, chain, position: Some(next), hotdrop: true };
                }
                continue;
            }
            let decision = match &rule.action {
                Step::Target(target) => {
                    let decision = targets::run(cx, &self.param(&view, &rule.selector), target);
                    view = View::new(self.family, &cx.packet);
                    decision
                }
                step => self.standard(step),
            };
            on_rule(
                cx,
                &Tried { chain, position: Some(next), outcome, decision: Some(&decision), depth: stack.len() },
            );
            match (&rule.action, decision) {
                (Step::Jump(to), _) => {
                    stack.push((chain, next));
                    (chain, next) = (*to, 0);
                }
                (Step::Goto(to), _) => (chain, next) = (*to, 0),
                (_, Decision::Next) => {}
                (_, Decision::Return) => match self.leave(&mut stack) {
                    Some(caller) => (chain, next) = caller,
                    None => return self.policy(cx, self.base(chain, cx.hook), on_rule),
                },
                (_, decision) => return ended(decision, chain, Some(next)),
            }
        }
        ended(Decision::Unknown("a walk of too many rules".into()), chain, Some(next))
    }

    /// Is the rule's condition met?
    fn tries(&self, cx: &mut Context, view: &View, rule: &Rule<'_>) -> Outcome {
        if cx.explain {
            cx.missed = None;
        }
        let outcome = select(cx, view, &rule.selector);
        if outcome != Outcome::Yes || (rule.matches.is_empty() && !rule.broken) {
            return outcome;
        }
        let param = self.param(view, &rule.selector);
        for m in self.matches.get(rule.matches.clone()).unwrap_or(&[]) {
            let outcome = matches::check(cx, &param, m);
            if outcome != Outcome::Yes {
                return outcome;
            }
        }
        if rule.broken { cx.ask("a match that cannot be read", &[], true).into() } else { Outcome::Yes }
    }

    fn param(&self, view: &View, selector: &Selector) -> Param {
        let named = match selector {
            Selector::Ip6(s) => s.flags & IP6T_F_PROTO != 0,
            _ => true,
        };
        Param { family: self.family, transport: view.transport(named).known() }
    }

    fn standard(&self, step: &Step<'_>) -> Decision {
        match step {
            Step::Verdict(v) => verdict(*v),
            Step::Continue | Step::Jump(_) | Step::Goto(_) | Step::Target(_) => Decision::Next,
            Step::Unreadable => Decision::Unknown("a target that cannot be read".into()),
        }
    }

    /// Back behind the last jump.
    fn leave(&self, stack: &mut Vec<(usize, usize)>) -> Option<(usize, usize)> {
        stack.pop()
    }

    /// The chain whose policy counts when the walk runs out of callers: the one it began in.
    fn base(&self, chain: usize, hook: Hook) -> usize {
        match self.chains.get(chain) {
            Some(c) if c.hook.is_some() => chain,
            // A goto leads out of the built-in chain; its policy is still the one that counts.
            _ => self.chains.iter().position(|c| c.hook == Some(hook)).unwrap_or(chain),
        }
    }

    fn policy(&self, cx: &mut Context, chain: usize, on_rule: &mut dyn FnMut(&mut Context, &Tried<'_>)) -> Ended {
        let chain = self.base(chain, cx.hook);
        let decision = match self.chains.get(chain).and_then(|c| c.policy) {
            Some(v) => verdict(v),
            None => Decision::Unknown("a chain without a policy".into()),
        };
        on_rule(cx, &Tried { chain, position: None, outcome: Outcome::Yes, decision: Some(&decision), depth: 0 });
        Ended { decision, chain, position: None, hotdrop: false }
    }

    /// Every way from the built-in chain at a hook to a chain, as the stacks that a [`Cursor`] there would have; the
    /// empty one is that of the built-in chain itself. False if there are more ways than these.
    pub fn call_stacks(&self, hook: Hook, chain: usize) -> (Vec<Vec<(usize, usize)>>, bool) {
        let mut found = Vec::new();
        let mut complete = true;
        let Some(start) = self.start(hook) else { return (found, complete) };
        let reaches = self.reaching(chain);
        // Depth first; `on_path` keeps a damaged table's loops out.
        let mut open: Vec<(usize, Vec<(usize, usize)>, Vec<usize>)> = vec![(start.chain, Vec::new(), Vec::new())];
        let mut steps = 0;
        while let Some((at, stack, on_path)) = open.pop() {
            steps += 1;
            if found.len() >= MAX_PATHS || steps > 64 * MAX_PATHS {
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
                let mut stack = stack.clone();
                if pushes {
                    stack.push((at, i + 1));
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

fn verdict(v: Verdict) -> Decision {
    match v {
        Verdict::Accept => Decision::Accept,
        Verdict::Drop => Decision::Drop,
        Verdict::Return => Decision::Return,
        Verdict::Queue => Decision::Queue { queue: 0, count: 1, bypass: false },
        Verdict::Other(raw) => Decision::Unknown(format!("verdict {raw}").into()),
    }
}

impl From<crate::sys::xt::Hook> for Hook {
    fn from(hook: crate::sys::xt::Hook) -> Self {
        use crate::sys::xt::Hook as H;
        match hook {
            H::Prerouting => Self::Prerouting,
            H::Input => Self::Input,
            H::Forward => Self::Forward,
            H::Output => Self::Output,
            H::Postrouting => Self::Postrouting,
        }
    }
}
