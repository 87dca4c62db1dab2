//! `NB0401`: the connection table is full, or nearly so.

use crate::blame::CulpritKind;
use crate::evaluate::Fact;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::fix::Change;
use crate::host::conntrack::{End, Summary};
use crate::host::heavy::Talker;
use crate::host::sysctl;

pub(super) const CODE: Code = Code {
    id: "NB0401",
    title: "the connection table is nearly full",
    severity: Severity::Warning,
    meaning: "when nf_conntrack_count reaches nf_conntrack_max, the first packets of new connections are dropped, with no rule to blame",
    page: include_str!("../../../docs/findings/NB0401.md"),
    check,
    why: Some(why),
};

/// From so many percent on it is told, and from so many on it is an error.
const WARN: u64 = 80;
const ERROR: u64 = 95;
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
/// What an entry takes at the least, in bytes: `struct nf_conn` and its extensions.
const ENTRY: u64 = 320;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Fact::Is(usage) = view.host.conntrack_usage() else { return };
    let (count, max) = (u64::from(usage.count), u64::from(usage.max));
    if max == 0 || count * 100 < max * WARN {
        return;
    }
    let percent = count * 100 / max;
    let severity = if percent >= ERROR { Severity::Error } else { Severity::Warning };
    let doubled = max * 2;
    let fix = Fix::new(format!(
        "let it have {doubled} entries, which may take {} MiB; the setting belongs to the initial network namespace",
        (doubled * ENTRY).div_ceil(1 << 20)
    ))
    .command(format!("sysctl -w net.netfilter.nf_conntrack_max={doubled}"))
    .persistent(format!("echo 'net.netfilter.nf_conntrack_max = {doubled}' >> /etc/sysctl.d/90-nfblame.conf"))
    .of_module("nf_conntrack")
    .change(Change::Sysctl { key: "net.netfilter.nf_conntrack_max".into(), value: doubled.to_string() });
    let mut finding = CODE
        .finding(format!("{count} of {max} entries are used ({percent} %)"))
        .severity(severity)
        .seen(COUNT, count.to_string())
        .seen(MAX, max.to_string());
    finding = buckets(view, max, finding);
    found.push(contents(view, finding).note("`nfblame conntrack top` shows more of what fills it").fix(fix));
}

/// Too few buckets make each lookup slow, long before the table is full.
fn buckets(view: &View<'_>, max: u64, finding: Finding) -> Finding {
    match sysctl::number(view.host, "net.netfilter.nf_conntrack_buckets".into()) {
        Ok(s) => {
            let buckets = u64::try_from(s.value).unwrap_or(0).max(1);
            let finding = finding.seen(sysctl::file(&s.key), s.value.to_string());
            finding.note(match max / buckets {
                0..=8 => String::new(),
                n => format!(
                    "there are {n} entries for each bucket at the most: nf_conntrack_buckets={} is faster",
                    max / 4
                ),
            })
        }
        Err(_) => finding,
    }
}

/// What the table is full of: who, what, and how long it stays.
fn contents(view: &View<'_>, mut finding: Finding) -> Finding {
    let mut all = Summary::default();
    if view.host.flows(&mut |f| all.add(f)) != Fact::Is(()) || all.total == 0 {
        return finding;
    }
    let top = all.top(3);
    let ends = |of: &[Talker<End>]| {
        of.iter().map(|t| format!("{} ({})", t.key.address, t.count)).collect::<Vec<_>>().join(", ")
    };
    finding = finding
        .seen("ctnetlink: most come from", ends(&top.sources))
        .seen("ctnetlink: most go to", ends(&top.destinations))
        .seen("ctnetlink: unreplied, assured", format!("{}, {} of {}", all.unreplied, all.assured, all.total));
    if let Some(((protocol, state), n)) = all.states.iter().max_by_key(|(_, n)| **n) {
        let name = if *protocol == 6 { "tcp" } else { "udp" };
        let key = match (*protocol, state.as_ref()) {
            (17, "replied") => "net.netfilter.nf_conntrack_udp_timeout_stream".to_owned(),
            (17, _) => "net.netfilter.nf_conntrack_udp_timeout".to_owned(),
            (6, state) => format!("net.netfilter.nf_conntrack_tcp_timeout_{}", state.to_ascii_lowercase()),
            _ => return finding,
        };
        if let Ok(s) = sysctl::number(view.host, key) {
            finding = finding.seen(sysctl::file(&s.key), s.value.to_string());
            finding = finding
                .note(format!("most are {name} {state} ({n}), and stay for {} s after their last packet", s.value));
        }
    }
    finding
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    (c.kind == CulpritKind::Conntrack && c.detail.as_deref() == Some("table full"))
        .then(|| "the connection table is full: no new connection can begin".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::{FakeHost, Usage};
    use crate::ruleset::Ruleset;

    #[test]
    fn it_is_told_from_four_fifths_on() {
        let mut host = FakeHost::new();
        let mut at = |count| {
            host.usage = Some(Usage { count, max: 1000 });
            testing::find(&CODE, &Ruleset::default(), &host).first().map(|f| f.severity)
        };
        assert_eq!(
            (at(799), at(800), at(949), at(950), at(1000)),
            (None, Some(Severity::Warning), Some(Severity::Warning), Some(Severity::Error), Some(Severity::Error))
        );
    }
}
