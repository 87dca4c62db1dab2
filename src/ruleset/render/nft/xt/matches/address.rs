//! Addresses and devices.

use std::net::IpAddr;

use nfblame_sys::xt::matches::{Addrtype, Devgroup, Iprange, Mac, Rpfilter};

use super::{Context, Words, add};
use crate::ruleset::render::address::Address;
use crate::ruleset::render::nft::xt::words::{but, not};

pub(super) fn addrtype(m: &Addrtype, w: &mut Words<'_>) -> bool {
    const NAMES: [&str; 9] =
        ["unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"];
    let (side, types) = if m.source != 0 { ("saddr", m.source) } else { ("daddr", m.destination) };
    add!(w, "fib {side} ");
    if m.flags & Addrtype::LIMIT_IN != 0 {
        add!(w, ". iif ");
    } else if m.flags & Addrtype::LIMIT_OUT != 0 {
        add!(w, ". oif ");
    }
    add!(w, "type {}", not(m.flags & (Addrtype::INVERT_SOURCE | Addrtype::INVERT_DESTINATION) != 0));
    let several = types.count_ones() > 1;
    if several {
        add!(w, "{{ ");
    }
    let mut delim = "";
    for (bit, name) in NAMES.iter().enumerate() {
        if types & 1 << bit != 0 {
            add!(w, "{delim}{name}");
            delim = ", ";
        }
    }
    if several {
        add!(w, " }}");
    }
    true
}

pub(super) fn iprange(m: &Iprange, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    // The first revision leaves a blank behind.
    let blank = if cx.revision == 0 { " " } else { "" };
    let mut side = |name: &str, flag: u8, inverted: u8, (low, high): (IpAddr, IpAddr)| {
        if m.flags & flag != 0 {
            let (low, high) = (Address(low), Address(high));
            add!(w, "{} {name}{} {low}-{high}{blank}", cx.ip(), but(m.flags & inverted != 0));
        }
    };
    side("saddr", Iprange::SOURCE, Iprange::INVERT_SOURCE, m.source);
    side("daddr", Iprange::DESTINATION, Iprange::INVERT_DESTINATION, m.destination);
    true
}

pub(super) fn mac(m: &Mac, w: &mut Words<'_>) -> bool {
    let [a, b, c, d, e, f] = m.source;
    add!(w, "ether saddr{} {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}", but(m.invert != 0));
    true
}

pub(super) fn devgroup(m: &Devgroup, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    // An inverted source inverts the destination too.
    let mut inverted = false;
    let mut side = |word: &str, flag: u32, invert: u32, group: u32, mask: u32| {
        if m.flags & flag == 0 {
            return;
        }
        inverted |= m.flags & invert != 0;
        add!(w, "{word} ");
        if mask != u32::MAX {
            add!(w, "and 0x{mask:x} {} 0x{group:x}", if inverted { "!=" } else { "==" });
            return;
        }
        match cx.names.devgroup(group) {
            Some(name) => add!(w, "{}{name}", not(inverted)),
            None => add!(w, "{}0x{group:x}", not(inverted)),
        }
    };
    side("iifgroup", Devgroup::SOURCE, Devgroup::INVERT_SOURCE, m.source, m.source_mask);
    side("oifgroup", Devgroup::DESTINATION, Devgroup::INVERT_DESTINATION, m.destination, m.destination_mask);
    true
}

pub(super) fn rpfilter(m: &Rpfilter, w: &mut Words<'_>) -> bool {
    let inverted = m.flags & Rpfilter::INVERT != 0;
    if m.flags & Rpfilter::ACCEPT_LOCAL != 0 {
        if !inverted {
            return false;
        }
        add!(w, "fib saddr type != local ");
    }
    add!(w, "fib saddr ");
    if m.flags & Rpfilter::VALID_MARK != 0 {
        add!(w, ". mark ");
    }
    if m.flags & Rpfilter::LOOSE == 0 {
        add!(w, ". iif ");
    }
    add!(w, "oif {}0", not(!inverted));
    true
}
