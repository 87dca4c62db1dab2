//! `NB0405`: connections are forgotten while they are idle.

use crate::blame::CulpritKind;
use crate::finding::act;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::{ESTABLISHED, selects};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0405",
    title: "connections are forgotten sooner than programs expect",
    severity: Severity::Warning,
    meaning: "an idle connection whose entry has expired is new or invalid at its next packet, and the rules drop it",
    page: include_str!("../../../docs/findings/NB0405.md"),
    check,
    why: Some(why),
};

/// The setting, the kernel's default, below what it is told and what is a warning (seconds), and why there.
const TIMEOUTS: [(&str, i64, i64, i64, &str); 3] = [
    (
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        432_000,
        7_440,
        1_200,
        "TCP keepalive, where a program uses it at all, comes after two hours of silence",
    ),
    (
        "net.netfilter.nf_conntrack_udp_timeout_stream",
        120,
        60,
        30,
        "QUIC, VPNs and SIP are silent for up to half a minute",
    ),
    ("net.netfilter.nf_conntrack_udp_timeout", 30, 15, 5, "slow DNS answers take several seconds"),
];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if !depends_on_state(view) {
        return;
    }
    for (key, default, note, warning, reason) in TIMEOUTS {
        let Ok(s) = sysctl::number(view.host, key.into()) else { continue };
        if s.value >= note {
            continue;
        }
        let severity = if s.value < warning { Severity::Warning } else { Severity::Note };
        let name = key.rsplit('.').next().unwrap_or(key);
        found.push(
            CODE.finding(format!("{name} is {} s: what is silent for longer is cut off", s.value))
                .severity(severity)
                .seen(sysctl::file(key), s.value.to_string())
                .note(reason)
                .fix(
                    Fix::sysctl(
                        key,
                        &default.to_string(),
                        "the kernel's default; entries take room in the table for longer",
                    )
                    .of_module("nf_conntrack"),
                ),
        );
    }
}

/// Does a rule ask for the state of connections?
fn depends_on_state(view: &View<'_>) -> bool {
    let mut any = false;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, _| {
            any |= selects(view.rules, at).and_then(|s| s.states).is_some_and(|s| s & ESTABLISHED != 0);
        });
    }
    any
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let blame = &case.explained.blame;
    let by_rule = matches!(blame.culprit.kind, CulpritKind::Rule | CulpritKind::Policy);
    // A packet in the middle of a connection which conntrack takes for the first one: a TCP header without SYN.
    if !by_rule || blame.packet.ct_state != Some("new") || blame.packet.transport.as_deref() != Some("tcp") {
        return None;
    }
    let at = match case.question.network {
        crate::evaluate::Network::Ip4 => usize::from(case.question.bytes.first()? & 15) * 4,
        _ => 40,
    };
    let flags = *case.question.bytes.get(at + 13)?;
    (flags & 0x02 == 0).then(|| {
        let key = "net.netfilter.nf_conntrack_tcp_timeout_established";
        let value =
            sysctl::number(case.view.host, key.into()).map_or_else(|_| "unknown".into(), |s| s.value.to_string());
        format!("it is in the middle of a connection that conntrack does not know (any more): {key} is {value}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_short_timeout_matters_to_rules_that_ask_for_states() {
        let mut host = testing::server();
        let key = TIMEOUTS[0].0;
        let mut with = |value, rule| {
            host.set(key, value);
            let found = testing::find(&CODE, &testing::input("drop", rule), &host);
            found.first().map(|f| (f.severity, f.fix[0].persistent.len()))
        };
        assert_eq!(with(432_000, "established"), None);
        assert_eq!(with(86_400, "established"), None, "as kube-proxy has it");
        assert_eq!(with(3_600, "established"), Some((Severity::Note, 2)));
        assert_eq!(with(60, "established"), Some((Severity::Warning, 2)));
        assert_eq!(with(60, ""), None);
    }
}
