//! `NB0003`: forwarding is off, and rules or traffic need it.

use super::needs::Forwarding;
use crate::finding::code::Code;
use crate::finding::counter::counter;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0003",
    title: "IPv4 forwarding is off, and something needs it",
    severity: Severity::Error,
    meaning: "net.ipv4.ip_forward is 0: no packet from one network reaches another through this host, whatever the rules allow",
    page: include_str!("../../../docs/findings/NB0003.md"),
    check,
    why: Some(why),
};

const FORWARDING: Forwarding = Forwarding {
    code: &CODE,
    v6: false,
    key: "net.ipv4.ip_forward",
    does: "packets between interfaces are forwarded, as far as the rules of the forward hook let them",
    // `ip_error` in net/ipv4/route.c.
    counted: ("/proc/net/snmp: Ip InAddrErrors", |view| counter(view, "snmp", "Ip", "InAddrErrors")),
    note: "",
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    FORWARDING.check(view, found);
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    FORWARDING.why(case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::FakeHost;
    use crate::ruleset::Ruleset;

    fn findings(host: &FakeHost, rules: &Ruleset) -> Vec<Finding> {
        testing::find(&CODE, rules, host)
    }

    #[test]
    fn a_port_forward_needs_it_and_a_plain_host_does_not() {
        let mut host = FakeHost::new();
        let rules = testing::dnat([10, 0, 0, 2]);
        assert_eq!(findings(&host, &Ruleset::default()), []);
        let found = findings(&host, &rules);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].severity, found[0].evidence[0].value.as_str()), (Severity::Error, "0"));
        assert_eq!(found[0].fix[0].commands, ["sysctl -w net.ipv4.ip_forward=1"]);
        assert_eq!(findings(&host, &testing::dnat([127, 0, 0, 1])), [], "to this host itself");
        host.set(FORWARDING.key, 1);
        assert_eq!(findings(&host, &rules), []);
    }

    #[test]
    fn packets_for_others_that_came_in_are_a_sign() {
        let mut host = FakeHost::new();
        let snmp = |n: u32| format!("Ip: Forwarding InAddrErrors\nIp: 2 {n}\n");
        host.proc_net.insert("snmp".into(), snmp(0));
        assert_eq!(findings(&host, &Ruleset::default()), []);
        host.proc_net.insert("snmp".into(), snmp(7));
        let found = findings(&host, &Ruleset::default());
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence[1].value, "7");
    }
}
