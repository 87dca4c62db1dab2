//! `NB0507`: the memory of TCP or UDP is nearly used up.

use crate::finding::code::Code;
use crate::finding::counter::{self, counter};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0507",
    title: "the memory that sockets share is or was short",
    severity: Severity::Note,
    meaning: "under pressure the kernel shrinks windows and drops packets of sockets that are otherwise fine",
    page: include_str!("../../../docs/findings/NB0507.md"),
    check,
    why: None,
};

/// Protocol, its line in `sockstat`, the setting with low, pressure and high, in pages.
const SHARED: [(&str, &str, &str); 2] = [("TCP", "TCP:", "net.ipv4.tcp_mem"), ("UDP", "UDP:", "net.ipv4.udp_mem")];
/// What the kernel counts when it is short: group, name, what it means.
const COUNTERS: [(&str, &str, &str, &str); 3] = [
    ("netstat", "TcpExt", "TCPMemoryPressures", "how often TCP came under pressure"),
    ("netstat", "TcpExt", "TCPAbortOnMemory", "connections that were given up for want of memory"),
    ("snmp", "Udp", "MemErrors", "UDP packets that were dropped for want of memory"),
];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(sockstat) = view.host.proc_net("sockstat").known() else { return };
    let mut short = None;
    for (name, line, key) in SHARED {
        let Some(used) = used(&sockstat, line) else { continue };
        // The setting stands in the first network namespace; it holds for all.
        let Some(limits) = view.host.global_sysctl(key).known() else { continue };
        let limits: Vec<u64> = limits.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [_, pressure, high] = limits[..] else { continue };
        if used < pressure {
            continue;
        }
        let so_far = short.take().unwrap_or_else(|| {
            CODE.finding(format!("{name} uses {used} pages of memory, and is under pressure from {pressure} on"))
                .severity(if used >= high { Severity::Error } else { Severity::Warning })
        });
        short = Some(
            so_far
                .seen(format!("/proc/net/sockstat: {line} mem"), used.to_string())
                .seen(format!("/proc/sys/{}", key.replace('.', "/")), format!("{pressure} pages, at most {high}")),
        );
    }
    let counted: Vec<_> = COUNTERS
        .iter()
        .filter_map(|(file, group, name, meaning)| {
            let n = counter(view, file, group, name).filter(|n| *n > 0)?;
            Some((counter::source(file, group, name), n, *meaning))
        })
        .collect();
    if short.is_none() && counted.is_empty() {
        return;
    }
    let mut finding = short
        .unwrap_or_else(|| CODE.finding("the memory that sockets share has been short since this namespace was made"));
    for (source, n, meaning) in counted {
        finding = finding.seen(source, n.to_string()).note(meaning);
    }
    found.push(finding.note("find who holds it: `ss -tm` and `ss -um` show what waits in each socket; a program that does not read is the usual cause"));
}

/// The pages that a protocol uses.
fn used(sockstat: &str, line: &str) -> Option<u64> {
    let mut words = sockstat.lines().find(|l| l.starts_with(line))?.split_ascii_whitespace();
    words.find(|w| *w == "mem")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn pressure_is_told_and_plenty_is_not() {
        let mut host = testing::server();
        let sockstat =
            |n: u32| format!("sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 6 mem {n}\nUDP: inuse 1 mem 2\n");
        for key in ["net.ipv4.tcp_mem", "net.ipv4.udp_mem"] {
            host.sysctls.insert(key.into(), "100\t200\t300".into());
        }
        let severity =
            |host: &crate::host::FakeHost| testing::find(&CODE, &Ruleset::default(), host).first().map(|f| f.severity);
        for (used, wanted) in [(5, None), (250, Some(Severity::Warning)), (301, Some(Severity::Error))] {
            host.proc_net.insert("sockstat".into(), sockstat(used));
            assert_eq!(severity(&host), wanted, "{used}");
        }
        host.proc_net.insert("sockstat".into(), sockstat(5));
        host.proc_net.insert("snmp".into(), "Udp: InDatagrams MemErrors\nUdp: 7 3\n".into());
        assert_eq!(severity(&host), Some(Severity::Note));
    }
}
