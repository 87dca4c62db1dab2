//! The built-in conditions of a rule: ` -s … -d … -i … -o … -p … -f`.

use std::net::IpAddr;

use nfblame_sys::uapi::x_tables::{
    IP6T_F_TOS, IPT_F_FRAG, IPT_INV_DSTIP, IPT_INV_FRAG, IPT_INV_SRCIP, IPT_INV_TOS, IPT_INV_VIA_IN, IPT_INV_VIA_OUT,
    XT_INV_PROTO,
};
use nfblame_sys::xt::{Interface, Ip6Selector, IpSelector};

use super::mask::{Mask, prefix_length};
use super::{Address, Out, put};

/// Appends the conditions of an IPv4 rule.
pub(super) fn ip(s: &IpSelector, out: &mut Out) {
    let addresses = [("-s", s.src, s.src_mask, IPT_INV_SRCIP), ("-d", s.dst, s.dst_mask, IPT_INV_DSTIP)];
    for (option, address, mask, bit) in addresses {
        let inverted = s.invert & bit != 0;
        if !(address.is_unspecified() && mask.is_unspecified()) || inverted {
            condition(option, address.into(), mask.into(), inverted, out);
        }
    }
    interfaces(&s.iif, &s.oif, s.invert, out);
    protocol(s.proto, s.invert, out);
    if s.flags & IPT_F_FRAG != 0 {
        out.not(s.invert & IPT_INV_FRAG != 0);
        out.str(" -f");
    }
}

/// Appends the conditions of an IPv6 rule.
pub(super) fn ip6(s: &Ip6Selector, out: &mut Out) {
    let addresses = [("-s", s.src, s.src_mask, IPT_INV_SRCIP), ("-d", s.dst, s.dst_mask, IPT_INV_DSTIP)];
    for (option, address, mask, bit) in addresses {
        let inverted = s.invert & bit != 0;
        if prefix_length(mask.into()) != Some(0) || inverted {
            condition(option, address.into(), mask.into(), inverted, out);
        }
    }
    interfaces(&s.iif, &s.oif, s.invert, out);
    protocol(s.proto, s.invert, out);
    if s.flags & IP6T_F_TOS != 0 {
        out.not(s.invert & IPT_INV_TOS != 0);
        put!(out, " -? {}", s.tos);
    }
}

fn condition(option: &str, address: IpAddr, mask: IpAddr, inverted: bool, out: &mut Out) {
    out.not(inverted);
    put!(out, " {option} {}/{}", Address(address), Mask(mask));
}

fn interfaces(iif: &Interface, oif: &Interface, invert: u8, out: &mut Out) {
    interface("-i", iif, invert & IPT_INV_VIA_IN != 0, out);
    interface("-o", oif, invert & IPT_INV_VIA_OUT != 0, out);
}

fn interface(option: &str, interface: &Interface, inverted: bool, out: &mut Out) {
    if let Some(pattern) = interface.pattern() {
        out.not(inverted);
        put!(out, " {option} ");
        out.bytes(pattern.as_bytes());
    }
}

fn protocol(number: u16, invert: u8, out: &mut Out) {
    if number == 0 {
        return;
    }
    out.not(invert & XT_INV_PROTO != 0);
    match protocol_name(number) {
        Some(name) => put!(out, " -p {name}"),
        None => put!(out, " -p {number}"),
    }
}

/// The name that the tools print for a protocol: their own, or the system's.
pub(super) fn protocol_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0 => "all",
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        132 => "sctp",
        135 => "mobility-header",
        136 => "udplite",
        _ => return crate::ruleset::render::protocol_name(u8::try_from(number).ok()?),
    })
}
