//! The walk through a legacy table (`ipt_do_table` and its kin).

mod paths;

use super::file::{Fields, fields, keys};
use super::selector::{self, select};
use super::view::View;
use super::{Outcome, Param, matches, targets};
use crate::evaluate::candidates::{Candidates, Matching, WORTHWHILE};
use crate::evaluate::conditions::Conditions;
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::hook::Hook;
use crate::evaluate::place::{ChainRef, Place, TableRef};
use crate::evaluate::traversal::{Begin, Ended, Tried, most_tries};
use crate::sys::Text;
use crate::sys::uapi::x_tables::IP6T_F_PROTO;
use crate::sys::xt::{Action, Family, Match, Selector, Table, Target, Verdict};

/// A table made ready for packets: payloads understood, jumps resolved.
#[derive(Debug)]
pub struct Program<'t> {
    /// What [`Place`]s call it.
    table: TableRef,
    family: Family,
    chains: Vec<Chain<'t>>,
    /// The matches of all rules; each rule has a range of them.
    matches: Vec<Match<'t>>,
    /// How often rules may be tried on one packet.
    most: usize,
}

#[derive(Debug)]
struct Chain<'t> {
    name: Text,
    hook: Option<Hook>,
    rules: Vec<Rule<'t>>,
    /// What a built-in chain does at its end.
    policy: Option<Verdict>,
    /// Its rules by their conditions, if there are many.
    filed: Option<Candidates>,
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

