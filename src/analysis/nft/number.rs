//! Values of fields as numbers, and for which of them a comparison holds.

use crate::analysis::axis::What;
use crate::analysis::ranges::Ranges;
use crate::sys::nft::expr::CmpOp;

/// A number of that many bytes with all bits set.
pub(super) fn ones(len: usize) -> u128 {
    if len >= 16 { u128::MAX } else { (1u128 << (8 * len)) - 1 }
}

pub(super) fn number(data: &[u8], host: bool) -> Option<u128> {
    if data.len() > 16 {
        return None;
    }
    let mut bytes = [0; 16];
    if host && cfg!(target_endian = "little") {
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        return Some(u128::from_le_bytes(bytes));
    }
    bytes.get_mut(16 - data.len()..)?.copy_from_slice(data);
    Some(u128::from_be_bytes(bytes))
}

pub(super) fn holds(have: u128, op: CmpOp, value: u128) -> bool {
    match op {
        CmpOp::Eq => have == value,
        CmpOp::Neq => have != value,
        CmpOp::Lt => have < value,
        CmpOp::Lte => have <= value,
        CmpOp::Gt => have > value,
        CmpOp::Gte => have >= value,
        CmpOp::Unknown(_) => false,
    }
}

pub(super) fn compared(op: CmpOp, value: u128, top: u128) -> Option<Ranges> {
    Some(match op {
        CmpOp::Eq => Ranges::one(value),
        CmpOp::Neq => Ranges::one(value).not(top),
        CmpOp::Lt => value.checked_sub(1).map_or_else(Ranges::default, |v| Ranges::span(0, v)),
        CmpOp::Lte => Ranges::span(0, value),
        CmpOp::Gt => value.checked_add(1).map_or_else(Ranges::default, |v| Ranges::span(v, top)),
        CmpOp::Gte => Ranges::span(value, top),
        CmpOp::Unknown(_) => return None,
    })
}

/// The states for which a bit test of nft's `ct state` holds.
pub(super) fn states(test: impl Fn(u128) -> bool) -> Ranges {
    let bits = [1u128, 2, 4, 8, 64];
    Ranges::of(bits.into_iter().zip(0..).filter(|(bit, _)| test(*bit)).map(|(_, n)| (n, n)))
}

/// Values under a mask: a prefix is a range, few bits are tried one by one, and anything else is an axis of its own.
pub(in crate::analysis) fn masked(
    what: What,
    mask: u128,
    bits: u32,
    op: CmpOp,
    value: u128,
    top: u128,
) -> Option<(What, Ranges)> {
    let prefix = mask != 0 && (mask << (128 - bits)).leading_ones() + mask.trailing_zeros() == bits;
    if prefix && matches!(op, CmpOp::Eq | CmpOp::Neq) {
        if value & !mask != 0 {
            let none = Ranges::default();
            return Some((what, if op == CmpOp::Eq { none } else { Ranges::span(0, top) }));
        }
        let low = (1u128 << mask.trailing_zeros()) - 1;
        let eq = Ranges::span(value, value | low);
        return Some((what, if op == CmpOp::Eq { eq } else { eq.not(top) }));
    }
    if bits <= 8 {
        let all = (0..=ones(usize::from(bits > 0))).filter(|v| holds(v & mask, op, value));
        return Some((what, Ranges::of(all.map(|v| (v, v)))));
    }
    Some((What::Masked(Box::new(what), mask), compared(op, value, top)?))
}
