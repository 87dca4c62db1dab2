//! pcap: a header, then packets.

use std::io::Read;

use super::source::Source;
use super::{CaptureError, Captured};
use crate::blame::Time;

/// The largest packet that libpcap keeps (`MAXIMUM_SNAPLEN`); D-Bus and USB captures may have more, but none of these is
/// about a network.
const LARGEST: usize = 262_144;
const A_PACKET: &str = "a packet";

/// What the header of the file says.
#[derive(Debug)]
pub(super) struct Header {
    big: bool,
    /// Nanoseconds in the unit of its times.
    unit: u64,
    /// Packets have a header of 24 bytes (the format of a patched libpcap).
    patched: bool,
    link_type: u32,
}

impl Header {
    /// By its first four bytes.
    pub fn of(magic: [u8; 4]) -> Option<Self> {
        let (value, big) = match u32::from_be_bytes(magic) {
            v @ (0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34) => (v, true),
            v => (v.swap_bytes(), false),
        };
        let unit = match value {
            0xa1b2_3c4d => 1,
            0xa1b2_c3d4 | 0xa1b2_cd34 => 1000,
            _ => return None,
        };
        Some(Self { big, unit, patched: value == 0xa1b2_cd34, link_type: 0 })
    }

    /// Reads the rest of it.
    pub fn read<R: Read>(mut self, source: &mut Source<R>) -> Result<Self, CaptureError> {
        let rest: [u8; 20] = source.array("its header")?;
        // The high bits say how long the frame check sequence is.
        self.link_type = self.word(&rest, 16) & 0x0fff_ffff;
        Ok(self)
    }

    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..).and_then(|b| b.first_chunk::<4>()).copied().unwrap_or_default();
        if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    /// The next packet.
    pub fn packet<R: Read>(&self, source: &mut Source<R>) -> Result<Option<Captured>, CaptureError> {
        let Some(h) = source.begin::<16>(A_PACKET)? else { return Ok(None) };
        let [seconds, fraction, kept, length] = [0, 4, 8, 12].map(|at| self.word(&h, at));
        if self.patched {
            source.skip(8, A_PACKET)?;
        }
        if kept as usize > LARGEST {
            return Err(source.too_large(kept.into(), A_PACKET));
        }
        let bytes = source.bytes(kept as usize, A_PACKET)?;
        let time = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.unit;
        Ok(Some(Captured {
            time: Some(Time(time)),
            link_type: self.link_type,
            length: (length as usize).max(bytes.len()),
            bytes,
            outgoing: None,
            interface: None,
        }))
    }
}
