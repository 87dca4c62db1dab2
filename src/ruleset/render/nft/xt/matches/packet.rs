//! What the kernel knows about a packet, and simple fields of its headers.

use nfblame_sys::xt::matches::{
    Cgroup, Cpu, Dscp, Ecn, Length, Owner, Pkttype, Policy, PolicyElement, Realm, Time, Ttl,
};

use super::{Context, Words, add, span};
use crate::ruleset::render::nft::datatype::CivilDate;
use crate::ruleset::render::nft::xt::words::{Span, but, not};

pub(super) fn mark(word: &str, mark: u32, mask: u32, inverted: bool, w: &mut Words<'_>) -> bool {
    if mask == u32::MAX {
        add!(w, "{word} {}0x{mark:x}", not(inverted));
    } else {
        add!(w, "{word} and 0x{mask:x} {} 0x{mark:x}", if inverted { "!=" } else { "==" });
    }
    true
}

pub(super) fn realm(m: &Realm, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    match cx.names.realm(m.realm).filter(|_| m.mask == u32::MAX) {
        Some(name) => add!(w, "rtclassid {}{name}", not(m.invert != 0)),
        None => return mark("rtclassid", m.realm, m.mask, m.invert != 0, w),
    }
    true
}

pub(super) fn cgroup(m: &Cgroup<'_>, w: &mut Words<'_>) -> bool {
    if m.path.is_some() {
        return false;
    }
    if let Some(class) = m.class {
        add!(w, "meta cgroup {}{class}", not(m.invert_class));
    }
    true
}

pub(super) fn cpu(m: &Cpu, w: &mut Words<'_>) -> bool {
    add!(w, "cpu{} {}", but(m.invert != 0), m.cpu);
    true
}

pub(super) fn length(m: &Length, w: &mut Words<'_>) -> bool {
    add!(w, "meta length {}{}", not(m.invert != 0), Span(m.min, m.max));
    true
}

pub(super) fn owner(m: &Owner, w: &mut Words<'_>) -> bool {
    let (word, ids) = match m.matched {
        Owner::UID => ("skuid", m.uids),
        Owner::GID => ("skgid", m.gids),
        _ => return false,
    };
    add!(w, "{word}{} {}", but(m.invert != 0), span(ids));
    true
}

pub(super) fn pkttype(m: &Pkttype, w: &mut Words<'_>) -> bool {
    add!(w, "pkttype{} ", but(m.invert != 0));
    match m.kind {
        Pkttype::HOST => add!(w, "unicast"),
        Pkttype::BROADCAST => add!(w, "broadcast"),
        Pkttype::MULTICAST => add!(w, "multicast"),
        other => add!(w, "{other}"),
    }
    true
}

pub(super) fn policy(m: &Policy<'_>, w: &mut Words<'_>) -> bool {
    // `XT_POLICY_MATCH_*`
    const IN: u16 = 1;
    const NONE: u16 = 4;
    const STRICT: u16 = 8;
    let mut elements = m.elements.iter();
    let first_is_empty = elements.next().is_none_or(|e| is_empty(&e));
    if m.flags & !(IN | NONE | STRICT) != 0 || elements.next().is_some() || !first_is_empty {
        return false;
    }
    add!(w, "meta secpath {}", if m.flags & NONE != 0 { "missing" } else { "exists" });
    true
}

fn is_empty(e: &PolicyElement) -> bool {
    let addresses = [e.source.0, e.source.1, e.destination.0, e.destination.1];
    let numbers = [e.spi, e.reqid, e.proto.into(), e.mode.into(), e.matched.into(), e.invert.into()];
    addresses.iter().all(|a| a.is_unspecified()) && numbers.iter().all(|n| *n == 0)
}

pub(super) fn dscp(m: &Dscp, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    add!(w, "{} dscp {}0x{:02x}", cx.ip(), not(m.invert != 0), m.dscp);
    true
}

pub(super) fn ecn(m: &Ecn, w: &mut Words<'_>) -> bool {
    let invert = not(m.invert != 0);
    if m.operation & Ecn::ECE != 0 {
        add!(w, "tcp flags {invert}ecn");
    }
    if m.operation & Ecn::CWR != 0 {
        add!(w, "tcp flags {invert}cwr");
    }
    if m.operation & Ecn::IP != 0 {
        const NAMES: [&str; 4] = ["not-ect", "ect1", "ect0", "ce"];
        let Some(name) = NAMES.get(usize::from(m.ect)) else { return false };
        add!(w, "ip ecn {invert}{name}");
    }
    true
}

/// `-m ttl` and `-m hl`
pub(super) fn hop_limit(word: &str, m: &Ttl, w: &mut Words<'_>) -> bool {
    let op = match m.mode {
        Ttl::EQUAL => "",
        Ttl::NOT_EQUAL => " !=",
        Ttl::LESS => " lt",
        Ttl::GREATER => " gt",
        _ => return false,
    };
    add!(w, "{word}{op} {}", m.value);
    true
}

pub(super) fn time(m: &Time, w: &mut Words<'_>) -> bool {
    const LAST_DATE: u32 = i32::MAX as u32;
    let clock = |s: u32| format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
    if m.date_start != 0 || m.date_stop != LAST_DATE {
        add!(w, "meta time \"{}\"-\"{}\"", CivilDate(m.date_start.into()), CivilDate(m.date_stop.into()));
    }
    if m.day_start != 0 || m.day_stop != Time::LAST {
        add!(w, " meta hour \"{}\"-\"{}\"", clock(m.day_start), clock(m.day_stop));
    }
    if m.monthdays != Time::ALL_MONTHDAYS {
        return false;
    }
    if m.weekdays != Time::ALL_WEEKDAYS {
        add!(w, " meta day ");
        let several = m.weekdays.count_ones() > 1;
        if several {
            add!(w, "{{");
        }
        let mut delim = "";
        for day in (1..=7).filter(|day| m.weekdays & 1 << day != 0) {
            add!(w, "{delim}{}", day % 7);
            delim = ", ";
        }
        if several {
            add!(w, "}}");
        }
    }
    true
}
