//! The bytes of a line under construction.

use std::fmt;

use nfblame_sys::Text;

/// Text as the tool itself would write it: raw bytes, so that it can be read back. Escaping for a terminal or for
/// JSON is left to [`Text`], which it becomes.
#[derive(Debug, Clone, Default)]
pub struct Out {
    bytes: Vec<u8>,
    incomplete: bool,
}

impl Out {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends text as it is.
    pub fn str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends formatted text; [`put!`](super::put) is shorter.
    pub fn fmt(&mut self, args: fmt::Arguments<'_>) {
        // Writing into a vector cannot fail, and no Display used here does.
        let _ = fmt::Write::write_fmt(self, args);
    }

    /// Appends a number, faster than formatting would.
    pub fn dec(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            at -= 1;
            if rest == 0 {
                break;
            }
        }
        self.bytes(digits.get(at..).unwrap_or_default());
    }

    /// How many bytes there are so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets everything behind the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Appends ` !` if a condition is inverted.
    pub fn not(&mut self, inverted: bool) {
        if inverted {
            self.str(" !");
        }
    }

    /// Appends a blank and a string, quoted where the tools' parsers need it (`xtables_save_string`).
    pub fn string(&mut self, value: &[u8]) {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        self.bytes.push(b' ');
        if !value.is_empty() && value.iter().all(plain) {
            self.bytes(value);
            return;
        }
        self.bytes.push(b'"');
        for &b in value {
            if matches!(b, b'"' | b'\\' | b'\'') {
                self.bytes.push(b'\\');
            }
            self.bytes.push(b);
        }
        self.bytes.push(b'"');
    }

    /// Appends what has no words of its own, in brackets, and remembers that the line is not whole.
    pub fn unknown(&mut self, args: fmt::Arguments<'_>) {
        self.str(" [");
        self.fmt(args);
        self.str("]");
        self.incomplete = true;
    }

    /// Was everything said in the tool's own words?
    pub fn is_complete(&self) -> bool {
        !self.incomplete
    }

    /// Remembers that something could not be said in the tool's own words.
    pub fn set_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes so far, to keep.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The line, to show or keep.
    pub fn into_text(self) -> Text {
        Text::new(self.bytes)
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.str(s);
        Ok(())
    }
}

/// Appends formatted text to an [`Out`].
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { $out.fmt(format_args!($($arg)*)) };
}
pub(crate) use put;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        let mut out = Out::new();
        for n in [0, 7, 10, u64::MAX] {
            out.dec(n);
            out.str(" ");
        }
        assert_eq!(out.as_bytes(), format!("0 7 10 {} ", u64::MAX).as_bytes());
    }

    #[test]
    fn strings_are_quoted_as_the_tools_quote_them() {
        let quoted = |s: &str| {
            let mut out = Out::new();
            out.string(s.as_bytes());
            out.into_text().as_bytes().to_vec()
        };
        assert_eq!(quoted("plain_text-1"), b" plain_text-1");
        assert_eq!(quoted(""), b" \"\"");
        assert_eq!(quoted("it's \"so\" \\"), b" \"it\\'s \\\"so\\\" \\\\\"");
        assert_eq!(quoted("\x1b[2J"), b" \"\x1b[2J\"");
    }
}
