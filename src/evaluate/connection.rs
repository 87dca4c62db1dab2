//! The connection of a packet, as rules ask for it. What the evidence does not say is asked for once a run, so that two
//! rules never get contradicting answers.

use super::context::Context;
use super::fact::Fact;
use super::packet::{CtState, Packet};
use crate::sys::ct::{Counters, Flow, Status};

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

/// The status that rules see. A packet may be the one that makes its connection assured: of TCP that hangs on windows, of UDP
/// on the connection's age, which nothing tells.
pub fn status(cx: &mut Context) -> Fact<u32> {
    let ct = &cx.packet.ct;
    let Fact::Is(mut status) = ct.status else { return ct.status.clone() };
    let answered = |f: &Flow| f.status.is_none_or(|s| s.contains(Status::SEEN_REPLY));
    if ct.flow.value().is_some_and(|f| !answered(f))
        && is_reset(&cx.packet)
        && cx.ask("whether the RST ends its connection at once", b"dying", true)
    {
        status |= Status::DYING.bits();
    }
    let ct = &cx.packet.ct;
    let assured = Status::ASSURED.bits();
    let echo = matches!(cx.packet.headers().protocol, Some(1 | 58));
    let may = ct.state == Fact::Is(CtState::Established) && matches!(ct.flow, Fact::Is(_)) && !echo;
    if status & assured == 0 && may && cx.ask("whether the packet makes its connection assured", b"assured", false) {
        return Fact::Is(status | assured);
    }
    Fact::Is(status)
}

fn is_reset(packet: &Packet) -> bool {
    let h = packet.headers();
    h.protocol == Some(6) && h.transport.is_some_and(|at| matches!(packet.array(at + 13), Fact::Is([f]) if f & 4 != 0))
}

/// What the connection has counted by the time a rule sees the packet: of the packet's own direction, itself is part.
/// Packets and bytes of the original direction, then of the reply. Absent: it counts nothing.
pub fn counted(cx: &mut Context) -> Fact<[Counters; 2]> {
    let unknown = || Fact::unknown("what the connection has counted");
    let ct = &cx.packet.ct;
    // What is read now was counted by now.
    if cx.env.since_ruleset() != Fact::Is(0) {
        return unknown();
    }
    let mut counted = match &ct.flow {
        Fact::Unknown(_) => return unknown(),
        Fact::Is(flow) if flow.status.is_some_and(|s| s.contains(Status::OFFLOAD)) => return unknown(),
        Fact::Is(flow) => match (flow.counters_orig, flow.counters_reply) {
            (None, None) => return Fact::Absent,
            (original, reply) => [original.unwrap_or_default(), reply.unwrap_or_default()],
        },
        Fact::Absent => match cx.env.sysctl("net.netfilter.nf_conntrack_acct") {
            Fact::Is(on) if on.trim() == "0" => return Fact::Absent,
            Fact::Is(_) => <[Counters; 2]>::default(),
            _ => return unknown(),
        },
    };
    let ignored = ct.ignored.clone();
    let reply = ct.reply.clone();
    if !cx.test(ignored, b"ignored by the tracker", |i| *i) {
        let Fact::Is(reply) = reply else { return unknown() };
        let [original, answers] = &mut counted;
        let own = if reply { answers } else { original };
        own.packets += 1;
        own.bytes += cx.packet.length as u64;
    }
    Fact::Is(counted)
}

/// Has the connection room for labels? One from before the first rule about them has none.
pub fn can_be_labelled(cx: &mut Context) -> bool {
    match &cx.packet.ct.flow {
        Fact::Absent => true,
        Fact::Is(flow) if flow.labels.is_some() => true,
        _ => cx.ask("whether the connection can be labelled", b"connlabel", true),
    }
}

/// Has the packet a connection (`nf_ct_get` is not NULL)?
pub fn tracked(cx: &mut Context) -> bool {
    !matches!(state(cx), CtState::Invalid | CtState::Untracked)
}
