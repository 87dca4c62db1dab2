//! Transport headers.

use nfblame_sys::xt::Family;
use nfblame_sys::xt::matches::{Ah, Dccp, Esp, Icmp, Ipcomp, Multiport, Sctp, Tcp, Tcpmss, Udp};

use super::{Context, Words, add, span};
use crate::ruleset::render::nft::header::{DCCP, Header, SCTP, TCP, UDP, UDPLITE};
use crate::ruleset::render::nft::xt::words::{Span, but, not};

/// `tcp dport 1-2`, unless every port is meant.
fn ports(word: &str, (low, high): (u16, u16), inverted: bool, w: &mut Words<'_>) {
    if (low, high) != (0, u16::MAX) {
        add!(w, "{word} {}{}", not(inverted), Span(low, high));
    }
}

pub(super) fn tcp(m: &Tcp, w: &mut Words<'_>) -> bool {
    ports("tcp sport", m.source, m.invert & Tcp::INVERT_SOURCE != 0, w);
    ports("tcp dport", m.destination, m.invert & Tcp::INVERT_DESTINATION != 0, w);
    if m.option != 0 {
        let missing = m.invert & Tcp::INVERT_OPTION != 0;
        add!(w, "tcp option {} {}", m.option, if missing { "missing" } else { "exists" });
    }
    let inverted = m.invert & Tcp::INVERT_FLAGS != 0;
    if m.flag_mask != 0 || inverted {
        add!(w, "tcp flags {}", not(inverted));
        flags(m.flags, w);
        add!(w, " / ");
        flags(m.flag_mask, w);
    }
    true
}

fn flags(flags: u8, w: &mut Words<'_>) {
    const NAMES: [&str; 6] = ["fin", "syn", "rst", "psh", "ack", "urg"];
    let mut delim = "";
    for (bit, name) in NAMES.iter().enumerate() {
        if flags & 1 << bit != 0 {
            add!(w, "{delim}{name}");
            delim = ",";
        }
    }
    if delim.is_empty() {
        add!(w, "0x0");
    }
}

pub(super) fn udp(m: &Udp, w: &mut Words<'_>) -> bool {
    ports("udp sport", m.source.into(), m.invert & Udp::INVERT_SOURCE != 0, w);
    ports("udp dport", m.destination.into(), m.invert & Udp::INVERT_DESTINATION != 0, w);
    true
}

pub(super) fn tcpmss(m: &Tcpmss, w: &mut Words<'_>) -> bool {
    add!(w, "tcp option maxseg size {}{}", not(m.invert != 0), Span(m.min, m.max));
    true
}

pub(super) fn dccp(m: &Dccp, w: &mut Words<'_>) -> bool {
    let inverted = |flag: u16| but(m.invert & flag != 0);
    if m.flags & Dccp::SOURCE != 0 {
        add!(w, "dccp sport{} {}", inverted(Dccp::SOURCE), span(m.source));
    }
    if m.flags & Dccp::DESTINATION != 0 {
        add!(w, "dccp dport{} {}", inverted(Dccp::DESTINATION), span(m.destination));
    }
    if m.flags & Dccp::TYPE != 0 && m.types != 0 {
        add!(w, "dccp type{} ", inverted(Dccp::TYPE));
        dccp_types(m.types, w);
    }
    m.flags & Dccp::OPTION == 0
}

fn dccp_types(types: u16, w: &mut Words<'_>) {
    const NAMES: [&str; 11] =
        ["request", "response", "data", "ack", "dataack", "closereq", "close", "reset", "sync", "syncack", "10-15"];
    const INVALID: u16 = 1 << 10;
    const OTHER_INVALID: u16 = 0xf800;
    let types = if types & OTHER_INVALID != 0 { types & !OTHER_INVALID | INVALID } else { types };
    let several = types.count_ones() > 1;
    if several {
        add!(w, "{{");
    }
    let mut delim = "";
    for (bit, name) in NAMES.iter().enumerate() {
        if types & 1 << bit != 0 {
            if !delim.is_empty() {
                add!(w, "{delim}");
            }
            add!(w, "{name}");
            delim = ", ";
        }
    }
    if several {
        add!(w, "}}");
    }
}

pub(super) fn sctp(m: &Sctp, w: &mut Words<'_>) -> bool {
    if m.flags == 0 {
        return false;
    }
    let inverted = |flag: u32| but(m.invert & flag != 0);
    if m.flags & Sctp::SOURCE != 0 {
        add!(w, "sctp sport{} {}", inverted(Sctp::SOURCE), span(m.source));
    }
    if m.flags & Sctp::DESTINATION != 0 {
        add!(w, "sctp dport{} {}", inverted(Sctp::DESTINATION), span(m.destination));
    }
    if m.flags & Sctp::CHUNKS != 0 {
        if m.chunk_mode == Sctp::ANY {
            return false;
        }
        for (kind, name) in CHUNKS {
            chunk(m, kind, name, w);
        }
    }
    true
}

const CHUNKS: [(u8, &str); 22] = [
    (0, "data"),
    (1, "init"),
    (2, "init-ack"),
    (3, "sack"),
    (4, "heartbeat"),
    (5, "heartbeat-ack"),
    (6, "abort"),
    (7, "shutdown"),
    (8, "shutdown-ack"),
    (9, "error"),
    (10, "cookie-echo"),
    (11, "cookie-ack"),
    (12, "ecne"),
    (13, "cwr"),
    (14, "shutdown-complete"),
    (64, "i-data"),
    (130, "re-config"),
    (132, "pad"),
    (193, "asconf"),
    (128, "asconf-ack"),
    (192, "forward-tsn"),
    (194, "i-forward-tsn"),
];

