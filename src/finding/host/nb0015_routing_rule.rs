//! `NB0015`: routing rules that do not do what they say.

use crate::evaluate::walk::{Fate, Step};
use crate::evaluate::{Effect, Fact};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::sys::rt::{LinkFlags, Rule};
use crate::sys::uapi::rtnetlink::FR_ACT_TO_TBL;

pub(super) const CODE: Code = Code {
    id: "NB0015",
    title: "a routing rule leads to an empty table, or marked packets or answers to them are lost",
    severity: Severity::Warning,
    meaning: "a rule without routes behind it is passed over; a mark may lead to a table that leads nowhere; and the reverse path filter looks answers up without their mark",
    page: include_str!("../../../docs/findings/NB0015.md"),
    check,
    why: Some(why),
};

/// `local`, `main` and `default`, which every host has rules for.
const USUAL: [u32; 3] = [255, 254, 253];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for v6 in [false, true] {
        let (Fact::Is(rules), Fact::Is(routes)) = (view.host.rules(v6), view.host.all_routes(v6)) else { continue };
        for r in rules.iter().filter(|r| r.action == FR_ACT_TO_TBL && !r.l3mdev && !USUAL.contains(&r.table)) {
            if routes.iter().any(|route| route.table == r.table) {
                continue;
            }
            let ip = if v6 { "ip -6" } else { "ip" };
            found.push(
                CODE.finding(format!(
                    "the rule {} leads to table {}, which has no routes: it changes nothing",
                    r, r.table
                ))
                .seen(format!("{ip} rule"), r.to_string())
                .seen(format!("{ip} route show table {}", r.table), "nothing")
                .note("routes by an interface vanish when it goes down: whoever made them has to make them again"),
            );
        }
        if !v6 {
            marks(view, &rules, found);
        }
    }
}

/// Marked packets leave by a table of their own; the strict filter asks for the way back without the mark.
fn marks(view: &View<'_>, rules: &[Rule], found: &mut Vec<Finding>) {
    let Some(marked) = rules.iter().find(|r| r.mark.is_some() && r.action == FR_ACT_TO_TBL && !r.invert) else {
        return;
    };
    let Some(routes) = view.host.all_routes(false).known() else { return };
    let Some(links) = view.host.links().known() else { return };
    for r in routes.iter().filter(|r| r.table == marked.table && marked.table != 254) {
        let Some(link) = links.iter().find(|l| Some(l.index) == r.oif() && l.flags.contains(LinkFlags::UP)) else {
            continue;
        };
        // Where the main table leads there as well, the answer is taken with or without mark.
        if routes.iter().any(|o| o.table == 254 && o.dst == r.dst && o.oif() == r.oif()) {
            continue;
        }
        let of = |name| sysctl::larger(view.host, "ipv4", link, name);
        let (Ok(filter), Ok(valid)) = (of("rp_filter"), of("src_valid_mark")) else { continue };
        if filter.value != 1 || valid.is_on() {
            continue;
        }
        let own = sysctl::conf("ipv4", &link.name.to_string(), "rp_filter");
        found.push(
            CODE.finding(format!(
                "answers that come by {} to packets of {} are dropped by its strict filter",
                link.name, marked
            ))
            .seen(sysctl::file(&filter.key), "1")
            .seen(sysctl::file(&valid.key), "0")
            .seen("ip rule", marked.to_string())
            .possible("the main table may lead back there in another way")
            .fix(Fix::sysctl(
                &own,
                "2",
                "a source is taken if it can be reached at all, by whatever interface",
            )),
        );
        return;
    }
}

/// Whose mark sends a lost packet by a routing rule.
fn why(case: &Case<'_, '_>) -> Option<String> {
    let (run, lost) = case.explained.walked.runs.iter().find_map(|run| match &run.fate {
        Fate::Lost(o) => Some((run, o.dead_end.as_deref()?)),
        _ => None,
    })?;
    let rule = lost.rule.as_ref().filter(|r| r.mark.is_some())?;
    let (at, mark) = run.steps.iter().rev().find_map(|s| match s {
        Step::Rule { tried, .. } => tried.effects.iter().rev().find_map(|e| match e {
            Effect::Mark(mark) => Some((tried.at, *mark)),
            _ => None,
        }),
        _ => None,
    })?;
    let (position, chain) = (at.position?, case.view.describer().chain_name(at.chain));
    Some(format!("rule {position} of {chain} marks it {mark:#x}, and routing rule {} asks for marks", rule.priority))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::RouteKind;

    #[test]
    fn an_empty_table_and_a_strict_filter_without_mark_are_told() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.rules.push(Rule { mark: Some((7, u32::MAX)), ..Rule::lookup(2, 100, 77) });
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("100: from all fwmark 0x7 lookup 77"), "{}", found[0].message);
        if let Ok(everywhere) = "0.0.0.0/0".parse() {
            host.add_route(RouteKind::Unicast, everywhere, 77, Some(2), Some([192, 0, 2, 254].into()));
        }
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.set("net.ipv4.conf.all.rp_filter", 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 1);
        host.set("net.ipv4.conf.all.src_valid_mark", 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
    }
}
