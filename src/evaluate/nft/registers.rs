//! The register file of nf_tables: sixteen words of data, each known or not (`struct nft_regs`).

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use smallvec::SmallVec;

use crate::sys::nft::Reg;

/// Why a register has no known value, and what is known of it all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is not known, for people: "socket owner".
    pub what: Cow<'static, str>,
    /// Equal for the same unknown value. 0: each reading of it gives another value.
    id: u64,
    /// Between which numbers it is.
    pub bounds: Option<Bounds>,
    /// It may be that the kernel has no such value at all, and that the rule ended when it was loaded.
    pub may_be_absent: bool,
}

/// The least and the greatest number that an unknown value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub low: u64,
    /// The greatest.
    pub high: u64,
    /// How many bytes the number has in the register: 4 or 8.
    pub width: usize,
    /// Is it in network order? In host order otherwise.
    pub network: bool,
}

impl Unknown {
    /// A value that stays what it is, whatever that is; the name identifies it.
    pub fn fact(what: impl Into<Cow<'static, str>>) -> Self {
        let what = what.into();
        let id = digest(&what);
        Self { what, id, bounds: None, may_be_absent: false }
    }

    /// A value that is another one each time.
    pub fn fresh(what: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), id: 0, bounds: None, may_be_absent: false }
    }

    /// Is it just what its name says, and the same each time?
    pub fn is_plain(&self) -> bool {
        self.id == digest(&self.what)
    }

    /// It is a number in host order between these.
    #[must_use]
    pub fn between(mut self, low: u64, high: u64, width: usize) -> Self {
        self.bounds = Some(Bounds { low, high, width, network: false });
        self
    }

    /// Perhaps there is no such value.
    #[must_use]
    pub fn perhaps_absent(mut self) -> Self {
        self.may_be_absent = true;
        self
    }

    /// The value that some operation makes of it.
    #[must_use]
    pub fn changed(&self, operation: impl Hash) -> Self {
        let id = if self.id == 0 { 0 } else { digest(&(self.id, operation)) };
        Self { what: self.what.clone(), id, bounds: None, may_be_absent: self.may_be_absent }
    }
}

fn digest(v: &impl Hash) -> u64 {
    let mut h = DefaultHasher::new();
    v.hash(&mut h);
    h.finish().max(1)
}

/// A word that is known.
const KNOWN: u8 = 0;
/// A word that nothing was written to.
const BLANK: u8 = u8::MAX;

/// The data registers. Reads and writes beyond the last word are as if that word were unknown.
#[derive(Debug, Clone)]
pub struct Registers {
    bytes: [u8; 4 * Reg::WORDS],
    /// [`KNOWN`], [`BLANK`], or one more than the position in `unknowns`.
    state: [u8; Reg::WORDS],
    unknowns: SmallVec<[Unknown; 2]>,
}

impl Default for Registers {
    fn default() -> Self {
        Self { bytes: [0; 4 * Reg::WORDS], state: [BLANK; Reg::WORDS], unknowns: SmallVec::new() }
    }
}

impl Registers {
    /// Writes bytes; what is left of the last word becomes 0, as in `nft_data_copy`.
    #[inline]
    pub fn write(&mut self, reg: Reg, bytes: &[u8]) {
        let Some(first) = reg.word() else { return };
        let at = first * 4;
        let padded = bytes.len().next_multiple_of(4);
        let Some(to) = self.bytes.get_mut(at..at + padded) else { return };
        let (head, tail) = to.split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        tail.fill(0);
        if let Some(state) = self.state.get_mut(first..first + padded / 4) {
            state.fill(KNOWN);
        }
    }

    /// `nft_reg_store8`
    pub fn write_u8(&mut self, reg: Reg, v: u8) {
        self.write(reg, &[v]);
    }

    /// `nft_reg_store16`, in host order.
    pub fn write_u16(&mut self, reg: Reg, v: u16) {
        self.write(reg, &v.to_ne_bytes());
    }

    /// A word in host order.
    pub fn write_u32(&mut self, reg: Reg, v: u32) {
        self.write(reg, &v.to_ne_bytes());
    }

    /// `nft_reg_store64`, in host order.
    pub fn write_u64(&mut self, reg: Reg, v: u64) {
        self.write(reg, &v.to_ne_bytes());
    }

