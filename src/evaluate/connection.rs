//! The connection of a packet, as rules ask for it. What the evidence does not say is asked for once a run, so that two
//! rules never get contradicting answers.

use super::context::Context;
use super::fact::Fact;
use super::packet::CtState;

/// The state that rules see. Before the conntrack hook everything is invalid, but what a rule gave a template.
pub fn state(cx: &mut Context) -> CtState {
    match &cx.packet.ct.state {
        Fact::Is(state) => *state,
        Fact::Absent if cx.packet.ct.template => CtState::New,
        Fact::Absent => CtState::Invalid,
        Fact::Unknown(what) => {
            let what = what.clone();
            for state in [CtState::New, CtState::Established, CtState::Related, CtState::Invalid] {
                let question = format!("{what}: {}", state.name());
                let key = question.clone();
                if cx.ask(question, key.as_bytes(), true) {
                    return state;
                }
            }
            CtState::Untracked
        }
    }
}

/// Has the packet a connection (`nf_ct_get` is not NULL)?
pub fn tracked(cx: &mut Context) -> bool {
    !matches!(state(cx), CtState::Invalid | CtState::Untracked)
}
