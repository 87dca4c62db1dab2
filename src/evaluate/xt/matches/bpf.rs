//! `-m bpf`

use super::{Checked, ask};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::sys::xt::matches::{Bpf, Instruction, Program};

pub(super) fn check(cx: &mut Context, m: &Bpf<'_>) -> Checked {
    let met = match m {
        Bpf::Bytecode(program) => match run(cx, program) {
            Fact::Is(result) => result != 0,
            Fact::Absent => false,
            Fact::Unknown(what) => return ask(cx, what, m),
        },
        Bpf::Pinned(path) => cx.ask(format!("BPF program {path}"), &[], true),
        Bpf::Descriptor => cx.ask("BPF program", &[], true),
    };
    if !met {
        cx.miss("-m bpf", || (None, None));
    }
    Ok(met)
}

/// Offsets from here on are no bytes of the packet (include/uapi/linux/filter.h): `SKF_LL_OFF`, `SKF_NET_OFF`, `SKF_AD_OFF`.
const LINK: u32 = -0x20_0000i32 as u32;
const NETWORK: u32 = -0x10_0000i32 as u32;
const ANCILLARY: u32 = -0x1000i32 as u32;

/// Runs a classic program over the packet from its network header on; absent where it reads outside of the packet, which
/// ends it with 0.
fn run(cx: &Context, program: &Program<'_>) -> Fact<u32> {
    let code: Vec<Instruction> = program.instructions().collect();
    let (mut a, mut x, mut memory) = (0u32, 0u32, [0u32; 16]);
    let mut at = 0usize;
    while let Some(&Instruction { code: op, jt, jf, k }) = code.get(at) {
        at += 1;
        let operand = if op & 0x08 != 0 { x } else { k };
        match op & 0x07 {
            // BPF_LD, BPF_LDX
            0x00 | 0x01 => {
                let loaded = match op & 0xe0 {
                    0x00 => Fact::Is(k),
                    0x20 => load(cx, k, op),
                    0x40 => match x.checked_add(k) {
                        Some(offset) => load(cx, offset, op),
                        None => Fact::Absent,
                    },
                    0x60 => memory.get(k as usize).copied().into(),
                    0x80 => Fact::Is(cx.packet.length as u32),
                    _ => load(cx, k, 0x10).map(|byte| (byte & 0xf) * 4),
                };
                let Fact::Is(value) = loaded else { return loaded };
                if op & 0x07 == 0 { a = value } else { x = value }
            }
            // BPF_ST, BPF_STX
            0x02 | 0x03 => {
                if let Some(cell) = memory.get_mut(k as usize) {
                    *cell = if op & 0x07 == 0x02 { a } else { x };
                }
            }
            // BPF_ALU
            0x04 => {
                a = match op & 0xf0 {
                    0x00 => a.wrapping_add(operand),
                    0x10 => a.wrapping_sub(operand),
                    0x20 => a.wrapping_mul(operand),
                    0x30 => match a.checked_div(operand) {
                        Some(v) => v,
                        None => return Fact::Absent,
                    },
                    0x40 => a | operand,
                    0x50 => a & operand,
                    0x60 => a.wrapping_shl(operand),
                    0x70 => a.wrapping_shr(operand),
                    0x80 => a.wrapping_neg(),
                    0x90 => match a.checked_rem(operand) {
                        Some(v) => v,
                        None => return Fact::Absent,
                    },
                    0xa0 => a ^ operand,
                    _ => return Fact::unknown("an instruction of BPF"),
                };
            }
            // BPF_JMP
            0x05 => {
                let taken = match op & 0xf0 {
                    0x00 => {
                        at += k as usize;
                        continue;
                    }
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    0x40 => a & operand != 0,
                    _ => return Fact::unknown("an instruction of BPF"),
                };
                at += usize::from(if taken { jt } else { jf });
            }
            // BPF_RET
            0x06 => return Fact::Is(if op & 0x18 == 0x10 { a } else { k }),
            // BPF_MISC
            _ => {
                if op & 0x80 != 0 {
                    a = x;
                } else {
                    x = a;
                }
            }
        }
    }
    Fact::Is(0)
}

/// Bytes of the packet as a number; the size is in the instruction.
fn load(cx: &Context, offset: u32, op: u16) -> Fact<u32> {
    let at = match offset {
        ANCILLARY.. => return ancillary(cx, offset - ANCILLARY),
        NETWORK.. => offset - NETWORK,
        LINK.. => return Fact::unknown("link layer header"),
        _ => offset,
    } as usize;
    match op & 0x18 {
        0x00 => cx.packet.array(at).map(u32::from_be_bytes),
        0x08 => cx.packet.array(at).map(|b| u16::from_be_bytes(b).into()),
        _ => cx.packet.array::<1>(at).map(|[b]| b.into()),
    }
}

/// `SKF_AD_*`
fn ancillary(cx: &Context, what: u32) -> Fact<u32> {
    match what {
        0 => Fact::Is(cx.packet.network.ethertype().into()),
        4 => cx.packet.pkttype.clone().map(u32::from),
        8 => match &cx.packet.iif {
            Fact::Is(d) => Fact::Is(d.index),
            _ => Fact::unknown("the packet's device"),
        },
        20 => cx.packet.mark.clone(),
        _ => Fact::unknown("what BPF asks beside the packet"),
    }
}
