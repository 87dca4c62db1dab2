//! The properties of packets that rules look at.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::ranges::Ranges;
use super::region::Region;
use crate::sys::nft::expr::{CtDirection, CtKey, MetaKey, PayloadBase};

/// A property of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// IPv4 (0) or IPv6 (1), in a table that sees both.
    Family,
    /// IPv4 source address.
    Source4,
    /// IPv4 destination address.
    Destination4,
    /// IPv6 source address.
    Source6,
    /// IPv6 destination address.
    Destination6,
    /// Transport protocol.
    Protocol,
    /// Source port.
    SourcePort,
    /// Destination port.
    DestinationPort,
    /// Type of an ICMP or ICMPv6 message.
    IcmpType,
    /// Its code.
    IcmpCode,
    /// The byte of TCP flags.
    TcpFlags,
    /// Name of the interface of arrival, padded with zeros, as a number.
    Input,
    /// Name of the interface of departure.
    Output,
    /// Conntrack's state: 0 invalid, 1 established, 2 related, 3 new, 4 untracked.
    State,
    /// The packet mark.
    Mark,
    /// The connection's mark.
    CtMark,
    /// Something else that nft's meta tells.
    Meta(MetaKey, u8),
    /// Something else that nft's ct tells.
    Ct(CtKey, Option<CtDirection>, u8),
    /// Bytes of the packet that have no name here: base, offset, length.
    Payload(PayloadBase, u32, u32),
    /// Anything that is the same for the same packet, by its description: 1 where a match holds, or a value of that many bytes.
    Other(String, u8),
    /// Another property under a mask.
    Masked(Box<What>, u128),
}

impl What {
    /// The highest value, where the property of a packet may also be absent: one more than the highest real one. `cut`: may
    /// even an address be missing?
    fn max(&self, cut: bool) -> u128 {
        let bytes = |n: u8| if n >= 16 { u128::MAX } else { 1u128 << (8 * u32::from(n)) };
        match self {
            Self::Family => 1,
            Self::State => 4,
            Self::Source4 | Self::Destination4 => bytes(4) - u128::from(!cut),
            Self::Source6 | Self::Destination6 | Self::Input | Self::Output => u128::MAX,
            Self::Protocol | Self::IcmpType | Self::IcmpCode | Self::TcpFlags => bytes(1),
            Self::SourcePort | Self::DestinationPort => bytes(2),
            Self::Mark => u128::from(u32::MAX),
            Self::CtMark => bytes(4),
            Self::Meta(_, n) | Self::Ct(_, _, n) => bytes(*n),
            Self::Payload(_, _, n) => bytes(u8::try_from(*n).unwrap_or(16)),
            Self::Other(_, 0) => 1,
            Self::Other(_, n) => bytes(*n),
            Self::Masked(of, _) => of.max(cut),
        }
    }

    /// What kinds of change make it another value.
    fn changed_by(&self) -> Changes {
        match self {
            Self::Family | Self::Input | Self::Output | Self::Protocol => Changes::default(),
            Self::Mark | Self::CtMark | Self::Ct(..) | Self::State => Changes { marks: true, ..Changes::default() },
            Self::Meta(..) => Changes { marks: true, packet: true, sets: false },
            Self::Other(..) => Changes { marks: true, packet: true, sets: true },
            Self::Masked(of, _) => of.changed_by(),
            _ => Changes { packet: true, ..Changes::default() },
        }
    }
}

/// Kinds of things that rules change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Marks, and what conntrack says.
    pub marks: bool,
    /// The packet.
    pub packet: bool,
    /// Sets.
    pub sets: bool,
}

impl Changes {
    /// Who knows.
    pub const ALL: Self = Self { marks: true, packet: true, sets: true };

    /// Both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { marks: self.marks || other.marks, packet: self.packet || other.packet, sets: self.sets || other.sets }
    }
}

/// A property at one point of a chain: what a rule changes is another axis behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Axis {
    what: What,
    version: [u32; 3],
}

/// The axes of a chain, numbered.
#[derive(Debug, Default)]
pub struct Axes {
    ids: FxHashMap<Axis, u32>,
    max: Vec<u128>,
    whats: Vec<What>,
    version: [u32; 3],
    /// Does the chain see packets whose headers nobody has looked at yet?
    cut: bool,
}

impl Axes {
    /// The chain sees frames, what is in them may end anywhere.
    pub fn of_frames(&mut self) {
        self.cut = true;
    }

    /// The number of a property, as it is where the rules of the chain have been read to.
    pub fn id(&mut self, what: What) -> u32 {
        let by = what.changed_by();
        let of = |i: usize, counts: bool| if counts { self.version.get(i).copied().unwrap_or(0) } else { 0 };
        let version = [of(0, by.marks), of(1, by.packet), of(2, by.sets)];
        let next = self.max.len() as u32;
        match self.ids.entry(Axis { what, version }) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.max.push(new.key().what.max(self.cut));
                self.whats.push(new.key().what.clone());
                *new.insert(next)
            }
        }
    }

    /// From here on these are others.
    pub fn change(&mut self, c: Changes) {
        for (v, counts) in self.version.iter_mut().zip([c.marks, c.packet, c.sets]) {
            *v += u32::from(counts);
        }
    }

    /// The property that an axis is.
    pub fn what(&self, id: u32) -> Option<&What> {
        self.whats.get(id as usize)
    }

    /// The highest value of an axis.
    pub fn max(&self, id: u32) -> u128 {
        self.max.get(id as usize).copied().unwrap_or(u128::MAX)
    }

    /// The highest value that a property has where it is not absent.
    pub fn top(&self, what: &What) -> u128 {
        match what {
            What::Family => 1,
            What::State => 4,
            What::Other(_, 0) => 1,
            What::Mark | What::Source4 | What::Destination4 => u128::from(u32::MAX),
            What::Masked(of, _) => self.top(of),
            w => match w.max(self.cut) {
                u128::MAX => u128::MAX,
                max => max - 1,
            },
        }
    }

    /// What a box asks of a property, wherever in the chain. None: nothing.
    pub fn asked<'r>(&self, region: &'r Region, what: &What) -> Option<&'r Ranges> {
        region.iter().find(|(axis, _)| self.what(*axis) == Some(what)).map(|(_, ranges)| ranges)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.max.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.max.is_empty()
    }
}
