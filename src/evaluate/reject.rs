//! REJECT and nft `reject`: whether the sender hears of it. The packet dies in any case.

use std::net::{IpAddr, Ipv6Addr};

use super::checksum;
use super::context::Context;
use super::decision::{Decision, RejectWith};
use super::fact::Fact;
use super::headers::Network;
use super::hook::Hook;
use super::ip6;
use super::packet::Packet;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const GRE: u8 = 47;
const ESP: u8 = 50;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

const PACKET_HOST: u8 = 0;

/// What a reject makes of the packet: [`Decision::Reject`] if the sender is told, [`Decision::Drop`] where the kernel
/// keeps silent: no answer to fragments, to errors, to resets, to broadcasts, or to bad checksums.
pub fn decide(cx: &mut Context, with: RejectWith) -> Decision {
    let told = match (cx.packet.network, &with) {
        (Network::Ip4, RejectWith::TcpReset) => tcp(cx, ip4_transport(&cx.packet)),
        (Network::Ip4, RejectWith::Icmp(_)) => icmp(cx),
        (Network::Ip6, RejectWith::TcpReset) => unicast6(&cx.packet) && tcp(cx, ip6_transport(&cx.packet)),
        (Network::Ip6, RejectWith::Icmp(_)) => icmp6(cx),
        _ => false,
    };
    if told { Decision::Reject(with) } else { Decision::Drop }
}

/// Protocol and transport header; none in later fragments.
fn ip4_transport(packet: &Packet) -> Option<(u8, usize)> {
    let h = packet.headers();
    h.transport.filter(|_| h.first_fragment()).zip(h.protocol).map(|(at, p)| (p, at))
}

fn ip6_transport(packet: &Packet) -> Option<(u8, usize)> {
    ip6::skip_extensions(packet).filter(|f| f.fragment == 0).map(|f| (f.protocol, f.offset))
}

/// `nf_send_reset`, `nf_send_reset6`
fn tcp(cx: &mut Context, transport: Option<(u8, usize)>) -> bool {
    let Some((TCP, at)) = transport else { return false };
    match cx.packet.array::<20>(at) {
        Fact::Is(header) if header[13] & 0x04 != 0 => return false,
        Fact::Is(_) => {}
        Fact::Absent => return false,
        Fact::Unknown(_) => return true,
    }
    let group = cx.packet.network == Network::Ip4 && group4(&cx.packet);
    !group && checksum_is_fine(cx, TCP, at)
}

/// `nf_send_unreach`, `icmp_send`
fn icmp(cx: &mut Context) -> bool {
    let Some((protocol, at)) = ip4_transport(&cx.packet) else { return false };
    if group4(&cx.packet) || !to_us(&cx.packet, cx.hook) {
        return false;
    }
    if protocol == ICMP {
        // No error about an error, nor about what the kernel takes for one.
        match cx.packet.array::<1>(at) {
            Fact::Is([0 | 8 | 13..=18]) => {}
            Fact::Unknown(_) => return true,
            _ => return false,
        }
    }
    checksum_is_fine(cx, protocol, at)
}

/// `nf_send_unreach6`, `icmpv6_send`
fn icmp6(cx: &mut Context) -> bool {
    let Some((protocol, at)) = ip6_transport(&cx.packet) else { return false };
    let source = cx.packet.array::<16>(8).map(Ipv6Addr::from);
    if let Fact::Is(source) = source
        && (source.is_unspecified() || source.is_multicast())
    {
        return false;
    }
    let group = cx.packet.array::<16>(24).map(|a| Ipv6Addr::from(a).is_multicast());
    if group == Fact::Is(true) || !to_us(&cx.packet, cx.hook) {
        return false;
    }
    if protocol == ICMPV6 {
        match cx.packet.array::<1>(at) {
            Fact::Is([kind]) if kind & 0x80 != 0 => {}
            Fact::Unknown(_) => return true,
            _ => return false,
        }
    }
    checksum_is_fine(cx, protocol, at)
}

/// Packets that came to a link layer group address get no answer.
fn to_us(packet: &Packet, hook: Hook) -> bool {
    hook == Hook::Output || !matches!(packet.pkttype, Fact::Is(t) if t != PACKET_HOST)
}

/// Is the destination an IPv4 group or the broadcast address? Directed broadcasts are the routing tables' business.
fn group4(packet: &Packet) -> bool {
    match packet.array::<4>(16).map(std::net::Ipv4Addr::from) {
        Fact::Is(a) => IpAddr::V4(a).is_multicast() || a.is_broadcast(),
        _ => false,
    }
}

fn unicast6(packet: &Packet) -> bool {
    let unicast = |at| match packet.array::<16>(at).map(Ipv6Addr::from) {
        Fact::Is(a) => !a.is_multicast() && !a.is_unspecified(),
        _ => true,
    };
    unicast(8) && unicast(24)
}

/// A wrong checksum gets no answer, unless the device vouches for it, which the evidence does not say.
fn checksum_is_fine(cx: &mut Context, protocol: u8, at: usize) -> bool {
    match protocol {
        GRE | ESP | 51 | SCTP | UDPLITE => return true,
        UDP if cx.packet.array::<2>(at + 6) == Fact::Is([0, 0]) => return true,
        _ => {}
    }
    match checksum::transport_is_right(&cx.packet, protocol, at) {
        Fact::Is(false) => cx.ask("whether the device vouches for the checksum", b"checksum vouched for", true),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::environment::Nowhere;
    use crate::evaluate::{Assumptions, Context};

    fn decided(packet: Packet, with: RejectWith) -> Decision {
        let mut assumptions = Assumptions::new();
        decide(&mut Context::new(packet, Hook::Input, &Nowhere, &mut assumptions), with)
    }

    fn ip4(protocol: u8, fragment: u16, payload: &[u8]) -> Packet {
        let mut b =
            vec![0x45, 0, 0, 20 + payload.len() as u8, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        b[6..8].copy_from_slice(&fragment.to_be_bytes());
        b.extend(payload);
        Packet::new(Network::Ip4, b)
    }

    #[test]
    fn errors_resets_and_fragments_are_not_answered() {
        let unreachable = || RejectWith::Icmp("icmp-port-unreachable".into());
        let mut reset = [0; 20];
        (reset[12], reset[13]) = (0x50, 0x04);
        let mut syn = reset;
        syn[13] = 0x02;
        assert_eq!(decided(ip4(6, 0, &syn), RejectWith::TcpReset), Decision::Reject(RejectWith::TcpReset));
        assert_eq!(decided(ip4(6, 0, &reset), RejectWith::TcpReset), Decision::Drop);
        assert_eq!(decided(ip4(17, 0, &[0; 8]), RejectWith::TcpReset), Decision::Drop);
        assert_eq!(decided(ip4(17, 0, &[0; 8]), unreachable()), Decision::Reject(unreachable()));
        assert_eq!(decided(ip4(17, 1, &[0; 8]), unreachable()), Decision::Drop);
        assert_eq!(decided(ip4(1, 0, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]), unreachable()), Decision::Reject(unreachable()));
        assert_eq!(decided(ip4(1, 0, &[3, 0, 0, 0, 0, 0, 0, 0]), unreachable()), Decision::Drop);
    }
}
