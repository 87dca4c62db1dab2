//! `byteorder`: swaps the bytes of a number.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::sys::nft::Reg;
use crate::sys::nft::expr::{Byteorder, ByteorderOp};

/// `nft_byteorder_eval`. Both directions do the same to the bytes.
pub fn eval(m: &mut Machine<'_>, e: &Byteorder) -> Step {
    let size = usize::from(e.size);
    if let ByteorderOp::Unknown(_) = e.op {
        return Step::Go;
    }
    // How many numbers: none, if the length says less than one (as nft 1.0 does of protocols in concatenations).
    let count = usize::from(e.len).checked_div(size).unwrap_or(0);
    for i in 0..count {
        // Two bytes have a word of their own each.
        let step = i * size.div_ceil(4);
        let at = |r: Reg| Reg(u8::try_from(usize::from(r.0) + step).unwrap_or(u8::MAX));
        let (from, to) = (at(e.sreg), at(e.dreg));
        let mut swapped: [u8; 8] = [0; 8];
        match (m.regs.read(from, size), swapped.get_mut(..size)) {
            (Some(bytes), Some(out)) => {
                out.copy_from_slice(bytes);
                // On a big-endian host there is nothing to do.
                if cfg!(target_endian = "little") {
                    out.reverse();
                }
                let out = &*out;
                m.regs.write(to, out);
            }
            _ => {
                let before = m.regs.unknown(from, size);
                let mut after = before.changed("byteorder");
                after.bounds = before.bounds.filter(|b| b.width == size).map(|mut b| {
                    b.network = !b.network;
                    b
                });
                m.regs.write_unknown(to, size, after);
            }
        }
    }
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::Unknown;
    use crate::evaluate::nft::testing::*;

    fn swap(value: &[u8], len: u8, size: u8) -> Vec<u8> {
        plain(ip4(17, &[0; 8]), |_, m| {
            m.regs.write(Reg::R1, &[0xee; 16]);
            m.regs.write(Reg::R1, value);
            eval(m, &Byteorder { sreg: Reg::R1, dreg: Reg::R1, op: ByteorderOp::Ntoh, len, size });
            m.regs.read(Reg::R1, 8).map(<[u8]>::to_vec).unwrap_or_default()
        })
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn numbers_are_swapped_as_often_as_the_length_says() {
        assert_eq!(swap(&[1, 2], 2, 2), [2, 1, 0, 0, 0xee, 0xee, 0xee, 0xee]);
        assert_eq!(swap(&[1, 2, 3, 4], 4, 4)[..4], [4, 3, 2, 1]);
        assert_eq!(swap(&[1, 2, 3, 4, 5, 6, 7, 8], 8, 8), [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(swap(&[1, 2, 3, 4, 5, 6, 7, 8], 8, 4), [4, 3, 2, 1, 8, 7, 6, 5]);
        assert_eq!(swap(&[6, 0], 1, 2)[..4], [6, 0, 0, 0], "less than one number");
    }

    #[test]
    fn bounds_survive() {
        plain(ip4(17, &[0; 8]), |_, m| {
            m.regs.write_unknown(Reg::R1, 4, Unknown::fresh("x").between(1, 2, 4));
            eval(m, &Byteorder { sreg: Reg::R1, dreg: Reg(8), op: ByteorderOp::Hton, len: 4, size: 4 });
            assert!(m.regs.unknown(Reg(8), 4).bounds.is_some_and(|b| b.network && b.low == 1));
        });
    }
}
