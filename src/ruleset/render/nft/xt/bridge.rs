//! Matches and targets of ebtables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nfblame_sys::nft::expr::XtBlob;
use nfblame_sys::xt::{Family, matches::Match};

use super::words::{Span, not};
use super::{Context, Words, add, matches};

/// Translates a match; nothing if libxtables does not.
pub fn translate_match(blob: &XtBlob, cx: Context<'_>, w: &mut Words<'_>) -> Option<()> {
    let data = Payload(&blob.data);
    match blob.name.as_bytes() {
        b"ip" => ip(data, cx, w),
        b"ip6" => ip6(data, cx, w),
        b"vlan" => vlan(data, w),
        b"mark_m" => mark_match(data, w),
        b"pkttype" => pkttype(data, w),
        b"limit" => match nfblame_sys::xt::matches::decode(Family::Ip, b"limit", 0, &blob.data) {
            limit @ Match::Limit(_) => matches::translate(&limit, cx, w).then_some(()),
            _ => None,
        },
        _ => None,
    }
}

/// Translates a target or watcher; nothing if libxtables does not.
pub fn translate_target(blob: &XtBlob, w: &mut Words<'_>) -> Option<()> {
    let data = Payload(&blob.data);
    match blob.name.as_bytes() {
        b"mark" => mark(data, w),
        b"dnat" => dnat(data, w),
        b"snat" => snat(data, w),
        b"redirect" => redirect(data, w),
        b"log" => log(data, w),
        b"nflog" => nflog(data, w),
        _ => None,
    }
}

/// The data of an extension, in the kernel's layout.
#[derive(Clone, Copy)]
struct Payload<'a>(&'a [u8]);

impl<'a> Payload<'a> {
    fn bytes<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_ne_bytes)
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_ne_bytes)
    }

    fn long(self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_ne_bytes)
    }

    /// The characters up to a NUL.
    fn string(self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.0.get(at..at + len)?.split(|b| *b == 0).next()
    }
}

/// What both `ip` and `ip6` can ask for. The numbers are those of `EBT_IP_*` and `EBT_IP6_*`.
#[derive(Clone, Copy)]
struct Header<'a> {
    data: Payload<'a>,
    /// Where the first of the bytes behind the addresses lies.
    fields: usize,
    asked: u8,
    inverted: u8,
}

impl<'a> Header<'a> {
    const SOURCE: u8 = 0x01;
    const DESTINATION: u8 = 0x02;
    const TOS: u8 = 0x04;
    const PROTOCOL: u8 = 0x08;
    const SOURCE_PORT: u8 = 0x10;
    const DESTINATION_PORT: u8 = 0x20;
    const ICMP: u8 = 0x40;
    const IGMP: u8 = 0x80;

    fn new(data: Payload<'a>, fields: usize) -> Option<Self> {
        Some(Self { data, fields, asked: data.u8(fields + 2)?, inverted: data.u8(fields + 3)? })
    }

    fn asks(self, bit: u8) -> bool {
        self.asked & bit != 0
    }

