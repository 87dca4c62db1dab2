//! `NB0007`: destinations are translated to a loopback address, and packets to one are martians.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::evaluate::Place;
use crate::finding::act::Act;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::sys::rt::{Link, LinkFlags};

pub(super) const CODE: Code = Code {
    id: "NB0007",
    title: "DNAT to a loopback address leads nowhere",
    severity: Severity::Error,
    meaning: "packets to 127.0.0.0/8 that came by a network are dropped unless route_localnet is on for that interface",
    page: include_str!("../../../docs/findings/NB0007.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    for (at, to) in translations(view) {
        let named = selects(view.rules, at).map(|s| s.iif).unwrap_or_default();
        let meets = |l: &&Link| named.is_empty() || named.contains(&l.name);
        let off: Vec<(&Link, sysctl::Setting)> = links
            .iter()
            .filter(|l| l.flags.contains(LinkFlags::UP) && !l.is_loopback() && l.master.is_none())
            .filter(meets)
            .filter_map(|l| Some((l, sysctl::larger(view.host, "ipv4", l, "route_localnet").ok()?)))
            .collect();
        let all = off.len();
        let off: Vec<_> = off.into_iter().filter(|(_, s)| !s.is_on()).collect();
        let Some((first, _)) = off.first() else { continue };
        let names: Vec<String> = off.iter().map(|(l, _)| l.name.to_string()).collect();
        let mut finding = CODE
            .finding(format!("what comes in by {} and is translated to {to} is dropped as a martian", names.join(", ")))
            .rule(view.rule(at).label("it leads to a loopback address").translation());
        if off.len() < all {
            // On some interfaces it works: those may be the ones that it is for.
            finding = finding.severity(Severity::Note).possible("the rule may be meant for the other interfaces only");
        }
        let mut fix = Fix::new(format!(
            "let {} take packets to loopback addresses; or better, translate to an address of {} (`redirect`), \
             and let the service listen there: with route_localnet neighbours can reach all that listens on 127.0.0.1",
            names.join(", "),
            first.name
        ));
        for (link, s) in &off {
            finding = finding.seen(sysctl::file(&s.key), "0");
            let key = sysctl::conf("ipv4", &link.name.to_string(), "route_localnet");
            fix = fix
                .command(format!("sysctl -w {key}=1"))
                .persistent(format!("echo '{key} = 1' >> /etc/sysctl.d/90-nfblame.conf"));
        }
        found.push(finding.fix(fix));
    }
}

/// Rules for packets that come in which translate to 127.0.0.0/8.
fn translations(view: &View<'_>) -> BTreeSet<(Place, IpAddr)> {
    let ways = view.translations().all.iter();
    let to_loopback = ways.filter_map(|way| match way.act {
        Act::Dnat(Some((to @ IpAddr::V4(_), _))) if to.is_loopback() => Some((way.at, to)),
        _ => None,
    });
    to_loopback.collect()
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let s = c.sysctl.as_ref().filter(|_| c.kind == CulpritKind::Sysctl)?;
    s.key.ends_with(".route_localnet").then(|| {
        format!("{} is {}: a packet that came by a network may not go to or come from 127.0.0.0/8", s.key, s.value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_translation_to_loopback_needs_it_on_every_interface_that_it_meets() {
        let mut host = testing::server();
        let rules = testing::dnat([127, 0, 0, 1]);
        assert_eq!(testing::find(&CODE, &testing::dnat([192, 0, 2, 1]), &host), []);
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Error));
        assert_eq!(found[0].fix[0].commands, ["sysctl -w net.ipv4.conf.eth0.route_localnet=1"]);
        host.add_link(3, "eth1", LinkFlags::UP).set("net.ipv4.conf.eth1.route_localnet", 1);
        assert_eq!(testing::find(&CODE, &rules, &host)[0].severity, Severity::Note);
        host.set("net.ipv4.conf.all.route_localnet", 1);
        assert_eq!(testing::find(&CODE, &rules, &host), []);
    }
}
