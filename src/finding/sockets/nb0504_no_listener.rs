//! `NB0504`: rules invite others to a port on which nobody listens.

use std::collections::BTreeMap;

use super::{invited, name};
use crate::blame::{CulpritKind, PacketFields};
use crate::evaluate::{Packet, Place};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0504",
    title: "rules invite others to a port where nobody listens",
    severity: Severity::Note,
    meaning: "the port is open in the rules, or translated to this host, and no socket takes it: clients get \"refused\"",
    page: include_str!("../../../docs/findings/NB0504.md"),
    check,
    why: Some(why),
};

/// So many ports of a rule are told; the rest is counted.
const SHOWN: usize = 16;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut of_rule: BTreeMap<Place, usize> = BTreeMap::new();
    for v in invited::in_vain(view).into_iter().filter(|v| v.detail == "no listener") {
        let n = of_rule.entry(v.at).or_default();
        *n += 1;
        // A map may have thousands of ports.
        if *n > SHOWN {
            continue;
        }
        let name = name(v.protocol);
        let finding = match v.translated {
            true => CODE
                .finding(format!(
                    "{name} port {} is translated to port {} of this host, where nobody listens",
                    v.port, v.own_port
                ))
                .severity(Severity::Warning)
                .rule(view.rule(v.at).label("it leads to no socket").translation()),
            false => CODE
                .finding(format!("a rule lets others reach {name} port {}, and nobody listens there", v.port))
                .rule(view.rule(v.at).label("it invites others").condition(&[
                    "--dport",
                    "--dports",
                    "tcp dport",
                    "udp dport",
                    "th dport",
                    "dport",
                ])),
        };
        found.push(
            finding
                .about([(v.protocol, v.port)])
                .seen(format!("sock_diag: {name}"), format!("no socket takes port {}", v.own_port))
                .note(
                    "start the service, or take the rule away if it has gone: \
                 the next program that listens there is open to all",
                ),
        );
    }
    for (at, n) in of_rule.into_iter().filter(|(_, n)| *n > SHOWN) {
        if let Some(last) = found.iter_mut().rfind(|f| f.code == CODE.id && f.rules.iter().any(|r| r.at == at)) {
            last.notes.push(format!("and {} more ports of this rule", n - SHOWN));
        }
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    if c.kind != CulpritKind::Socket || c.detail.as_deref() != Some("no listener") {
        return None;
    }
    let port = |p: &Packet| PacketFields::of(p).destination_port;
    let asked = port(&Packet::new(case.question.network, case.question.bytes.clone()));
    let now = case.explained.walked.runs.first().and_then(|r| port(&r.packet));
    Some(match (asked, now) {
        (Some(asked), Some(now)) if asked != now && !case.is_answer() => format!(
            "a rule before has changed its port from {asked} to {now}, and no socket takes it there: the service is not running, or the rule has the wrong port"
        ),
        _ => "the rules let it through, and no socket takes it: the service is not running, or on another port".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::diag::Protocol;

    #[test]
    fn a_rule_by_name_is_needed_and_a_service_ends_it() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), []);
        let found = testing::find(&CODE, &testing::accepting(8080), &host);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Note));
        host.listen(Protocol::Tcp, [0; 4].into(), 8080);
        assert_eq!(testing::find(&CODE, &testing::accepting(8080), &host), []);
    }
}
