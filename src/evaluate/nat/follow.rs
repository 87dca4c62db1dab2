//! What becomes of packets whose connection has been translated (`nf_nat_packet`), and of errors about them.

use crate::evaluate::checksum;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::packet::{CtState, Packet};
use crate::sys::ct::{Status, Tuple};

use super::{ICMP, ICMPV6, Manip, rewrite_to, transport};

/// Has this end of the connection been decided already (`nf_nat_initialized`)? Unknown counts as not yet.
pub fn is_settled(packet: &Packet, manip: Manip) -> bool {
    let done = match manip {
        Manip::Source => Status::SRC_NAT_DONE,
        Manip::Destination => Status::DST_NAT_DONE,
    };
    packet.ct.status.value().is_some_and(|s| s & done.bits() != 0)
}

/// Rewrites one end of a packet as its connection demands (`nf_nat_packet`).
pub fn follow(packet: &mut Packet, manip: Manip) {
    if let Some(target) = rewritten_as(packet, manip) {
        rewrite_to(packet, manip, &target);
    }
}

/// The tuple that one end of a packet gets by its connection, if that end is translated.
fn rewritten_as(packet: &Packet, manip: Manip) -> Option<Tuple> {
    let (Fact::Is(status), Fact::Is(reply)) = (&packet.ct.status, &packet.ct.reply) else { return None };
    // Answers undo at one end what was done at the other.
    let bit = match (manip, reply) {
        (Manip::Source, false) | (Manip::Destination, true) => Status::SRC_NAT,
        (Manip::Destination, false) | (Manip::Source, true) => Status::DST_NAT,
    };
    if status & bit.bits() == 0 {
        return None;
    }
    let other = if *reply { &packet.ct.original } else { &packet.ct.answers };
    other.value().and_then(Tuple::inverted)
}

/// Is it an ICMP message about a connection (`IP_CT_RELATED` and ICMP)?
pub fn is_about_another(packet: &Packet) -> bool {
    packet.ct.state == Fact::Is(CtState::Related)
        && transport(packet)
            .is_some_and(|(protocol, _)| protocol == if packet.network == Network::Ip6 { ICMPV6 } else { ICMP })
}

/// Is it a redirect about a connection, and is that translated? Its receiver could not make anything of it then, and the kernel
/// drops it. None: it is no redirect.
pub fn redirects_translated(packet: &Packet) -> Option<Fact<bool>> {
    let kind = if packet.network == Network::Ip6 { 137 } else { 5 };
    let (_, at) = transport(packet)?;
    (packet.array(at) == Fact::Is([kind])).then(|| match &packet.ct.status {
        Fact::Is(status) => Fact::Is(status & (Status::SRC_NAT | Status::DST_NAT).bits() != 0),
        _ => Fact::unknown("whether the connection that the redirect is about is translated"),
    })
}

/// Rewrites an ICMP error, and the packet that it quotes, as the connection that it is about demands
/// (`nf_nat_icmp_reply_translation`, `nf_nat_icmpv6_reply_translation`). False: too little is quoted for that, and the kernel
/// drops it.
pub fn follow_error(packet: &mut Packet, manip: Manip) -> bool {
    let Some(target) = rewritten_as(packet, manip) else { return true };
    let Some((protocol, header)) = transport(packet) else { return true };
    let at = header + 8;
    // What is quoted went the other way.
    let Some(quoted) = packet.bytes.get(at..).map(<[u8]>::to_vec) else { return true };
    let mut inner = Packet::new(packet.network, quoted);
    inner.length = packet.length.saturating_sub(at);
    // `nf_nat_manip_pkt` wants the ports and what follows them, or the whole header of an ICMP message.
    if transport(&inner).is_some_and(|(_, inside)| inner.length < inside + 8) {
        return false;
    }
    let (opposite, back) = match manip {
        Manip::Source => (Manip::Destination, target.inverted()),
        Manip::Destination => (Manip::Source, target.inverted()),
    };
    if let Some(back) = back {
        rewrite_to(&mut inner, opposite, &back);
    }
    let changed = inner.bytes.get(..packet.bytes.len() - at).is_some_and(|b| packet.write(at, b));
    packet.blurred.extend(inner.blurred.iter().map(|r| r.start + at..r.end + at));
    if changed {
        checksum::fill(packet, protocol, header);
    }
    rewrite_to(packet, manip, &target);
    true
}
