//! Words as libxtables strings them together.

use std::fmt;

use crate::ruleset::render::out::Out;

/// The words of one translation.
pub struct Words<'o> {
    out: &'o mut Out,
    begin: usize,
}

impl<'o> Words<'o> {
    pub fn new(out: &'o mut Out) -> Self {
        Self { begin: out.len(), out }
    }

    /// Appends words, after a blank unless there is one, or what they begin with needs none.
    pub fn add(&mut self, words: fmt::Arguments<'_>) {
        let at = self.out.len();
        let blank = self.out.as_bytes().last().is_some_and(u8::is_ascii_whitespace);
        self.out.fmt(words);
        let first = self.out.as_bytes().get(at).copied();
        let wants_blank = first.is_some_and(|b| b.is_ascii_alphanumeric() || b"(){}[]".contains(&b));
        if at > self.begin && !blank && wants_blank {
            let words = self.out.as_bytes().get(at..).map(<[u8]>::to_vec).unwrap_or_default();
            self.out.truncate(at);
            self.out.str(" ");
            self.out.bytes(&words);
        }
    }

    /// Appends words as they are.
    pub fn join(&mut self, words: fmt::Arguments<'_>) {
        self.out.fmt(words);
    }

    /// Appends a string from the kernel as it is.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.bytes(bytes);
    }
}

/// Appends words to [`Words`].
macro_rules! add {
    ($words:expr, $($arg:tt)*) => { $words.add(format_args!($($arg)*)) };
}
pub(super) use add;

/// `!= ` if a condition is inverted.
pub fn not(inverted: bool) -> &'static str {
    if inverted { "!= " } else { "" }
}

/// ` !=` if a condition is inverted.
pub fn but(inverted: bool) -> &'static str {
    if inverted { " !=" } else { "" }
}

/// A number, or a range of two.
pub struct Span<T>(pub T, pub T);

impl<T: PartialEq + fmt::Display> fmt::Display for Span<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { self.0.fmt(f) } else { write!(f, "{}-{}", self.0, self.1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_come_by_themselves() {
        let mut out = Out::new();
        out.str("before ");
        let mut words = Words::new(&mut out);
        add!(words, "tcp sport {}", 1);
        add!(words, "tcp dport {} ", 2);
        add!(words, "{{");
        add!(words, ", 3");
        add!(words, "}}");
        assert_eq!(out.as_bytes(), b"before tcp sport 1 tcp dport 2 {, 3 }");
    }
}