    /// A string padded with NUL to `len` bytes (`strscpy_pad`: one NUL at least).
    pub fn write_name(&mut self, reg: Reg, name: &[u8], len: usize) {
        let mut padded: SmallVec<[u8; 16]> = SmallVec::from_elem(0, len);
        for (to, from) in padded.iter_mut().take(len.saturating_sub(1)).zip(name) {
            *to = *from;
        }
        self.write(reg, &padded);
    }

    /// Makes `len` bytes unknown.
    pub fn write_unknown(&mut self, reg: Reg, len: usize, unknown: Unknown) {
        let Some(first) = reg.word() else { return };
        let index = match self.unknowns.iter().position(|u| *u == unknown) {
            Some(i) => i,
            None if self.unknowns.len() + 1 >= usize::from(BLANK) => self.unknowns.len() - 1,
            None => {
                self.unknowns.push(unknown);
                self.unknowns.len() - 1
            }
        };
        let last = (first + len.div_ceil(4)).min(Reg::WORDS);
        if let (Some(state), Ok(i)) = (self.state.get_mut(first..last), u8::try_from(index + 1)) {
            state.fill(i);
        }
    }

    /// As before the first rule.
    pub fn clear(&mut self) {
        self.state = [BLANK; Reg::WORDS];
        self.unknowns.clear();
    }

    /// Forgets all words.
    pub fn forget(&mut self, unknown: Unknown) {
        self.write_unknown(Reg::R1, 4 * Reg::WORDS, unknown);
    }

    /// The first `len` bytes from that register on, if all their words are known.
    #[inline]
    pub fn read(&self, reg: Reg, len: usize) -> Option<&[u8]> {
        let first = reg.word()?;
        if self.state.get(first..first + len.div_ceil(4))?.iter().any(|&s| s != KNOWN) {
            return None;
        }
        self.bytes.get(first * 4..first * 4 + len)
    }

    /// The same as an array.
    pub fn array<const N: usize>(&self, reg: Reg) -> Option<[u8; N]> {
        self.read(reg, N)?.try_into().ok()
    }

    /// A word in host order.
    pub fn u32(&self, reg: Reg) -> Option<u32> {
        self.array(reg).map(u32::from_ne_bytes)
    }

    /// The first unknown thing among `len` bytes.
    pub fn unknown(&self, reg: Reg, len: usize) -> Unknown {
        let first = reg.word().unwrap_or(Reg::WORDS);
        for word in first..first + len.div_ceil(4) {
            match self.state.get(word).copied() {
                Some(KNOWN) => {}
                Some(i) if i != BLANK => {
                    if let Some(u) = self.unknowns.get(usize::from(i) - 1) {
                        return u.clone();
                    }
                }
                _ => break,
            }
        }
        Unknown::fact("a register that no rule has loaded")
    }

    /// Word by word: its four bytes if they are known. Of a length that no registers have, only the beginning.
    pub fn words(&self, reg: Reg, len: usize) -> impl Iterator<Item = Option<[u8; 4]>> + '_ {
        let first = reg.word().unwrap_or(Reg::WORDS);
        // A length may be nonsense: one word that is not there says the same as many.
        let count = len.div_ceil(4).min(Reg::WORDS + 1);
        (first..first + count).map(|word| {
            let known = self.state.get(word) == Some(&KNOWN);
            known.then(|| self.bytes.get(word * 4..word * 4 + 4)?.try_into().ok()).flatten()
        })
    }

    /// What identifies these bytes in this state of knowledge; nothing if a part of it is another value each time.
    pub fn identity(&self, reg: Reg, len: usize) -> Option<Vec<u8>> {
        let first = reg.word().unwrap_or(Reg::WORDS);
        let mut key = Vec::new();
        for (word, bytes) in (first..).zip(self.words(reg, len)) {
            match bytes {
                Some(b) => key.extend(b),
                None => {
                    let one = Reg(u8::try_from(word + 4).unwrap_or(u8::MAX));
                    let id = self.unknown(one, 4).id;
                    if id == 0 {
                        return None;
                    }
                    key.push(b'?');
                    key.extend(id.to_ne_bytes());
                    // A wide unknown value has one name for all its words.
                    key.push((word - first) as u8);
                }
            }
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests;
