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
