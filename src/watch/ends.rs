//! What a packet is recognised by where it is seen again.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::evaluate::headers::{Headers, Network};

/// What a packet is known by, once with each end: translation on its way changes one of them at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    source: u64,
    destination: u64,
}

impl Ends {
    /// Of an IP packet, from its network header on.
    pub fn of_ip(bytes: &[u8]) -> Option<Self> {
        match bytes.first().map(|b| b >> 4) {
            Some(4) => Self::of(Network::Ip4, bytes),
            Some(6) => Self::of(Network::Ip6, bytes),
            _ => None,
        }
    }

    pub fn of(network: Network, bytes: &[u8]) -> Option<Self> {
        let h = Headers::parse(network, bytes);
        let (id, source, destination) = match network {
            Network::Ip4 => (bytes.get(4..8)?, bytes.get(12..16)?, bytes.get(16..20)?),
            Network::Ip6 => (bytes.get(1..4)?, bytes.get(8..24)?, bytes.get(24..40)?),
            _ => return None,
        };
        let transport = h.transport.filter(|_| h.first_fragment()).and_then(|at| bytes.get(at..)).unwrap_or(&[]);
        // Not the checksums, which translation and the devices change, nor the TTL.
        let fixed: [Option<&[u8]>; 2] = match h.protocol {
            Some(6) => [transport.get(4..14), None],
            Some(1 | 58) => [transport.get(..2), transport.get(4..8)],
            _ => [None, None],
        };
        let ports = matches!(h.protocol, Some(6 | 17 | 33 | 132 | 136));
        let port = |at: usize| transport.get(at..at + 2).filter(|_| ports);
        let hash = |address: &[u8], port: Option<&[u8]>| {
            let mut hasher = FxHasher::default();
            (h.protocol, h.total_length, h.fragment_offset, id, fixed, address, port).hash(&mut hasher);
            hasher.finish()
        };
        Some(Self { source: hash(source, port(0)), destination: hash(destination, port(2)) })
    }

    pub fn is_same(&self, other: &Self) -> bool {
        self.source == other.source || self.destination == other.destination
    }
}
