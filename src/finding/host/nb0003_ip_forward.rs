//! `NB0003`: forwarding is off, and rules or traffic need it.

use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::evaluate::{Fact, Place};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0003",
    title: "IPv4 forwarding is off, and something needs it",
    severity: Severity::Error,
    meaning: "net.ipv4.ip_forward is 0: no packet from one network reaches another through this host, whatever the rules allow",
    page: include_str!("../../../docs/findings/NB0003.md"),
    check,
    why: Some(why),
};

const KEY: &str = "net.ipv4.ip_forward";
const FILE: &str = "/proc/sys/net/ipv4/ip_forward";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    match sysctl::number(view.host, KEY.into()) {
        Ok(s) if !s.is_on() => {}
        _ => return,
    }
    let fix = || {
        Fix::sysctl(
            KEY,
            "1",
            "packets between interfaces are forwarded, as far as the rules of the forward hook let them",
        )
    };
    if let Some((at, act)) = translation(view) {
        let what = match act {
            Act::Dnat(_) => "sends packets on to another host",
            _ => "translates packets of other hosts",
        };
        let finding = CODE
            .finding(format!("a rule {what}, and forwarding is off: none of them leaves this host"))
            .seen(FILE, "0")
            .rule(view.rule(at).label("it needs forwarding"))
            .fix(fix());
        found.push(match act {
            Act::Dnat(_) => finding,
            // This host may translate what it sends itself.
            _ => finding
                .severity(Severity::Warning)
                .possible("packets that this host sends itself are translated all the same"),
        });
        return;
    }
    if let Some(n) = refused(view).filter(|n| *n > 0) {
        found.push(
            CODE.finding("packets for other hosts came in, and forwarding is off")
                .severity(Severity::Warning)
                .seen(FILE, "0")
                .seen("/proc/net/snmp: Ip InAddrErrors", n.to_string())
                .possible("hosts may be sending packets here that are none of its business")
                .fix(fix()),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let forwarding = c.sysctl.as_ref().filter(|s| s.key == KEY && c.kind == CulpritKind::Sysctl)?;
    Some(format!("{} is {}: this host forwards no IPv4 packets", forwarding.key, forwarding.value))
}

/// A rule that translates what has to be forwarded afterwards: to another host, if there is one such.
fn translation(view: &View<'_>) -> Option<(Place, Act)> {
    let mut found: Option<(Place, Act)> = None;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            for act in acts {
                let better = match &act {
                    Act::Dnat(Some((IpAddr::V4(to), _))) => is_elsewhere(view, (*to).into()),
                    Act::Masquerade => found.is_none() && view.rule(at).entry.family != Some("ip6"),
                    Act::Snat(Some((IpAddr::V4(_), _))) => found.is_none(),
                    _ => false,
                };
                if better && !matches!(found, Some((_, Act::Dnat(_)))) {
                    found = Some((at, act));
                }
            }
        });
    }
    found
}

/// Is it known not to be this host?
fn is_elsewhere(view: &View<'_>, to: IpAddr) -> bool {
    !to.is_loopback() && matches!(view.host.addresses(), Fact::Is(own) if own.iter().all(|a| a.local.addr != to))
}

/// `InAddrErrors` of IPv4: with forwarding off, packets for others count there (`ip_error` in net/ipv4/route.c).
fn refused(view: &View<'_>) -> Option<u64> {
    let Fact::Is(text) = view.host.proc_net("snmp") else { return None };
    let mut lines = text.lines().filter_map(|l| l.strip_prefix("Ip:"));
    let at = lines.next()?.split_ascii_whitespace().position(|w| w == "InAddrErrors")?;
    lines.next()?.split_ascii_whitespace().nth(at)?.parse().ok()
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
        host.set(KEY, 1);
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
