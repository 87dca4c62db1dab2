//! Headers behind headers: IPv6 extension headers, IP and TCP options, SCTP chunks.

mod ip;
mod ipv6;
mod sctp;
mod tcp;

use nfblame_sys::nft::expr::ExthdrOp;

use super::datatype::{Order, Type};

pub(super) use ipv6::ROUTING;
use ipv6::{ROUTING_0, ROUTING_2, SEGMENT_ROUTING};

/// An extension header, option or chunk.
#[derive(Debug)]
pub(super) struct Extension {
    pub name: &'static str,
    /// nft's number for an IPv6 extension header in user data of sets; 0 where it has none.
    pub id: u32,
    /// Its number on the wire.
    pub number: u8,
    pub fields: &'static [Field],
}

/// A field of it.
#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub ty: Type,
    /// In bits.
    pub offset: u32,
    /// In bits.
    pub bits: u32,
}

impl Field {
    const fn new(name: &'static str, ty: Type, offset: u32, bits: u32) -> Self {
        Self { name, ty, offset, bits }
    }

    const fn number(name: &'static str, offset: u32, bits: u32) -> Self {
        Self::new(name, Type::INTEGER, offset, bits)
    }

    /// A placeholder that no load fits.
    const NONE: Self = Self::new("", Type::INVALID, 0, 0);
}

impl Extension {
    /// The field of that place and width.
    pub fn field(&self, offset: u32, bits: u32) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.offset == offset && f.bits == bits)
    }

    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    /// The extension of that number on the wire.
    pub fn by_number(op: ExthdrOp, number: u8) -> Option<&'static Self> {
        let all: &[&Self] = match op {
            ExthdrOp::Ipv6 => &ipv6::ALL,
            ExthdrOp::Tcpopt => &tcp::ALL,
            ExthdrOp::Ipv4 => &ip::ALL,
            ExthdrOp::Sctp => &sctp::ALL,
            ExthdrOp::Dccp | ExthdrOp::Unknown(_) => &[],
        };
        all.iter().copied().find(|e| e.number == number)
    }

    /// The IPv6 extension header of that number in user data of sets.
    pub fn by_id(id: u32) -> Option<&'static Self> {
        ipv6::ALL.into_iter().chain([&ROUTING_0, &ROUTING_2, &SEGMENT_ROUTING]).find(|e| e.id == id)
    }

    /// The kinds of a routing header, in the order in which nft looks for a field.
    pub fn routing_kinds() -> [&'static Self; 3] {
        [&SEGMENT_ROUTING, &ROUTING_0, &ROUTING_2]
    }
}

/// The order of every field.
pub(super) const ORDER: Order = Order::Network;
