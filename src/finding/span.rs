//! Which part of a rule's text decides.

use std::ops::Range;

/// Where the first of these words stands in a rule's text, as words of their own and not within a string.
pub fn word(text: &str, words: &[&str]) -> Option<Range<usize>> {
    words.iter().find_map(|w| {
        text.match_indices(w).map(|(at, _)| at..at + w.len()).find(|r| is_whole(text, r) && !is_quoted(text, r))
    })
}

/// Where the first of these conditions stands, from its name to the end of its value.
pub fn condition(text: &str, names: &[&str]) -> Option<Range<usize>> {
    let name = word(text, names)?;
    let mut end = name.end;
    loop {
        let rest = text.get(end..)?;
        let value = rest.trim_start();
        end += rest.len() - value.len();
        let of_value = match value.chars().next() {
            None => return Some(name),
            Some('{') => value.find('}').map_or(value.len(), |at| at + 1),
            Some('"') => value.get(1..)?.find('"').map_or(value.len(), |at| at + 2),
            Some(_) => value.find(char::is_whitespace).unwrap_or(value.len()),
        };
        let is_operator = matches!(value.get(..of_value)?, "!" | "!=" | "==" | "set");
        end += of_value;
        if !is_operator {
            return Some(name.start..end);
        }
    }
}

/// Are there no more letters of the same word around?
fn is_whole(text: &str, r: &Range<usize>) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let before = text.get(..r.start).and_then(|t| t.chars().next_back());
    let after = text.get(r.end..).and_then(|t| t.chars().next());
    !before.is_some_and(inner) && !after.is_some_and(inner)
}

/// Is it part of a string? A name that is all of one is not: `iifname "eth0"`.
fn is_quoted(text: &str, r: &Range<usize>) -> bool {
    let (before, after) = (text.get(..r.start).unwrap_or_default(), text.get(r.end..).unwrap_or_default());
    let inside = before.bytes().filter(|b| *b == b'"').count() % 2 == 1;
    inside && !(before.ends_with('"') && after.starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_conditions_are_found_whole_and_outside_of_strings() {
        let text = "iifname \"eth0\" tcp dport { 22, 80 } counter log prefix \"drop it\" drop comment \"x drop\"";
        let cut = |r: Option<Range<usize>>| r.and_then(|r| text.get(r));
        assert_eq!(word(text, &["drop"]).map(|r| r.start), text.rfind(" drop comment").map(|at| at + 1));
        assert_eq!(cut(condition(text, &["--dport", "dport"])), Some("dport { 22, 80 }"));
        assert_eq!(cut(condition(text, &["iifname"])), Some("iifname \"eth0\""));
        assert_eq!(cut(word(text, &["eth0"])), Some("eth0"));
        assert_eq!(word(text, &["port", "dro"]), None);
        let legacy = "-A INPUT ! -i eth0 -m conntrack --ctstate INVALID -j DROP";
        assert_eq!(condition(legacy, &["--ctstate"]).and_then(|r| legacy.get(r)), Some("--ctstate INVALID"));
        let neq = "ct state != new drop";
        assert_eq!(condition(neq, &["ct state"]).and_then(|r| neq.get(r)), Some("ct state != new"));
    }
}