    fn not(self, bit: u8) -> &'static str {
        not(self.inverted & bit != 0)
    }

    fn addresses(self, word: &str, address: impl Fn(usize) -> Option<IpAddr>, w: &mut Words<'_>) -> Option<()> {
        // Source, destination, and their masks.
        let size = self.fields / 4;
        for (i, (bit, side)) in [(Self::SOURCE, "saddr"), (Self::DESTINATION, "daddr")].into_iter().enumerate() {
            if self.asks(bit) {
                add!(w, "{word} {side} {}", self.not(bit));
                matches::masked(address(i * size)?, address((i + 2) * size)?, w);
                w.join(format_args!(" "));
            }
        }
        Some(())
    }

    fn dscp(self, word: &str, w: &mut Words<'_>) -> Option<()> {
        if self.asks(Self::TOS) {
            add!(w, "{word} dscp {}0x{:02x} ", self.not(Self::TOS), self.data.u8(self.fields)? & 0x3f);
        }
        Some(())
    }

    /// Writes the protocol, or gives the name that the ports behind it have.
    fn protocol(self, word: &str, implied_by: u8, cx: Context<'_>, w: &mut Words<'_>) -> Option<Option<&'static str>> {
        if !self.asks(Self::PROTOCOL) {
            return Some(None);
        }
        let protocol = self.data.u8(self.fields + 1)?;
        if self.asks(implied_by) && self.inverted & Self::PROTOCOL == 0 {
            return Some(match protocol {
                6 => Some("tcp"),
                17 => Some("udp"),
                33 => Some("dccp"),
                132 => Some("sctp"),
                136 => Some("udplite"),
                _ => None,
            });
        }
        add!(w, "{word} {}", self.not(Self::PROTOCOL));
        match cx.names.protocol(protocol) {
            Some(name) => add!(w, "{name} "),
            None => add!(w, "{protocol} "),
        }
        Some(None)
    }

    fn ports(self, protocol: Option<&str>, w: &mut Words<'_>) -> Option<()> {
        let at = self.fields + 4;
        for (bit, word, raw, at) in
            [(Self::SOURCE_PORT, "sport", "@th,0,16", at), (Self::DESTINATION_PORT, "dport", "@th,16,16", at + 4)]
        {
            if self.asks(bit) {
                match protocol {
                    Some(protocol) => add!(w, "{protocol} {word} "),
                    None => add!(w, "{raw} "),
                }
                add!(w, "{}{} ", self.not(bit), Span(self.data.u16(at)?, self.data.u16(at + 2)?));
            }
        }
        Some(())
    }

    fn message(self, word: &str, w: &mut Words<'_>) -> Option<()> {
        if !self.asks(Self::ICMP) {
            return Some(());
        }
        self.kind(Self::ICMP, format_args!("{word} type "), w)?;
        let [low, high] = self.data.bytes(self.fields + 8)?;
        if (low, high) != (0, u8::MAX) {
            add!(w, "{word} code {}{} ", self.not(Self::ICMP), Span(low, high));
        }
        Some(())
    }

    fn kind(self, bit: u8, words: std::fmt::Arguments<'_>, w: &mut Words<'_>) -> Option<()> {
        let [low, high] = self.data.bytes(self.fields + 4)?;
        w.add(words);
        add!(w, "{}{} ", self.not(bit), Span(low, high));
        Some(())
    }
}

fn ip(data: Payload<'_>, cx: Context<'_>, w: &mut Words<'_>) -> Option<()> {
    let h = Header::new(data, 16)?;
    h.addresses("ip", |at| data.bytes(at).map(|a: [u8; 4]| Ipv4Addr::from(a).into()), w)?;
    h.dscp("ip", w)?;
    let implied_by = Header::SOURCE_PORT | Header::DESTINATION_PORT | Header::ICMP;
    let protocol = h.protocol("ip protocol", implied_by, cx, w)?;
    h.ports(protocol, w)?;
    h.message("icmp", w)?;
    if h.asks(Header::IGMP) {
        h.kind(Header::IGMP, format_args!("@th,0,8 "), w)?;
    }
    Some(())
}

fn ip6(data: Payload<'_>, cx: Context<'_>, w: &mut Words<'_>) -> Option<()> {
    let h = Header::new(data, 64)?;
    if !h.asks(Header::SOURCE | Header::DESTINATION | Header::ICMP | Header::TOS) {
        add!(w, "ether type ip6 ");
    }
    h.addresses("ip6", |at| data.bytes(at).map(|a: [u8; 16]| Ipv6Addr::from(a).into()), w)?;
    h.dscp("ip6", w)?;
    let implied_by = Header::SOURCE_PORT | Header::DESTINATION_PORT | Header::ICMP;
    let protocol = h.protocol("meta l4proto", implied_by, cx, w)?;
    h.ports(protocol, w)?;
    h.message("icmpv6", w)
}

fn vlan(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    const ID: u8 = 1;
    const PRIORITY: u8 = 2;
    const ENCAPSULATED: u8 = 4;
    let (asked, inverted) = (data.u8(6)?, data.u8(7)?);
    if asked & ID != 0 {
        add!(w, "vlan id {}{} ", not(inverted & ID != 0), data.u16(0)?);
    }
    if asked & PRIORITY != 0 {
        add!(w, "vlan pcp {}{} ", not(inverted & PRIORITY != 0), data.u8(2)?);
    }
    if asked & ENCAPSULATED != 0 {
        add!(w, "vlan type {}0x{:04x} ", not(inverted & ENCAPSULATED != 0), u16::from_be(data.u16(4)?));
    }
    Some(())
}

