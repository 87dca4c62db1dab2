//! `NB0502`: rules invite others to a service that only listens on another address.

use super::{invited, name};
use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::manager::{self, Manager};

pub(super) const CODE: Code = Code {
    id: "NB0502",
    title: "rules invite others to a service that does not listen for them",
    severity: Severity::Warning,
    meaning: "the port is open in the rules, and the socket is bound to another address, such as 127.0.0.1: clients get \"refused\"",
    page: include_str!("../../../docs/findings/NB0502.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for v in invited::in_vain(view).into_iter().filter(|v| is_elsewhere(&v.detail)) {
        let name = name(v.protocol);
        let unasked = manager::of_rule(view.rules, v.at).is_some_and(Manager::opens_by_itself);
        // Who binds a socket to an interface, as DHCP servers do, means to serve that one.
        let meant = v.detail.starts_with("bound to interface");
        found.push(
            CODE.finding(format!(
                "a rule lets others reach {name} port {}, where the only socket is {}",
                v.port, v.detail
            ))
            .severity(if unasked || meant { Severity::Note } else { Severity::Warning })
            .rule(view.rule(v.at).label("it invites others").condition(&[
                "--dport",
                "--dports",
                "tcp dport",
                "udp dport",
                "th dport",
                "dport",
            ]))
            .about([(v.protocol, v.port)])
            .seen(format!("sock_diag: {name}"), format!("port {}: {}", v.own_port, v.detail))
            .note(
                "let the service listen on 0.0.0.0 or on the address of that network \
                     (`listen`, `bind-address` in its configuration)",
            )
            .note("a test from this host itself proves nothing: it goes over the loopback"),
        );
    }
}

fn is_elsewhere(detail: &str) -> bool {
    detail.starts_with("bound")
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let detail = c.detail.as_deref().filter(|d| c.kind == CulpritKind::Socket && is_elsewhere(d))?;
    Some(format!("the service runs, but it is {detail}: it takes nothing from others, and they are told \"refused\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::diag::Protocol;

    #[test]
    fn an_open_port_and_a_socket_on_loopback_are_needed() {
        let rules = testing::accepting(8080);
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &rules, &host), [], "that nobody listens is another matter");
        host.listen(Protocol::Tcp, [127, 0, 0, 1].into(), 8080);
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("bound to 127.0.0.1"), "{}", found[0].message);
        assert_eq!(found[0].severity, Severity::Warning);
        let mut unasked = rules.clone();
        unasked.nft.iter_mut().for_each(|t| t.def.name = "incus".into());
        assert_eq!(testing::find(&CODE, &unasked, &host)[0].severity, Severity::Note);
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), [], "no rule invites");
        host.listen(Protocol::Tcp, [0; 4].into(), 8080);
        assert_eq!(testing::find(&CODE, &rules, &host), []);
    }
}
