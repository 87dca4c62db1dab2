//! Byte strings from the kernel, which may hold anything.

use std::borrow::Borrow;
use std::fmt;

use serde::{Serialize, Serializer};
use smallvec::SmallVec;

/// A string as the kernel holds it: interface and table names, comments, log prefixes.
///
/// The kernel allows any byte but NUL in them, so they are hostile: control characters, escape sequences and
/// invalid UTF-8 included. [`Display`](fmt::Display), `Debug` and serialisation escape what a terminal or a
/// JSON reader must not see (`\x1b`, `\n`, `\xff`, bidirectional controls); [`as_bytes`](Self::as_bytes) is the raw truth.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(SmallVec<[u8; 16]>);

impl Text {
    /// Takes the bytes as they are; they should not contain NUL.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(SmallVec::from_slice(bytes.as_ref()))
    }

    /// Takes the bytes up to the first NUL (all of them if there is none), as in a fixed-size C array.
    pub fn from_c(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Self(SmallVec::from_slice(&bytes[..end]))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The raw bytes if they are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Harmless, with backslashes as they are: see [`defang_to`].
    pub fn defanged(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        // Writing into a string cannot fail.
        let _ = defang_to(&self.0, &mut out);
        out
    }

    /// Is it the empty string?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A borrowed [`Text`]: bytes still in the buffer they were received in, escaped wherever they are displayed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextRef<'a>(&'a [u8]);

impl<'a> TextRef<'a> {
    /// Takes the bytes as they are.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the bytes up to the first NUL (all of them if there is none), as in a fixed-size C array.
    pub fn from_c(bytes: &'a [u8]) -> Self {
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Self(bytes.get(..end).unwrap_or(bytes))
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Is it the empty string?
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An owned copy.
    pub fn to_text(&self) -> Text {
        Text::new(self.0)
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_to(self.0, f)
    }
}

impl fmt::Debug for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for TextRef<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl PartialEq<str> for TextRef<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for TextRef<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// Writes `bytes` so that no terminal, log or JSON reader can be fooled by them: printable characters as they are,
/// a backslash doubled, everything else as `\n`, `\t`, `\xNN` or `\u{…}`.
pub fn escape_to(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    write_escaped(bytes, "\\\\", f)
}

/// The same, but a backslash stays single: in the words of tools, whose quoting uses it, and in what other formats quote.
pub fn defang_to(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    write_escaped(bytes, "\\", f)
}

fn write_escaped(bytes: &[u8], backslash: &str, f: &mut dyn fmt::Write) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\\' => f.write_str(backslash)?,
                c if (c as u32) < 0x20 || c as u32 == 0x7f => write!(f, "\\x{:02x}", c as u32)?,
                c if is_deceptive(c) => write!(f, "\\u{{{:x}}}", c as u32)?,
                c => f.write_char(c)?,
            }
        }
        for b in chunk.invalid() {
            write!(f, "\\x{b:02x}")?;
        }
    }
    Ok(())
}

/// C1 controls, line separators, zero-width and bidirectional characters: invisible, or able to reorder a line.
fn is_deceptive(c: char) -> bool {
    matches!(c as u32, 0x80..=0x9f | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

/// Bytes that escape themselves when displayed.
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_to(self.0, f)
    }
}

/// Bytes that display as lower-case hexadecimal.
pub struct Hex<'a>(pub &'a [u8]);

impl Hex<'_> {
    /// Serialises bytes as hexadecimal, for `#[serde(serialize_with = "Hex::serialize")]`.
    pub fn serialize<S: Serializer>(bytes: &impl AsRef<[u8]>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&Hex(bytes.as_ref()))
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut buf = [0; 64];
        for chunk in self.0.chunks(buf.len() / 2) {
            for (to, byte) in buf.chunks_exact_mut(2).zip(chunk) {
                to.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]]);
            }
            f.write_str(std::str::from_utf8(&buf[..2 * chunk.len()]).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_to(&self.0, f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl From<&str> for Text {
    fn from(s: &str) -> Self {
        Self::new(s)
    }
}

impl From<String> for Text {
    fn from(s: String) -> Self {
        Self::new(s)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0.as_slice() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0.as_slice() == other.as_bytes()
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_escapes_what_a_terminal_would_obey() {
        let hostile = Text::new(b"a\x1b[2J\nb\xff\\\xe2\x80\xaec\xc2\x9b");
        assert_eq!(hostile.to_string(), "a\\x1b[2J\\nb\\xff\\\\\\u{202e}c\\u{9b}");
        assert_eq!(Text::new("naïve").to_string(), "naïve");
    }

    #[test]
    fn hexadecimal_has_two_digits_a_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        let expected: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(Hex(&bytes).to_string(), expected);
        assert_eq!(Hex(&[]).to_string(), "");
    }

    #[test]
    fn from_c_stops_at_the_first_nul() {
        assert_eq!(Text::from_c(b"eth0\0junk"), "eth0");
        assert_eq!(Text::from_c(b"full"), "full");
    }
}
