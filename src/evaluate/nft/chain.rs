//! Through the rules of a base chain and the chains it jumps to (`nft_do_chain`).

mod resume;

use smallvec::SmallVec;

use crate::evaluate::candidates::Matching;
use crate::evaluate::place::{ChainRef, Place};
use crate::evaluate::traversal::{Begin, Ended, Tried, most_tries};
use crate::evaluate::{Context, Decision};
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::{Chain, Table};
use crate::sys::nft::{Rule, Verdict};

use super::expr;
use super::file::{FiledChain, FiledTable};
use super::info::{PacketInfo, Refused};
use super::machine::{Machine, Step};

/// `NFT_JUMP_STACK_SIZE`
const STACK: usize = 16;

/// Where a chain was left for another one.
#[derive(Debug, Clone, Copy)]
struct Frame {
    chain: usize,
    /// The rule behind the jump.
    rule: usize,
    /// How many chains were entered on the way here.
    depth: usize,
}

/// A table, its lookup structures, and its rules by their conditions: without these each is tried.
pub type Known<'t> = (&'t Table, &'t TableIndex, Option<&'t FiledTable>);

/// Runs a base chain rule by rule.
pub fn run(
    cx: &mut Context<'_>,
    table: &Table,
    index: &TableIndex,
    at: ChainRef,
    begin: &Begin,
    tried: Option<&mut dyn FnMut(Tried)>,
) -> Ended {
    run_known(cx, (table, index, None), at, begin, tried)
}

/// Runs a base chain; `at` says which, in that table.
///
/// `tried` is told of each rule that matched or did something, and with [`Context::explain`] of the others, too. Without
/// it the effects of all rules gather in the context.
pub fn run_known(
    cx: &mut Context<'_>,
    (table, index, filed): Known<'_>,
    at: ChainRef,
    begin: &Begin,
    tried: Option<&mut dyn FnMut(Tried)>,
) -> Ended {
    let policy = Place { chain: at, position: None };
    let info = match PacketInfo::new(cx, table.def.family) {
        Ok(info) => info,
        Err(Refused::Accepted) => return Ended { decision: Decision::Accept, at: policy },
        Err(Refused::Dropped(_)) => return Ended { decision: Decision::Drop, at: policy },
    };
    let most = most_tries(index.rules());
    let mut walk = Walk {
        m: Machine::new(table, index, info),
        filed,
        base: at,
        chain: at.chain,
        rule: 0,
        stack: SmallVec::new(),
        depth: 1,
        left: most,
        tried,
    };
    if let Begin::After { stack, rule, expr } = begin {
        walk.stack =
            stack.iter().map(|p| Frame { chain: p.chain.chain, rule: p.position.unwrap_or(0), depth: 1 }).collect();
        walk.chain = rule.chain.chain;
        walk.rule = rule.position.unwrap_or(0);
        if let Some(expr) = expr {
            walk.rule = walk.rule.saturating_sub(1);
            if let Some(ended) = walk.resume(cx, *expr) {
                return ended;
            }
        }
    }
    let ended = walk.go(cx);
    cx.assumptions.tried(most - walk.left);
    ended
}

struct Walk<'t, 'f> {
    m: Machine<'t>,
    filed: Option<&'t FiledTable>,
    base: ChainRef,
    chain: usize,
    rule: usize,
    stack: SmallVec<[Frame; STACK]>,
    /// How many chains were entered without coming back; the kernel's chains form no circles.
    depth: usize,
    left: usize,
    tried: Option<&'f mut dyn FnMut(Tried)>,
}

