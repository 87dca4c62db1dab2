//! Stateful objects.

use nfblame_sys::nft::expr::{Synproxy, SynproxyFlags};
use nfblame_sys::nft::object::{CtExpectation, CtHelper, CtTimeout};
use nfblame_sys::nft::{Family, Object, ObjectData};

use super::datatype::duration;
use super::statement::{limit_rate, quota};
use super::{Out, Writer, put};

/// Writes an object.
pub(super) fn write(cx: Writer<'_>, object: &Object, out: &mut Out) {
    put!(out, "\t{} ", object.kind);
    out.bytes(object.name.as_bytes());
    out.str(" {");
    cx.handle(object.handle, out);
    if let Some(comment) = object.comment() {
        out.str("\n\t\tcomment \"");
        out.bytes(comment.as_bytes());
        out.str("\"");
    }
    match &object.data {
        Some(data) => contents(cx, data, out),
        None => out.str("\n"),
    }
    out.str("\t}\n");
}

fn contents(cx: Writer<'_>, data: &ObjectData, out: &mut Out) {
    match data {
        ObjectData::Counter(_) if cx.stateless => out.str("\n"),
        ObjectData::Counter(c) => put!(out, "\n\t\tpackets {} bytes {}\n", c.packets, c.bytes),
        ObjectData::Quota(q) => {
            out.str("\n\t\t");
            quota(q, cx.stateless, out);
            out.str("\n");
        }
        ObjectData::Limit(l) => {
            out.str("\n\t\t");
            limit_rate(l, out);
            out.str("\n");
        }
        ObjectData::Secmark(context) => {
            out.str("\n\t\t\"");
            out.bytes(context.as_bytes());
            out.str("\"\n");
        }
        ObjectData::CtHelper(h) => helper(cx, h, out),
        ObjectData::CtTimeout(t) => timeout(cx, t, out),
        ObjectData::CtExpectation(e) => expectation(cx, e, out),
        ObjectData::Synproxy(s) => synproxy(s, out),
        // Without words in nft 1.0.6.
        ObjectData::Connlimit(_) | ObjectData::Tunnel(_) | ObjectData::Unknown { .. } => {
            put!(out, "\n\t\t[object without words {data:?}]\n");
        }
    }
}

fn protocol(cx: Writer<'_>, number: u8, out: &mut Out) {
    match cx.names.protocol(number) {
        Some(name) => out.str(name),
        None => out.dec(number.into()),
    }
}

fn family(number: u16, out: &mut Out) {
    let family = u8::try_from(number).map_or(Family::Unspec, Family::from);
    match family {
        Family::Unspec | Family::Unknown(_) => out.str("unknown"),
        known => put!(out, "{known}"),
    }
}

fn helper(cx: Writer<'_>, h: &CtHelper, out: &mut Out) {
    out.str("\n\t\ttype \"");
    out.bytes(h.name.as_bytes());
    out.str("\" protocol ");
    protocol(cx, h.l4proto, out);
    out.str("\n\t\tl3proto ");
    family(h.l3proto.unwrap_or(0), out);
    out.str("\n");
}

fn expectation(cx: Writer<'_>, e: &CtExpectation, out: &mut Out) {
    out.str("\n\t\tprotocol ");
    protocol(cx, e.l4proto, out);
    put!(out, "\n\t\tdport {}\n\t\ttimeout ", e.dport);
    duration(e.timeout.into(), cx.numeric, out);
    put!(out, "\n\t\tsize {}\n\t\tl3proto ", e.size);
    family(e.l3proto.unwrap_or(0), out);
    out.str("\n");
}

/// Names and defaults in seconds, from state 0.
const TCP_STATES: [(&str, u32); 11] = [
    ("syn_sent", 120),
    ("syn_recv", 60),
    ("established", 432_000),
    ("fin_wait", 120),
    ("close_wait", 60),
    ("last_ack", 30),
    ("time_wait", 120),
    ("close", 10),
    ("syn_sent2", 120),
    ("retrans", 300),
    ("unack", 300),
];
const UDP_STATES: [(&str, u32); 2] = [("unreplied", 30), ("replied", 120)];

fn timeout(cx: Writer<'_>, t: &CtTimeout, out: &mut Out) {
    const IPPROTO_TCP: u8 = 6;
    const IPPROTO_UDP: u8 = 17;
    out.str("\n\t\tprotocol ");
    protocol(cx, t.l4proto, out);
    out.str("\n\t\tl3proto ");
    family(t.l3proto, out);
    out.str("\n\t\tpolicy = { ");
    let states: &[(&str, u32)] = match t.l4proto {
        IPPROTO_TCP => &TCP_STATES,
        IPPROTO_UDP => &UDP_STATES,
        _ => &[],
    };
    let mut delim = "";
    for (index, (name, default)) in states.iter().enumerate() {
        // The kernel counts the states from 1.
        let seconds = t.timeouts.iter().find(|(state, _)| usize::from(*state) == index + 1).map_or(0, |(_, s)| *s);
        if seconds != *default {
            put!(out, "{delim}{name} : {seconds}");
            delim = ", ";
        }
    }
    out.str(" }\n");
}

fn synproxy(s: &Synproxy, out: &mut Out) {
    if s.flags.contains(SynproxyFlags::MSS) {
        put!(out, "\n\t\tmss {}", s.mss);
    }
    if s.flags.contains(SynproxyFlags::WSCALE) {
        put!(out, "\n\t\twscale {}", s.wscale);
    }
    if s.flags.intersects(SynproxyFlags::TIMESTAMP | SynproxyFlags::SACK_PERM) {
        // The blank stays where one of the two is missing, as in nft.
        let timestamp = if s.flags.contains(SynproxyFlags::TIMESTAMP) { "timestamp" } else { "" };
        let sack = if s.flags.contains(SynproxyFlags::SACK_PERM) { "sack-perm" } else { "" };
        put!(out, "\n\t\t{timestamp} {sack}");
    }
    out.str("\n");
}
