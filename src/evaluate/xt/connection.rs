//! The connection of a packet, as matches and targets ask for it.

use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::packet::CtState;

/// Has the packet a connection (`nf_ct_get` is not NULL)?
pub(super) fn tracked(cx: &mut Context) -> bool {
    match &cx.packet.ct.state {
        Fact::Is(CtState::New | CtState::Established | CtState::Related) => true,
        Fact::Is(CtState::Invalid | CtState::Untracked) => false,
        Fact::Absent => cx.packet.ct.template,
        Fact::Unknown(what) => {
            let what = what.clone();
            cx.ask(what, b"tracked", true)
        }
    }
}
