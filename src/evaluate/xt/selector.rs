//! What an entry selects by itself: addresses, interfaces, protocol, fragments.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Outcome;
use super::view::{CUT, Fields, View, number};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::ip6::Missing;
use crate::sys::uapi::x_tables::*;
use crate::sys::xt::{ArpSelector, DeviceAddress, Family, Interface, Ip6Selector, IpSelector, Selector};

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
            let one = |flag: u8, part: IpSelector| IpSelector { invert: s.invert & flag, ..part };
            let parts = [
                one(IPT_INV_SRCIP, IpSelector { src: s.src, src_mask: s.src_mask, ..free }),
                one(IPT_INV_DSTIP, IpSelector { dst: s.dst, dst_mask: s.dst_mask, ..free }),
                one(IPT_INV_VIA_IN, IpSelector { iif: s.iif, ..free }),
                one(IPT_INV_VIA_OUT, IpSelector { oif: s.oif, ..free }),
                one(XT_INV_PROTO, IpSelector { proto: s.proto, ..free }),
                one(IPT_INV_FRAG, IpSelector { flags: s.flags & IPT_F_FRAG, ..free }),
            ];
            parts.into_iter().filter(|p| *p != free).map(Selector::Ip).collect()
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
            let one = |flag: u8, part: Ip6Selector| Ip6Selector { invert: s.invert & flag, ..part };
            let parts = [
                one(IPT_INV_SRCIP, Ip6Selector { src: s.src, src_mask: s.src_mask, ..free }),
                one(IPT_INV_DSTIP, Ip6Selector { dst: s.dst, dst_mask: s.dst_mask, ..free }),
                one(IPT_INV_VIA_IN, Ip6Selector { iif: s.iif, ..free }),
                one(IPT_INV_VIA_OUT, Ip6Selector { oif: s.oif, ..free }),
                one(XT_INV_PROTO, Ip6Selector { proto: s.proto, flags: s.flags & IP6T_F_PROTO, ..free }),
            ];
            parts.into_iter().filter(|p| *p != free).map(Selector::Ip6).collect()
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

