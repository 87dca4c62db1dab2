//! What the kernel counts in `/proc/net`: since the namespace was made, so that a count alone is never a finding that
//! something is wrong now.

use super::view::View;
use crate::host::counter::grouped;

/// A counter of `snmp` or `netstat`. None: this kernel has no such counter, or it cannot be read.
pub fn counter(view: &View<'_>, file: &str, group: &str, name: &str) -> Option<u64> {
    grouped(&view.host.proc_net(file).known()?, group, name)
}

/// A counter of a file with one name and number a line.
pub fn listed(view: &View<'_>, file: &str, name: &str) -> Option<u64> {
    crate::host::counter::listed(&view.host.proc_net(file).known()?, name)
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
