//! `NB0016`: IPsec policies that drop.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::counter::listed;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::fix::{Change, Entry};
use crate::sys::rt::Direction;

pub(super) const CODE: Code = Code {
    id: "NB0016",
    title: "an IPsec policy drops packets",
    severity: Severity::Warning,
    meaning: "a policy of action block drops what it is about, whatever the firewall's rules say",
    page: include_str!("../../../docs/findings/NB0016.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(policies) = view.host.policies().known() else { return };
    for p in policies.iter().filter(|p| p.block) {
        let (direction, counter) = match p.direction {
            Direction::In => ("in", "XfrmInPolBlock"),
            Direction::Out => ("out", "XfrmOutPolBlock"),
            Direction::Forward => ("fwd", "XfrmInPolBlock"),
            Direction::Unknown(_) => continue,
        };
        let mut finding = CODE
            .finding(format!("packets from {} to {} ({direction}) are dropped by an IPsec policy", p.src, p.dst))
            .seen(
                "ip xfrm policy",
                format!("src {} dst {} dir {direction} action block priority {}", p.src, p.dst, p.priority),
            );
        if p.protocol != 0 {
            finding = finding.note(format!("it is about protocol {} only", p.protocol));
        }
        if let Some(n) = listed(view, "xfrm_stat", counter).filter(|n| *n > 0) {
            finding =
                finding.seen(format!("/proc/net/xfrm_stat: {counter} (since the namespace was made)"), n.to_string());
        }
        let entry = Entry::Policy(Box::new(p.clone()));
        let Some(command) = entry.command() else { continue };
        let fix = Fix::new(entry.message()).command(command).change(Change::Without(entry));
        found.push(
            finding.note("strongSwan, Libreswan and the like make such traps on purpose: ask them first").fix(fix),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    (case.culprit().kind == CulpritKind::Xfrm)
        .then(|| "an IPsec policy decides about it before any socket does; firewall rules do not see that".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::{Policy, Prefix};

    #[test]
    fn policies_that_block_are_told() {
        let mut host = testing::server();
        let any = Prefix::new([0; 4].into(), 0);
        let policy = |block| Policy {
            index: 8,
            direction: Direction::In,
            block,
            priority: 0,
            src: any,
            dst: any,
            protocol: 0,
            sport: (0, 0),
            dport: (0, 0),
            interface: 0,
            mark: None,
            if_id: 0,
            wants_ipsec: false,
            kind: 0,
        };
        host.policies = vec![policy(false)];
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.policies = vec![policy(true)];
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 1);
    }
}
