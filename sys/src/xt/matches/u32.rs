//! `-m u32` (include/uapi/linux/netfilter/xt_u32.h).

use serde::{Serialize, Serializer};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::xt::wire::read;

/// Four bytes of the packet, shifted and masked, in ranges (`struct xt_u32`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct U32<'a> {
    /// All of these must hold.
    pub tests: U32Tests<'a>,
    /// The condition is inverted.
    pub invert: bool,
}

/// The tests of a [`U32`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct U32Tests<'a>(&'a [u8]);

/// One test (`struct xt_u32_test`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct U32Test<'a>(&'a [u8]);

/// A step on the way to the value (`struct xt_u32_location_element`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct U32Step {
    /// Its operand; of the first step where the four bytes are, from the network header.
    pub number: u32,
    /// `XT_U32_*`: what it does; without a meaning in the first step.
    pub op: u8,
}

impl U32Step {
    /// `XT_U32_AND`
    pub const AND: u8 = 0;
    /// `XT_U32_LEFTSH`
    pub const LEFT: u8 = 1;
    /// `XT_U32_RIGHTSH`
    pub const RIGHT: u8 = 2;
    /// `XT_U32_AT`: four bytes from the place that the value says, plus the operand, counted from where they were.
    pub const AT: u8 = 3;
}

/// Steps, or ranges, of a test.
const MOST: usize = 11;
/// The size of a step, and of a range.
const PART: usize = 8;
const VALUES: usize = MOST * PART;
const COUNTS: usize = 2 * MOST * PART;
/// `sizeof(struct xt_u32_test)`
const TEST: usize = COUNTS + 4;

impl<'a> U32Tests<'a> {
    /// The tests in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = U32Test<'a>> + use<'a> {
        self.0.chunks_exact(TEST).map(U32Test)
    }
}

impl<'a> U32Test<'a> {
    /// The way to the value.
    pub fn steps(&self) -> impl Iterator<Item = U32Step> + use<'a> {
        self.parts(0, COUNTS).filter_map(read)
    }

    /// The ranges that it may be in, both ends included.
    pub fn ranges(&self) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        self.parts(VALUES, COUNTS + 1).filter_map(|part| read::<[u32; 2]>(part).map(Into::into))
    }

    fn parts(&self, at: usize, count_at: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let count = self.0.get(count_at).map_or(0, |&n| usize::from(n).min(MOST));
        self.0.get(at..at + count * PART).unwrap_or_default().chunks_exact(PART)
    }
}

impl Serialize for U32Tests<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl Serialize for U32Test<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            steps: Vec<U32Step>,
            ranges: Vec<(u32, u32)>,
        }
        Shown { steps: self.steps().collect(), ranges: self.ranges().collect() }.serialize(s)
    }
}

impl<'a> U32<'a> {
    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        if revision != 0 {
            return None;
        }
        let [count, invert]: [u8; 2] = read(data.get(MOST * TEST..)?)?;
        let tests = data.get(..usize::from(count).min(MOST) * TEST)?;
        Some(Self { tests: U32Tests(tests), invert: invert != 0 })
    }
}
