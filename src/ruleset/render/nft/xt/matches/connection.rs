//! Connections.

use std::net::IpAddr;

use nfblame_sys::xt::Family;
use nfblame_sys::xt::matches::{Cluster, Connbytes, Connlabel, Conntrack, Helper};

use super::{Context, Words, add};
use crate::ruleset::render::address::Address;
use crate::ruleset::render::iptables::prefix_length;
use crate::ruleset::render::nft::xt::words::{Span, but, not};

pub(super) fn conntrack(m: &Conntrack, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    // Only the newest revision is translated.
    const REVISION: u8 = 3;
    if cx.revision != REVISION || !matches!(cx.family, Family::Ip | Family::Ip6) {
        return false;
    }
    const BEHIND_STATUS: u16 = Conntrack::EXPIRES
        | Conntrack::ORIGINAL_SOURCE
        | Conntrack::ORIGINAL_DESTINATION
        | Conntrack::REPLY_SOURCE
        | Conntrack::REPLY_DESTINATION
        | Conntrack::ORIGINAL_SOURCE_PORT
        | Conntrack::ORIGINAL_DESTINATION_PORT
        | Conntrack::REPLY_SOURCE_PORT
        | Conntrack::REPLY_DESTINATION_PORT;
    let has = |flag: u16| m.matched & flag != 0;
    let inverted = |flag: u16| m.invert & flag != 0;
    let direction = if inverted(Conntrack::DIRECTION) { "reply" } else { "original" };
    if has(Conntrack::DIRECTION) {
        add!(w, "ct direction {direction}");
    }
    if has(Conntrack::PROTO) {
        add!(w, "ct {direction} protocol {}{}", not(inverted(Conntrack::PROTO)), m.proto);
    }
    if has(Conntrack::STATE) {
        if m.states & (Conntrack::STATE_SNAT | Conntrack::STATE_DNAT) != 0 {
            let invert = if inverted(Conntrack::STATUS) { "!=" } else { "" };
            add!(w, "ct status {invert}{}", if m.states & Conntrack::STATE_SNAT != 0 { "snat" } else { "dnat" });
        } else {
            add!(w, "ct state ");
            states(m.states, inverted(Conntrack::STATE), w);
        }
    }
    if has(Conntrack::STATUS) {
        const NAMES: [(u16, &str); 4] = [
            (Conntrack::STATUS_EXPECTED, "expected"),
            (Conntrack::STATUS_SEEN_REPLY, "seen-reply"),
            (Conntrack::STATUS_ASSURED, "assured"),
            (Conntrack::STATUS_CONFIRMED, "confirmed"),
        ];
        add!(w, "ct status ");
        bits(m.status, inverted(Conntrack::STATUS), &NAMES, w);
        // Where it is none of them, there is a blank for the missing name and one before what follows.
        if NAMES.iter().all(|(bit, _)| m.status & bit == 0) && has(BEHIND_STATUS) {
            w.join(format_args!(" "));
        }
    }
    if has(Conntrack::EXPIRES) {
        let (low, high) = m.expires;
        add!(w, "ct expiration {}{}", not(inverted(Conntrack::EXPIRES)), Span(low, high));
    }
    for (flag, word, (address, mask)) in [
        (Conntrack::ORIGINAL_SOURCE, "original saddr", m.original_source),
        (Conntrack::ORIGINAL_DESTINATION, "original daddr", m.original_destination),
        (Conntrack::REPLY_SOURCE, "reply saddr", m.reply_source),
        (Conntrack::REPLY_DESTINATION, "reply daddr", m.reply_destination),
    ] {
        if has(flag) {
            add!(w, "ct {word} {}", not(inverted(flag)));
            masked(address, mask, w);
        }
    }
    for (flag, word, (low, high)) in [
        (Conntrack::ORIGINAL_SOURCE_PORT, "original proto-src", m.original_source_ports),
        (Conntrack::ORIGINAL_DESTINATION_PORT, "original proto-dst", m.original_destination_ports),
        (Conntrack::REPLY_SOURCE_PORT, "reply proto-src", m.reply_source_ports),
        (Conntrack::REPLY_DESTINATION_PORT, "reply proto-dst", m.reply_destination_ports),
    ] {
        if has(flag) {
            add!(w, "ct {word} {}{}", not(inverted(flag)), Span(low, high));
        }
    }
    true
}

