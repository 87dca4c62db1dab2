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
    /// The rule stands in a chain of the second name, or leads there, and in the table there is a chain of the first.
    Beside(&'static str, Pattern),
    /// The rule reads like one of these, and in the table, or in iptables' other tables of that family, there is a chain of that name. `<bridge>` is the name that Docker gives
    /// to a bridge, `<net>` is a word, and each the same wherever it stands in a rule; `<any>` is a word.
    Reads(&'static str, &'static [&'static str]),
    /// The program keeps the whole table in which a chain of this name stands, and iptables' other tables of that family, but for what
    /// others have put there.
    Marks(&'static str),
    /// The policies of all base chains drop, in each of iptables' tables of the family in which a chain of this name stands.
    Stops(&'static str),
}

/// How much a name says: the longer the part that fits, the more. None: it does not fit.
pub(super) fn fits(pattern: Pattern, name: &[u8]) -> Option<usize> {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()).then_some(start.len()),
        None => (name == pattern.as_bytes()).then_some(pattern.len() + 1),
    }
}

/// Does a rule read like that?
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let (mut bridge, mut net) = (None, None);
    let mut fits = |(known, word)| match known {
        "<any>" => true,
        "<net>" => *net.get_or_insert(word) == word,
        "<bridge>" => is_bridge(word) && *bridge.get_or_insert(word) == word,
        known => known == word,
    };
    pattern.split(' ').count() == text.split(' ').count() && pattern.split(' ').zip(text.split(' ')).all(&mut fits)
}

/// `docker0`, or `br-` and twelve digits of the network's id.
fn is_bridge(name: &str) -> bool {
    let digits = name.strip_prefix("br-").filter(|id| id.len() == 12);
    name == "docker0" || digits.is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::{fits, is_like};

    #[test]
    fn rules_without_a_name_are_told_by_their_words() {
        let known = "-A FORWARD -i <bridge> ! -o <bridge> -j ACCEPT";
        assert!(is_like(known, "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT"));
        assert!(is_like(known, "-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT"));
        for other in [
            "-A FORWARD -i docker0 ! -o br-0123456789ab -j ACCEPT",
            "-A FORWARD -i br-lan ! -o br-lan -j ACCEPT",
            "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT -c",
            "-A FORWARD -i docker0 ! -o docker0",
        ] {
            assert!(!is_like(known, other), "{other}");
        }
        assert!(is_like("-s <net> -d <net> -j", "-s 172.17.0.2/32 -d 172.17.0.2/32 -j"));
        assert!(!is_like("-s <net> -d <net> -j", "-s 172.17.0.0/16 -d 172.17.0.2/32 -j"));
    }

    #[test]
    fn a_whole_name_says_more_than_its_beginning() {
        assert_eq!(fits("KUBE-*", b"KUBE-FORWARD"), Some(5));
        assert_eq!(fits("KUBE-ROUTER-*", b"KUBE-ROUTER-FORWARD"), Some(12));
        assert!(fits("DOCKER", b"DOCKER") > fits("DOCKE*", b"DOCKER"));
        assert_eq!(fits("DOCKER", b"DOCKER-USER"), None);
        assert_eq!(fits("ufw-*", b"ufw"), None);
    }
}
