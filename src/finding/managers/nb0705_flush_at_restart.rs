//! `NB0705`: a restart of nftables.service throws away the rules of others.

use super::saved::nftables;
use crate::evaluate::Fact;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::manager;

pub(super) const CODE: Code = Code {
    id: "NB0705",
    title: "a restart of nftables.service throws away the rules of managers",
    severity: Severity::Note,
    meaning: "its file begins with `flush ruleset`: Docker's, fail2ban's and all other rules go with it, until those are restarted",
    page: include_str!("../../../docs/findings/NB0705.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if view.host.is_first_namespace() != Fact::Is(true) {
        return;
    }
    let Some((path, _)) = nftables::loaded(view).filter(|(_, text)| nftables::flushes(text)) else { return };
    let managers: Vec<&str> = manager::present(view.rules).iter().map(|m| m.name).collect();
    if managers.is_empty() {
        return;
    }
    found.push(
        CODE.finding(format!("`systemctl restart nftables` would throw away the rules of {}", managers.join(", ")))
            .seen(path, "flush ruleset")
            .note("in place of `flush ruleset` name the own tables: `table inet filter; flush table inet filter`, or `destroy table inet filter` since nft 1.0.8"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn only_where_the_service_is_enabled_and_others_have_rules() {
        let mut host = testing::server();
        host.saved.insert("/etc/nftables.conf".into(), "flush ruleset\ntable inet filter { }\n".into());
        let mut table = testing::table(crate::sys::nft::Family::Ip, "docker", None, Vec::new());
        table.def.name = "docker-bridges".into();
        let rules = testing::with(table);
        assert_eq!(testing::find(&CODE, &rules, &host), [], "the service is not enabled");
        host.saved.insert("/etc/systemd/system/sysinit.target.wants/nftables.service".into(), String::new());
        assert_eq!(testing::find(&CODE, &rules, &host).len(), 1);
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &host), [], "nobody else has rules");
    }
}
