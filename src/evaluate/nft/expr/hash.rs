//! `hash` and `numgen`: numbers to choose by.

use crate::evaluate::jhash;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::sys::nft::expr::{Hash, HashKind, Numgen, NumgenKind};

/// `nft_jhash_eval`, `nft_symhash_eval`
pub fn hash(m: &mut Machine<'_>, e: &Hash) -> Step {
    let unknown = match e.kind {
        HashKind::Jhash => {
            let len = e.len.unwrap_or(0) as usize;
            let bytes = e.sreg.and_then(|reg| m.regs.read(reg, len));
            match (bytes, e.seed) {
                (Some(bytes), Some(seed)) => {
                    let h = jhash::scale(jhash::bytes(bytes, seed), e.modulus);
                    m.regs.write_u32(e.dreg, h.wrapping_add(e.offset));
                    return Step::Go;
                }
                // The kernel does not tell a seed that it chose itself.
                (Some(bytes), None) => Unknown::fact("hash with the kernel's own seed").changed(bytes.to_vec()),
                (None, _) => match e.sreg {
                    Some(reg) => m.regs.unknown(reg, len).changed(format!("{e:?}")),
                    None => Unknown::fact("hash of nothing"),
                },
            }
        }
        HashKind::Symhash => Unknown::fact("hash of the flow").changed((e.modulus, e.offset)),
        HashKind::Unknown(n) => Unknown::fact(format!("hash of kind {n}")),
    };
    number(m, e.dreg, unknown, e.offset, e.modulus)
}

/// `nft_ng_inc_eval`, `nft_ng_random_eval`
pub fn numgen(m: &mut Machine<'_>, e: &Numgen) -> Step {
    let what = match e.kind {
        NumgenKind::Incremental => format!("numgen inc mod {}", e.modulus),
        NumgenKind::Random => format!("numgen random mod {}", e.modulus),
        NumgenKind::Unknown(n) => format!("numgen of kind {n}"),
    };
    number(m, e.dreg, Unknown::fresh(what), e.offset, e.modulus)
}

fn number(m: &mut Machine<'_>, dreg: crate::sys::nft::Reg, unknown: Unknown, offset: u32, modulus: u32) -> Step {
    let last = u64::from(offset) + u64::from(modulus.max(1)) - 1;
    let unknown = if last <= u64::from(u32::MAX) { unknown.between(u64::from(offset), last, 4) } else { unknown };
    m.regs.write_unknown(dreg, 4, unknown);
    Step::Go
}
