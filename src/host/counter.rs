//! Counters in the texts of `/proc/net`.

/// A counter of `snmp` or `netstat`, where two lines of a group stand below each other: names, then numbers. None: this
/// kernel has no such counter.
pub fn grouped(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|l| l.strip_prefix(group)?.strip_prefix(':'));
    let at = lines.next()?.split_ascii_whitespace().position(|w| w == name)?;
    lines.next()?.split_ascii_whitespace().nth(at)?.parse().ok()
}

/// A counter of a file with one name and number a line (`snmp6`, `xfrm_stat`).
pub fn listed(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix([' ', '\t'])?.trim().parse().ok())
}
