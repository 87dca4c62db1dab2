//! Protocol headers: which field lies where, and which header comes next.

mod icmp;
mod link;
mod network;
mod transport;

use super::datatype::{Order, Type};

pub(super) use icmp::{ICMP, ICMP6, IGMP};
pub(super) use link::{ETHER, INET, NETDEV, VLAN};
pub(super) use network::{ARP, IP, IP6};
pub(super) use transport::{AH, ANY_TRANSPORT, COMP, DCCP, ESP, SCTP, TCP, TH, UDP, UDPLITE};

/// The layer that a header belongs to, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// Not on the wire: nft's number for a base that is not set.
    None,
    Link,
    Network,
    Transport,
    Inner,
}

impl Layer {
    /// nft's name for it in raw payload: `@nh,96,32`.
    pub fn token(self) -> &'static str {
        match self {
            Self::None => "invalid",
            Self::Link => "ll",
            Self::Network => "nh",
            Self::Transport => "th",
            Self::Inner => "ih",
        }
    }

    pub fn below(self) -> Self {
        match self {
            Self::None | Self::Link => Self::None,
            Self::Network => Self::Link,
            Self::Transport => Self::Network,
            Self::Inner => Self::Transport,
        }
    }

    pub fn above(self) -> Self {
        match self {
            Self::None => Self::Link,
            Self::Link => Self::Network,
            Self::Network => Self::Transport,
            Self::Transport | Self::Inner => Self::Inner,
        }
    }
}

/// A header.
#[derive(Debug)]
pub(super) struct Header {
    pub name: &'static str,
    /// nft's number for it in user data of sets; 0 where it has none.
    pub id: u32,
    pub layer: Layer,
    /// Which field names the next header; 0 where none does.
    pub key: usize,
    /// Its length in bits, where others follow on the same layer.
    pub bits: u32,
    /// Numbers of the headers that may follow.
    pub upper: &'static [(u32, &'static Header)],
    /// Its fields. The first is a placeholder, because user data count from 1, or stands for a `meta` key that names
    /// the next header.
    pub fields: &'static [Field],
}

/// A field of a header.
#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub ty: Type,
    pub order: Order,
    /// In bits, from the start of the header.
    pub offset: u32,
    /// In bits.
    pub bits: u32,
    /// It is read by `meta`, not from the packet.
    pub meta: bool,
    /// Which ICMP messages have it.
    pub messages: Messages,
}

/// ICMP messages that share a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Messages {
    Any,
    Echo,
    FragmentationNeeded,
    Redirect,
    TooBig6,
    ParameterProblem6,
    Echo6,
    ListenerQuery6,
}

impl Messages {
    /// The ICMP type that stands for them; for echo, the request.
    pub fn icmp_type(self) -> Option<u8> {
        Some(match self {
            Self::Any => return None,
            Self::Echo => icmp::ECHO,
            Self::FragmentationNeeded => icmp::DESTINATION_UNREACHABLE,
            Self::Redirect => icmp::REDIRECT,
            Self::TooBig6 => icmp::TOO_BIG6,
            Self::ParameterProblem6 => icmp::PARAMETER_PROBLEM6,
            Self::Echo6 => icmp::ECHO6,
            Self::ListenerQuery6 => icmp::LISTENER_QUERY6,
        })
    }
}

pub(super) use icmp::{ECHO, ECHO_REPLY, ECHO_REPLY6, ECHO6};

impl Field {
    const fn new(name: &'static str, ty: Type, offset: u32, bits: u32) -> Self {
        Self { name, ty, order: Order::Network, offset, bits, meta: false, messages: Messages::Any }
    }

    const fn number(name: &'static str, offset: u32, bits: u32) -> Self {
        Self::new(name, Type::INTEGER, offset, bits)
    }

    const fn of(self, messages: Messages) -> Self {
        Self { messages, ..self }
    }

    const fn meta(name: &'static str, ty: Type, bits: u32) -> Self {
        Self { meta: true, order: Order::Unknown, ..Self::new(name, ty, 0, bits) }
    }

    /// A placeholder that no load fits.
    pub const NONE: Self = Self { order: Order::Unknown, ..Self::new("unknown", Type::INVALID, 0, 0) };
}

impl Header {
    /// The header that a number in this one announces.
    pub fn next(&self, number: u32) -> Option<&'static Self> {
        self.upper.iter().find(|(n, _)| *n == number).map(|(_, header)| *header)
    }

    /// The number that announces that header.
    pub fn number_of(&self, next: &Self) -> Option<u32> {
        self.upper.iter().find(|(_, header)| std::ptr::eq(*header, next)).map(|(n, _)| *n)
    }

    /// Is it that header?
    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    /// Does that field name the next header?
    pub fn names_next(&self, field: usize) -> bool {
        field == self.key
            || self.is(&IP6) && field == network::IP6_NEXTHDR
            || self.is(&IP) && field == network::IP_PROTOCOL
    }

    /// The header of that number in user data of sets.
    pub fn by_id(id: u32) -> Option<&'static Self> {
        const ALL: [&Header; 17] = [
            &AH, &ESP, &COMP, &ICMP, &IGMP, &UDP, &UDPLITE, &TCP, &DCCP, &SCTP, &TH, &IP, &IP6, &ICMP6, &ARP, &VLAN,
            &ETHER,
        ];
        ALL.into_iter().find(|header| header.id == id)
    }
}

/// Stands for a header that nft does not know, and for raw payload.
pub(super) static UNKNOWN: Header =
    Header { name: "unknown", id: 0, layer: Layer::None, key: 0, bits: 0, upper: &[], fields: &[] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_number() {
        assert!(ETHER.next(0x0800).is_some_and(|h| h.is(&IP)));
        assert!(IP.next(6).is_some_and(|h| h.is(&TCP)));
        assert_eq!(INET.number_of(&IP6), Some(10));
        for id in 1..=17 {
            assert!(Header::by_id(id).is_some_and(|h| h.id == id), "{id}");
        }
        assert!(Header::by_id(0).is_none() && Header::by_id(18).is_none());
    }
}
