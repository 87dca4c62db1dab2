//! `NB0402`: what conntrack has lost or refused so far.

use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::sys::ct::CpuStats;

pub(super) const CODE: Code = Code {
    id: "NB0402",
    title: "connection tracking has dropped packets",
    severity: Severity::Note,
    meaning: "its counters say that at some time the table was full, or two connections wanted the same addresses and ports",
    page: include_str!("../../../docs/findings/NB0402.md"),
    check,
    why: None,
};

type Counter = (&'static str, fn(&CpuStats) -> Option<u32>, &'static str);

const COUNTERS: [Counter; 4] = [
    ("drop", |s| s.drop, "packets of new connections were dropped: the table was full, or no entry could be made"),
    ("early_drop", |s| s.early_drop, "connections were given up before their time to make room for new ones"),
    (
        "insert_failed",
        |s| s.insert_failed,
        "an entry could not be added, since another one had the same addresses and ports",
    ),
    ("chain_toolong", |s| s.chain_toolong, "a hash chain was too long: there are too few buckets"),
];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(cpus) = view.host.conntrack_stats().known() else { return };
    let mut finding: Option<Finding> = None;
    for (name, get, meaning) in COUNTERS {
        let each: Vec<(u16, u32)> = cpus.iter().filter_map(|s| Some((s.cpu, get(s).filter(|n| *n > 0)?))).collect();
        if each.is_empty() {
            continue;
        }
        let sum: u64 = each.iter().map(|(_, n)| u64::from(*n)).sum();
        let by_cpu: Vec<String> = each.iter().map(|(cpu, n)| format!("CPU {cpu}: {n}")).collect();
        let so_far = finding.take().unwrap_or_else(|| {
            CODE.finding(
                "connection tracking has dropped packets, or given up connections, since this namespace was made",
            )
            .note("the counters never go back: look twice to see whether they still rise (`nfblame conntrack stats`)")
        });
        finding = Some(
            so_far
                .seen(format!("ctnetlink: {name}"), format!("{sum} ({})", by_cpu.join(", ")))
                .note(format!("{name}: {meaning}")),
        );
    }
    found.extend(finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn counters_of_all_processors_are_summed_and_zero_is_silent() {
        let mut host = testing::server();
        host.conntrack_stats = vec![CpuStats { drop: Some(0), ..CpuStats::default() }];
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.conntrack_stats = vec![
            CpuStats { drop: Some(2), ..CpuStats::default() },
            CpuStats { cpu: 1, drop: Some(3), insert_failed: Some(1), ..CpuStats::default() },
        ];
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!((found.len(), found[0].severity, found[0].evidence.len()), (1, Severity::Note, 2));
        assert_eq!(found[0].evidence[0].value, "5 (CPU 0: 2, CPU 1: 3)");
    }
}
