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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    #[test]
    fn jhash_is_the_kernels_and_symhash_is_not_known() {
        plain(ip4(17, &[0; 8]), |_, m| {
            m.regs.write(Reg::R1, &[10, 0, 0, 1]);
            let e = Hash {
                kind: HashKind::Jhash,
                sreg: Some(Reg::R1),
                len: Some(4),
                dreg: Reg(8),
                modulus: 1 << 16,
                seed: Some(0xdead_beef),
                offset: 5,
            };
            hash(m, &e);
            let want = jhash::scale(jhash::bytes(&[10, 0, 0, 1], 0xdead_beef), 1 << 16) + 5;
            assert_eq!(m.regs.u32(Reg(8)), Some(want));
            hash(m, &Hash { seed: None, ..e });
            assert_eq!(m.regs.u32(Reg(8)), None);
            hash(m, &Hash { kind: HashKind::Symhash, sreg: None, modulus: 4, ..e });
            assert!(m.regs.unknown(Reg(8), 4).bounds.is_some_and(|b| (b.low, b.high) == (5, 8)));
            numgen(m, &Numgen { dreg: Reg(8), modulus: 3, kind: NumgenKind::Incremental, offset: 0 });
            assert_eq!(m.regs.identity(Reg(8), 4), None);
        });
    }
}
