//! Protocols by the names that the C library has for them.

use std::fs;
use std::sync::OnceLock;

/// The name of a protocol in `/etc/protocols`, as `getprotobynumber(3)` finds it and as the tools print it; where
/// that file is missing or has no such protocol, the name that Debian's has.
pub fn protocol_name(number: u8) -> Option<&'static str> {
    static NAMES: OnceLock<Vec<(u8, String)>> = OnceLock::new();
    let names = NAMES.get_or_init(|| parse(&fs::read("/etc/protocols").unwrap_or_default()));
    let listed = names.iter().find(|(n, _)| *n == number).map(|(_, name)| name.as_str());
    listed.or_else(|| BUILT_IN.iter().find(|(n, _)| *n == number).map(|(_, name)| *name))
}

/// Lines of `name number [alias…]`; `#` begins a comment.
fn parse(file: &[u8]) -> Vec<(u8, String)> {
    String::from_utf8_lossy(file)
        .lines()
        .filter_map(|line| {
            let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
            let name = words.next()?;
            Some((words.next()?.parse().ok()?, name.to_owned()))
        })
        .collect()
}

const BUILT_IN: [(u8, &str); 16] = [
    (0, "ip"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (108, "ipcomp"),
    (115, "l2tp"),
    (132, "sctp"),
    (136, "udplite"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_the_name() {
        let names = parse(b"# comment\nip\t0\tIP\t# pseudo\ntcp  6 TCP\nbroken\nodd x\nbig 300 BIG\n\xff 7\n");
        let expected = [(0, "ip"), (6, "tcp"), (7, "\u{fffd}")].map(|(n, s)| (n, s.to_owned()));
        assert_eq!(names, expected);
        assert_eq!(protocol_name(6), Some("tcp"));
    }
}
