//! What a line needs to know beyond its own bytes.

use std::fs;

use nfblame_sys::Text;
use nfblame_sys::xt::Family;

/// Names that are not in the ruleset itself.
pub trait Names {
    /// The ipset of that index; `None` if it cannot be told.
    fn set(&self, _index: u16) -> Option<Text> {
        None
    }

    /// The name of a protocol that the tools do not know by themselves (`/etc/protocols`).
    fn protocol(&self, _number: u8) -> Option<&str> {
        None
    }
}

/// Knows no names: numbers stay numbers.
impl Names for () {}

/// Where a match or target stands.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The table's family: names and payloads differ between them.
    pub family: Family,
    /// Names from elsewhere.
    pub names: &'a dyn Names,
}

impl<'a> Context<'a> {
    /// A rule of that family.
    pub fn new(family: Family, names: &'a dyn Names) -> Self {
        Self { family, names }
    }
}

/// The names in `/etc/protocols`, as the C library's `getprotobynumber` finds them.
#[derive(Debug, Clone, Default)]
pub struct Protocols(Vec<(u8, String)>);

impl Protocols {
    /// Reads the file; none if it is not there.
    pub fn read() -> Self {
        Self::parse(&fs::read_to_string("/etc/protocols").unwrap_or_default())
    }

    /// Understands the file's text: a name, a number and aliases a line, `#` before a comment.
    pub fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let mut words = line.split('#').next()?.split_whitespace();
            let (name, number) = (words.next()?, words.next()?);
            Some((number.parse().ok()?, name.to_owned()))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// The first name of that number.
    pub fn name(&self, number: u8) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == number).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_read_as_the_c_library_reads_them() {
        let protocols = Protocols::parse("# comment\nigmp\t2\tIGMP\t\t# groups\n\nbroken\nfirst 4 A\nsecond 4\n");
        assert_eq!(protocols.name(2), Some("igmp"));
        assert_eq!(protocols.name(4), Some("first"));
        assert_eq!(protocols.name(5), None);
    }
}