fn mark_match(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    /// `EBT_MARK_OR`: is any bit of the mask set?
    const ANY: u8 = 2;
    let (mark, mask) = (data.long(0)? as u32, data.long(8)? as u32);
    let (inverted, bits) = (data.u8(16)? != 0, data.u8(17)?);
    add!(w, "meta mark ");
    if bits == ANY {
        add!(w, "and 0x{mask:x} {}0 ", not(!inverted));
        return Some(());
    }
    if mask != u32::MAX {
        add!(w, "and 0x{mask:x} ");
    }
    add!(w, "{}0x{mark:x} ", not(inverted));
    Some(())
}

fn pkttype(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    add!(w, "meta pkttype {}", not(data.u8(1)? != 0));
    match data.u8(0)? {
        0 => add!(w, "host "),
        1 => add!(w, "broadcast "),
        2 => add!(w, "multicast "),
        3 => add!(w, "other "),
        number => add!(w, "{number} "),
    }
    Some(())
}

/// The bits of a target that are a verdict, where there are others.
const VERDICT_BITS: u32 = 0xf;

fn verdict(target: u32) -> &'static str {
    match target as i32 {
        -1 => "accept",
        -2 => "drop",
        -3 => "continue",
        -4 => "return",
        _ => "",
    }
}

fn mark(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    let (mark, target) = (data.long(0)?, data.u32(8)?);
    let how = match target & !VERDICT_BITS {
        0xffff_fff0 => "",
        0xffff_ffe0 => "meta mark or ",
        0xffff_ffd0 => "meta mark and ",
        0xffff_ffc0 => "meta mark xor ",
        _ => return None,
    };
    add!(w, "meta mark set {how}0x{mark:x} {} ", verdict(target | !VERDICT_BITS));
    Some(())
}

/// A hardware address as `ether_ntoa(3)` writes it.
fn hardware(data: Payload<'_>) -> Option<String> {
    let [a, b, c, d, e, f] = data.bytes(0)?;
    Some(format!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}"))
}

fn dnat(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    add!(w, "ether daddr set {} {} ", hardware(data)?, verdict(data.u32(8)?));
    Some(())
}

fn snat(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    /// Set when addresses inside ARP stay as they are. The other case has no translation.
    const NO_ARP: u32 = 0x10;
    let target = data.u32(8)?;
    if target & NO_ARP == 0 {
        return None;
    }
    add!(w, "ether saddr set {} {} ", hardware(data)?, verdict(target | !VERDICT_BITS));
    Some(())
}

fn redirect(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    add!(w, "meta set pkttype host");
    match verdict(data.u32(0)?) {
        "accept" => {}
        verdict => add!(w, " {verdict} "),
    }
    Some(())
}

fn log(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];
    /// `LOG_INFO`
    const DEFAULT: u8 = 6;
    let (level, prefix) = (data.u8(0)?, data.string(1, 30)?);
    let name = LEVELS.get(usize::from(level))?;
    add!(w, "log");
    quoted(" prefix", prefix, w);
    if level != DEFAULT {
        add!(w, " level {name}");
    }
    add!(w, " flags ether ");
    Some(())
}

fn nflog(data: Payload<'_>, w: &mut Words<'_>) -> Option<()> {
    const DEFAULT_THRESHOLD: u16 = 1;
    let (len, group, threshold) = (data.u32(0)?, data.u16(4)?, data.u16(6)?);
    add!(w, "log ");
    quoted("prefix", data.string(12, 64)?, w);
    add!(w, "group {group} ");
    if len != 0 {
        add!(w, "snaplen {len} ");
    }
    if threshold != DEFAULT_THRESHOLD {
        add!(w, "queue-threshold {threshold} ");
    }
    Some(())
}

fn quoted(word: &str, text: &[u8], w: &mut Words<'_>) {
    if !text.is_empty() {
        add!(w, "{word} \"");
        w.bytes(text);
        w.join(format_args!("\""));
    }
}
