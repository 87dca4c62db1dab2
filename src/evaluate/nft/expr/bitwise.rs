//! `bitwise`: masks, shifts and combines registers, word by word.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::sys::nft::Reg;
use crate::sys::nft::expr::{Bitwise, BitwiseOp, Operand};

/// `nft_bitwise_eval`
pub fn eval(m: &mut Machine<'_>, e: &Bitwise) -> Step {
    let count = usize::from(e.len).div_ceil(4);
    match &e.op {
        BitwiseOp::MaskXor { mask, xor } => {
            each(m, e, count, |i, v| match (word(mask, i), word(xor, i)) {
                // Where no bit is kept it does not matter what was there.
                (0, xor) => Some(xor),
                (mask, xor) => v.map(|v| (v & mask) ^ xor),
            });
        }
        BitwiseOp::And(o) => {
            let other = operand(m, o, count);
            each(m, e, count, |i, v| match (v, other.get(i).copied().flatten()) {
                (Some(0), _) | (_, Some(0)) => Some(0),
                (Some(a), Some(b)) => Some(a & b),
                _ => None,
            });
        }
        BitwiseOp::Or(o) => {
            let other = operand(m, o, count);
            each(m, e, count, |i, v| Some(v? | other.get(i).copied().flatten()?));
        }
        BitwiseOp::Xor(o) => {
            let other = operand(m, o, count);
            each(m, e, count, |i, v| Some(v? ^ other.get(i).copied().flatten()?));
        }
        BitwiseOp::ShiftLeft(by) => shift(m, e, count, *by, true),
        BitwiseOp::ShiftRight(by) => shift(m, e, count, *by, false),
    }
    Step::Go
}

/// A word of data in host order; 0 where the data end.
fn word(data: &[u8], i: usize) -> u32 {
    let mut bytes = [0; 4];
    for (to, from) in bytes.iter_mut().zip(data.iter().skip(i * 4)) {
        *to = *from;
    }
    u32::from_ne_bytes(bytes)
}

fn operand(m: &Machine<'_>, o: &Operand, count: usize) -> Vec<Option<u32>> {
    match o {
        Operand::Reg(reg) => m.regs.words(*reg, count * 4).map(|w| w.map(u32::from_ne_bytes)).collect(),
        Operand::Data(data) => (0..count).map(|i| Some(word(data, i))).collect(),
    }
}

/// The register of the word at that distance.
fn reg(first: Reg, i: usize) -> Reg {
    Reg(u8::try_from(usize::from(first.0) + i).unwrap_or(u8::MAX))
}

fn each(m: &mut Machine<'_>, e: &Bitwise, count: usize, op: impl Fn(usize, Option<u32>) -> Option<u32>) {
    for i in 0..count {
        let (from, to) = (reg(e.sreg, i), reg(e.dreg, i));
        match op(i, m.regs.u32(from)) {
            Some(v) => m.regs.write_u32(to, v),
            None => {
                let unknown = m.regs.unknown(from, 4).changed(format!("{:?} {i}", e.op));
                m.regs.write_unknown(to, 4, unknown);
            }
        }
    }
}

/// Bits go over from word to word, the first word being the highest.
fn shift(m: &mut Machine<'_>, e: &Bitwise, count: usize, by: u32, left: bool) {
    let words: Vec<Option<u32>> = m.regs.words(e.sreg, count * 4).map(|w| w.map(u32::from_ne_bytes)).collect();
    if words.iter().any(Option::is_none) || !(1..32).contains(&by) {
        let unknown = m.regs.unknown(e.sreg, usize::from(e.len)).changed(format!("{:?}", e.op));
        m.regs.write_unknown(e.dreg, usize::from(e.len), unknown);
        return;
    }
    let at = |i: Option<usize>| i.and_then(|i| words.get(i).copied().flatten()).unwrap_or(0);
    for i in 0..count {
        let v = if left {
            at(Some(i)) << by | at(Some(i + 1)) >> (32 - by)
        } else {
            at(Some(i)) >> by | at(i.checked_sub(1)) << (32 - by)
        };
        m.regs.write_u32(reg(e.dreg, i), v);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::Unknown;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Data;

    fn run(len: u8, value: &[u8], op: BitwiseOp) -> Option<Vec<u8>> {
        plain(ip4(17, &[0; 8]), |_, m| {
            m.regs.write(Reg::R1, value);
            m.regs.write(Reg(12), &[0xf0; 4]);
            assert_eq!(eval(m, &Bitwise { sreg: Reg::R1, dreg: Reg(8), len, op }), Step::Go);
            m.regs.read(Reg(8), usize::from(len).next_multiple_of(4)).map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn masks_and_combinations_work_word_by_word() {
        let mask_xor = |mask: &[u8], xor: &[u8]| BitwiseOp::MaskXor { mask: Data::new(mask), xor: Data::new(xor) };
        assert_eq!(run(2, &[0xff, 0x0f], mask_xor(&[0xf0, 0xff], &[1, 0])), Some(vec![0xf1, 0x0f, 0, 0]));
        assert_eq!(
            run(4, &[1, 2, 3, 4], BitwiseOp::Or(Operand::Data(Data::new([0x10, 0, 0, 0])))),
            Some(vec![0x11, 2, 3, 4])
        );
        assert_eq!(run(4, &[0xff; 4], BitwiseOp::And(Operand::Reg(Reg(12)))), Some(vec![0xf0; 4]));
        assert_eq!(run(4, &[0xff; 4], BitwiseOp::Xor(Operand::Reg(Reg(12)))), Some(vec![0x0f; 4]));
    }

    #[test]
    fn shifts_carry_from_word_to_word_in_host_order() {
        let words = |a: u32, b: u32| [a.to_ne_bytes(), b.to_ne_bytes()].concat();
        assert_eq!(run(4, &6u32.to_ne_bytes(), BitwiseOp::ShiftLeft(4)), Some(0x60u32.to_ne_bytes().to_vec()));
        assert_eq!(run(8, &words(1, 0x8000_0000), BitwiseOp::ShiftLeft(1)), Some(words(3, 0)));
        assert_eq!(run(8, &words(3, 4), BitwiseOp::ShiftRight(1)), Some(words(1, 0x8000_0002)));
    }

    #[test]
    fn an_unknown_word_stays_unknown_unless_no_bit_of_it_is_kept() {
        plain(ip4(17, &[0; 8]), |_, m| {
            m.regs.write_unknown(Reg::R1, 8, Unknown::fact("x"));
            let op = BitwiseOp::MaskXor {
                mask: Data::new([0, 0, 0, 0, 1, 0, 0, 0]),
                xor: Data::new([5, 0, 0, 0, 0, 0, 0, 0]),
            };
            eval(m, &Bitwise { sreg: Reg::R1, dreg: Reg(8), len: 8, op });
            assert_eq!(m.regs.read(Reg(8), 4), Some(&[5, 0, 0, 0][..]));
            assert_eq!((m.regs.read(Reg(9), 4), m.regs.unknown(Reg(9), 4).what.as_ref()), (None, "x"));
        });
    }
}
