//! Which part of a rule's text decides.

use std::ops::Range;

/// Where the first of these words stands in a rule's text, as words of their own and not within a string.
pub fn word(text: &str, any: &[&str]) -> Option<Range<usize>> {
    any.iter().find_map(|w| words(text, w).next())
}

fn words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    let all = text.match_indices(word).map(|(at, w)| at..at + w.len());
    all.filter(|r| is_whole(text, r) && !is_quoted(text, r))
}

/// Where the first of these conditions stands, from its name (or the `!` before it) to the end of its value.
pub fn condition(text: &str, names: &[&str]) -> Option<Range<usize>> {
    let name = word(text, names)?;
    Some(with_value(text, name))
}

/// From the first to the last of these conditions.
pub fn conditions(text: &str, names: &[&str]) -> Option<Range<usize>> {
    let all = names.iter().flat_map(|name| words(text, name));
    all.map(|r| with_value(text, r)).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
}

fn with_value(text: &str, name: Range<usize>) -> Range<usize> {
    let before = text.get(..name.start).unwrap_or_default();
    let start = before.strip_suffix("! ").map_or(name.start, str::len);
    let end = value_end(text, name.end);
    // A mask, and what is to be left under it.
    start..if text.get(name) == Some("--tcp-flags") { value_end(text, end) } else { end }
}

/// What stands between the parts of a condition.
const JOINTS: [&str; 14] = ["!", "!=", "==", "set", "vmap", "<", ">", "<=", ">=", "&", "|", "^", "/", "."];

/// Where the value ends that begins behind a condition's name.
fn value_end(text: &str, name_end: usize) -> usize {
    let (mut end, mut wants_value, mut fields) = (name_end, true, false);
    let mut at = name_end;
    while let Some(rest) = text.get(at..) {
        let value = rest.trim_start();
        let start = at + rest.len() - value.len();
        let len = match value.chars().next() {
            None => break,
            Some('{') => value.find('}').map_or(value.len(), |at| at + 1),
            Some('"') => value.get(1..).and_then(|v| v.find('"')).map_or(value.len(), |at| at + 2),
            Some(_) => value.find(char::is_whitespace).unwrap_or(value.len()),
        };
        let word = value.get(..len).unwrap_or_default();
        let joint = JOINTS.contains(&word);
        if !wants_value && !joint && !fields {
            break;
        }
        at = start + len;
        end = at;
        // A concatenation goes on to the set that it is looked up in.
        fields = (fields || word == ".") && !word.starts_with(['{', '@']);
        wants_value = joint;
    }
    end
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
        assert_eq!(cut_of(legacy, &["-i"]), Some("! -i eth0"));
        let flags = "-p tcp -m tcp --tcp-flags SYN,ACK SYN -j DROP";
        assert_eq!(cut_of(flags, &["--tcp-flags"]), Some("--tcp-flags SYN,ACK SYN"));
        let fields = "ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80 } counter accept";
        assert_eq!(cut_of(fields, &["ip saddr"]), fields.strip_suffix(" counter accept"));
        assert_eq!(
            cut_of("tcp flags & (syn | ack) == syn drop", &["tcp flags"]),
            Some("tcp flags & (syn | ack) == syn")
        );
        assert_eq!(cut_of("tcp dport vmap { 22 : accept, 80 : drop }", &["tcp dport"]).map(str::len), Some(41));
        let twice = "-s 10.0.0.1/32 -p tcp -m iprange ! --src-range 10.0.0.0-10.0.0.9 -j DROP";
        let both = conditions(twice, &["-s", "--src-range"]).and_then(|r| twice.get(r));
        assert_eq!(both, twice.strip_suffix(" -j DROP"));
        let neq = "ct state != new drop";
        assert_eq!(condition(neq, &["ct state"]).and_then(|r| neq.get(r)), Some("ct state != new"));
    }

    fn cut_of<'t>(text: &'t str, names: &[&str]) -> Option<&'t str> {
        condition(text, names).and_then(|r| text.get(r))
    }
}
