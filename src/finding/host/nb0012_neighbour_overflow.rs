//! `NB0012`: the neighbour table has no room.

use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0012",
    title: "the neighbour table is or was full",
    severity: Severity::Warning,
    meaning: "with more neighbours than gc_thresh3 none can be added: packets to new ones are dropped (\"neighbor table overflow\")",
    page: include_str!("../../../docs/findings/NB0012.md"),
    check,
    why: None,
};

/// From so many percent of `gc_thresh3` on it is told.
const WARN: u64 = 90;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(tables) = view.host.neighbour_tables().known() else { return };
    for t in tables.iter() {
        let family = match i32::from(t.family) {
            nix::libc::AF_INET => "ipv4",
            nix::libc::AF_INET6 => "ipv6",
            _ => continue,
        };
        let key = |n: u8| format!("net.{family}.neigh.default.gc_thresh{n}");
        // The limit is told in the first namespace only, and holds for all of them together.
        let most = match t.gc_thresh3 {
            Some(n) => Some(u64::from(n)),
            None => view.host.global_sysctl(&key(3)).known().and_then(|v| v.trim().parse().ok()),
        };
        let (entries, fulls) = (u64::from(t.entries), t.table_fulls.unwrap_or(0));
        let close = most.is_some_and(|most| most > 0 && entries * 100 >= most * WARN);
        if !close && fulls == 0 {
            continue;
        }
        let full = most.is_some_and(|most| entries >= most);
        let message = match most {
            Some(most) if close => {
                format!("{entries} of {most} entries of {} are used, over all network namespaces", t.name)
            }
            _ => format!("{} was full {fulls} times since this host started, over all network namespaces", t.name),
        };
        let mut finding = CODE
            .finding(message)
            .severity(match (full, close) {
                (true, _) => Severity::Error,
                (_, true) => Severity::Warning,
                _ => Severity::Note,
            })
            .seen("rtnetlink: entries", entries.to_string())
            .seen("rtnetlink: table_fulls (since this host started)", fulls.to_string());
        if let Some(most) = most {
            finding = finding.seen(crate::host::sysctl::file(&key(3)), most.to_string());
            let mut fix = Fix::new("let it have more entries; these are settings of the first network namespace");
            for (n, factor) in [(1, 1), (2, 2), (3, 4)] {
                let value = (most / 2).max(256) * factor;
                fix = fix
                    .command(format!("sysctl -w {}={value}", key(n)))
                    .persistent(format!("echo '{} = {value}' >> /etc/sysctl.d/90-nfblame.conf", key(n)));
            }
            finding = finding.fix(fix);
        }
        found.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::NeighbourTable;

    #[test]
    fn nearly_full_is_a_warning_full_an_error_and_the_past_a_note() {
        let mut host = testing::server();
        let mut with = |entries, fulls| {
            host.neighbour_tables = vec![NeighbourTable {
                name: "arp_cache".into(),
                family: 2,
                entries,
                gc_thresh3: Some(1024),
                table_fulls: Some(fulls),
                ..NeighbourTable::default()
            }];
            testing::find(&CODE, &Ruleset::default(), &host).first().map(|f| f.severity)
        };
        assert_eq!((with(100, 0), with(100, 3)), (None, Some(Severity::Note)));
        assert_eq!((with(1000, 0), with(1024, 3)), (Some(Severity::Warning), Some(Severity::Error)));
    }
}