impl<'t> Program<'t> {
    /// Prepares a table; `name` is what places in it are called by.
    pub fn new(name: TableRef, table: &'t Table) -> Self {
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
                let rules: Vec<Rule<'_>> = rules.collect();
                let filed = (rules.len() >= WORTHWHILE).then(|| {
                    let first = |r: &Rule<'_>| matches.get(r.matches.clone()).and_then(<[Match<'_>]>::first);
                    Candidates::new(&rules.iter().map(|r| keys(&r.selector, first(r))).collect::<Vec<_>>())
                });
                Chain { name: c.name().clone(), hook: c.hook().map(Hook::from), rules, policy: c.policy(), filed }
            })
            .collect::<Vec<Chain<'_>>>();
        let most = most_tries(chains.iter().map(|c| c.rules.len()).sum());
        Self { table: name, family, chains, matches, most }
    }

    /// The place of a rule in this table, or of a policy.
    fn place(&self, chain: usize, position: Option<usize>) -> Place {
        Place { chain: ChainRef { table: self.table, chain }, position }
    }

    /// The built-in chain at a hook, as an index into [`Table::chains`].
    pub fn base(&self, hook: Hook) -> Option<usize> {
        self.chains.iter().position(|c| c.hook == Some(hook))
    }

    /// Takes a packet through the table at the packet's hook. None: the table has no chain there, or the packet is to
    /// begin in another table.
    ///
    /// `on_tried` hears of every rule that matched, of the policy if it decides, and with [`Context::explain`] of all
    /// rules that did not match. A rule that kills a malformed packet without matching it (`hotdrop`) is told and
    /// decides all the same.
    pub fn run(&self, cx: &mut Context, begin: &Begin, on_tried: &mut dyn FnMut(Tried)) -> Option<Ended> {
        let mut left = self.most;
        let ended = self.go(cx, begin, &mut left, on_tried);
        cx.assumptions.tried(self.most - left);
        ended
    }

    fn go(&self, cx: &mut Context, begin: &Begin, left: &mut usize, on_tried: &mut dyn FnMut(Tried)) -> Option<Ended> {
        let base = self.base(cx.hook)?;
        let (mut chain, mut next, mut stack) = match begin {
            Begin::Start => (base, 0, Vec::new()),
            Begin::After { stack, rule, expr: _ } => {
                let mine = |p: &Place| (p.chain.table == self.table).then_some((p.chain.chain, p.position?));
                let stack = stack.iter().map(mine).collect::<Option<Vec<_>>>()?;
                let (chain, passed) = mine(rule)?;
                (chain, passed, stack)
            }
        };
        let mut view = View::new(self.family, cx);
        let mut look = fields(cx, &view);
        let mut matching = self.matching(cx, chain, &look);
        while let Some(rest) = left.checked_sub(1) {
            *left = rest;
            let Some(here) = self.chains.get(chain) else {
                return Some(self.lost("a chain that is not there", chain, None));
            };
            next = matching.next(next).unwrap_or(here.rules.len());
            let Some(rule) = here.rules.get(next) else {
                match stack.pop() {
                    Some(caller) => (chain, next) = caller,
                    None => return Some(self.policy(base, on_tried)),
                }
                matching = self.matching(cx, chain, &look);
                continue;
            };
            next += 1;
            let at = self.place(chain, Some(next));
            let param = self.param(&view, &rule.selector);
            match self.tries(cx, &view, &param, rule) {
                Outcome::Yes => {}
                Outcome::No => {
                    if cx.explain {
                        let missed = cx.missed.take();
                        on_tried(Tried { at, matched: false, decision: Decision::Next, effects: Vec::new(), missed });
                    }
                    continue;
                }
                Outcome::HotDrop => {
                    let (decision, missed) = (Decision::Drop, cx.missed.take());
                    on_tried(Tried { at, matched: false, decision: Decision::Drop, effects: Vec::new(), missed });
                    return Some(Ended { decision, at });
                }
            }
            let decision = match &rule.action {
                Step::Verdict(v) => verdict(*v),
                Step::Jump(to) => Decision::Jump(self.name(*to)),
                Step::Goto(to) => Decision::Goto(self.name(*to)),
                Step::Continue => Decision::Next,
                Step::Unreadable => Decision::Unknown("a target that cannot be read".into()),
                Step::Target(target) => {
                    let decision = targets::run(cx, &param, target);
                    view = View::new(self.family, cx);
                    let now = fields(cx, &view);
                    if now != look {
                        look = now;
                        matching = self.matching(cx, chain, &look);
                    }
                    decision
                }
            };
            let decision = if param.doomed.get() { Decision::Drop } else { decision };
            let effects = std::mem::take(&mut cx.effects);
            on_tried(Tried { at, matched: true, decision: decision.clone(), effects, missed: None });
            match (&rule.action, decision) {
                (_, Decision::Drop) => return Some(Ended { decision: Decision::Drop, at }),
                (Step::Jump(to), _) => {
                    stack.push((chain, next));
                    (chain, next) = (*to, 0);
                }
                (Step::Goto(to), _) => (chain, next) = (*to, 0),
                (_, Decision::Next) => continue,
                (_, Decision::Return) => match stack.pop() {
                    Some(caller) => (chain, next) = caller,
                    None => return Some(self.policy(base, on_tried)),
                },
                (_, decision) => return Some(Ended { decision, at }),
            }
            matching = self.matching(cx, chain, &look);
        }
        Some(self.lost("a walk of too many rules", chain, Some(next)))
    }

    /// The rules of a chain that are to be tried: all of them if somebody wants to know why they do not match.
    fn matching(&self, cx: &Context, chain: usize, look: &Fields) -> Matching<'_> {
        match self.chains.get(chain).and_then(|c| c.filed.as_ref()) {
            Some(filed) if !cx.explain => filed.of(|field| look.get(field)),
            _ => Matching::all(),
        }
    }

    fn lost(&self, why: &'static str, chain: usize, position: Option<usize>) -> Ended {
        Ended { decision: Decision::Unknown(why.into()), at: self.place(chain, position) }
    }

    fn name(&self, chain: usize) -> Text {
        self.chains.get(chain).map(|c| c.name.clone()).unwrap_or_default()
    }

    /// The policy of the built-in chain: also where a goto led out of it.
    fn policy(&self, base: usize, on_tried: &mut dyn FnMut(Tried)) -> Ended {
        let decision = match self.chains.get(base).and_then(|c| c.policy) {
            Some(v) => verdict(v),
            None => Decision::Unknown("a chain without a policy".into()),
        };
        let at = self.place(base, None);
        on_tried(Tried { at, matched: true, decision: decision.clone(), effects: Vec::new(), missed: None });
        Ended { decision, at }
    }

    /// Is the rule's condition met?
    fn tries(&self, cx: &mut Context, view: &View, param: &Param, rule: &Rule<'_>) -> Outcome {
        if cx.explain {
            cx.missed = None;
        }
        let outcome = select(cx, view, &rule.selector);
        if outcome != Outcome::Yes || (rule.matches.is_empty() && !rule.broken) {
            return outcome;
        }
        for m in self.matches.get(rule.matches.clone()).unwrap_or(&[]) {
            match matches::check(cx, param, m) {
                Outcome::Yes => {}
                Outcome::No if param.doomed.get() => return Outcome::HotDrop,
                outcome => return outcome,
            }
        }
        if rule.broken { cx.ask("a match that cannot be read", &[], true).into() } else { Outcome::Yes }
    }

    fn param(&self, view: &View, selector: &Selector) -> Param {
        let named = match selector {
            Selector::Ip6(s) => s.flags & IP6T_F_PROTO != 0,
            _ => true,
        };
        Param::new(self.family, view.transport(named).known())
    }

    /// Holds every condition of a rule against the packet, also those behind one that fails.
    pub fn conditions(&self, cx: &mut Context, chain: usize, position: usize) -> Option<Conditions> {
        let rule = self.chains.get(chain)?.rules.get(position.checked_sub(1)?)?;
        let view = View::new(self.family, cx);
        let mut all = Conditions::default();
        for part in selector::parts(&rule.selector) {
            let outcome = select(cx, &view, &part);
            all.count(cx, outcome == Outcome::Yes);
        }
        let param = self.param(&view, &rule.selector);
        for m in self.matches.get(rule.matches.clone()).unwrap_or(&[]) {
            let outcome = matches::check(cx, &param, m);
            all.count(cx, outcome == Outcome::Yes);
        }
        Some(all)
    }
}

/// What a standard target decides.
pub(super) fn verdict(v: Verdict) -> Decision {
    match v {
        Verdict::Accept => Decision::Accept,
        Verdict::Drop => Decision::Drop,
        Verdict::Return => Decision::Return,
        Verdict::Queue => Decision::Queue { queue: 0, count: 1, bypass: false },
        Verdict::Other(raw) => Decision::Unknown(format!("verdict {raw}").into()),
    }
}
