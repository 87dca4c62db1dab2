//! `-m connlabel`, `-m connbytes`, `-m helper`, `-m cluster`

use std::net::IpAddr;

use super::{Checked, ask, known, note};
use crate::evaluate::connection::{can_be_labelled, counted, state, tracked};
use crate::evaluate::context::Context;
use crate::evaluate::effect::Effect;
use crate::evaluate::fact::Fact;
use crate::evaluate::jhash;
use crate::evaluate::packet::CtState;
use crate::sys::xt::matches::{Cluster, Connbytes, Connlabel, Helper};

const PACKET_HOST: u8 = 0;
const PACKET_MULTICAST: u8 = 2;

pub(super) fn label(cx: &mut Context, m: &Connlabel) -> Checked {
    let inverted = m.options & Connlabel::INVERT != 0;
    if !tracked(cx) {
        return Ok(note(cx, inverted, "-m connlabel", "a connection", "none"));
    }
    let flow = cx.packet.ct.flow.clone();
    let label = 1u128.checked_shl(m.bit.into()).unwrap_or(0);
    let given = cx.packet.ct.labels & label != 0;
    let has = given || known(cx, flow, m)?.is_some_and(|f| f.labels.unwrap_or(0) & label != 0);
    let has =
        has || (cx.packet.ct.told && cx.ask("which labels a redirect gave the connection", &[m.bit as u8], false));
    if has {
        return Ok(note(cx, !inverted, "--label", m.bit, "set"));
    }
    if m.options & Connlabel::SET != 0 {
        if !can_be_labelled(cx) {
            return Ok(inverted);
        }
        cx.packet.ct.labels |= label;
        cx.effects.push(Effect::State(format!("connection gets label {}", m.bit).into()));
        return Ok(!inverted);
    }
    Ok(note(cx, inverted, "--label", m.bit, "not set"))
}

pub(super) fn bytes(cx: &mut Context, m: &Connbytes) -> Checked {
    if !tracked(cx) {
        return Ok(note(cx, false, "-m connbytes", "a connection", "none"));
    }
    let counters = counted(cx);
    let Some([original, reply]) = known(cx, counters, m)? else {
        return Ok(note(cx, false, "-m connbytes", "a connection that counts", "none"));
    };
    let (packets, bytes) = match m.direction {
        Connbytes::ORIGINAL => (original.packets, original.bytes),
        Connbytes::REPLY => (reply.packets, reply.bytes),
        _ => (original.packets.wrapping_add(reply.packets), original.bytes.wrapping_add(reply.bytes)),
    };
    let have = match m.what {
        Connbytes::PACKETS => packets,
        Connbytes::BYTES => bytes,
        _ => bytes.checked_div(packets).unwrap_or(0),
    };
    let met = if m.to >= m.from { (m.from..=m.to).contains(&have) } else { have < m.to || have > m.from };
    Ok(note(cx, met, "--connbytes", (m.from, m.to), have))
}

pub(super) fn helper(cx: &mut Context, m: &Helper<'_>) -> Checked {
    // Only a connection that another one announced has a master with a helper.
    let announced = match state(cx) {
        CtState::Invalid | CtState::Untracked => false,
        CtState::New => false,
        CtState::Related | CtState::Established => match &cx.packet.ct.flow {
            Fact::Is(flow) => flow.master.is_some(),
            Fact::Absent => cx.packet.ct.state == Fact::Is(CtState::Related),
            Fact::Unknown(_) => true,
        },
    };
    if !announced {
        return Ok(note(cx, m.invert, "--helper", m.name, "no helper"));
    }
    ask(cx, "helper of the connection's master", m)
}

pub(super) fn cluster(cx: &mut Context, m: &Cluster) -> Checked {
    let destination = cx.packet.addresses().and_then(|(_, d)| crate::evaluate::nat::address(d));
    if cx.packet.pkttype == Fact::Is(PACKET_MULTICAST) && destination.is_some_and(|d| !d.is_multicast()) {
        cx.packet.pkttype = Fact::Is(PACKET_HOST);
    }
    if cx.packet.ct.template || !tracked(cx) {
        return Ok(note(cx, false, "-m cluster", "a connection", "none"));
    }
    if cx.packet.ct.flow.value().is_some_and(|f| f.master.is_some()) {
        return ask(cx, "master of the connection", m);
    }
    let source = match cx.packet.ct.original.clone() {
        Fact::Is(t) => t.src,
        _ => return ask(cx, "addresses of the connection", m),
    };
    // Of an IPv6 address the kernel hashes the first word only.
    let word = match source {
        IpAddr::V4(a) => a.octets(),
        IpAddr::V6(a) => a.octets().first_chunk().copied().unwrap_or_default(),
    };
    let hash = jhash::words(&[u32::from_ne_bytes(word)], m.seed);
    let node = jhash::scale(hash, m.total);
    let met = (m.nodes.checked_shr(node).unwrap_or(0) & 1 != 0) != (m.flags & Cluster::INVERT != 0);
    Ok(note(cx, met, "--cluster-local-node", m.nodes, node + 1))
}
