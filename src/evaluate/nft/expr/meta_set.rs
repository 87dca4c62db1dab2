//! `meta` that sets.

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Effect, Fact};
use crate::sys::nft::expr::{MetaKey, MetaSet};

/// `PACKET_OTHERHOST`, the last that may be set (`skb_pkt_type_ok`).
const OTHERHOST: u8 = 3;

/// `nft_meta_set_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &MetaSet) -> Step {
    let len = match e.key {
        MetaKey::Pkttype | MetaKey::Nftrace | MetaKey::BriBroute => 1,
        _ => 4,
    };
    let value: Fact<u32> = match m.take(cx, e.sreg, len) {
        Taken::Bytes(b) => match *b {
            [v] => Fact::Is(u32::from(v)),
            [a, b, c, d] => Fact::Is(u32::from_ne_bytes([a, b, c, d])),
            _ => Fact::Absent,
        },
        Taken::Unknown(u) => Fact::Unknown(cx.nft.name(&u)),
        Taken::Nothing => return Step::Break,
    };
    match e.key {
        MetaKey::Mark => cx.set_mark(value),
        MetaKey::Priority => cx.packet.priority = value,
        MetaKey::Pkttype => match (&value, &cx.packet.pkttype) {
            (Fact::Is(new), Fact::Is(old)) if *new > u32::from(OTHERHOST) || *old > OTHERHOST => {}
            (Fact::Is(new), Fact::Is(_)) => cx.packet.pkttype = Fact::Is(*new as u8),
            _ => cx.packet.pkttype = Fact::unknown("packet type that a rule set"),
        },
        MetaKey::Nftrace => match value {
            Fact::Is(0) => {}
            _ => cx.effects.push(Effect::Trace),
        },
        MetaKey::Secmark => {}
        key => cx.effects.push(Effect::State(format!("meta {key}").into())),
    }
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::Unknown;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    #[test]
    fn marks_are_set_and_packet_types_only_among_themselves() {
        let mut p = ip4(17, &[0; 8]);
        p.pkttype = Fact::Is(0);
        plain(p, |cx, m| {
            m.regs.write_u32(Reg::R1, 7);
            assert_eq!(eval(cx, m, &MetaSet { key: MetaKey::Mark, sreg: Reg::R1 }), Step::Go);
            assert_eq!(cx.packet.mark, Fact::Is(7));
            eval(cx, m, &MetaSet { key: MetaKey::Pkttype, sreg: Reg::R1 });
            assert_eq!(cx.packet.pkttype, Fact::Is(0), "7 may not be set");
            m.regs.write_u32(Reg::R1, 3);
            eval(cx, m, &MetaSet { key: MetaKey::Pkttype, sreg: Reg::R1 });
            assert_eq!(cx.packet.pkttype, Fact::Is(3));
            eval(cx, m, &MetaSet { key: MetaKey::Nftrace, sreg: Reg::R1 });
            assert_eq!(cx.effects, [Effect::Mark(7), Effect::Trace]);
        });
    }

    #[test]
    fn two_unknown_marks_are_not_the_same() {
        plain(ip4(17, &[0; 8]), |cx, m| {
            let mut mark = || {
                m.regs.write_unknown(Reg::R1, 4, Unknown::fresh("dice"));
                eval(cx, m, &MetaSet { key: MetaKey::Mark, sreg: Reg::R1 });
                cx.packet.mark.clone()
            };
            assert_ne!(mark(), mark());
        });
    }
}
