//! A fingerprint of a packet's headers, by which a legacy record is matched with the nf_tables records of its packet.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::journey::View;
use crate::evaluate::headers::{Headers, Network};
use crate::evaluate::ip6::{FRAGMENT, is_extension};

const TCP: u8 = 6;
/// Flags of ECN.
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

/// The fingerprint of a packet at one point of its way; none if there is nothing to tell it by.
///
/// It leaves out what changes on the way without the packet becoming another: TTL, type of service, checksums, and the lengths
/// and ECN flags that targets change in a SYN (TCPMSS adds an option where there is none). What NAT changes is in it: a
/// journey has a fingerprint for each view of the packet.
pub(super) fn print(view: &View<'_>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let headers = Headers::parse(view.network, view.header);
    // Where the transport header is behind extensions, nf_tables and the legacy tables do not tell the same of it.
    let mut plain = true;
    match view.network {
        Network::Ip4 => {
            let mut h: [u8; 20] = *view.header.first_chunk()?;
            for changing in [1, 2, 3, 8, 10, 11] {
                h[changing] = 0;
            }
            h.hash(&mut hasher);
        }
        // nf_tables may tell no more than the half of it. All fragments of a packet but the last are of one length.
        Network::Ip6 if view.header.get(6) == Some(&FRAGMENT) => {
            let mut h: [u8; 20] = *view.header.first_chunk()?;
            for changing in [0, 1, 7] {
                h[changing] = 0;
            }
            plain = false;
            h.hash(&mut hasher);
        }
        Network::Ip6 => {
            let mut h: [u8; 40] = *view.header.first_chunk()?;
            plain = !is_extension(h[6]);
            for changing in [0, 1, 4, 5, 7] {
                h[changing] = 0;
            }
            h.hash(&mut hasher);
        }
        _ => return None,
    }
    if headers.first_fragment() && plain {
        let transport = match view.transport {
            [] => headers.transport.and_then(|at| view.header.get(at..)).unwrap_or(&[]),
            t => t,
        };
        let mut bytes = [0; 20];
        let n = transport.len().min(bytes.len());
        bytes[..n].copy_from_slice(&transport[..n]);
        if let Some(checksum) = checksum(headers.protocol) {
            bytes[checksum].fill(0);
        }
        if headers.protocol == Some(TCP) {
            bytes[12] = 0;
            bytes[13] &= !(ECE | CWR);
        }
        bytes[..n].hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// Where the checksum is within the first 20 bytes of the transport header.
fn checksum(protocol: Option<u8>) -> Option<std::ops::Range<usize>> {
    Some(match protocol? {
        1 | 58 => 2..4,
        6 => 16..18,
        17 | 33 | 136 => 6..8,
        132 => 8..12,
        _ => return None,
    })
}
