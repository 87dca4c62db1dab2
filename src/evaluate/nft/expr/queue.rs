//! `queue`: to a program in user space.

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Decision};
use crate::sys::nft::expr::{Queue, QueueFlags, QueueTarget};

/// `nft_queue_eval`, `nft_queue_sreg_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Queue) -> Step {
    let bypass = e.flags.contains(QueueFlags::BYPASS);
    let (queue, count) = match e.target {
        QueueTarget::Range { first, total } => (first, total.max(1)),
        QueueTarget::Reg(reg) => match m.take(cx, reg, 4) {
            // Of the word only 16 bits fit into a verdict (`NF_QUEUE_NR`).
            Taken::Bytes(b) => (b.try_into().map_or(0, u32::from_ne_bytes) as u16, 1),
            Taken::Unknown(_) => {
                return Step::Verdict(Decision::Unknown("queue with a number that is not known".into()));
            }
            Taken::Nothing => return Step::Break,
        },
    };
    Step::Verdict(Decision::Queue { queue, count, bypass })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    #[test]
    fn queues_are_numbers_ranges_or_registers() {
        plain(ip4(17, &[0; 8]), |cx, m| {
            let e = Queue { target: QueueTarget::Range { first: 4, total: 2 }, flags: QueueFlags::BYPASS };
            assert_eq!(eval(cx, m, &e), Step::Verdict(Decision::Queue { queue: 4, count: 2, bypass: true }));
            m.regs.write_u32(Reg::R1, 0x1_0007);
            let e = Queue { target: QueueTarget::Reg(Reg::R1), flags: QueueFlags::empty() };
            assert_eq!(eval(cx, m, &e), Step::Verdict(Decision::Queue { queue: 7, count: 1, bypass: false }));
        });
    }
}
