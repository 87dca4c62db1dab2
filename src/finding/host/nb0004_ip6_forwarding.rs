//! `NB0004`: IPv6 forwarding is off, and rules or traffic need it.

use super::needs::Forwarding;
use crate::finding::code::Code;
use crate::finding::counter::listed;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0004",
    title: "IPv6 forwarding is off, and something needs it",
    severity: Severity::Error,
    meaning: "net.ipv6.conf.all.forwarding is 0: no IPv6 packet from one network reaches another through this host",
    page: include_str!("../../../docs/findings/NB0004.md"),
    check,
    why: Some(why),
};

const FORWARDING: Forwarding = Forwarding {
    code: &CODE,
    v6: true,
    key: "net.ipv6.conf.all.forwarding",
    does: "IPv6 packets between interfaces are forwarded, as far as the rules let them",
    // `ip6_forward` in net/ipv6/ip6_output.c.
    counted: ("/proc/net/snmp6: Ip6InAddrErrors", |view| listed(view, "snmp6", "Ip6InAddrErrors")),
    // Where advertisements are taken (1), they are not any more once this host is a router.
    note: "a router takes no router advertisements: an uplink that gets its address and default route from them also needs \
           net.ipv6.conf.UPLINK.accept_ra=2 (NB0005)",
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

    #[test]
    fn packets_for_others_are_a_sign_and_a_rule_for_ipv4_is_none() {
        let mut host = FakeHost::new();
        assert_eq!(testing::find(&CODE, &testing::dnat([10, 0, 0, 2]), &host), []);
        host.proc_net.insert("snmp6".into(), "Ip6InAddrErrors  \t0\n".into());
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.proc_net.insert("snmp6".into(), "Ip6InAddrErrors  \t5\n".into());
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 1);
        host.set(FORWARDING.key, 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
    }
}
