//! What stops packets in rules of xtables.

use super::{Kind, Stops, queues};
use crate::evaluate::Fact;
use crate::sys::xt::matches::{Connlimit, Hashlimit};
use crate::sys::xt::targets::Nfqueue;
use crate::sys::xt::{Action, Match, Rule, Target, Verdict};

/// How a rule ends packets.
pub fn rule(rule: &Rule<'_>, has_reader: &dyn Fn(u16) -> Fact<bool>) -> Option<Stops> {
    let stops = match rule.action().ok()? {
        Action::Verdict(Verdict::Drop) => Stops::new(Kind::Drop),
        Action::Verdict(Verdict::Queue) => queues(0, 1, false, has_reader)?,
        Action::Target(raw) => target(&raw.decode(rule.family()), has_reader)?,
        _ => return None,
    };
    let over = || rule.entry.matches().flatten().find_map(|m| limit(&m.decode(rule.family())));
    match (stops.kind, over()) {
        (Kind::Drop | Kind::Reject, Some(over)) => Some(Stops { kind: Kind::Limit, ..stops }.because(over)),
        _ => Some(stops),
    }
}

/// How a target ends packets.
pub fn target(target: &Target<'_>, has_reader: &dyn Fn(u16) -> Fact<bool>) -> Option<Stops> {
    match target {
        Target::Reject(_) => Some(Stops::new(Kind::Reject)),
        Target::Nfqueue(q) => queues(q.queue, q.total, q.flags & Nfqueue::BYPASS != 0, has_reader),
        _ => None,
    }
}

/// Does it match only what is too much?
pub fn limit(m: &Match<'_>) -> Option<&'static str> {
    match m {
        Match::Hashlimit(h) => (h.mode & Hashlimit::INVERT != 0).then_some("over a rate"),
        Match::Connlimit(c) => (c.flags & Connlimit::INVERT == 0).then_some("over a number of connections"),
        _ => None,
    }
}
