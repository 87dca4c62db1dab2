//! Splitting a filter into words.

use std::ops::Range;

use super::error::FilterError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Open,
    Close,
    Not,
    And,
    Or,
    Word(&'a str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) span: Range<usize>,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, FilterError> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let Some(c) = rest.chars().next() else { break };
        let (kind, len) = match c {
            c if c.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '!' if !rest.starts_with("!=") => (Kind::Not, 1),
            _ if rest.starts_with("&&") => (Kind::And, 2),
            _ if rest.starts_with("||") => (Kind::Or, 2),
            c if in_word(c) => {
                let len = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
                let word = &rest[..len];
                (word_kind(word), len)
            }
            '[' | ']' | '<' | '>' | '=' | '&' | '|' | '+' | '*' | '^' | '!' => {
                let message = "comparisons of packet bytes (`tcp[13] & 2 != 0`, `len > 100`) are not part of this subset \
                               of pcap-filter";
                return Err(FilterError::new(at..at + 1, message));
            }
            c => {
                let message = format!("{c:?} does not belong in a filter");
                return Err(FilterError::new(at..at + c.len_utf8(), message));
            }
        };
        all.push(Token { kind, span: at..at + len });
        at += len;
    }
    Ok(all)
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '-' | '_' | '\\' | '%')
}

fn word_kind(word: &str) -> Kind<'_> {
    match word {
        "not" => Kind::Not,
        "and" => Kind::And,
        "or" => Kind::Or,
        w => Kind::Word(w),
    }
}
