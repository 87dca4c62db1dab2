//! What expressions load into registers, and what it is called as a property of packets.

use crate::analysis::axis::What;
use crate::sys::nft::Family;
use crate::sys::nft::expr::{Bitwise, BitwiseOp, Ct, CtKey, Meta, MetaKey, PayloadBase};

use super::Reader;

/// What is in a register.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// Bytes of the packet, from one place on.
    Payload { base: PayloadBase, offset: u32, len: u32, mask: Option<Vec<u8>> },
    /// Something with a name, of so many bytes; `host`: in host byte order.
    Named { what: What, len: usize, host: bool, mask: Option<Vec<u8>> },
    /// Something that is not the same for the same packet, or not known.
    Unknown,
}

/// A property as it is compared.
pub(super) struct Field {
    pub(super) what: What,
    /// How many bytes are compared.
    pub(super) len: usize,
    /// How many it has.
    pub(super) width: usize,
    /// In host byte order?
    pub(super) host: bool,
    pub(super) mask: Option<Vec<u8>>,
}

impl Reader<'_> {
    pub(super) fn meta(&self, m: &Meta) -> Loaded {
        let (what, len, host) = match m.key {
            MetaKey::Nfproto if self.table.def.family == Family::Inet => (What::Family, 1, false),
            MetaKey::L4proto => (What::Protocol, 1, false),
            MetaKey::Iifname => (What::Input, 16, false),
            MetaKey::Oifname => (What::Output, 16, false),
            MetaKey::Mark => (What::Mark, 4, true),
            MetaKey::Nfproto | MetaKey::Pkttype => (What::Meta(m.key, 1), 1, false),
            MetaKey::Protocol | MetaKey::Iiftype | MetaKey::Oiftype => {
                (What::Meta(m.key, 2), 2, m.key != MetaKey::Protocol)
            }
            MetaKey::Length
            | MetaKey::Priority
            | MetaKey::Iif
            | MetaKey::Oif
            | MetaKey::Skuid
            | MetaKey::Skgid
            | MetaKey::Iifgroup
            | MetaKey::Oifgroup
            | MetaKey::Cgroup
            | MetaKey::Rtclassid => (What::Meta(m.key, 4), 4, true),
            MetaKey::BriIifname | MetaKey::BriOifname | MetaKey::Iifkind | MetaKey::Oifkind | MetaKey::Sdifname => {
                (What::Meta(m.key, 16), 16, false)
            }
            _ => return Loaded::Unknown,
        };
        Loaded::Named { what, len, host, mask: None }
    }

    pub(super) fn bitwise(&self, b: &Bitwise) -> Loaded {
        let BitwiseOp::MaskXor { mask: with, xor } = &b.op else { return Loaded::Unknown };
        if xor.iter().any(|b| *b != 0) {
            return Loaded::Unknown;
        }
        let with = with.as_bytes().to_vec();
        match self.loaded(b.sreg) {
            Some(Loaded::Payload { base, offset, len, mask: None }) => {
                Loaded::Payload { base, offset, len, mask: Some(with) }
            }
            Some(Loaded::Named { what, len, host, mask: None }) => Loaded::Named { what, len, host, mask: Some(with) },
            _ => Loaded::Unknown,
        }
    }

    /// The axis of a payload, and what is to be known of the values on it.
    fn place(&self, base: PayloadBase, offset: u32, len: u32) -> Option<(What, u32)> {
        let icmp = matches!(self.protocol, Some(1 | 58));
        Some(match (base, offset, self.v6) {
            (PayloadBase::Network, 12, Some(false)) if len <= 4 => (What::Source4, 4),
            (PayloadBase::Network, 16, Some(false)) if len <= 4 => (What::Destination4, 4),
            (PayloadBase::Network, 9, Some(false)) if len == 1 => (What::Protocol, 1),
            (PayloadBase::Network, 8, Some(true)) if len <= 16 => (What::Source6, 16),
            (PayloadBase::Network, 24, Some(true)) if len <= 16 => (What::Destination6, 16),
            (PayloadBase::Transport, 0, _) if len == 1 && icmp => (What::IcmpType, 1),
            (PayloadBase::Transport, 1, _) if len == 1 && icmp => (What::IcmpCode, 1),
            (PayloadBase::Transport, 0, _) if len == 2 && !icmp => (What::SourcePort, 2),
            (PayloadBase::Transport, 2, _) if len == 2 && !icmp => (What::DestinationPort, 2),
            (PayloadBase::Transport, 13, _) if len == 1 => (What::TcpFlags, 1),
            _ => return None,
        })
    }

    /// A load of several fields in one, which nft makes of neighbours: their lengths.
    pub(super) fn fields(&self, base: PayloadBase, offset: u32, len: u32) -> Option<Vec<u32>> {
        let icmp = matches!(self.protocol, Some(1 | 58));
        let widths: &[u32] = match (base, offset, self.v6) {
            (PayloadBase::Network, 12, Some(false)) if len > 4 => &[4, 4],
            (PayloadBase::Network, 8, Some(true)) if len > 16 => &[16, 16],
            (PayloadBase::Transport, 0, _) if icmp && len == 2 => &[1, 1],
            (PayloadBase::Transport, 0, _) if !icmp && len == 4 => &[2, 2],
            _ => return None,
        };
        let (mut left, mut all) = (len, Vec::new());
        for w in widths {
            let part = left.min(*w);
            if part > 0 {
                all.push(part);
            }
            left -= part;
        }
        (left == 0).then_some(all)
    }

    /// What is in a register, as it is compared.
    pub(super) fn axis(&self, loaded: &Loaded, compared: usize) -> Option<Field> {
        Some(match loaded {
            Loaded::Payload { base, offset, len, mask } => {
                let (what, width) = match self.place(*base, *offset, *len) {
                    Some(place) => place,
                    None if *len <= 16 => (What::Payload(*base, *offset, *len), *len),
                    None => return None,
                };
                Field { what, len: *len as usize, width: width as usize, host: false, mask: mask.clone() }
            }
            Loaded::Named { what: What::Other(name, 0), mask, .. } => {
                let len = u8::try_from(compared).ok().filter(|n| (1..=16).contains(n))?;
                let what = What::Other(name.clone(), len);
                Field { what, len: compared, width: compared, host: false, mask: mask.clone() }
            }
            Loaded::Named { what, len, host, mask } => {
                // An interface by the beginning of its name.
                let short = matches!(what, What::Input | What::Output | What::Meta(_, 16)) && compared < *len;
                let cut = if short { compared } else { *len };
                Field { what: what.clone(), len: cut, width: *len, host: *host, mask: mask.clone() }
            }
            Loaded::Unknown => return None,
        })
    }
}

