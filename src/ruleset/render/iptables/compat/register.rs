//! What the registers hold while a rule is read.

use nfblame_sys::nft::expr::{Bitwise, BitwiseOp, MetaKey, Payload};
use nfblame_sys::nft::{Data, Reg};

/// Where a register's content comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'r> {
    Payload(Payload),
    Meta(MetaKey),
    Immediate(&'r Data),
}

/// A register's content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded<'r> {
    pub source: Source<'r>,
    /// The mask it went through.
    pub mask: Option<&'r Data>,
}

/// Every register, by its first word.
#[derive(Debug, Default)]
pub(super) struct Registers<'r>([Option<Loaded<'r>>; 20]);

impl<'r> Registers<'r> {
    pub fn get(&self, reg: Reg) -> Option<Loaded<'r>> {
        *self.0.get(usize::from(reg.0))?
    }

    pub fn load(&mut self, reg: Reg, source: Source<'r>) {
        self.set(reg, Some(Loaded { source, mask: None }));
    }

    /// Masks a register; `None` if more than a mask is done to it.
    pub fn mask(&mut self, b: &'r Bitwise) -> Option<()> {
        let loaded = self.get(b.sreg);
        self.set(b.dreg, None);
        let BitwiseOp::MaskXor { mask, xor } = &b.op else { return None };
        let loaded = loaded.filter(|l| l.mask.is_none() && xor.iter().all(|&x| x == 0))?;
        self.set(b.dreg, Some(Loaded { mask: Some(mask), ..loaded }));
        Some(())
    }

    fn set(&mut self, reg: Reg, loaded: Option<Loaded<'r>>) {
        if let Some(slot) = self.0.get_mut(usize::from(reg.0)) {
            *slot = loaded;
        }
    }
}
