//! `NB0802`: filters of traffic control.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0802",
    title: "filters of traffic control see packets beside the rules",
    severity: Severity::Note,
    meaning: "a filter or BPF program at a clsact or ingress qdisc may drop packets that tcpdump shows and no rule ever counts",
    page: include_str!("../../../docs/findings/NB0802.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    for link in links.iter() {
        for egress in [false, true] {
            let side = if egress { "egress" } else { "ingress" };
            let mut shown: Vec<String> = Vec::new();
            if let Some(filters) = view.host.tc_filters(link.index, egress).known() {
                shown.extend(filters.iter().map(|f| {
                    let name = f.bpf_name.as_ref().map_or_else(String::new, |n| format!(" {n}"));
                    format!("{}{name} (pref {})", f.kind, f.priority)
                }));
            }
            if let Some(programs) = view.host.tcx_programs(link.index, egress).known() {
                shown.extend(programs.iter().map(|p| format!("tcx program {} {}", p.id, p.name)));
            }
            if shown.is_empty() {
                continue;
            }
            let (what, before) =
                if egress { ("goes out", "after the last rule") } else { ("comes in", "before the first rule") };
            found.push(
                CODE.finding(format!("traffic control may drop what {what} by {}, {before}", link.name))
                    .seen(format!("tc filter show dev {} {side}", link.name), shown.join(", "))
                    .note(format!("`tc -s filter show dev {} {side}` has what each of them counted", link.name)),
            );
        }
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let culprit = Some(case.culprit()).filter(|c| c.kind == CulpritKind::Tc)?;
    Some(match culprit.detail.as_deref() {
        Some(qdisc) if qdisc.starts_with("qdisc ") => {
            "a queueing discipline loses packets behind all rules, by its rate, its length or on purpose; no rule counts them".into()
        }
        _ => "a filter of traffic control decides about packets beside the rules; what it drops no rule counts".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::TcFilter;

    #[test]
    fn filters_of_both_sides_are_told() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        let filter = TcFilter { kind: "matchall".into(), priority: 1, handle: 1, bpf_name: None, bpf_id: None };
        host.tc_filters.insert((2, true), vec![filter]);
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("goes out by eth0"), "{}", found[0].message);
    }
}
