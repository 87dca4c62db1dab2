//! `NB0603`: rules log to a group that no program reads.

use std::collections::BTreeMap;

use super::readers;
use crate::evaluate::Place;
use crate::finding::act::Act;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0603",
    title: "rules log to a group that nobody reads",
    severity: Severity::Note,
    meaning: "packets that are logged to an NFLOG group without a reader leave no trace; the rule only counts",
    page: include_str!("../../../docs/findings/NB0603.md"),
    check,
    why: None,
};

const FILE: &str = "netfilter/nfnetlink_log";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let logs = readers::rules(view, |acts| {
        acts.iter().find_map(|a| match a {
            Act::Log(group) => *group,
            _ => None,
        })
    });
    if logs.is_empty() {
        return;
    }
    let Some(bound) = readers::bound(view, FILE) else { return };
    let mut groups: BTreeMap<u16, Vec<Place>> = BTreeMap::new();
    for (at, group) in logs.into_iter().filter(|(_, group)| !bound.contains(group)) {
        groups.entry(group).or_default().push(at);
    }
    for (group, rules) in groups {
        let Some(first) = rules.first() else { continue };
        let message = match rules.len() {
            1 => format!("a rule logs to group {group}, and no program has bound it"),
            n => format!("{n} rules log to group {group}, and no program has bound it"),
        };
        found.push(
            CODE.finding(message)
                .rule(view.rule(*first).label("counts, and logs to nobody").condition(&["--nflog-group", "group"]))
                .seen(format!("/proc/net/{FILE}"), format!("no line of group {group}"))
                .note(format!(
                    "`nfblame watch -g {group}` reads it while it runs; ulogd2 or the like does so for good"
                )),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{BaseChain, Family, Hook};

    #[test]
    fn a_group_is_told_until_somebody_binds_it() {
        let base = Some(BaseChain::filter(Hook::Input, 0));
        let log = || vec![testing::log(Some(5))];
        let rules = testing::with(testing::table(Family::Inet, "input", base, vec![log(), log()]));
        let mut host = testing::server();
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("2 rules"), "{}", found[0].message);
        host.proc_net.insert(FILE.into(), "    5   1234     0 2 65535     10  1\n".into());
        assert_eq!(testing::find(&CODE, &rules, &host), []);
    }
}
