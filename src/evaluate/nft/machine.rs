//! What the expressions of one base chain work on.

use crate::evaluate::{Context, Decision};
use crate::ruleset::index::{SetIndex, TableIndex};
use crate::ruleset::nft::{Set, Table};
use crate::sys::Text;
use crate::sys::nft::{Expr, Family, Reg, Rule};

use super::info::PacketInfo;
use super::registers::{Registers, Unknown};

/// What an expression says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// On to the next expression (`NFT_CONTINUE`).
    Go,
    /// The rule does not apply (`NFT_BREAK`).
    Break,
    /// The rule ends with this.
    Verdict(Decision),
}

impl Step {
    /// Goes on if a condition holds.
    pub fn when(holds: bool) -> Self {
        if holds { Self::Go } else { Self::Break }
    }
}

/// The state of a walk through one base chain, beside the packet.
pub struct Machine<'t> {
    /// The table.
    pub table: &'t Table,
    /// Its lookup structures.
    pub index: &'t TableIndex,
    /// What the kernel knows of the packet.
    pub info: PacketInfo,
    /// The registers. The kernel does not clear them between rules.
    pub regs: Registers,
    /// The expressions of the present rule.
    pub exprs: &'t [Expr],
    /// The index of the present expression.
    pub at: usize,
    /// The present rule.
    pub rule: Option<&'t Rule>,
}

impl<'t> Machine<'t> {
    /// Before the first rule.
    pub fn new(table: &'t Table, index: &'t TableIndex, info: PacketInfo) -> Self {
        Self { table, index, info, regs: Registers::default(), exprs: &[], at: 0, rule: None }
    }

    /// The family of the table.
    pub fn table_family(&self) -> Family {
        self.table.def.family
    }

    /// The set of that name and its lookup structure.
    pub fn set(&self, name: &Text) -> Option<(&'t Set, &'t SetIndex)> {
        let at = self.index.set(name)?;
        Some((self.table.sets.get(at)?, self.index.elements(self.table, at)?))
    }

    /// Asks whether something holds for `len` bytes of registers that are not (all) known.
    ///
    /// `test` and `data` say what is asked: the same question about the same fact gets the same answer.
    pub fn ask(&self, cx: &mut Context<'_>, reg: Reg, len: usize, test: &[u8], data: &[u8], likely: bool) -> bool {
        let key = match self.regs.identity(reg, len) {
            Some(mut key) => {
                key.extend_from_slice(b" nft ");
                key.extend_from_slice(test);
                key.push(b' ');
                key.extend_from_slice(data);
                key
            }
            None => Vec::new(),
        };
        cx.ask(self.regs.unknown(reg, len).what, &key, likely)
    }

    /// Bytes that a statement needs, or why they are not known. Where they may not even exist, asks whether the rule
    /// got so far.
    pub fn take(&self, cx: &mut Context<'_>, reg: Reg, len: usize) -> Taken<'_> {
        if let Some(bytes) = self.regs.read(reg, len) {
            return Taken::Bytes(bytes);
        }
        let unknown = self.regs.unknown(reg, len);
        if unknown.may_be_absent {
            let key = self.regs.identity(reg, len).map(|mut k| {
                k.extend_from_slice(b" nft exists");
                k
            });
            if !cx.ask(unknown.what.clone(), &key.unwrap_or_default(), true) {
                return Taken::Nothing;
            }
        }
        Taken::Unknown(unknown)
    }
}

/// What a statement finds in registers.
#[derive(Debug)]
pub enum Taken<'r> {
    /// The bytes.
    Bytes(&'r [u8]),
    /// They are not known.
    Unknown(Unknown),
    /// They were never loaded: the rule ended before.
    Nothing,
}
