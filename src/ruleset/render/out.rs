//! The bytes of a line under construction.

use std::fmt;
use std::net::IpAddr;

use nfblame_sys::Text;

use super::address::Address;

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

    /// An empty line with room for that many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), incomplete: false }
    }

    /// Appends text as it is.
    pub fn str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends formatted text; `put!` is shorter.
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

    /// Appends an address as `inet_ntop(3)` of glibc writes it, faster than [`Address`] would.
    pub fn address(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(a) => {
                for (n, byte) in a.octets().into_iter().enumerate() {
                    if n > 0 {
                        self.bytes.push(b'.');
                    }
                    self.dec(byte.into());
                }
            }
            // With an IPv4 address inside, perhaps.
            IpAddr::V6(a) if a.segments().starts_with(&[0; 5]) => self.fmt(format_args!("{}", Address(addr))),
            IpAddr::V6(a) => self.segments(a.segments()),
        }
    }

    /// An IPv6 address: the first of the longest runs of zeros is left out.
    fn segments(&mut self, all: [u16; 8]) {
        let run = |at: usize| all.iter().skip(at).take_while(|s| **s == 0).count();
        // Of several that are as long, the last that is looked at is taken.
        let (zeros, start) = (0..8).rev().map(|at| (run(at), at)).max_by_key(|(zeros, _)| *zeros).unwrap_or_default();
        for (n, segment) in all.into_iter().enumerate() {
            if zeros > 1 && (start..start + zeros).contains(&n) {
                if n == start {
                    self.str("::");
                }
                continue;
            }
            if n > 0 && !(zeros > 1 && n == start + zeros) {
                self.bytes.push(b':');
            }
            self.hex(segment);
        }
    }

    /// A number in hexadecimal, without leading zeros.
    fn hex(&mut self, number: u16) {
        let digit = |shift: u32| b"0123456789abcdef"[usize::from(number >> shift & 0xf)];
        for shift in [12, 8, 4] {
            if number >> shift != 0 {
                self.bytes.push(digit(shift));
            }
        }
        self.bytes.push(digit(0));
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
    fn addresses_are_what_they_are_when_formatted() {
        // Each of the eight parts nothing, small or large.
        let part = |n: u32, at: u32| [0u16, 0xa, 0x102f, 0x30][(n >> (2 * at) & 3) as usize];
        for n in (0..1 << 16).chain([u32::MAX]) {
            let addr = IpAddr::from(std::array::from_fn::<u16, 8, _>(|at| part(n, at as u32)));
            let mut out = Out::new();
            out.address(addr);
            assert_eq!(out.as_bytes(), Address(addr).to_string().as_bytes());
        }
        let mut out = Out::new();
        out.address([10, 0, 255, 7].into());
        assert_eq!(out.as_bytes(), b"10.0.255.7");
    }

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
