//! Where in the ruleset a record of the kernel's trace was made, and what stands there.

use crate::evaluate::{ChainRef, Decision, Hook, Place, TableRef};
use crate::evidence::legacy::{Comment, LegacyTrace};
use crate::sys::nft::expr::Expr;
use crate::sys::nft::{self, TraceKind};
use crate::sys::xt::{Action, Verdict as XtVerdict};

use super::attributor::Attributor;

impl Attributor<'_> {
    /// Where a legacy TRACE record was made, and what stands there.
    pub(super) fn resolve_legacy(&self, l: &LegacyTrace) -> Option<(Place, Decision)> {
        let rules = self.rules();
        let (t, table) = rules
            .xt
            .iter()
            .enumerate()
            .find(|(_, t)| t.family().nfproto() == l.packet.family && *t.name() == l.table)?;
        let (c, chain) = table.chains().enumerate().find(|(_, c)| *c.name() == l.chain)?;
        let here = ChainRef { table: TableRef::Xt(t), chain: c };
        let number = usize::try_from(l.number).ok()?;
        // The kernel calls an unconditional verdict "policy" or "return" too: only the number of rules tells.
        if l.comment != Comment::Rule && number == chain.len() + 1 {
            let at = Place { chain: here, position: None };
            return Some((
                at,
                match chain.policy() {
                    Some(XtVerdict::Drop) => Decision::Drop,
                    Some(XtVerdict::Accept) => Decision::Accept,
                    Some(_) | None => Decision::Return,
                },
            ));
        }
        let rule = chain.rule(number)?;
        let at = Place { chain: here, position: Some(number) };
        let decision = match rule.action().ok()? {
            Action::Verdict(XtVerdict::Accept) => Decision::Accept,
            Action::Verdict(XtVerdict::Drop) => Decision::Drop,
            Action::Verdict(XtVerdict::Return) => Decision::Return,
            Action::Verdict(XtVerdict::Queue) => Decision::Queue { queue: 0, count: 1, bypass: false },
            Action::Verdict(XtVerdict::Other(n)) => Decision::Unknown(format!("verdict {n}").into()),
            Action::Jump(to) => Decision::Jump(crate::sys::Text::new(to.as_bytes())),
            Action::Goto(to) => Decision::Goto(crate::sys::Text::new(to.as_bytes())),
            Action::Continue | Action::Nowhere(_) => Decision::Next,
            Action::Target(raw) => crate::evaluate::verdict::of_target(&raw.decode(table.family())),
        };
        Some((at, decision))
    }

    /// What kind of drop stands at a place that dropped.
    pub(super) fn drop_of(&self, at: Place) -> Decision {
        let (TableRef::Nft(t), Some(position)) = (at.chain.table, at.position) else { return Decision::Drop };
        let table = self.rules().nft.get(t);
        let rule = table.and_then(|t| t.chains.get(at.chain.chain)).and_then(|c| c.rule(position));
        rule.and_then(crate::evaluate::verdict::reject_of_rule).map_or(Decision::Drop, Decision::Reject)
    }

    /// What of a rule keeps packets.
    pub(super) fn taker_of(&self, at: Place) -> std::borrow::Cow<'static, str> {
        let (TableRef::Nft(t), Some(position)) = (at.chain.table, at.position) else { return "by the rule".into() };
        let table = self.rules().nft.get(t);
        let rule = table.and_then(|t| t.chains.get(at.chain.chain)).and_then(|c| c.rule(position));
        let synproxy = |e: &Expr| match e {
            Expr::Synproxy(_) => true,
            Expr::Target(t) => t.name.as_bytes() == b"SYNPROXY",
            _ => false,
        };
        if rule.is_some_and(|r| r.exprs.iter().any(synproxy)) { "synproxy".into() } else { "by the rule".into() }
    }

    pub(super) fn place_of_trace(&self, t: &nft::Trace) -> Option<Place> {
        let rules = self.rules();
        let (table, def) =
            rules.nft.iter().enumerate().find(|(_, x)| x.def.family == t.family && x.def.name == t.table)?;
        let (chain, def) = def.chains.iter().enumerate().find(|(_, c)| c.def.name == t.chain)?;
        let chain = ChainRef { table: TableRef::Nft(table), chain };
        let position = match (t.kind, t.rule_handle) {
            (TraceKind::Rule, Some(handle)) => Some(def.position(handle)?),
            _ => None,
        };
        Some(Place { chain, position })
    }

    /// The base chain at a hook that a chain is part of: itself, or the only one that leads there.
    pub(super) fn base_of(&self, chain: ChainRef, hook: Hook) -> Option<ChainRef> {
        let mut bases: Vec<ChainRef> = self.prepared.ways_to(hook, chain).0.into_iter().map(|(base, _)| base).collect();
        if bases.contains(&chain) {
            return Some(chain);
        }
        bases.dedup();
        match bases[..] {
            [base] => Some(base),
            _ => None,
        }
    }
}
