//! What a line needs to know beyond its own bytes.

use std::net::Ipv4Addr;

use nfblame_sys::Text;
use nfblame_sys::xt::Family;

/// Names that are not in the ruleset itself.
pub trait Names {
    /// The ipset of that index; `None` if it cannot be told.
    fn set(&self, _index: u16) -> Option<Text> {
        None
    }

    /// The name of a protocol that the tools do not know by themselves (`/etc/protocols`).
    fn protocol(&self, _number: u8) -> Option<String> {
        None
    }
}

/// Knows no names: numbers stay numbers.
impl Names for () {}

/// Where a match or target stands.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The table's family: names and payloads differ between them.
    pub family: Family,
    /// Names from elsewhere.
    pub names: &'a dyn Names,
}

impl<'a> Context<'a> {
    /// A rule of that family.
    pub fn new(family: Family, names: &'a dyn Names) -> Self {
        Self { family, names }
    }
}

/// The length of a prefix that a mask is, if it is one.
pub fn prefix_length(mask: Ipv4Addr) -> Option<u32> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros().min(32) == 32 || bits == u32::MAX).then(|| bits.leading_ones())
}
