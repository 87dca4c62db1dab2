//! pcapng files whose packets carry their blame as a comment, so that Wireshark shows who dropped each.

use std::io::{self, Write};

use crate::blame::Time;

/// `LINKTYPE_RAW`: packets begin with the IP header, whose version tells 4 from 6.
const LINKTYPE_RAW: u16 = 101;
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It came in from a network.
    Inbound,
    /// This host sent it.
    Outbound,
    /// Not known.
    Unknown,
}

/// Writes a pcapng file with one raw-IP interface and nanosecond times.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins the file.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut section = Vec::new();
        section.extend(0x1a2b_3c4d_u32.to_ne_bytes());
        section.extend(1u16.to_ne_bytes());
        section.extend(0u16.to_ne_bytes());
        section.extend((-1i64).to_ne_bytes());
        option(&mut section, SHB_USERAPPL, concat!("nfblame ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(&mut section, OPT_END, &[]);
        block(&mut out, SECTION, &section)?;

        let mut interface = Vec::new();
        interface.extend(LINKTYPE_RAW.to_ne_bytes());
        interface.extend(0u16.to_ne_bytes());
        interface.extend(0u32.to_ne_bytes());
        option(&mut interface, IF_TSRESOL, &[9]);
        option(&mut interface, OPT_END, &[]);
        block(&mut out, INTERFACE, &interface)?;
        out.flush()?;
        Ok(Self { out })
    }

    /// Writes one packet: its bytes from the network header on, its full length, and a comment.
    pub fn packet(&mut self, time: Time, bytes: &[u8], length: usize, way: Direction, comment: &str) -> io::Result<()> {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut b = Vec::with_capacity(64 + bytes.len() + comment.len());
        b.extend(0u32.to_ne_bytes());
        b.extend(((time.0 >> 32) as u32).to_ne_bytes());
        b.extend((time.0 as u32).to_ne_bytes());
        b.extend(cut(bytes.len()).to_ne_bytes());
        b.extend(cut(length.max(bytes.len())).to_ne_bytes());
        b.extend(bytes);
        pad(&mut b);
        let flags: u32 = match way {
            Direction::Unknown => 0,
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        };
        option(&mut b, OPT_COMMENT, comment.as_bytes());
        option(&mut b, EPB_FLAGS, &flags.to_ne_bytes());
        option(&mut b, OPT_END, &[]);
        block(&mut self.out, ENHANCED_PACKET, &b)
    }

    /// Hands what is written to the file.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = u32::try_from(body.len() + 12).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    out.write_all(&kind.to_ne_bytes())?;
    out.write_all(&total.to_ne_bytes())?;
    out.write_all(body)?;
    out.write_all(&total.to_ne_bytes())
}

fn option(b: &mut Vec<u8>, code: u16, value: &[u8]) {
    // The format's limit; only an absurd comment reaches it.
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    b.extend(code.to_ne_bytes());
    b.extend((value.len() as u16).to_ne_bytes());
    b.extend(value);
    pad(b);
}

fn pad(b: &mut Vec<u8>) {
    b.resize(b.len().next_multiple_of(4), 0);
}