pub(super) fn ct(c: &Ct) -> Loaded {
    let (what, len) = match c.key {
        CtKey::State => (What::State, 4),
        CtKey::Mark => (What::CtMark, 4),
        CtKey::Direction | CtKey::L3protocol | CtKey::Protocol => (What::Ct(c.key, c.direction, 1), 1),
        CtKey::Status => (What::Ct(c.key, c.direction, 4), 4),
        CtKey::ProtoSrc | CtKey::ProtoDst => (What::Ct(c.key, c.direction, 2), 2),
        CtKey::SrcIp | CtKey::DstIp => (What::Ct(c.key, c.direction, 4), 4),
        CtKey::SrcIp6 | CtKey::DstIp6 | CtKey::Helper => (What::Ct(c.key, c.direction, 16), 16),
        CtKey::Zone => (What::Ct(c.key, c.direction, 2), 2),
        _ => return Loaded::Unknown,
    };
    let host = matches!(c.key, CtKey::State | CtKey::Mark | CtKey::Status | CtKey::Zone);
    Loaded::Named { what, len, host, mask: None }
}

/// How many registers of four bytes it takes; where that is not known, one.
pub(super) fn words(loaded: &Loaded) -> usize {
    let len = match loaded {
        Loaded::Payload { len, .. } => *len as usize,
        Loaded::Named { len, .. } => *len,
        Loaded::Unknown => 16,
    };
    len.div_ceil(4).max(1)
}
