//! What an entry of arp_tables selects by itself (`arp_packet_match`).

use std::net::Ipv4Addr;

use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::xt::view::{View, number};
use crate::sys::uapi::x_tables::*;
use crate::sys::xt::{ArpSelector, DeviceAddress};

use super::condition::{address, interface, masked};

/// Does it select the packet?
pub(super) fn arp(cx: &mut Context, view: &View, s: &ArpSelector) -> bool {
    let inverted = |flag: u16| s.invert & flag != 0;
    let hardware = match cx.packet.iif.value().or(cx.packet.oif.value()).map(|d| cx.env.link(d.index)) {
        Some(Fact::Is(link)) if !link.address.is_empty() => Some(link.address.len()),
        _ => None,
    };
    let field = |cx: &Context, at: usize, n: usize| cx.packet.read(at, n).map(number);
    let number16 = |(v, m): (u16, u16)| (u128::from(v), u128::from(m));
    let fixed = [
        ("--opcode", 6, 2, number16(s.op), ARPT_INV_ARPOP),
        ("--h-type", 0, 2, number16(s.htype), ARPT_INV_ARPHRD),
        ("--proto-type", 2, 2, number16(s.ptype), ARPT_INV_ARPPRO),
        ("--h-length", 4, 1, (u128::from(s.hlen.0), u128::from(s.hlen.1)), ARPT_INV_ARPHLN),
    ];
    for (name, at, n, (value, mask), flag) in fixed {
        let have = field(cx, at, n);
        if !masked(cx, name, &have, value, mask, inverted(flag), |v| v.to_string()) {
            return false;
        }
    }
    // The kernel takes the address length of the device; without it, what the packet says.
    let length = match (hardware, cx.packet.array::<1>(4)) {
        (Some(n), _) => n,
        (None, Fact::Is([n])) => usize::from(n),
        _ => return false,
    };
    let (source_ip, target, target_ip) = (8 + length, 12 + length, 12 + 2 * length);
    let devices = [
        ("--source-mac", 8, &s.src_mac, ARPT_INV_SRCDEVADDR),
        ("--destination-mac", target, &s.dst_mac, ARPT_INV_TGTDEVADDR),
    ];
    for (name, at, wanted, flag) in devices {
        let (value, mask) = device(wanted, length);
        let have = field(cx, at, length.min(ARPT_DEV_ADDR_LEN_MAX));
        if !masked(cx, name, &have, value & mask, mask, inverted(flag), |v| format!("{v:x}")) {
            return false;
        }
    }
    let bits = |a: Ipv4Addr| u128::from(a.to_bits());
    let (src, dst) = (field(cx, source_ip, 4), field(cx, target_ip, 4));
    address(cx, "-s", &src, bits(s.src), bits(s.src_mask), inverted(ARPT_INV_SRCIP), true)
        && address(cx, "-d", &dst, bits(s.dst), bits(s.dst_mask), inverted(ARPT_INV_TGTIP), true)
        && interface(cx, "-i", &view.iif, &s.iif, inverted(ARPT_INV_VIA_IN))
        && interface(cx, "-o", &view.oif, &s.oif, inverted(ARPT_INV_VIA_OUT))
}

/// A hardware address and its mask as numbers of that many bytes.
fn device(wanted: &DeviceAddress, length: usize) -> (u128, u128) {
    let length = length.min(ARPT_DEV_ADDR_LEN_MAX);
    (number(wanted.address.get(..length).unwrap_or(&[])), number(wanted.mask.get(..length).unwrap_or(&[])))
}
