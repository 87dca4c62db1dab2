//! `NB0018`: ICMP errors are held back by a rate limit.

use crate::finding::code::Code;
use crate::finding::counter::{self, counter};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;

pub(super) const CODE: Code = Code {
    id: "NB0018",
    title: "ICMP errors were not sent, because of their rate limit",
    severity: Severity::Note,
    meaning: "of many refused packets only one in a second is told so: \"refused\" looks like \"timed out\"",
    page: include_str!("../../../docs/findings/NB0018.md"),
    check,
    why: Some(why),
};

/// The counters, and the settings that bound them.
const LIMITS: [(&str, &str); 2] =
    [("OutRateLimitHost", "net.ipv4.icmp_ratelimit"), ("OutRateLimitGlobal", "net.ipv4.icmp_msgs_per_sec")];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut finding: Option<Finding> = None;
    for (name, key) in LIMITS {
        let Some(n) = counter(view, "snmp", "Icmp", name).filter(|n| *n > 0) else { continue };
        let so_far = finding.take().unwrap_or_else(|| {
            CODE.finding("ICMP errors that this host would have sent were held back")
                .note("that is what the limit is for: scans and traceroutes run into it, and so do applications that try a closed port often")
        });
        let so_far = so_far.seen(counter::source("snmp", "Icmp", name), n.to_string());
        finding = Some(match sysctl::number(view.host, key.into()) {
            Ok(s) => so_far.seen(sysctl::file(key), s.value.to_string()),
            Err(_) => so_far,
        });
    }
    found.extend(finding);
}

/// Where the sender would be told by ICMP.
fn why(case: &Case<'_, '_>) -> Option<String> {
    let told = case.explained.blame.reject_with.as_deref().filter(|w| w.starts_with("icmp"))?;
    let s = sysctl::number(case.view.host, "net.ipv4.icmp_ratelimit".into()).ok().filter(|s| s.value > 0)?;
    // A program of this host gets an errno.
    if case.explained.blame.packet.hook == Some("output") {
        return None;
    }
    // `icmp_ratemask` has the types that are limited: by default unreachable, source quench, time exceeded, parameter problem.
    (!told.starts_with("icmp6") && case.explained.blame.culprit.rule_position.is_none()).then(|| {
        format!(
            "the sender is told ({told}) at most once in {} ms after a few (icmp_ratelimit): of many tries most look like timeouts",
            s.value
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn what_was_held_back_is_told() {
        let mut host = testing::server();
        let snmp = |n: u32| format!("Icmp: InMsgs OutRateLimitGlobal OutRateLimitHost\nIcmp: 1 0 {n}\n");
        host.proc_net.insert("snmp".into(), snmp(0));
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.proc_net.insert("snmp".into(), snmp(9));
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!((found.len(), found[0].evidence[0].value.as_str()), (1, "9"));
    }
}
