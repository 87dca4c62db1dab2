//! `-j HMARK`: a mark by a hash of addresses and ports.

use std::net::IpAddr;

use crate::evaluate::connection::tracked;
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6::{self, Missing, Wanted};
use crate::evaluate::jhash;
use crate::evaluate::packet::Packet;
use crate::sys::ct::L4;
use crate::sys::xt::targets::Hmark;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// `XT_HMARK_METHOD_L3`: addresses only.
const ADDRESSES_ONLY: u32 = 1 << 13;

/// What is hashed.
#[derive(Default)]
struct Hashed {
    source: u32,
    destination: u32,
    /// Masked, the bigger one in the high half.
    ports: u32,
    protocol: u8,
}

pub(super) fn run(cx: &mut Context, t: &Hmark) -> Decision {
    let hashed = if t.flags & Hmark::CT != 0 { of_connection(cx, t) } else { of_packet(cx, t) };
    match hashed {
        Fact::Is(h) => {
            let (low, high) = (h.source.min(h.destination), h.source.max(h.destination));
            let hash =
                jhash::words(&[low, high, h.ports], t.random) ^ (u32::from(h.protocol) & u32::from(t.proto_mask));
            cx.set_mark(Fact::Is(jhash::scale(hash, t.modulus).wrapping_add(t.offset)));
        }
        // Nothing to hash: the mark stays.
        Fact::Absent => {}
        Fact::Unknown(what) => cx.set_mark(Fact::unknown(format!("packet mark by HMARK ({what})"))),
    }
    Decision::Next
}

/// An address under its mask; IPv6 addresses are folded into one word.
fn address(bytes: &[u8], mask: &[u8; 16]) -> u32 {
    let words = bytes.as_chunks::<4>().0.iter().zip(mask.as_chunks::<4>().0);
    words.fold(0, |sum, (word, mask)| sum ^ (u32::from_be_bytes(*word) & u32::from_be_bytes(*mask)))
}

fn ports(source: [u8; 2], destination: [u8; 2], t: &Hmark) -> u32 {
    let [source_mask, destination_mask] = t.port_mask.map(u16::from_be_bytes);
    let [source_set, destination_set] = t.port_set.map(u16::from_be_bytes);
    let a = u32::from(u16::from_be_bytes(source) & source_mask | source_set);
    let b = u32::from(u16::from_be_bytes(destination) & destination_mask | destination_set);
    a.max(b) << 16 | a.min(b)
}

fn of_connection(cx: &mut Context, t: &Hmark) -> Fact<Hashed> {
    if !tracked(cx) {
        return Fact::Absent;
    }
    let (Fact::Is(original), Fact::Is(answers)) = (&cx.packet.ct.original, &cx.packet.ct.answers) else {
        return Fact::unknown("addresses of the connection");
    };
    let octets = |a: IpAddr| match a {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    };
    let mut h = Hashed {
        source: address(&octets(original.src), &t.source_mask),
        destination: address(&octets(answers.src), &t.destination_mask),
        ..Hashed::default()
    };
    if t.flags & ADDRESSES_ONLY == 0 {
        h.protocol = original.protocol;
        if h.protocol != ICMP {
            let source = |l4| match l4 {
                L4::Ports { src, .. } => src,
                L4::Icmp { id, .. } => id,
                L4::None => 0,
            };
            h.ports = ports(source(original.l4).to_be_bytes(), source(answers.l4).to_be_bytes(), t);
        }
    }
    Fact::Is(h)
}

/// The packet itself, or the one that an ICMP error is about.
fn of_packet(cx: &mut Context, t: &Hmark) -> Fact<Hashed> {
    if cx.packet.network == Network::Ip6 {
        return of_packet6(cx, t);
    }
    let packet = &cx.packet;
    let mut at = 0;
    let Fact::Is(outer) = packet.array::<20>(0) else { return Fact::unknown("headers") };
    if outer[9] == ICMP {
        let icmp = usize::from(outer[0] & 0xf) * 4;
        match packet.array::<8>(icmp) {
            Fact::Is([3 | 4 | 5 | 11 | 12, ..]) => at = icmp + 8,
            Fact::Unknown(w) => return Fact::Unknown(w),
            _ => {}
        }
    }
    let header = match packet.array::<20>(at) {
        Fact::Is(h) => h,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w),
    };
    let mut h = Hashed {
        source: address(&header[12..16], &t.source_mask),
        destination: address(&header[16..20], &t.destination_mask),
        ..Hashed::default()
    };
    if t.flags & ADDRESSES_ONLY == 0 {
        h.protocol = header[9];
        let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        if h.protocol != ICMP && !fragment {
            return with_ports(packet, h, at + usize::from(header[0] & 0xf) * 4, t);
        }
    }
    Fact::Is(h)
}

fn of_packet6(cx: &mut Context, t: &Hmark) -> Fact<Hashed> {
    let found = match ip6::find_in(cx, Wanted::TransportOrAuth) {
        Ok(f) => f,
        Err(Missing::Cut) => return Fact::unknown("headers"),
        // The kernel goes on with nothing in the tuple.
        Err(_) => return Fact::Is(Hashed::default()),
    };
    // A fragment header before what was found, which in a later fragment is nowhere.
    let before = |f: ip6::Found| found.offset == 0 || f.offset < found.offset;
    let fragment = ip6::find_in(cx, Wanted::Type(ip6::FRAGMENT)).is_ok_and(before);
    let packet = &cx.packet;
    if found.protocol == ICMPV6 && !fragment {
        match packet.array::<8>(found.offset) {
            // An error: the packet that it quotes is hashed.
            Fact::Is([1..128, ..]) => return Fact::unknown("the packet in an ICMPv6 error"),
            Fact::Unknown(w) => return Fact::Unknown(w),
            _ => {}
        }
    }
    let (Fact::Is(source), Fact::Is(destination)) = (packet.read(8, 16), packet.read(24, 16)) else {
        return Fact::unknown("addresses");
    };
    let mut h = Hashed {
        source: address(source, &t.source_mask),
        destination: address(destination, &t.destination_mask),
        ..Hashed::default()
    };
    if t.flags & ADDRESSES_ONLY == 0 {
        h.protocol = found.protocol;
        if h.protocol != ICMPV6 && !fragment {
            return with_ports(packet, h, found.offset, t);
        }
    }
    Fact::Is(h)
}

/// Adds the ports, where the protocol has some and they are all there.
fn with_ports(packet: &Packet, mut h: Hashed, at: usize, t: &Hmark) -> Fact<Hashed> {
    let at = match h.protocol {
        6 | 17 | 33 | 50 | 132 | 136 => at,
        51 => at + 4,
        _ => return Fact::Is(h),
    };
    match packet.array::<4>(at) {
        Fact::Is([a, b, c, d]) => h.ports = ports([a, b], [c, d], t),
        Fact::Absent => {}
        Fact::Unknown(w) => return Fact::Unknown(w),
    }
    Fact::Is(h)
}
