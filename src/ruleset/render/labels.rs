//! Numbers that the tools print by the names that the system's files have for them.

use std::fs;
use std::sync::OnceLock;

/// A file of numbers and names, read once.
struct Labels {
    path: &'static str,
    parse: fn(&str) -> Option<(u32, String)>,
    names: OnceLock<Vec<(u32, String)>>,
}

impl Labels {
    const fn new(path: &'static str, parse: fn(&str) -> Option<(u32, String)>) -> Self {
        Self { path, parse, names: OnceLock::new() }
    }

    fn name(&self, number: u32) -> Option<&str> {
        let names = self.names.get_or_init(|| {
            let file = fs::read(self.path).unwrap_or_default();
            String::from_utf8_lossy(&file).lines().filter_map(self.parse).collect()
        });
        names.iter().find(|(n, _)| *n == number).map(|(_, name)| name.as_str())
    }
}

/// The name of a realm of routes.
pub(crate) fn realm(number: u32) -> Option<&'static str> {
    static REALMS: Labels = Labels::new("/etc/iproute2/rt_realms", iproute2);
    REALMS.name(number)
}

/// The name of a group of interfaces.
pub(crate) fn device_group(number: u32) -> Option<&'static str> {
    static GROUPS: Labels = Labels::new("/etc/iproute2/group", iproute2);
    GROUPS.name(number)
}

/// The name of a connection label.
pub(crate) fn connlabel(bit: u16) -> Option<&'static str> {
    static CONNLABELS: Labels = Labels::new("/etc/xtables/connlabel.conf", connlabel_conf);
    CONNLABELS.name(bit.into()).filter(|name| !name.is_empty())
}

/// `0x10 name`; numbers up to 255, as libxtables reads them.
fn iproute2(line: &str) -> Option<(u32, String)> {
    let mut words = line.split_ascii_whitespace();
    let number = words.next()?;
    let number = match number.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    let name = words.next().filter(|name| !name.starts_with('#'))?;
    (number <= 255).then(|| (number, name.to_owned()))
}

/// `0 name with blanks`, as libnetfilter_conntrack reads it.
fn connlabel_conf(line: &str) -> Option<(u32, String)> {
    let (number, name) = line.trim().split_once(char::is_whitespace)?;
    Some((number.parse().ok()?, name.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_tools_read_them() {
        let some = |n, s: &str| Some((n, s.to_owned()));
        assert_eq!(iproute2("0\tcosmos"), some(0, "cosmos"));
        assert_eq!(iproute2("  0x10 a b # c"), some(16, "a"));
        for not in ["", "#", "# 1 x", "1", "1 # x", "256 x", "x 1"] {
            assert_eq!(iproute2(not), None, "{not}");
        }
        assert_eq!(connlabel_conf("12 eth0-in"), some(12, "eth0-in"));
        assert_eq!(connlabel_conf("# 12 x"), None);
    }
}
