//! What shows that a rule is some program's.

/// A name, or with a star at the end the beginning of names.
pub type Pattern = &'static str;

/// One sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The rule stands in a table of this name, which is the program's own.
    Table(Pattern),
    /// The rule stands in a chain of this name, or leads there.
    Chain(Pattern),
    /// The rule asks for a set or map of this name.
    Set(Pattern),
    /// The rule has this comment.
    Comment(Pattern),
    /// The program keeps the whole table in which a chain of this name stands, but for what others have put there.
    Marks(&'static str),
}

/// How much a name says: the longer the part that fits, the more. None: it does not fit.
pub(super) fn fits(pattern: Pattern, name: &[u8]) -> Option<usize> {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()).then_some(start.len()),
        None => (name == pattern.as_bytes()).then_some(pattern.len() + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_whole_name_says_more_than_its_beginning() {
        assert_eq!(fits("KUBE-*", b"KUBE-FORWARD"), Some(5));
        assert_eq!(fits("KUBE-ROUTER-*", b"KUBE-ROUTER-FORWARD"), Some(12));
        assert!(fits("DOCKER", b"DOCKER") > fits("DOCKE*", b"DOCKER"));
        assert_eq!(fits("DOCKER", b"DOCKER-USER"), None);
        assert_eq!(fits("ufw-*", b"ufw"), None);
    }
}
