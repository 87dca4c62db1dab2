//! pcapng: blocks; those that hold packets, and those that say what the packets are.

use std::io::Read;

use super::source::Source;
use super::{CaptureError, Captured};
use crate::blame::Time;

/// The type of a section header block, the same in both byte orders.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_FLAGS: u16 = 2;

/// A block that is read has no more bytes than this; others are passed over.
const LARGEST: u32 = 16 << 20;
const A_BLOCK: &str = "a block";

/// The present section.
#[derive(Debug)]
pub(super) struct Sections {
    big: bool,
    interfaces: Vec<Interface>,
}

#[derive(Debug)]
struct Interface {
    link_type: u32,
    /// Units of its times in a second.
    resolution: u64,
    /// Seconds to be added.
    offset: i64,
    snaplen: u32,
    name: Option<String>,
}

impl Sections {
    /// Reads a section header, whose type has been read.
    pub fn begin<R: Read>(source: &mut Source<R>) -> Result<Self, CaptureError> {
        let length: [u8; 4] = source.array("a section header")?;
        let big = match source.array::<4>("a section header")? {
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            _ => return Err(source.broken("a section of unknown byte order")),
        };
        let section = Self { big, interfaces: Vec::new() };
        let length = section.length(length, source)?;
        if length < 28 {
            return Err(source.broken("a section header that is too short"));
        }
        source.skip(u64::from(length) - 12, "a section header")?;
        Ok(section)
    }

    /// The next packet.
    pub fn packet<R: Read>(&mut self, source: &mut Source<R>) -> Result<Option<Captured>, CaptureError> {
        loop {
            let Some(kind) = source.begin::<4>(A_BLOCK)? else { return Ok(None) };
            if kind == SECTION {
                *self = Self::begin(source)?;
                continue;
            }
            let kind = self.u32(&kind, 0);
            let length = source.array(A_BLOCK)?;
            let length = self.length(length, source)?;
            let packet = match kind {
                INTERFACE | OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    if length > LARGEST {
                        return Err(source.too_large(u64::from(length) - 8, A_BLOCK));
                    }
                    let what = if kind == INTERFACE { "an interface" } else { "a packet" };
                    let body = source.bytes(length as usize - 12, what)?;
                    source.skip(4, what)?;
                    if kind == INTERFACE {
                        self.interface(&body);
                        None
                    } else {
                        let packet = match kind {
                            SIMPLE_PACKET => self.simple(body),
                            kind => self.enhanced(body, kind == OLD_PACKET),
                        };
                        Some(packet.ok_or_else(|| source.packet("a packet block that contradicts itself"))?)
                    }
                }
                _ => {
                    source.skip(u64::from(length) - 8, A_BLOCK)?;
                    None
                }
            };
            if packet.is_some() {
                return Ok(packet);
            }
        }
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..).and_then(|b| b.first_chunk::<4>()).copied().unwrap_or_default();
        if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let word = bytes.get(at..).and_then(|b| b.first_chunk::<2>()).copied().unwrap_or_default();
        if self.big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) }
    }

    /// The length of a block, which is at least that of its frame and a multiple of four.
    fn length<R: Read>(&self, bytes: [u8; 4], source: &Source<R>) -> Result<u32, CaptureError> {
        match self.u32(&bytes, 0) {
            n if n < 12 || n % 4 != 0 => Err(source.broken(format!("a block of {n} bytes"))),
            n => Ok(n),
        }
    }

    fn interface(&mut self, body: &[u8]) {
        let mut interface = Interface {
            link_type: u32::from(self.u16(body, 0)),
            resolution: 1_000_000,
            offset: 0,
            snaplen: self.u32(body, 4),
            name: None,
        };
        for (code, value) in self.options(body.get(8..).unwrap_or(&[])) {
            match (code, value) {
                (IF_NAME, name) => interface.name = Some(String::from_utf8_lossy(name).into_owned()),
                (IF_TSRESOL, [r]) => {
                    let base: u64 = if r & 0x80 != 0 { 2 } else { 10 };
                    // A unit that is too small to count is as good as none.
                    interface.resolution = base.checked_pow(u32::from(r & 0x7f)).unwrap_or(0);
                }
                (IF_TSOFFSET, v) if v.len() == 8 => {
                    let (high, low) = if self.big { (0, 4) } else { (4, 0) };
                    interface.offset = (u64::from(self.u32(v, high)) << 32 | u64::from(self.u32(v, low))) as i64;
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
    }

    /// An enhanced packet block, or one of its obsolete forerunners.
    fn enhanced(&self, mut body: Vec<u8>, old: bool) -> Option<Captured> {
        body.get(..20)?;
        let index = if old { u32::from(self.u16(&body, 0)) } else { self.u32(&body, 0) };
        let interface = self.interfaces.get(index as usize)?;
        let ticks = u64::from(self.u32(&body, 4)) << 32 | u64::from(self.u32(&body, 8));
        let (kept, length) = (self.u32(&body, 12) as usize, self.u32(&body, 16) as usize);
        let options = body.get(20 + kept.checked_next_multiple_of(4)?..).unwrap_or(&[]);
        let flags =
            self.options(options).find(|(code, v)| *code == EPB_FLAGS && v.len() == 4).map(|(_, v)| self.u32(v, 0));
        body.get(20..20 + kept)?;
        body.truncate(20 + kept);
        body.drain(..20);
        Some(Captured {
            time: interface.time(ticks),
            link_type: interface.link_type,
            length: length.max(body.len()),
            bytes: body,
            outgoing: match flags.map(|f| f & 3) {
                Some(1) => Some(false),
                Some(2) => Some(true),
                _ => None,
            },
            interface: interface.name.clone(),
        })
    }

    /// A simple packet block: one of the first interface, cut by its snap length.
    fn simple(&self, mut body: Vec<u8>) -> Option<Captured> {
        let interface = self.interfaces.first()?;
        body.get(..4)?;
        let length = self.u32(&body, 0) as usize;
        let snap = if interface.snaplen == 0 { usize::MAX } else { interface.snaplen as usize };
        let kept = length.min(snap).min(body.len() - 4);
        body.truncate(4 + kept);
        body.drain(..4);
        Some(Captured {
            time: None,
            link_type: interface.link_type,
            length: length.max(kept),
            bytes: body,
            outgoing: None,
            interface: interface.name.clone(),
        })
    }

    /// The options at the end of a block, up to their end or the first that is cut.
    fn options<'b>(&self, mut bytes: &'b [u8]) -> impl Iterator<Item = (u16, &'b [u8])> {
        std::iter::from_fn(move || {
            bytes.get(..4)?;
            let (code, length) = (self.u16(bytes, 0), usize::from(self.u16(bytes, 2)));
            let value = bytes.get(4..4 + length).filter(|_| code != 0)?;
            bytes = bytes.get(4 + length.next_multiple_of(4)..).unwrap_or(&[]);
            Some((code, value))
        })
    }
}

impl Interface {
    fn time(&self, ticks: u64) -> Option<Time> {
        let (ticks, resolution) = (u128::from(ticks), u128::from(self.resolution));
        let since = ticks * 1_000_000_000 / Some(resolution).filter(|&r| r != 0)?;
        let nanoseconds = i128::try_from(since).ok()? + i128::from(self.offset) * 1_000_000_000;
        u64::try_from(nanoseconds).ok().map(Time)
    }
}
