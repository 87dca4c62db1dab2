//! `NB0017`: this host does not answer pings.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;

pub(super) const CODE: Code = Code {
    id: "NB0017",
    title: "echo requests are not answered",
    severity: Severity::Note,
    meaning: "icmp_echo_ignore_all is on: ping gets no answer, whatever the rules say, and proves nothing",
    page: include_str!("../../../docs/findings/NB0017.md"),
    check,
    why: Some(why),
};

const KEYS: [(&str, &str); 2] = [("net.ipv4.icmp_echo_ignore_all", "IPv4"), ("net.ipv6.icmp.echo_ignore_all", "IPv6")];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for (key, name) in KEYS {
        if sysctl::number(view.host, key.into()).is_ok_and(|s| s.is_on()) {
            found.push(
                CODE.finding(format!("this host answers no {name} echo requests"))
                    .seen(sysctl::file(key), "1")
                    .fix(Fix::sysctl(key, "0", "pings are answered, as far as rules let them through")),
            );
        }
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let s = c.sysctl.as_ref().filter(|s| c.kind == CulpritKind::Sysctl && s.key.contains("echo_ignore"))?;
    Some(format!("{} is {}: the kernel drops echo requests that every rule has let through", s.key, s.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn the_setting_is_told() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.set(KEYS[0].0, 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 1);
    }
}