/// Writes an address with its mask, if it has any.
pub fn masked(address: IpAddr, mask: IpAddr, w: &mut Words<'_>) {
    let width = if address.is_ipv4() { 32 } else { 128 };
    let address = Address(address);
    match prefix_length(mask) {
        Some(length) if length == width => add!(w, "{address}"),
        Some(length) => add!(w, "{address}/{length}"),
        None => add!(w, "{address}/{}", Address(mask)),
    }
}

fn states(states: u16, inverted: bool, w: &mut Words<'_>) {
    const NAMES: [(u16, &str); 5] = [
        (Conntrack::STATE_INVALID, "invalid"),
        (Conntrack::STATE_NEW, "new"),
        (Conntrack::STATE_RELATED, "related"),
        (Conntrack::STATE_ESTABLISHED, "established"),
        (Conntrack::STATE_UNTRACKED, "untracked"),
    ];
    bits(states, inverted, &NAMES, w);
}

fn bits(bits: u16, inverted: bool, names: &[(u16, &str)], w: &mut Words<'_>) {
    if inverted {
        add!(w, "! ");
    }
    let mut delim = "";
    for (bit, name) in names {
        if bits & bit != 0 {
            add!(w, "{delim}{name}");
            delim = ",";
        }
    }
}

pub(super) fn connbytes(m: &Connbytes, w: &mut Words<'_>) -> bool {
    add!(w, "ct ");
    match m.direction {
        Connbytes::ORIGINAL => add!(w, "original "),
        Connbytes::REPLY => add!(w, "reply "),
        Connbytes::BOTH => {}
        _ => return false,
    }
    match m.what {
        Connbytes::PACKETS => add!(w, "packets "),
        Connbytes::BYTES => add!(w, "bytes "),
        Connbytes::AVERAGE => add!(w, "avgpkt "),
        _ => return false,
    }
    // Ends in the wrong order mean the opposite.
    let inverted = m.from > m.to;
    let (low, high) = if inverted { (m.to, m.from) } else { (m.from, m.to) };
    if low == high {
        add!(w, "{low}");
    } else if high == u64::MAX {
        add!(w, "{} {low}", if inverted { "lt" } else { "ge" });
    } else {
        add!(w, "{}{low}-{high}", not(inverted));
    }
    true
}

pub(super) fn connlabel(m: &Connlabel, w: &mut Words<'_>) -> bool {
    if m.options & Connlabel::SET != 0 {
        add!(w, "ct label set {} ", m.bit);
    }
    add!(w, "ct label ");
    if m.options & Connlabel::INVERT != 0 {
        add!(w, "and {} != ", m.bit);
    }
    add!(w, "{}", m.bit);
    true
}

pub(super) fn helper(m: &Helper<'_>, w: &mut Words<'_>) -> bool {
    add!(w, "ct helper{} \"", but(m.invert));
    w.bytes(m.name.as_bytes());
    w.join(format_args!("\""));
    true
}

pub(super) fn cluster(m: &Cluster, w: &mut Words<'_>) -> bool {
    let (total, seed, nodes) = (m.total, m.seed, m.nodes);
    add!(w, "jhash ct original saddr mod {total} seed 0x{seed:08x} ");
    if nodes.count_ones() <= 1 {
        // The mask itself for the first two nodes, the number of the node from 1 for the others.
        let node = if nodes <= 2 { nodes } else { u32::BITS - nodes.leading_zeros() };
        add!(w, "eq {node} meta pkttype set host");
        return true;
    }
    add!(w, "{{ ");
    let mut delim = "";
    for node in (0..u32::BITS).filter(|n| nodes & 1 << n != 0) {
        add!(w, "{delim}{node}");
        delim = ", ";
    }
    add!(w, " }}");
    add!(w, " meta pkttype set host");
    true
}
