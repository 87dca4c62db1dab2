//! What an entry selects by itself: addresses, interfaces, protocol, fragments.

mod arp;
mod condition;

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Outcome;
use super::view::{Fields, Transport, View};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::ip6::{Found, Missing};
use crate::evaluate::packet::CUT;
use crate::sys::uapi::x_tables::*;
use crate::sys::xt::{Family, Interface, Ip6Selector, IpSelector, Selector};
use arp::arp;
use condition::{address, fragment, interface, is_protocol, missed_protocol};

/// Does an entry select the packet, its matches aside? A packet that kills the walk (`hotdrop`) is not selected.
pub fn matches(cx: &mut Context, selector: &Selector) -> bool {
    let family = match selector {
        Selector::Ip(_) => Family::Ip,
        Selector::Ip6(_) => Family::Ip6,
        Selector::Arp(_) => Family::Arp,
    };
    let view = View::new(family, cx);
    select(cx, &view, selector) == Outcome::Yes
}

/// Addresses and interfaces, each by itself: the selectors of both families have the same fields for them.
macro_rules! ends_apart {
    ($s:expr, $free:expr) => {{
        let (s, mut parts) = ($s, [$free; 4]);
        let [source, destination, input, output] = &mut parts;
        (source.src, source.src_mask, source.invert) = (s.src, s.src_mask, s.invert & IPT_INV_SRCIP);
        (destination.dst, destination.dst_mask, destination.invert) = (s.dst, s.dst_mask, s.invert & IPT_INV_DSTIP);
        (input.iif, input.invert) = (s.iif, s.invert & IPT_INV_VIA_IN);
        (output.oif, output.invert) = (s.oif, s.invert & IPT_INV_VIA_OUT);
        parts
    }};
}

/// A selector of each condition by itself.
pub(super) fn parts(s: &Selector) -> Vec<Selector> {
    let any = Interface::default();
    match s {
        Selector::Ip(s) => {
            let free = IpSelector {
                src: Ipv4Addr::UNSPECIFIED,
                src_mask: Ipv4Addr::UNSPECIFIED,
                dst: Ipv4Addr::UNSPECIFIED,
                dst_mask: Ipv4Addr::UNSPECIFIED,
                iif: any,
                oif: any,
                proto: 0,
                flags: 0,
                invert: 0,
            };
            let ends = ends_apart!(s, free);
            let protocol = IpSelector { proto: s.proto, invert: s.invert & XT_INV_PROTO, ..free };
            let fragment = IpSelector { flags: s.flags & IPT_F_FRAG, invert: s.invert & IPT_INV_FRAG, ..free };
            let parts = ends.into_iter().chain([protocol, fragment]);
            parts.filter(|p| *p != free).map(Selector::Ip).collect()
        }
        Selector::Ip6(s) => {
            let free = Ip6Selector {
                src: Ipv6Addr::UNSPECIFIED,
                src_mask: Ipv6Addr::UNSPECIFIED,
                dst: Ipv6Addr::UNSPECIFIED,
                dst_mask: Ipv6Addr::UNSPECIFIED,
                iif: any,
                oif: any,
                proto: 0,
                tos: 0,
                flags: 0,
                invert: 0,
            };
            let ends = ends_apart!(s, free);
            let flags = s.flags & IP6T_F_PROTO;
            let protocol = Ip6Selector { proto: s.proto, flags, invert: s.invert & XT_INV_PROTO, ..free };
            let parts = ends.into_iter().chain([protocol]);
            parts.filter(|p| *p != free).map(Selector::Ip6).collect()
        }
        Selector::Arp(s) => vec![Selector::Arp(*s)],
    }
}

/// The same with the packet's fields at hand, and hotdrop told apart.
pub(super) fn select(cx: &mut Context, view: &View, selector: &Selector) -> Outcome {
    match (selector, &view.fields) {
        (Selector::Ip(s), Fields::Ip { src, dst, protocol, transport }) => {
            ip(cx, view, s, src, dst, protocol, transport).into()
        }
        (Selector::Ip6(s), Fields::Ip6 { src, dst, transport }) => ip6(cx, view, s, src, dst, *transport),
        (Selector::Arp(s), Fields::Arp) => arp(cx, view, s).into(),
        _ => Outcome::No,
    }
}

/// Addresses, each with the one that is wanted and its mask, and interfaces: the same for both families.
fn ends(
    cx: &mut Context,
    view: &View,
    [(source, (from, from_mask)), (destination, (to, to_mask))]: [(&Fact<u128>, (u128, u128)); 2],
    [input, output]: [&Interface; 2],
    invert: u8,
    v4: bool,
) -> bool {
    let inverted = |flag: u8| invert & flag != 0;
    address(cx, "-s", source, from, from_mask, inverted(IPT_INV_SRCIP), v4)
        && address(cx, "-d", destination, to, to_mask, inverted(IPT_INV_DSTIP), v4)
        && interface(cx, "-i", &view.iif, input, inverted(IPT_INV_VIA_IN))
        && interface(cx, "-o", &view.oif, output, inverted(IPT_INV_VIA_OUT))
}

/// `ip_packet_match`
fn ip(
    cx: &mut Context,
    view: &View,
    s: &IpSelector,
    src: &Fact<u128>,
    dst: &Fact<u128>,
    protocol: &Fact<u8>,
    transport: &Fact<Transport>,
) -> bool {
    let masked = |a: Ipv4Addr, mask: Ipv4Addr| (u128::from(a.to_bits()), u128::from(mask.to_bits()));
    let inverted = |flag: u8| s.invert & flag != 0;
    let addresses = [(src, masked(s.src, s.src_mask)), (dst, masked(s.dst, s.dst_mask))];
    ends(cx, view, addresses, [&s.iif, &s.oif], s.invert, true)
        && (s.proto == 0 || is_protocol(cx, protocol, s.proto, inverted(XT_INV_PROTO)))
        && fragment(cx, transport, s.flags & IPT_F_FRAG != 0, inverted(IPT_INV_FRAG))
}

/// `ip6_packet_match`
fn ip6(
    cx: &mut Context,
    view: &View,
    s: &Ip6Selector,
    src: &Fact<u128>,
    dst: &Fact<u128>,
    transport: Result<Found, Missing>,
) -> Outcome {
    let inverted = |flag: u8| s.invert & flag != 0;
    let masked = |a: Ipv6Addr, mask: Ipv6Addr| (a.to_bits(), mask.to_bits());
    let addresses = [(src, masked(s.src, s.src_mask)), (dst, masked(s.dst, s.dst_mask))];
    let selected = ends(cx, view, addresses, [&s.iif, &s.oif], s.invert, false);
    if !selected {
        return Outcome::No;
    }
    if s.flags & IP6T_F_PROTO == 0 {
        return Outcome::Yes;
    }
    match transport {
        Ok(found) if u16::from(found.protocol) == s.proto => {
            if inverted(XT_INV_PROTO) {
                missed_protocol(cx, found.protocol, s.proto, true);
                return Outcome::No;
            }
            Outcome::Yes
        }
        Ok(_) if s.proto == 0 || inverted(XT_INV_PROTO) => Outcome::Yes,
        Ok(found) => {
            missed_protocol(cx, found.protocol, s.proto, false);
            Outcome::No
        }
        Err(Missing::Cut) => cx.ask(CUT, format!("-p {} {}", s.proto, s.invert).as_bytes(), true).into(),
        // The kernel drops what it cannot take apart, although no rule says so.
        Err(_) => Outcome::HotDrop,
    }
}
