//! `flow_offload`: hands the connection to a flowtable; the rule goes on only if that was done.

use crate::evaluate::nft::machine::Step;
use crate::evaluate::packet::CtState;
use crate::evaluate::{Context, Effect, Fact};
use crate::sys::ct::Status;
use crate::sys::nft::expr::FlowOffload;

use super::ct::tracked;

/// `nft_flow_offload_eval`
pub fn eval(cx: &mut Context<'_>, e: &FlowOffload) -> Step {
    if tracked(cx) == Fact::Absent {
        return Step::Break;
    }
    if let (Fact::Is(CtState::New), Fact::Is(status)) = (&cx.packet.ct.state, &cx.packet.ct.status)
        && !Status::from_bits_retain(*status).contains(Status::CONFIRMED)
    {
        return Step::Break;
    }
    let done = cx.ask(format!("whether flowtable {} took the connection", e.table), e.table.as_bytes(), true);
    if done {
        cx.effects.push(Effect::State(format!("flow add @{}", e.table).into()));
    }
    Step::when(done)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Family;

    #[test]
    fn a_connection_is_offloaded_only_once_it_is_in_the_table() {
        let run = |state, status| {
            let mut p = ip4(17, &[0; 8]);
            (p.ct.state, p.ct.status) = (state, status);
            let e = FlowOffload { table: "f".into() };
            every(&p, &Host::default(), &table(Family::Inet), |cx, _| eval(cx, &e)).len()
        };
        assert_eq!(run(Fact::Absent, Fact::Absent), 1);
        assert_eq!(run(Fact::Is(CtState::New), Fact::Is(0)), 1);
        assert_eq!(run(Fact::Is(CtState::Established), Fact::Is(8)), 2);
    }
}
