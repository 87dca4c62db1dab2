//! Capture files: packets out of pcap and pcapng, one after the other, in the order of the file.
//!
//! Read by hand, like they are written ([`crate::report::pcapng`]): framing is all there is to it, an I/O error stays one,
//! and a file that ends within a packet is told apart from one that ends behind it.

mod classic;
mod frame;
mod ng;
mod source;

use std::io::Read;

use crate::blame::Time;
use source::Source;

pub use frame::{Frame, frame};

/// A packet of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// When.
    pub time: Option<Time>,
    /// `LINKTYPE_*`: what its bytes begin with.
    pub link_type: u32,
    /// The bytes that were kept.
    pub bytes: Vec<u8>,
    /// How many there were on the wire.
    pub length: usize,
    /// Did this host send it, where the file says so?
    pub outgoing: Option<bool>,
    /// The interface that it was captured at, where the file says so.
    pub interface: Option<String>,
}

/// What cannot be read of a capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It begins like neither format.
    #[error("neither a pcap nor a pcapng file")]
    NotACapture,
    /// It ends within a packet, or within another part.
    #[error("the file ends in the middle of {what}, {at} bytes from its beginning")]
    Cut {
        /// Of what.
        what: &'static str,
        /// Where that begins.
        at: u64,
    },
    /// It contradicts itself so that nothing behind can be found.
    #[error("{what}, {at} bytes from the beginning of the file")]
    Broken {
        /// What is wrong.
        what: String,
        /// Where.
        at: u64,
    },
    /// A packet contradicts itself, or is too large, but where the next one begins is clear.
    #[error("{what}, {at} bytes from the beginning of the file")]
    Packet {
        /// What is wrong.
        what: String,
        /// Where.
        at: u64,
    },
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl CaptureError {
    /// Is it about one packet only, so that those behind it can be read?
    pub fn is_of_packet(&self) -> bool {
        matches!(self, Self::Packet { .. })
    }
}

/// A capture being read.
#[derive(Debug)]
pub struct Capture<R> {
    source: Source<R>,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Classic(classic::Header),
    Ng(ng::Sections),
}

impl<R: Read> Capture<R> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// If it is no capture, or cannot be read.
    pub fn new(input: R) -> Result<Self, CaptureError> {
        let mut source = Source::new(input);
        let Some(magic) = source.begin::<4>("its first header")? else { return Err(CaptureError::NotACapture) };
        let format = match classic::Header::of(magic) {
            Some(header) => Format::Classic(header.read(&mut source)?),
            None if magic == ng::SECTION => Format::Ng(ng::Sections::begin(&mut source)?),
            None => return Err(CaptureError::NotACapture),
        };
        Ok(Self { source, format })
    }

    /// The next packet; none at the end of the file.
    ///
    /// # Errors
    /// If it cannot be read; nothing behind it can be, either, unless the error [is of that packet](CaptureError::is_of_packet).
    pub fn packet(&mut self) -> Result<Option<Captured>, CaptureError> {
        match &mut self.format {
            Format::Classic(header) => header.packet(&mut self.source),
            Format::Ng(sections) => sections.packet(&mut self.source),
        }
    }
}

#[cfg(test)]
mod tests;
