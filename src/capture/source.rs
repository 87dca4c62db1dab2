//! Bytes of a file, with their place in it.

use std::io::{ErrorKind, Read};

use super::CaptureError;

/// What is read from.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: R,
    /// How many bytes have been read.
    pub at: u64,
    /// Where the present part begins.
    pub part: u64,
}

impl<R: Read> Source<R> {
    pub fn new(input: R) -> Self {
        Self { input, at: 0, part: 0 }
    }

    /// The first bytes of a part; none if the file ends before it.
    pub fn begin<const N: usize>(&mut self, what: &'static str) -> Result<Option<[u8; N]>, CaptureError> {
        self.part = self.at;
        let mut bytes = [0; N];
        match self.fill(&mut bytes)? {
            0 => Ok(None),
            n if n == N => Ok(Some(bytes)),
            _ => Err(self.cut(what)),
        }
    }

    /// More bytes of a part.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CaptureError> {
        let mut bytes = [0; N];
        if self.fill(&mut bytes)? == N { Ok(bytes) } else { Err(self.cut(what)) }
    }

    /// Many bytes of a part. Memory is taken as they come, not as they are promised.
    pub fn bytes(&mut self, length: usize, what: &'static str) -> Result<Vec<u8>, CaptureError> {
        let mut bytes = Vec::with_capacity(length.min(1 << 16));
        let n = self.input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        self.at += n as u64;
        if n == length { Ok(bytes) } else { Err(self.cut(what)) }
    }

    /// Passes over bytes of a part.
    pub fn skip(&mut self, length: u64, what: &'static str) -> Result<(), CaptureError> {
        let n = std::io::copy(&mut self.input.by_ref().take(length), &mut std::io::sink())?;
        self.at += n;
        if n == length { Ok(()) } else { Err(self.cut(what)) }
    }

    pub fn cut(&self, what: &'static str) -> CaptureError {
        CaptureError::Cut { what, at: self.part }
    }

    pub fn packet(&self, what: impl Into<String>) -> CaptureError {
        CaptureError::Packet { what: what.into(), at: self.part }
    }

    pub fn broken(&self, what: impl Into<String>) -> CaptureError {
        CaptureError::Broken { what: what.into(), at: self.part }
    }

    /// Passes over the rest of a part that is not kept. If it is there, the next part is behind it.
    pub fn too_large(&mut self, length: u64, what: &'static str) -> CaptureError {
        let said = format!("{what} of {length} bytes");
        match self.skip(length, what) {
            Ok(()) => self.packet(said),
            Err(CaptureError::Cut { .. }) => self.broken(said),
            Err(e) => e,
        }
    }

    /// As many bytes as there are.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, CaptureError> {
        let mut have = 0;
        while let Some(room) = bytes.get_mut(have..).filter(|r| !r.is_empty()) {
            match self.input.read(room) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.at += have as u64;
        Ok(have)
    }
}
