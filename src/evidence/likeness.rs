//! Which logged packets are so much alike that under pressure one of them may stand for all.

use smallvec::SmallVec;

use super::packet::network;
use crate::evaluate::bytes::Looked;
use crate::evaluate::headers::{Headers, Network};
use crate::sys::nflog::Packet;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What packets have in common that count as alike.
pub type Key = SmallVec<[u8; 160]>;

/// The bytes that are the same in all packets of one key: the network header without what numbers or sums up a packet, ports
/// or ICMP type, and the flags of TCP. Where the headers are unusual, it is the whole packet.
pub fn compared(network: Network, bytes: &[u8]) -> Looked {
    let h = Headers::parse(network, bytes);
    let (header, transport) = match (network, h.transport) {
        (Network::Ip4, Some(20)) => (Looked::NONE.with(0, 4).with(6, 4).with(12, 8), 20),
        (Network::Ip6, Some(40)) => (Looked::NONE.with(0, 40), 40),
        _ => return Looked::ALL,
    };
    match h.protocol {
        _ if !h.first_fragment() => Looked::ALL,
        Some(TCP) => header.with(transport, 4).with(transport + 12, 2),
        Some(UDP) => header.with(transport, 6),
        Some(1 | 58) => header.with(transport, 2),
        _ => Looked::ALL,
    }
}

/// What a packet has in common with those like it: all that the kernel says beside the bytes, but for time, number and
/// connection; the length; and the [`compared`] bytes.
pub fn key(p: &Packet<'_>, key: &mut Key) {
    key.clear();
    key.extend_from_slice(&p.group.to_ne_bytes());
    key.push(p.family);
    key.push(p.hook.unwrap_or(u8::MAX));
    key.extend_from_slice(&p.hw_protocol.unwrap_or(0).to_ne_bytes());
    for n in [Some(p.mark), p.iif, p.oif, p.physin, p.physout, p.uid, p.gid, p.ct_info] {
        key.push(u8::from(n.is_some()));
        key.extend_from_slice(&n.unwrap_or(0).to_ne_bytes());
    }
    let vlan = p.vlan.map_or(0, |v| u32::from(v.protocol) << 16 | u32::from(v.tci));
    key.extend_from_slice(&vlan.to_ne_bytes());
    for part in [p.prefix, p.l2_header.or(p.hw_header).unwrap_or_default()] {
        key.extend_from_slice(&part.len().to_ne_bytes());
        key.extend_from_slice(part);
    }
    key.extend_from_slice(&p.payload.len().to_ne_bytes());
    compared(network(p), p.payload).pick(p.payload, key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_that_differ_in_number_sums_and_contents_are_alike_and_others_are_not() {
        let mut b = vec![
            0x45, 0, 0, 32, 1, 2, 0, 0, 64, 17, 3, 4, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 53, 0, 12, 7, 7, 1, 1, 1, 1,
        ];
        let common = |b: &[u8]| {
            let mut picked = Vec::new();
            compared(Network::Ip4, b).pick(b, &mut picked);
            picked
        };
        let first = common(&b);
        for same in [4, 5, 10, 11, 26, 27, 31] {
            b[same] ^= 1;
        }
        assert_eq!(common(&b), first);
        for other in [1, 3, 8, 12, 19, 21, 23] {
            let mut c = b.clone();
            c[other] ^= 1;
            assert_ne!(common(&c), first, "byte {other}");
        }
        b[6] = 0x20;
        b[7] = 1;
        assert_eq!(compared(Network::Ip4, &b), Looked::ALL);
        assert_eq!(compared(Network::Arp, &b), Looked::ALL);
    }
}
