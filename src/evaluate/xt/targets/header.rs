//! Fields of the network header: TOS, DSCP, TTL and HL, ECN.

use crate::evaluate::checksum::{write_network, write_transport};
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::packet::Packet;
use crate::sys::xt::targets::{Dscp, Ecn, Tos, Ttl};

const TCP: u8 = 6;

/// The type of service or traffic class (`ipv4_get_dsfield`, `ipv6_get_dsfield`).
pub fn dsfield(packet: &Packet) -> Fact<u8> {
    match packet.network {
        Network::Ip4 => packet.array::<1>(1).map(|[tos]| tos),
        Network::Ip6 => packet.array::<2>(0).map(|[a, b]| a << 4 | b >> 4),
        _ => Fact::Absent,
    }
}

fn set_dsfield(packet: &mut Packet, new: u8) {
    let Fact::Is([a, b]) = packet.array::<2>(0) else { return };
    match packet.network {
        Network::Ip4 => write_network(packet, 0, &[a, new]),
        Network::Ip6 => write_network(packet, 0, &[a & 0xf0 | new >> 4, b & 0x0f | new << 4]),
        _ => false,
    };
}

pub(super) fn tos(cx: &mut Context, t: &Tos) -> Decision {
    if let Fact::Is(old) = dsfield(&cx.packet) {
        set_dsfield(&mut cx.packet, (old & !t.mask) ^ t.value);
    }
    Decision::Next
}

pub(super) fn dscp(cx: &mut Context, t: &Dscp) -> Decision {
    if let Fact::Is(old) = dsfield(&cx.packet) {
        set_dsfield(&mut cx.packet, old & 3 | t.dscp << 2);
    }
    Decision::Next
}

pub(super) fn ttl(cx: &mut Context, t: &Ttl) -> Decision {
    let at = if cx.packet.network == Network::Ip4 { 8 } else { 7 };
    if let Fact::Is([old]) = cx.packet.array::<1>(at) {
        let new = match t.mode {
            0 => t.ttl,
            1 => old.saturating_add(t.ttl),
            2 => old.saturating_sub(t.ttl),
            _ => old,
        };
        match (cx.packet.network, cx.packet.array::<1>(9)) {
            (Network::Ip4, Fact::Is([protocol])) => write_network(&mut cx.packet, 8, &[new, protocol]),
            _ => cx.packet.write(at, &[new]),
        };
    }
    Decision::Next
}

pub(super) fn ecn(cx: &mut Context, t: &Ecn) -> Decision {
    if t.operation & Ecn::SET_IP != 0
        && let Fact::Is(old) = dsfield(&cx.packet)
    {
        set_dsfield(&mut cx.packet, old & !3 | t.ip & 3);
    }
    if t.operation & (Ecn::SET_ECE | Ecn::SET_CWR) == 0 || cx.packet.array::<1>(9) != Fact::Is([TCP]) {
        return Decision::Next;
    }
    let Fact::Is([first]) = cx.packet.array::<1>(0) else { return Decision::Next };
    let header = usize::from(first & 0xf) * 4;
    let [offset, old] = match cx.packet.array::<20>(header) {
        Fact::Is(h) => [h[12], h[13]],
        Fact::Absent => return Decision::Drop,
        Fact::Unknown(_) => return Decision::Next,
    };
    let mut new = old;
    for (operation, wanted, bit) in [(Ecn::SET_ECE, t.tcp & 1, 0x40), (Ecn::SET_CWR, t.tcp & 2, 0x80)] {
        if t.operation & operation != 0 {
            new = if wanted != 0 { new | bit } else { new & !bit };
        }
    }
    if new != old {
        write_transport(&mut cx.packet, TCP, header, header + 12, &[offset, new]);
    }
    Decision::Next
}