fn chunk(m: &Sctp, kind: u8, name: &str, w: &mut Words<'_>) {
    let inverted = m.invert & Sctp::CHUNKS != 0;
    if !m.has_chunk(kind) {
        if m.chunk_mode == Sctp::ONLY {
            add!(w, "sctp chunk {name} {}", if inverted { "exists" } else { "missing" });
        }
        return;
    }
    match m.flags_of_chunks().iter().find(|f| f.chunk == kind) {
        None => add!(w, "sctp chunk {name} {}", if inverted { "missing" } else { "exists" }),
        Some(f) => {
            let op = if inverted { "!=" } else { "==" };
            add!(w, "sctp chunk {name} flags & 0x{:x} {op} 0x{:x}", f.mask, f.flags);
        }
    }
}

pub(super) fn multiport(m: &Multiport, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    if !matches!(cx.family, Family::Ip | Family::Ip6) {
        return false;
    }
    let with_ports: [&Header; 5] = [&TCP, &UDP, &UDPLITE, &SCTP, &DCCP];
    // Without a protocol, C's printf has its own name for nothing.
    let protocol = cx.transport.filter(|t| with_ports.iter().any(|h| h.is(t))).map_or("(null)", |t| t.name);
    add!(w, "{protocol}");
    match m.side {
        Multiport::SOURCE => add!(w, " sport "),
        Multiport::DESTINATION => add!(w, " dport "),
        Multiport::EITHER => {
            add!(w, " sport . {protocol} dport {{ ");
            // Ranges are taken for their ends here.
            let ends = m.ports.ranges().flat_map(|(low, high)| [low].into_iter().chain((high != low).then_some(high)));
            for (i, port) in ends.enumerate() {
                add!(w, "{}0-65535 . {port}, {port} . 0-65535", if i == 0 { "" } else { ", " });
            }
            add!(w, " }}");
            return true;
        }
        _ => {}
    }
    add!(w, "{}", not(m.invert));
    let several = m.ports.ranges().count() > 1;
    if several {
        add!(w, "{{ ");
    }
    for (i, (low, high)) in m.ports.ranges().enumerate() {
        add!(w, "{}{}", if i == 0 { "" } else { ", " }, Span(low, high));
    }
    if several {
        add!(w, "}}");
    }
    true
}

pub(super) fn ah(m: &Ah, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    let mut said = false;
    if m.spis != (0, u32::MAX) {
        let (low, high) = m.spis;
        add!(w, "ah spi{} {}", but(m.invert & Ah::INVERT_SPI != 0), Span(low, high));
        said = true;
    }
    if cx.family != Family::Ip6 {
        return true;
    }
    if m.length != 0 || m.invert & Ah::INVERT_LENGTH != 0 {
        add!(w, "ah hdrlength{} {}", but(m.invert & Ah::INVERT_LENGTH != 0), m.length);
        said = true;
    }
    if m.reserved != 0 {
        add!(w, "ah reserved {}", m.reserved);
        said = true;
    }
    if !said {
        add!(w, "meta l4proto ah");
    }
    true
}

pub(super) fn esp(m: &Esp, w: &mut Words<'_>) -> bool {
    if m.spis != [0, u32::MAX] {
        add!(w, "esp spi{} {}", but(m.invert & Esp::INVERT_SPI != 0), span(m.spis));
    }
    true
}

pub(super) fn ipcomp(m: &Ipcomp, w: &mut Words<'_>) -> bool {
    add!(w, "comp cpi {}{}", not(m.invert & Ipcomp::INVERT_SPI != 0), span(m.spis));
    true
}

pub(super) fn icmp(m: &Icmp, w: &mut Words<'_>) -> bool {
    if m.kind == Icmp::ANY {
        add!(w, "ip protocol icmp");
        return true;
    }
    const NAMES: [(u8, &str); 13] = [
        (0, "echo-reply"),
        (3, "destination-unreachable"),
        (4, "source-quench"),
        (5, "redirect"),
        (8, "echo-request"),
        (9, "router-advertisement"),
        (10, "router-solicitation"),
        (11, "time-exceeded"),
        (12, "parameter-problem"),
        (13, "timestamp-request"),
        (14, "timestamp-reply"),
        (17, "address-mask-request"),
        (18, "address-mask-reply"),
    ];
    icmp_type("icmp", &NAMES, m, w)
}

pub(super) fn icmp6(m: &Icmp, w: &mut Words<'_>) -> bool {
    const NAMES: [(u8, &str); 11] = [
        (1, "destination-unreachable"),
        (2, "packet-too-big"),
        (3, "time-exceeded"),
        (4, "parameter-problem"),
        (128, "echo-request"),
        (129, "echo-reply"),
        (133, "nd-router-solicit"),
        (134, "nd-router-advert"),
        (135, "nd-neighbor-solicit"),
        (136, "nd-neighbor-advert"),
        (137, "nd-redirect"),
    ];
    icmp_type("icmpv6", &NAMES, m, w)
}

/// Only types with any code have a translation.
fn icmp_type(word: &str, names: &[(u8, &str)], m: &Icmp, w: &mut Words<'_>) -> bool {
    let every_code = m.codes == [0, u8::MAX];
    let Some((_, name)) = names.iter().find(|(kind, _)| *kind == m.kind).filter(|_| every_code) else { return false };
    add!(w, "{word} type{} {name}", but(m.invert & Icmp::INVERT != 0));
    true
}
