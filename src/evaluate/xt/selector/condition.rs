//! The single conditions of an entry, and what is said of those that do not hold.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::xt::view::Transport;
use crate::sys::xt::Interface;

/// Is a field equal to a value under a mask, or with inversion, is it not?
pub(super) fn masked(
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

pub(super) fn address(
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

pub(super) fn interface(
    cx: &mut Context,
    name: &'static str,
    have: &Fact<u128>,
    wanted: &Interface,
    inverted: bool,
) -> bool {
    let mask = u128::from_be_bytes(wanted.mask);
    let value = u128::from_be_bytes(wanted.name);
    if mask == 0 && !inverted {
        return true;
    }
    let show = |v: u128| match wanted.pattern().filter(|_| v == value & mask) {
        Some(pattern) => pattern.to_string(),
        None => crate::sys::TextRef::from_c(&v.to_be_bytes()).to_string(),
    };
    // `(have ^ wanted) & mask`: bits of the name outside of the mask do not count.
    masked(cx, name, have, value & mask, mask, inverted, show)
}

pub(super) fn is_protocol(cx: &mut Context, have: &Fact<u8>, wanted: u16, inverted: bool) -> bool {
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

pub(super) fn missed_protocol(cx: &mut Context, have: u8, wanted: u16, inverted: bool) {
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
pub(super) fn fragment(cx: &mut Context, transport: &Fact<Transport>, wanted: bool, inverted: bool) -> bool {
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
