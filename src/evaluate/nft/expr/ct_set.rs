//! `ct` that sets, and `notrack`.

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::packet::CtState;
use crate::evaluate::{Context, Effect, Fact};
use crate::sys::ct::{Zone, ZoneScope};
use crate::sys::nft::expr::{CtDirection, CtKey, CtSet};

use super::ct::tracked;
use crate::evaluate::connection;

/// `nft_ct_set_eval`, `nft_ct_set_zone_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &CtSet) -> Step {
    let len = match e.key {
        CtKey::Zone => 2,
        CtKey::Labels => 16,
        _ => 4,
    };
    let value = match m.take(cx, e.sreg, len) {
        Taken::Bytes(b) => Fact::Is(b.to_vec()),
        Taken::Unknown(u) => Fact::Unknown(cx.nft.name(&u)),
        Taken::Nothing => return Step::Break,
    };
    if e.key == CtKey::Zone {
        // Only before the packet has a connection.
        match tracked(cx) {
            Fact::Absent if !cx.packet.ct.template => {
                cx.packet.ct.template = true;
                cx.packet.ct.zone = match value {
                    Fact::Is(b) => {
                        let scope = match e.direction {
                            Some(CtDirection::Original) => ZoneScope::Original,
                            Some(CtDirection::Reply) => ZoneScope::Reply,
                            _ => ZoneScope::Both,
                        };
                        let id = <[u8; 2]>::try_from(b.as_slice()).map(u16::from_ne_bytes).ok();
                        id.map(|id| Zone { id, scope }).into()
                    }
                    Fact::Absent => Fact::Absent,
                    Fact::Unknown(w) => Fact::Unknown(w),
                };
            }
            Fact::Unknown(_) => cx.packet.ct.zone = Fact::unknown("zone that a rule set"),
            _ => {}
        }
        return Step::Go;
    }
    if tracked(cx) == Fact::Absent {
        return Step::Go;
    }
    match e.key {
        CtKey::Mark => {
            cx.packet.ct.mark = match value {
                Fact::Is(b) => <[u8; 4]>::try_from(b.as_slice()).map(u32::from_ne_bytes).ok().into(),
                Fact::Absent => Fact::Absent,
                Fact::Unknown(w) => Fact::Unknown(w),
            };
        }
        key => {
            if key == CtKey::Labels {
                match value.map(|b| <[u8; 16]>::try_from(b.as_slice())) {
                    Fact::Is(Ok(bits)) if connection::can_be_labelled(cx) => {
                        cx.packet.ct.labels |= u128::from_le_bytes(bits);
                    }
                    Fact::Is(Ok(_)) => {}
                    _ => cx.packet.ct.told = true,
                }
            }
            cx.effects.push(Effect::State(format!("ct {key}").into()));
        }
    }
    Step::Go
}

/// `nft_notrack_eval`
pub fn notrack(cx: &mut Context<'_>) -> Step {
    let ct = &mut cx.packet.ct;
    let free = match &ct.state {
        _ if ct.template => false,
        Fact::Absent | Fact::Is(CtState::Invalid) => true,
        Fact::Is(_) | Fact::Unknown(_) => false,
    };
    if free {
        ct.state = Fact::Is(CtState::Untracked);
    }
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    #[test]
    fn marks_need_a_connection_and_zones_none() {
        plain(ip4(17, &[0; 8]), |cx, m| {
            m.regs.write_u32(Reg::R1, 7);
            let mark = CtSet { key: CtKey::Mark, direction: None, sreg: Reg::R1 };
            let zone = CtSet { key: CtKey::Zone, direction: None, sreg: Reg::R1 };
            assert_eq!(eval(cx, m, &mark), Step::Go);
            assert_eq!(cx.packet.ct.mark, Fact::Absent);
            eval(cx, m, &zone);
            assert_eq!((cx.packet.ct.template, &cx.packet.ct.zone), (true, &Fact::Is(Zone::both(7))));
            assert_eq!(notrack(cx), Step::Go);
            assert_eq!(cx.packet.ct.state, Fact::Absent, "a template is in the way");
            (cx.packet.ct.template, cx.packet.ct.state) = (false, Fact::Is(CtState::New));
            eval(cx, m, &mark);
            m.regs.write_u32(Reg::R1, 9);
            eval(cx, m, &zone);
            assert_eq!((&cx.packet.ct.mark, &cx.packet.ct.zone), (&Fact::Is(7), &Fact::Is(Zone::both(7))));
            notrack(cx);
            assert_eq!(cx.packet.ct.state, Fact::Is(CtState::New));
            cx.packet.ct.state = Fact::Absent;
            notrack(cx);
            assert_eq!(cx.packet.ct.state, Fact::Is(CtState::Untracked));
        });
    }
}
