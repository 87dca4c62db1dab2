//! `NB0004`: IPv6 forwarding is off, and rules or traffic need it.

use super::needs;
use crate::blame::CulpritKind;
use crate::finding::act::Act;
use crate::finding::code::Code;
use crate::finding::counter::listed;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;

pub(super) const CODE: Code = Code {
    id: "NB0004",
    title: "IPv6 forwarding is off, and something needs it",
    severity: Severity::Error,
    meaning: "net.ipv6.conf.all.forwarding is 0: no IPv6 packet from one network reaches another through this host",
    page: include_str!("../../../docs/findings/NB0004.md"),
    check,
    why: Some(why),
};

const KEY: &str = "net.ipv6.conf.all.forwarding";
const FILE: &str = "/proc/sys/net/ipv6/conf/all/forwarding";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    match sysctl::number(view.host, KEY.into()) {
        Ok(s) if !s.is_on() => {}
        _ => return,
    }
    // Where advertisements are taken (1), they are not any more once this host is a router.
    let fix = Fix::sysctl(KEY, "1", "IPv6 packets between interfaces are forwarded, as far as the rules let them");
    let note = "a router takes no router advertisements: an uplink that gets its address and default route from them \
                also needs net.ipv6.conf.UPLINK.accept_ra=2 (NB0005)";
    if let Some((at, act)) = needs::translation(view, true) {
        let finding = CODE.finding("a rule translates IPv6 addresses, and forwarding is off").seen(FILE, "0");
        let finding = finding.rule(view.rule(at).label("it needs forwarding")).note(note).fix(fix);
        found.push(match act {
            Act::Dnat(_) => finding,
            _ => finding
                .severity(Severity::Warning)
                .possible("packets that this host sends itself are translated all the same"),
        });
        return;
    }
    // Forwarding that is off counts there (`ip6_forward` in net/ipv6/ip6_output.c).
    if let Some(n) = listed(view, "snmp6", "Ip6InAddrErrors").filter(|n| *n > 0) {
        found.push(
            CODE.finding("IPv6 packets for other hosts came in, and forwarding is off")
                .severity(Severity::Warning)
                .seen(FILE, "0")
                .seen("/proc/net/snmp6: Ip6InAddrErrors", n.to_string())
                .possible("hosts may be sending packets here that are none of its business")
                .note(note)
                .fix(fix),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let s = c.sysctl.as_ref().filter(|s| s.key == KEY && c.kind == CulpritKind::Sysctl)?;
    Some(format!("{} is {}: this host forwards no IPv6 packets", s.key, s.value))
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
        host.set(KEY, 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
    }
}
