//! `NB0002`: forwarding is on, but not for what comes in by one interface.

use crate::blame::CulpritKind;
use crate::evaluate::{Hook, Place};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::sys::Text;
use crate::sys::rt::LinkFlags;

pub(super) const CODE: Code = Code {
    id: "NB0002",
    title: "forwarding is off on one interface",
    severity: Severity::Warning,
    meaning: "net.ipv4.ip_forward is on, and the interface's own forwarding is not: nothing that comes in there is forwarded",
    page: include_str!("../../../docs/findings/NB0002.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if !sysctl::number(view.host, "net.ipv4.ip_forward".into()).is_ok_and(|s| s.is_on()) {
        return;
    }
    let Some(links) = view.host.links().known() else { return };
    for link in links.iter().filter(|l| l.flags.contains(LinkFlags::UP) && !l.is_loopback() && l.master.is_none()) {
        let Ok(own) = sysctl::own(view.host, "ipv4", link, "forwarding") else { continue };
        if own.is_on() {
            continue;
        }
        let mut finding = CODE
            .finding(format!("nothing that comes in by {} is forwarded", link.name))
            .severity(Severity::Note)
            .seen(sysctl::file(&own.key), "0")
            .seen("/proc/sys/net/ipv4/ip_forward", "1")
            .fix(Fix::sysctl(
                &own.key,
                "1",
                "it forwards like the others, as far as the rules of the forward hook let it",
            ));
        match wanted(view, &link.name) {
            Some(at) => {
                let rule = view.rule(at).label("it lets packets of this interface through");
                finding = finding.severity(Severity::Warning).rule(rule);
            }
            None => finding = finding.note("if it is meant to be so, all is well"),
        }
        found.push(finding);
    }
}

/// A rule that accepts forwarded packets of an interface by its name.
fn wanted(view: &View<'_>, name: &Text) -> Option<Place> {
    let mut found = None;
    for chain in view.chains_at("ip", Hook::Forward) {
        act::each(view.rules, chain, |at, acts| {
            let names = || selects(view.rules, at).is_some_and(|s| s.iif.contains(name));
            if found.is_none() && acts.contains(&Act::Accept) && names() {
                found = Some(at);
            }
        });
    }
    found
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let s = c.sysctl.as_ref().filter(|_| c.kind == CulpritKind::Sysctl)?;
    let own = s.key.starts_with("net.ipv4.conf.") && s.key.ends_with(".forwarding");
    own.then(|| format!("{} is {}: what comes in there is not forwarded, although forwarding is on", s.key, s.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn only_where_forwarding_is_on_elsewhere() {
        let mut host = testing::server();
        let rules = Ruleset::default();
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        host.set("net.ipv4.ip_forward", 1);
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Note));
        assert_eq!(found[0].fix[0].commands, ["sysctl -w net.ipv4.conf.eth0.forwarding=1"]);
        host.set("net.ipv4.conf.eth0.forwarding", 1);
        assert_eq!(testing::find(&CODE, &rules, &host), []);
    }
}
