//! `NB0803`: BPF programs at control groups.

use std::collections::BTreeMap;

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0803",
    title: "BPF programs decide about the sockets of a control group",
    severity: Severity::Note,
    meaning: "a program may refuse connections or drop packets of a service: it gets EPERM, or nothing, and no rule counts",
    page: include_str!("../../../docs/findings/NB0803.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(all) = view.host.cgroup_programs().known() else { return };
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for p in all.iter() {
        let name = if p.program.name.as_bytes().is_empty() { String::new() } else { format!(" ({})", p.program.name) };
        groups.entry(p.cgroup.to_string()).or_default().push(format!("{} program {}{name}", p.hook, p.program.id));
    }
    for (cgroup, programs) in groups {
        found.push(
            CODE.finding(format!("BPF programs see the sockets of {cgroup} and of all groups below it"))
                .seen(format!("bpf: cgroup {cgroup}"), programs.join(", "))
                .note("systemd attaches them for IPAddressDeny= and IPAccounting= (`systemctl show -p IPAddressDeny UNIT`), Cilium for its services"),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    (case.culprit().kind == CulpritKind::Bpf)
        .then(|| "a BPF program of the sender's or receiver's control group decides: netfilter is not asked".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::{CgroupProgram, Program};
    use crate::ruleset::Ruleset;

    #[test]
    fn programs_are_told_by_group() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        let program =
            |hook| CgroupProgram { cgroup: "/x".into(), hook, program: Program { id: 7, name: "sd_fw".into() } };
        host.cgroup_programs = vec![program("ingress"), program("egress")];
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!((found.len(), found[0].evidence[0].value.matches("sd_fw").count()), (1, 2));
    }
}
