//! User data: bytes that the kernel stores for user space. nft keeps comments and types in it, as a run of
//! type-length-value triples of one byte, one byte and up to 255 bytes.

use serde::Serialize;

use crate::Text;
use crate::text::Hex;

/// User data as it came. nft's triples are read on demand; anything else stays raw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Userdata(#[serde(serialize_with = "Hex::serialize")] pub Box<[u8]>);

/// `NFTNL_UDATA_*_COMMENT` of tables, chains, rules, elements and objects.
pub const COMMENT: u8 = 0;
/// `NFTNL_UDATA_RULE_EBTABLES_POLICY`: this rule stands for the policy of an ebtables user chain.
pub const RULE_EBTABLES_POLICY: u8 = 1;
/// `NFTNL_UDATA_SET_KEYBYTEORDER`: 1 host, 2 network.
pub const SET_KEYBYTEORDER: u8 = 0;
/// `NFTNL_UDATA_SET_DATABYTEORDER`: 1 host, 2 network.
pub const SET_DATABYTEORDER: u8 = 1;
/// `NFTNL_UDATA_SET_MERGE_ELEMENTS`: `auto-merge`.
pub const SET_MERGE_ELEMENTS: u8 = 2;
/// `NFTNL_UDATA_SET_KEY_TYPEOF`: the expression that the key is `typeof`.
pub const SET_KEY_TYPEOF: u8 = 3;
/// `NFTNL_UDATA_SET_DATA_TYPEOF`: the expression that the data is `typeof`.
pub const SET_DATA_TYPEOF: u8 = 4;
/// `NFTNL_UDATA_SET_EXPR`.
pub const SET_EXPR: u8 = 5;
/// `NFTNL_UDATA_SET_DATA_INTERVAL`: the data are ranges.
pub const SET_DATA_INTERVAL: u8 = 6;
/// `NFTNL_UDATA_SET_COMMENT`.
pub const SET_COMMENT: u8 = 7;
/// `NFTNL_UDATA_SET_ELEM_FLAGS`: 1 = the interval that begins here has no end.
pub const SET_ELEM_FLAGS: u8 = 1;

impl Userdata {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// nft's triples as (type, value), up to the first that does not fit.
    pub fn triples(&self) -> Triples<'_> {
        Triples { rest: &self.0 }
    }

    /// The value of the first triple of that type.
    pub fn get(&self, kind: u8) -> Option<&[u8]> {
        self.triples().find(|t| t.0 == kind).map(|t| t.1)
    }

    /// The value of the first triple of that type as a string.
    pub fn text(&self, kind: u8) -> Option<Text> {
        self.get(kind).map(Text::from_c)
    }

    /// The value of the first triple of that type as a number in host order.
    pub fn u32(&self, kind: u8) -> Option<u32> {
        self.get(kind)?.try_into().ok().map(u32::from_ne_bytes)
    }

    /// User data that holds one comment.
    pub fn of_comment(comment: impl AsRef<[u8]>) -> Self {
        let mut value = comment.as_ref().to_vec();
        value.truncate(usize::from(u8::MAX) - 1);
        value.push(0);
        let mut bytes = vec![COMMENT, value.len() as u8];
        bytes.append(&mut value);
        Self(bytes.into())
    }
}

/// The triples of user data.
#[derive(Debug, Clone)]
pub struct Triples<'a> {
    rest: &'a [u8],
}

impl<'a> Triples<'a> {
    /// The triples nested in a value.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Triples<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [kind, len, rest @ ..] = self.rest else { return None };
        let (value, rest) = rest.split_at_checked(usize::from(*len))?;
        self.rest = rest;
        Some((*kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_read_and_nonsense_is_not() {
        assert_eq!(Userdata::new(*b"\x00\x03hi\0").text(COMMENT), Some("hi".into()));
        assert_eq!(Userdata::of_comment("hi").0.as_ref(), b"\x00\x03hi\0");
        assert_eq!(Userdata::new(*b"\x00\x09hi\0").text(COMMENT), None, "longer than what is there");
        assert_eq!(Userdata::new(*b"\x00").text(COMMENT), None);
    }
}