/// `ip_packet_match`
fn ip(
    cx: &mut Context,
    view: &View,
    s: &IpSelector,
    src: &Fact<u128>,
    dst: &Fact<u128>,
    protocol: &Fact<u8>,
    transport: &Fact<super::view::Transport>,
) -> bool {
    let bits = |a: Ipv4Addr| u128::from(a.to_bits());
    let inverted = |flag: u8| s.invert & flag != 0;
    address(cx, "-s", src, bits(s.src), bits(s.src_mask), inverted(IPT_INV_SRCIP), true)
        && address(cx, "-d", dst, bits(s.dst), bits(s.dst_mask), inverted(IPT_INV_DSTIP), true)
        && interface(cx, "-i", &view.iif, &s.iif, inverted(IPT_INV_VIA_IN))
        && interface(cx, "-o", &view.oif, &s.oif, inverted(IPT_INV_VIA_OUT))
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
    transport: Result<crate::evaluate::ip6::Found, Missing>,
) -> Outcome {
    let inverted = |flag: u8| s.invert & flag != 0;
    let selected = address(cx, "-s", src, s.src.to_bits(), s.src_mask.to_bits(), inverted(IPT_INV_SRCIP), false)
        && address(cx, "-d", dst, s.dst.to_bits(), s.dst_mask.to_bits(), inverted(IPT_INV_DSTIP), false)
        && interface(cx, "-i", &view.iif, &s.iif, inverted(IPT_INV_VIA_IN))
        && interface(cx, "-o", &view.oif, &s.oif, inverted(IPT_INV_VIA_OUT));
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

/// `arp_packet_match`
fn arp(cx: &mut Context, view: &View, s: &ArpSelector) -> bool {
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

/// Is a field equal to a value under a mask, or with inversion, is it not?
fn masked(
    cx: &mut Context,
    name: &'static str,
    have: &Fact<u128>,
    value: u128,
    mask: u128,
    inverted: bool,
    show: impl Fn(u128) -> String,
) -> bool {
    let equal = match have {
        _ if mask == 0 => value == 0,
        Fact::Is(have) => have & mask == value,
        Fact::Absent => false,
        Fact::Unknown(what) => {
            // The answer taken is about the rule as it stands.
            return cx.ask(what.clone(), format!("{name} {value:x}/{mask:x} {inverted}").as_bytes(), true);
        }
    };
    if equal == inverted {
        cx.miss(name, || {
            let not = if inverted { "! " } else { "" };
            (Some(format!("{not}{}", show(value))), have.value().map(|&v| show(v)))
        });
    }
    equal != inverted
}

fn address(
    cx: &mut Context,
    name: &'static str,
    have: &Fact<u128>,
    value: u128,
    mask: u128,
    inverted: bool,
    v4: bool,
) -> bool {
    // The fast way out of most rules.
    if let Fact::Is(have) = have
        && !cx.explain
    {
        return (have & mask == value) != inverted;
    }
    let show = |bits: u128| -> IpAddr {
        if v4 { Ipv4Addr::from_bits(bits as u32).into() } else { Ipv6Addr::from_bits(bits).into() }
    };
    let width = if v4 { 32 } else { 128 };
    let with_mask = |bits: u128| {
        let mut s = show(bits).to_string();
        if bits == value {
            let ones = (mask << (128 - width)).leading_ones();
            let prefix = if ones + mask.trailing_zeros().min(width) >= width { Some(ones) } else { None };
            let _ = match prefix {
                Some(n) if n == width => Ok(()),
                Some(n) => write!(s, "/{n}"),
                None => write!(s, "/{}", show(mask)),
            };
        }
        s
    };
    masked(cx, name, have, value, mask, inverted, with_mask)
}

fn interface(cx: &mut Context, name: &'static str, have: &Fact<u128>, wanted: &Interface, inverted: bool) -> bool {
    let mask = u128::from_be_bytes(wanted.mask);
    let value = u128::from_be_bytes(wanted.name);
    if mask == 0 && !inverted {
        return true;
    }
    let show = |v: u128| {
        let bytes = v.to_be_bytes();
        let mut s = crate::sys::TextRef::from_c(&bytes).to_string();
        if v == value & mask && mask.trailing_zeros() > 0 {
            s.push('+');
        }
        s
    };
    // `(have ^ wanted) & mask`: bits of the name outside of the mask do not count.
    masked(cx, name, have, value & mask, mask, inverted, show)
}

fn is_protocol(cx: &mut Context, have: &Fact<u8>, wanted: u16, inverted: bool) -> bool {
    match have {
        Fact::Is(have) => {
            let matched = (u16::from(*have) == wanted) != inverted;
            if !matched {
                missed_protocol(cx, *have, wanted, inverted);
            }
            matched
        }
        Fact::Absent => false,
        Fact::Unknown(what) => cx.ask(what.clone(), format!("-p {wanted} {inverted}").as_bytes(), true),
    }
}

fn missed_protocol(cx: &mut Context, have: u8, wanted: u16, inverted: bool) {
    cx.miss("-p", || {
        let not = if inverted { "! " } else { "" };
        (Some(format!("{not}{}", protocol_name(wanted))), Some(protocol_name(have.into())))
    });
}

fn protocol_name(n: u16) -> String {
    match n {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        132 => "sctp",
        136 => "udplite",
        n => return n.to_string(),
    }
    .to_owned()
}

/// `-f` is about later fragments. Inverted, the kernel's test comes out so that without `IPT_F_FRAG` nothing matches.
fn fragment(cx: &mut Context, transport: &Fact<super::view::Transport>, wanted: bool, inverted: bool) -> bool {
    if !wanted {
        return !inverted;
    }
    let is_fragment = match transport {
        Fact::Is(t) => t.fragment != 0,
        Fact::Absent => false,
        Fact::Unknown(what) => return cx.ask(what.clone(), format!("-f {inverted}").as_bytes(), false),
    };
    let matched = is_fragment != inverted;
    if !matched {
        cx.miss("-f", || {
            let say = |fragment: bool| if fragment { "a later fragment" } else { "no later fragment" };
            (Some(say(!inverted).to_owned()), Some(say(is_fragment).to_owned()))
        });
    }
    matched
}
