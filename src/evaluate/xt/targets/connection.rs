//! What conntrack shall do with the packet: CT, NOTRACK, CLUSTERIP.

use crate::evaluate::connection::tracked;
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::evaluate::packet::CtState;
use crate::sys::ct::{Zone, ZoneScope};
use crate::sys::xt::targets::Ct;

/// Has conntrack, or a rule before it, dealt with the packet already (`skb->_nfct != 0`)?
fn seen(cx: &Context) -> bool {
    cx.packet.ct.template || !matches!(cx.packet.ct.state, Fact::Absent)
}

pub(super) fn notrack(cx: &mut Context) -> Decision {
    if !seen(cx) {
        cx.packet.ct.state = Fact::Is(CtState::Untracked);
    }
    Decision::Next
}

pub(super) fn ct(cx: &mut Context, t: &Ct<'_>) -> Decision {
    if t.flags & Ct::NOTRACK != 0 {
        return notrack(cx);
    }
    if !seen(cx) {
        cx.packet.ct.template = true;
        let scope = match t.flags & (Ct::ZONE_ORIGINAL | Ct::ZONE_REPLY) {
            Ct::ZONE_ORIGINAL => ZoneScope::Original,
            Ct::ZONE_REPLY => ZoneScope::Reply,
            _ => ZoneScope::Both,
        };
        cx.packet.ct.zone = match (t.flags & Ct::ZONE_MARK != 0, &cx.packet.mark) {
            (false, _) => Fact::Is(Zone { id: t.zone, scope }),
            (true, Fact::Is(mark)) => Fact::Is(Zone { id: *mark as u16, scope }),
            (true, _) => Fact::unknown("conntrack zone"),
        };
    }
    Decision::Next
}

pub(super) fn clusterip(cx: &mut Context) -> Decision {
    if !tracked(cx) {
        return Decision::Drop;
    }
    match cx.ask("whether this node answers for the cluster's address", b"CLUSTERIP", true) {
        true => Decision::Next,
        false => Decision::Drop,
    }
}
