//! What the kernel counts in `/proc/net`: since the namespace was made, so that a count alone is never a finding that
//! something is wrong now.

use super::view::View;
use crate::evaluate::Fact;

/// A counter of `snmp` or `netstat`, where two lines of a group stand below each other: names, then numbers. None: this
/// kernel has no such counter, or it cannot be read.
pub fn counter(view: &View<'_>, file: &str, group: &str, name: &str) -> Option<u64> {
    let Fact::Is(text) = view.host.proc_net(file) else { return None };
    let mut lines = text.lines().filter_map(|l| l.strip_prefix(group)?.strip_prefix(':'));
    let at = lines.next()?.split_ascii_whitespace().position(|w| w == name)?;
    lines.next()?.split_ascii_whitespace().nth(at)?.parse().ok()
}

/// A counter of a file with one name and number a line (`snmp6`, `xfrm_stat`).
pub fn listed(view: &View<'_>, file: &str, name: &str) -> Option<u64> {
    let Fact::Is(text) = view.host.proc_net(file) else { return None };
    text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix([' ', '\t'])?.trim().parse().ok())
}

/// How to say where a counter stands.
pub fn source(file: &str, group: &str, name: &str) -> String {
    format!("/proc/net/{file}: {group} {name} (since the namespace was made)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::ruleset::Ruleset;

    #[test]
    fn counters_are_found_by_name_in_both_kinds_of_files() {
        let mut host = FakeHost::new();
        let text = "Ip: Forwarding InAddrErrors\nIp: 2 7\nIpExt: InAddrErrors\nIpExt: 9\n";
        host.proc_net.insert("snmp".into(), text.into());
        host.proc_net.insert("snmp6".into(), "Ip6InAddrErrors\t 3\nIp6InAddrErrorsMore  5\n".into());
        let rules = Ruleset::default();
        let view = View::new(&rules, &host);
        assert_eq!(counter(&view, "snmp", "Ip", "InAddrErrors"), Some(7));
        assert_eq!(counter(&view, "snmp", "Ip", "Missing"), None);
        assert_eq!(listed(&view, "snmp6", "Ip6InAddrErrors"), Some(3));
        assert_eq!(listed(&view, "snmp7", "Ip6InAddrErrors"), None);
    }
}
