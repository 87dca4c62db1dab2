//! The attribute codec: `struct nlattr` (include/uapi/linux/netlink.h), borrowed from the receive buffer.

use byteorder::ByteOrder;

use crate::Text;
use crate::error::Malformed;

/// The size of `struct nlattr`.
pub const HEADER: usize = 4;
/// `NLA_F_NESTED`.
pub const NESTED: u16 = 1 << 15;
/// `NLA_F_NET_BYTEORDER`.
pub const NET_BYTEORDER: u16 = 1 << 14;
/// `NLA_TYPE_MASK`.
pub const TYPE_MASK: u16 = !(NESTED | NET_BYTEORDER);

/// `NLA_ALIGN`: rounds up to four bytes.
pub const fn align(len: usize) -> usize {
    (len + 3) & !3
}

/// One attribute, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr<'a> {
    raw_kind: u16,
    payload: &'a [u8],
}

impl<'a> Attr<'a> {
    /// The type without the flag bits.
    #[inline]
    pub fn kind(&self) -> u16 {
        self.raw_kind & TYPE_MASK
    }

    /// The type with `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
    pub fn raw_kind(&self) -> u16 {
        self.raw_kind
    }

    /// The payload without padding.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.payload
    }

    /// The payload as nested attributes (the flag bit is not required: nfnetlink often leaves it out).
    #[inline]
    pub fn nested(&self) -> Attrs<'a> {
        Attrs::new(self.payload)
    }

    /// The payload as one byte.
    #[inline]
    pub fn u8(&self) -> Result<u8, Malformed> {
        self.payload.first().copied().ok_or(Malformed::Short { want: 1, have: 0 })
    }

    /// The payload as a 16-bit number. The call site names the byte order, since netlink mixes them.
    #[inline]
    pub fn u16<E: ByteOrder>(&self) -> Result<u16, Malformed> {
        self.first(2).map(E::read_u16)
    }

    /// The payload as a 32-bit number.
    #[inline]
    pub fn u32<E: ByteOrder>(&self) -> Result<u32, Malformed> {
        self.first(4).map(E::read_u32)
    }

    /// The payload as a 64-bit number.
    #[inline]
    pub fn u64<E: ByteOrder>(&self) -> Result<u64, Malformed> {
        self.first(8).map(E::read_u64)
    }

    /// The payload up to the first NUL.
    #[inline]
    pub fn c_str(&self) -> &'a [u8] {
        let end = self.payload.iter().position(|&b| b == 0).unwrap_or(self.payload.len());
        &self.payload[..end]
    }

    /// The payload up to the first NUL, owned.
    pub fn text(&self) -> Text {
        Text::new(self.c_str())
    }

    #[inline]
    fn first(&self, want: usize) -> Result<&'a [u8], Malformed> {
        self.payload.get(..want).ok_or(Malformed::Short { want, have: self.payload.len() })
    }
}

/// A run of attributes, iterated without copying. A broken length ends the run with one error.
#[derive(Debug, Clone, Copy)]
pub struct Attrs<'a> {
    rest: &'a [u8],
}

impl<'a> Attrs<'a> {
    /// Attributes that fill `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of that type; malformed ones before it count as its absence.
    pub fn find(self, kind: u16) -> Option<Attr<'a>> {
        self.into_iter().map_while(Result::ok).find(|a| a.kind() == kind)
    }

    /// The bytes not read yet.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Result<Attr<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Up to three bytes may be left over as padding.
        let Some(header) = self.rest.first_chunk::<HEADER>() else {
            self.rest = &[];
            return None;
        };
        let claimed = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let raw_kind = u16::from_ne_bytes([header[2], header[3]]);
        if claimed < HEADER || claimed > self.rest.len() {
            let available = self.rest.len();
            self.rest = &[];
            return Some(Err(Malformed::Length { claimed, available }));
        }
        let payload = &self.rest[HEADER..claimed];
        self.rest = self.rest.get(align(claimed)..).unwrap_or(&[]);
        Some(Ok(Attr { raw_kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use byteorder::{BE, NativeEndian};

    #[test]
    fn attributes_are_read_in_order_with_padding() -> Result<(), Malformed> {
        let bytes = [5, 0, 1, 0, 0xaa, 0, 0, 0, 8, 0, 2, 0x80, 0, 0, 1, 2];
        let attrs: Vec<_> = Attrs::new(&bytes).collect::<Result<_, _>>()?;
        assert_eq!(attrs.len(), 2);
        assert_eq!((attrs[0].kind(), attrs[0].u8()?), (1, 0xaa));
        assert_eq!((attrs[1].kind(), attrs[1].u32::<BE>()?), (2, 0x102));
        assert_eq!(attrs[0].u32::<NativeEndian>(), Err(Malformed::Short { want: 4, have: 1 }));
        Ok(())
    }

    #[test]
    fn a_broken_length_is_one_error_and_the_end() {
        for bytes in [[3u8, 0, 1, 0], [0, 0, 1, 0], [200, 0, 1, 0]] {
            let mut attrs = Attrs::new(&bytes);
            assert!(matches!(attrs.next(), Some(Err(Malformed::Length { .. }))));
            assert!(attrs.next().is_none());
        }
    }
}