impl<'t> Walk<'t, '_> {
    fn place(&self) -> Place {
        Place { chain: ChainRef { table: self.base.table, chain: self.chain }, position: Some(self.rule + 1) }
    }

    fn present(&self) -> Option<&'t Rule> {
        self.m.table.chains.get(self.chain)?.rules.get(self.rule)
    }

    fn go(&mut self, cx: &mut Context<'_>) -> Ended {
        loop {
            let table: &'t Table = self.m.table;
            let rules = table.chains.get(self.chain).map_or(&[][..], |c| &c.rules);
            let filed = self.filed.filter(|_| !cx.explain).and_then(|f| f.chain(table, self.m.index, self.chain));
            let mut matching = self.matching(cx, filed);
            loop {
                let next = matching.next(self.rule).unwrap_or(rules.len());
                if next > self.rule {
                    // Nobody knows what the rules in between would have left in the registers.
                    self.m.regs.clear();
                    self.rule = next;
                }
                let Some(rule) = rules.get(self.rule) else { break };

                if self.left == 0 {
                    return Ended { decision: Decision::Unknown("too many rules".into()), at: self.place() };
                }
                self.left -= 1;
                let at = self.rule;
                let step = self.try_rule(cx, rule, 0);
                match self.act(cx, step) {
                    Act::Next if filed.is_some_and(|f| f.changes(at)) => matching = self.matching(cx, filed),
                    Act::Next => {}
                    Act::Elsewhere => break,
                    Act::End(ended) => return ended,
                }
            }
            // Either a jump has been taken, or the chain is at its end.
            if self.rule >= rules_of(table, self.chain)
                && let Some(ended) = self.back(cx)
            {
                return ended;
            }
        }
    }

    /// The rules of a chain that are to be tried: all of them if somebody wants to know why they do not match.
    fn matching(&mut self, cx: &mut Context<'_>, filed: Option<&'t FiledChain>) -> Matching<'t> {
        let Some(filed) = filed else { return Matching::all() };
        let matching = filed.matching(cx, &mut self.m);
        self.m.regs.clear();
        matching
    }

    /// Tries a rule from one of its expressions on.
    #[inline]
    fn try_rule(&mut self, cx: &mut Context<'_>, rule: &'t Rule, from: usize) -> Step {
        if cx.explain {
            cx.missed = None;
        }
        let m = &mut self.m;
        (m.exprs, m.rule) = (&rule.exprs, Some(rule));
        if !rule.unread.is_empty() {
            let what = format!("a part of rule {} that is not understood", rule.handle);
            if !cx.ask(what, &[&b"nft rule "[..], &rule.handle.to_ne_bytes()].concat(), true) {
                return Step::Break;
            }
        }
        for (i, e) in rule.exprs.iter().enumerate().skip(from) {
            m.at = i;
            match expr::eval(cx, m, e) {
                Step::Go => {}
                other => return other,
            }
        }
        Step::Go
    }

    /// Does what a rule said.
    #[inline]
    fn act(&mut self, cx: &mut Context<'_>, step: Step) -> Act {
        if self.tried.is_some() && (step != Step::Break || cx.explain || !cx.effects.is_empty()) {
            let (matched, decision) = match &step {
                Step::Go => (true, Decision::Next),
                Step::Break => (false, Decision::Next),
                Step::Verdict(d) => (true, d.clone()),
            };
            self.tell(cx, self.place(), matched, decision);
        }
        let decision = match step {
            Step::Go | Step::Break => {
                self.rule += 1;
                return Act::Next;
            }
            Step::Verdict(decision) => decision,
        };
        match decision {
            Decision::Jump(name) => {
                if self.stack.len() >= STACK {
                    // The kernel warns and drops.
                    return Act::End(Ended { decision: Decision::Drop, at: self.place() });
                }
                let Some(to) = self.m.index.chain(&name) else { return self.lost(&name.to_string()) };
                self.stack.push(Frame { chain: self.chain, rule: self.rule + 1, depth: self.depth });
                self.enter(to)
            }
            Decision::Goto(name) => {
                let Some(to) = self.m.index.chain(&name) else { return self.lost(&name.to_string()) };
                self.enter(to)
            }
            Decision::Return => match self.back(cx) {
                Some(ended) => Act::End(ended),
                None => Act::Elsewhere,
            },
            Decision::Next => {
                self.rule += 1;
                Act::Next
            }
            decision => Act::End(Ended { decision, at: self.place() }),
        }
    }

    fn lost(&self, name: &str) -> Act {
        let decision = Decision::Unknown(format!("chain {name}, which was not read").into());
        Act::End(Ended { decision, at: self.place() })
    }

    fn enter(&mut self, to: usize) -> Act {
        self.depth += 1;
        if self.depth > self.m.table.chains.len() {
            return Act::End(Ended { decision: Decision::Unknown("a loop of jumps".into()), at: self.place() });
        }
        (self.chain, self.rule) = (to, 0);
        Act::Elsewhere
    }

    /// Back to where the last jump came from; from the outermost chain to the policy.
    fn back(&mut self, cx: &mut Context<'_>) -> Option<Ended> {
        match self.stack.pop() {
            Some(frame) => {
                (self.chain, self.rule, self.depth) = (frame.chain, frame.rule, frame.depth);
                None
            }
            None => {
                let at = Place { chain: self.base, position: None };
                let base = self.m.table.chains.get(self.base.chain).and_then(|c| c.def.base.as_ref());
                let decision = match base.map(|b| &b.policy) {
                    Some(Verdict::Accept) => Decision::Accept,
                    Some(Verdict::Drop) => Decision::Drop,
                    Some(other) => Decision::Unknown(format!("policy {other}").into()),
                    None => Decision::Unknown("the end of a chain that is no base chain".into()),
                };
                if self.tried.is_some() {
                    self.tell(cx, at, true, decision.clone());
                }
                Some(Ended { decision, at })
            }
        }
    }

    fn tell(&mut self, cx: &mut Context<'_>, at: Place, matched: bool, decision: Decision) {
        if let Some(tried) = &mut self.tried {
            let missed = if matched { None } else { cx.missed.take() };
            tried(Tried { at, matched, decision, effects: std::mem::take(&mut cx.effects), missed });
        }
    }
}

/// What comes after a rule.
enum Act {
    /// The next rule of the chain.
    Next,
    /// A rule of another chain, or of this one somewhere else.
    Elsewhere,
    End(Ended),
}

fn rules_of(table: &Table, chain: usize) -> usize {
    table.chains.get(chain).map_or(0, |c: &Chain| c.rules.len())
}

#[cfg(test)]
mod tests;
