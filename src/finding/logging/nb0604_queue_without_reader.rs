//! `NB0604`: rules give packets to a queue that no program reads.

use super::readers;
use crate::blame::CulpritKind;
use crate::finding::act::Act;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0604",
    title: "a rule gives packets to a queue that nobody reads",
    severity: Severity::Error,
    meaning: "without a reader the packets are dropped, or with bypass go on to the next rule unseen",
    page: include_str!("../../../docs/findings/NB0604.md"),
    check,
    why: Some(why),
};

const FILE: &str = "netfilter/nfnetlink_queue";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let rules = readers::rules(view, |acts| acts.iter().any(|a| matches!(a, Act::Queue(_))).then_some(()));
    if rules.is_empty() {
        return;
    }
    let Some(bound) = readers::bound(view, FILE) else { return };
    for (at, ()) in rules {
        let Some((first, total, bypass)) = selects(view.rules, at).and_then(|s| s.queue) else { continue };
        let last = first.saturating_add(total.max(1) - 1);
        let unread: Vec<u16> = (first..=last).filter(|q| !bound.contains(q)).collect();
        if unread.is_empty() {
            continue;
        }
        let all = unread.len() == usize::from(last - first) + 1;
        let names = match (first == last, all) {
            (true, _) => format!("queue {first}"),
            (false, true) => format!("any of the queues {first} to {last}"),
            (false, false) => format!("{} of the queues {first} to {last}", unread.len()),
        };
        let (severity, what) = match (bypass, all) {
            (true, _) => (Severity::Note, "packets go past it, to the next rule"),
            (false, true) => (Severity::Error, "every packet that comes here is dropped"),
            (false, false) => (Severity::Warning, "packets of those queues are dropped"),
        };
        found.push(
            CODE.finding(format!("no program reads {names}: {what}"))
                .severity(severity)
                .rule(view.rule(at).label(what).deciding(&["NFQUEUE", "queue", "QUEUE"]))
                .seen(format!("/proc/net/{FILE}"), format!("no line of {names}"))
                .note("start the program that reads it (an IPS such as Suricata); with `--queue-bypass` (nft: `bypass`) packets pass while it is down"),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    (case.culprit().kind == CulpritKind::Queue)
        .then(|| "it was given to a queue, and no program reads that queue: the kernel drops it; the program is to be started, or the rule to let packets pass while it is down (--queue-bypass; nft: bypass)".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::expr::{Queue, QueueFlags, QueueTarget};
    use crate::sys::nft::{BaseChain, Family, Hook};

    #[test]
    fn bypass_makes_a_note_of_it_and_a_reader_ends_it() {
        let found = |flags: QueueFlags, bound: &str| {
            let base = Some(BaseChain::filter(Hook::Input, 0));
            let queue = Queue { target: QueueTarget::Range { first: 3, total: 2 }, flags };
            let rules = testing::with(testing::table(Family::Inet, "input", base, vec![vec![queue.into()]]));
            let mut host = testing::server();
            host.proc_net.insert(FILE.into(), bound.into());
            testing::find(&CODE, &rules, &host).first().map(|f| f.severity)
        };
        assert_eq!(found(QueueFlags::empty(), ""), Some(Severity::Error));
        assert_eq!(found(QueueFlags::empty(), "  3 12 0 2 65535 0 0 0 1\n"), Some(Severity::Warning));
        assert_eq!(found(QueueFlags::BYPASS, ""), Some(Severity::Note));
        assert_eq!(found(QueueFlags::empty(), "  3 12 0 2 65535 0 0 0 1\n  4 12 0 2 65535 0 0 0 1\n"), None);
    }
}
