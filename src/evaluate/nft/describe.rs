//! Why a rule did not match, in nft's words: the field that was compared, what was wanted, what the packet has.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::evaluate::packet::CtState;
use crate::evaluate::{Context, Fact, Network};
use crate::ruleset::nft::Set;
use crate::sys::Text;
use crate::sys::nft::expr::{BitwiseOp, Cmp, CmpOp, CtKey, Lookup, MetaKey, Payload, PayloadBase, Range, RangeOp};
use crate::sys::nft::{Expr, Reg};

use super::machine::{Machine, Step};
use super::members::few_members;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// The condition that did not hold.
pub enum Wanted<'a> {
    /// A comparison.
    Cmp(&'a Cmp),
    /// A range.
    Range(&'a Range),
    /// A set.
    Lookup(&'a Lookup, &'a Set),
}

/// Notes a condition that did not hold, if anybody wants to know.
#[inline]
pub fn miss<'a>(cx: &mut Context<'_>, m: &Machine<'_>, reg: Reg, len: usize, wanted: impl FnOnce() -> Wanted<'a>) {
    if cx.explain && cx.missed.is_none() {
        note(cx, m, reg, len, &wanted());
    }
}

#[cold]
fn note(cx: &mut Context<'_>, m: &Machine<'_>, reg: Reg, len: usize, wanted: &Wanted<'_>) {
    let mut fields = Vec::new();
    let widths: Vec<usize> = match wanted {
        Wanted::Lookup(_, set) if !set.def.fields.is_empty() => set.def.fields.iter().map(|&f| f as usize).collect(),
        _ => vec![len],
    };
    let mut word = usize::from(reg.0);
    for width in widths {
        let at = Reg(u8::try_from(word).unwrap_or(u8::MAX));
        let field = Field::of(cx, m, at, width);
        let have = field.have(cx, m, at, width);
        fields.push((field, have));
        word += width.div_ceil(4);
    }
    let name = fields.iter().map(|(f, _)| f.name.as_str()).collect::<Vec<_>>().join(" . ");
    let have: Option<Vec<String>> = fields.iter().map(|(_, have)| have.clone()).collect();
    let field = fields.first().map(|(f, _)| f);
    let wanted = match (wanted, field) {
        (Wanted::Cmp(e), Some(f)) => f.wanted(e),
        (Wanted::Range(e), Some(f)) => {
            let not = if e.op == RangeOp::Neq { "!= " } else { "" };
            format!("{not}{}-{}", f.show.text(&e.from), f.show.text(&e.to))
        }
        (Wanted::Lookup(e, set), shown) => {
            let not = if e.inverted() { "!= " } else { "" };
            if set.def.flags.contains(crate::sys::nft::SetFlags::ANONYMOUS) {
                let plain = shown.filter(|_| fields.len() == 1);
                let few = plain.and_then(|f| few_members(set, &|key| f.show.text(key)));
                format!("{not}{}", few.unwrap_or_else(|| format!("{{ {} elements }}", set.elements.len())))
            } else {
                format!("{not}@{}", e.set)
            }
        }
        _ => String::new(),
    };
    cx.miss(name, || (Some(wanted), have.map(|h| h.join(" . "))));
}

/// What a register was loaded with.
struct Field {
    name: String,
    show: Show,
    /// The bits that are compared, where not all are.
    mask: Option<Vec<u8>>,
    /// The expression that loaded it.
    source: Option<usize>,
    /// How long the whole field is.
    whole: usize,
}

impl Field {
    fn of(cx: &Context<'_>, m: &Machine<'_>, reg: Reg, len: usize) -> Self {
        let (mut at, mut reg, mut mask) = (m.at, reg, None);
        while let Some((i, e)) = m.exprs.iter().enumerate().take(at).rev().find(|(_, e)| writes(e) == Some(reg)) {
            at = i;
            match e {
                Expr::Bitwise(b) => {
                    if let BitwiseOp::MaskXor { mask: bits, xor } = &b.op
                        && xor.iter().all(|&b| b == 0)
                    {
                        mask = Some(bits.to_vec());
                    }
                    reg = b.sreg;
                }
                Expr::Byteorder(b) => reg = b.sreg,
                e => {
                    let (name, show, whole) = name(cx, m, e, len);
                    return Self { name, show, mask, source: Some(i), whole };
                }
            }
        }
        Self { name: "register".into(), show: Show::Hex, mask, source: None, whole: len }
    }

    /// What the packet has there, before any masking.
    fn have(&self, cx: &mut Context<'_>, m: &Machine<'_>, reg: Reg, len: usize) -> Option<String> {
        let source = self.source.and_then(|i| m.exprs.get(i));
        if let Some(e @ (Expr::Payload(_) | Expr::Meta(_) | Expr::Ct(_))) = source {
            let mut again = Machine::new(m.table, m.index, m.info.clone());
            if super::expr::eval(cx, &mut again, e) != Step::Go {
                return None;
            }
            // The whole field, even if the rule looks at the front of it only.
            if let Expr::Payload(p) = e
                && self.whole > p.len as usize
            {
                let whole = Payload { len: self.whole as u32, ..*p };
                super::expr::payload::eval(cx, &mut again, &whole);
            }
            return again.regs.read(writes(e)?, self.whole.max(len)).map(|b| self.show.text(b));
        }
        m.regs.read(reg, len).map(|b| self.show.text(b))
    }

    fn wanted(&self, e: &Cmp) -> String {
        let op = match e.op {
            CmpOp::Eq => "",
            CmpOp::Neq => "!= ",
            CmpOp::Lt => "< ",
            CmpOp::Lte => "<= ",
            CmpOp::Gt => "> ",
            CmpOp::Gte => ">= ",
            CmpOp::Unknown(_) => "? ",
        };
        let data = e.data.as_bytes();
        match &self.mask {
            // `flags & mask != 0`: one of these bits
            Some(mask) if e.op == CmpOp::Neq && data.iter().all(|&b| b == 0) => self.show.text(mask),
            Some(mask) => match prefix(mask) {
                Some(n) if matches!(self.show, Show::Address) => format!("{op}{}/{n}", self.show.text(data)),
                _ => format!(
                    "& {} {}{}",
                    Show::Hex.text(mask),
                    if op.is_empty() { "== " } else { op },
                    self.show.text(data)
                ),
            },
            None if matches!(self.show, Show::Address) && data.len() < self.whole => {
                let mut padded = data.to_vec();
                padded.resize(self.whole, 0);
                format!("{op}{}/{}", self.show.text(&padded), data.len() * 8)
            }
            None => format!("{op}{}", self.show.text(data)),
        }
    }
}

/// The length of a mask of leading ones.
fn prefix(mask: &[u8]) -> Option<usize> {
    let ones = mask.iter().map(|b| b.leading_ones() as usize).take_while(|&n| n > 0).sum::<usize>();
    let total = mask.iter().map(|b| b.count_ones() as usize).sum::<usize>();
    (ones == total).then_some(ones)
}

/// The register that an expression loads.
pub fn writes(e: &Expr) -> Option<Reg> {
    Some(match e {
        Expr::Payload(e) => e.dreg,
        Expr::Meta(e) => e.dreg,
        Expr::Ct(e) => e.dreg,
        Expr::Exthdr(e) => e.dreg,
        Expr::Bitwise(e) => e.dreg,
        Expr::Byteorder(e) => e.dreg,
        Expr::Immediate(e) => e.dreg,
        Expr::Lookup(e) => e.dreg?,
        Expr::Fib(e) => e.dreg,
        Expr::Rt(e) => e.dreg,
        Expr::Socket(e) => e.dreg,
        Expr::Osf(e) => e.dreg,
        Expr::Numgen(e) => e.dreg,
        Expr::Hash(e) => e.dreg,
        Expr::Xfrm(e) => e.dreg,
        Expr::Tunnel(e) => e.dreg,
        Expr::Inner(e) => return writes(&e.expr),
        _ => return None,
    })
}

/// How bytes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    /// A number in network order.
    Network,
    /// A number in host order.
    Host,
    /// The same, in hexadecimal.
    Mark,
    Address,
    Ethernet,
    Name,
    CtState,
    Hex,
}

impl Show {
    fn text(self, bytes: &[u8]) -> String {
        match (self, bytes.len()) {
            (Self::Address, 1..=4) => {
                let mut a = [0; 4];
                a[..bytes.len()].copy_from_slice(bytes);
                Ipv4Addr::from(a).to_string()
            }
            (Self::Address, 5..=16) => {
                let mut a = [0; 16];
                a[..bytes.len()].copy_from_slice(bytes);
                Ipv6Addr::from(a).to_string()
            }
            (Self::Network, 1..=8) => bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b)).to_string(),
            (Self::Host, 1..=8) => host(bytes).to_string(),
            (Self::Mark, 1..=8) => format!("{:#010x}", host(bytes)),
            (Self::CtState, 4) => states(host(bytes)),
            (Self::Ethernet, _) => bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":"),
            (Self::Name, _) => {
                // A comparison of a part of a name is one with a wildcard.
                let wildcard = if bytes.contains(&0) { "" } else { "*" };
                format!("\"{}{wildcard}\"", Text::from_c(bytes))
            }
            _ => bytes.iter().fold(String::from("0x"), |mut s, b| {
                let _ = write!(s, "{b:02x}");
                s
            }),
        }
    }
}

fn host(bytes: &[u8]) -> u64 {
    let mut n = [0; 8];
    if cfg!(target_endian = "little") {
        n[..bytes.len()].copy_from_slice(bytes);
    } else {
        n[8 - bytes.len()..].copy_from_slice(bytes);
    }
    u64::from_ne_bytes(n)
}

fn states(bits: u64) -> String {
    let all = [
        (1, CtState::Invalid),
        (2, CtState::Established),
        (4, CtState::Related),
        (8, CtState::New),
        (64, CtState::Untracked),
    ];
    let names: Vec<_> = all.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, s)| s.name()).collect();
    if names.is_empty() { format!("{bits:#x}") } else { names.join(",") }
}

/// The name of what an expression loads, how it is shown, and how long the whole of it is.
fn name(cx: &Context<'_>, m: &Machine<'_>, e: &Expr, len: usize) -> (String, Show, usize) {
    match e {
        Expr::Payload(p) => payload(cx, m, p),
        Expr::Meta(e) => {
            let show = match e.key {
                MetaKey::Iifname
                | MetaKey::Oifname
                | MetaKey::BriIifname
                | MetaKey::BriOifname
                | MetaKey::Iifkind
                | MetaKey::Oifkind
                | MetaKey::Sdifname => Show::Name,
                MetaKey::Mark => Show::Mark,
                MetaKey::Protocol | MetaKey::BriIifvproto => Show::Hex,
                _ => Show::Host,
            };
            let plain = matches!(e.key, MetaKey::Iif | MetaKey::Oif | MetaKey::Iifname | MetaKey::Oifname);
            let whole = if show == Show::Name { 16 } else { len };
            (if plain { e.key.to_string() } else { format!("meta {}", e.key) }, show, whole)
        }
        Expr::Ct(e) => {
            let show = match e.key {
                CtKey::State => Show::CtState,
                CtKey::Mark => Show::Mark,
                CtKey::Src | CtKey::Dst | CtKey::SrcIp | CtKey::DstIp | CtKey::SrcIp6 | CtKey::DstIp6 => Show::Address,
                CtKey::ProtoSrc | CtKey::ProtoDst => Show::Network,
                CtKey::Helper => Show::Name,
                _ => Show::Host,
            };
            let direction = e.direction.map_or_else(String::new, |d| format!("{d} "));
            (format!("ct {direction}{}", e.key), show, len)
        }
        Expr::Exthdr(e) => (format!("{} {} byte {}", e.op, e.kind, e.offset), Show::Hex, len),
        Expr::Fib(e) => (format!("fib {}", e.result), Show::Host, len),
        Expr::Rt(e) => (format!("rt {}", e.key), Show::Hex, len),
        Expr::Socket(e) => (format!("socket {}", e.key), Show::Host, len),
        Expr::Osf(_) => ("osf name".into(), Show::Name, len),
        Expr::Numgen(e) => (format!("numgen {}", e.kind), Show::Host, len),
        Expr::Hash(e) => (e.kind.to_string(), Show::Host, len),
        Expr::Xfrm(e) => (format!("ipsec {}", e.key), Show::Hex, len),
        Expr::Tunnel(e) => (format!("tunnel {}", e.key), Show::Host, len),
        Expr::Inner(_) => ("inner".into(), Show::Hex, len),
        Expr::Lookup(e) => (format!("map @{}", e.set), Show::Hex, len),
        _ => ("register".into(), Show::Hex, len),
    }
}

/// A field of a header: which one is clear from the packet, whose protocol the rule has compared before.
fn payload(cx: &Context<'_>, m: &Machine<'_>, p: &Payload) -> (String, Show, usize) {
    let protocol = match &m.info.transport {
        Fact::Is(t) => t.protocol,
        _ => 0,
    };
    let (o, n) = (p.offset, p.len);
    let found = match (p.base, cx.packet.network, protocol) {
        (PayloadBase::Network, Network::Ip4, _) => match (o, n) {
            (12, 1..=4) => Some(("ip saddr", Show::Address, 4)),
            (16, 1..=4) => Some(("ip daddr", Show::Address, 4)),
            (1, 1) => Some(("ip dscp", Show::Hex, 1)),
            (2, 2) => Some(("ip length", Show::Network, 2)),
            (4, 2) => Some(("ip id", Show::Network, 2)),
            (6, 2) => Some(("ip frag-off", Show::Hex, 2)),
            (8, 1) => Some(("ip ttl", Show::Network, 1)),
            (9, 1) => Some(("ip protocol", Show::Network, 1)),
            _ => None,
        },
        (PayloadBase::Network, Network::Ip6, _) => match (o, n) {
            (8, 1..=16) => Some(("ip6 saddr", Show::Address, 16)),
            (24, 1..=16) => Some(("ip6 daddr", Show::Address, 16)),
            (4, 2) => Some(("ip6 length", Show::Network, 2)),
            (6, 1) => Some(("ip6 nexthdr", Show::Network, 1)),
            (7, 1) => Some(("ip6 hoplimit", Show::Network, 1)),
            _ => None,
        },
        (PayloadBase::Network, Network::Arp, _) => match (o, n) {
            (6, 2) => Some(("arp operation", Show::Network, 2)),
            (14, 4) => Some(("arp saddr ip", Show::Address, 4)),
            (24, 4) => Some(("arp daddr ip", Show::Address, 4)),
            _ => None,
        },
        (PayloadBase::Transport, _, TCP) => match (o, n) {
            (0, 2) => Some(("tcp sport", Show::Network, 2)),
            (2, 2) => Some(("tcp dport", Show::Network, 2)),
            (13, 1) => Some(("tcp flags", Show::Hex, 1)),
            _ => None,
        },
        (PayloadBase::Transport, _, UDP) => match (o, n) {
            (0, 2) => Some(("udp sport", Show::Network, 2)),
            (2, 2) => Some(("udp dport", Show::Network, 2)),
            (4, 2) => Some(("udp length", Show::Network, 2)),
            _ => None,
        },
        (PayloadBase::Transport, _, ICMP | ICMPV6) => match (o, n, protocol) {
            (0, 1, ICMP) => Some(("icmp type", Show::Network, 1)),
            (1, 1, ICMP) => Some(("icmp code", Show::Network, 1)),
            (0, 1, _) => Some(("icmpv6 type", Show::Network, 1)),
            (1, 1, _) => Some(("icmpv6 code", Show::Network, 1)),
            _ => None,
        },
        (PayloadBase::Transport, ..) => match (o, n) {
            (0, 2) => Some(("th sport", Show::Network, 2)),
            (2, 2) => Some(("th dport", Show::Network, 2)),
            _ => None,
        },
        (PayloadBase::Link, ..) => match (o, n) {
            (0, 6) => Some(("ether daddr", Show::Ethernet, 6)),
            (6, 6) => Some(("ether saddr", Show::Ethernet, 6)),
            (12, 2) => Some(("ether type", Show::Hex, 2)),
            _ => None,
        },
        _ => None,
    };
    match found {
        Some((name, show, whole)) => (name.into(), show, whole),
        None => {
            let base = match p.base {
                PayloadBase::Link => "ll",
                PayloadBase::Network => "nh",
                PayloadBase::Transport => "th",
                _ => "ih",
            };
            (format!("@{base},{},{}", o * 8, n * 8), Show::Hex, n as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::{self, *};
    use crate::evaluate::traversal::Begin;
    use crate::ruleset::nft::Table;
    use crate::sys::nft::expr::{Bitwise, Ct, LookupFlags, Meta};
    use crate::sys::nft::{self as wire, Data, Family, SetFlags};

    /// Field, wanted and had of a rule that does not match a UDP packet from 10.0.0.1 to 10.0.0.2, port 53, in by eth0.
    fn missed(exprs: Vec<Expr>) -> (String, String, String) {
        let set = Set { def: members("s", SetFlags::empty(), 8, Vec::new()).def, elements: Vec::new() };
        let mut set = set;
        set.def.fields = [4, 2].into_iter().collect();
        let rules = vec![exprs];
        let t = Table {
            chains: vec![chain("c", wire::Hook::Input, Some(wire::Verdict::Accept), rules)],
            sets: vec![set],
            ..table(Family::Inet)
        };
        let mut p = ip4(17, &testing::udp(1000, 53, b""));
        p.iif = port(2, "eth0");
        p.mark = Fact::Is(7);
        p.ct.state = Fact::Is(CtState::New);
        let (_, tried) = walk(p, &t, &Begin::Start);
        let m = tried.into_iter().next().and_then(|t| t.missed);
        m.map(|m| (m.field.into_owned(), m.wanted.unwrap_or_default(), m.have.unwrap_or_default())).unwrap_or_default()
    }

    fn load(base: PayloadBase, offset: u32, len: u32) -> Expr {
        Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 })
    }

    fn cmp(op: CmpOp, data: &[u8]) -> Expr {
        Expr::Cmp(Cmp { op, sreg: Reg::R1, data: Data::new(data) })
    }

    fn mask(bits: &[u8]) -> Expr {
        let op = BitwiseOp::MaskXor { mask: Data::new(bits), xor: Data::new(vec![0; bits.len()]) };
        Expr::Bitwise(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: bits.len() as u8, op })
    }

    fn said(of: &[&str; 3]) -> (String, String, String) {
        (of[0].into(), of[1].into(), of[2].into())
    }

    #[test]
    fn fields_are_named_as_nft_names_them() {
        let network = |o, n| load(PayloadBase::Network, o, n);
        let m = missed(vec![network(12, 4), cmp(CmpOp::Eq, &[192, 0, 2, 1])]);
        assert_eq!(m, said(&["ip saddr", "192.0.2.1", "10.0.0.1"]));
        let m = missed(vec![network(16, 3), cmp(CmpOp::Neq, &[10, 0, 0])]);
        assert_eq!(m, said(&["ip daddr", "!= 10.0.0.0/24", "10.0.0.2"]));
        let m = missed(vec![network(12, 4), mask(&[255, 255, 240, 0]), cmp(CmpOp::Eq, &[172, 16, 0, 0])]);
        assert_eq!(m, said(&["ip saddr", "172.16.0.0/20", "10.0.0.1"]));
        let m = missed(vec![load(PayloadBase::Transport, 2, 2), cmp(CmpOp::Lt, &[0, 22])]);
        assert_eq!(m, said(&["udp dport", "< 22", "53"]));
        let m = missed(vec![load(PayloadBase::Transport, 6, 1), cmp(CmpOp::Eq, &[9])]);
        assert_eq!(m, said(&["@th,48,8", "0x09", "0x00"]));
    }

    #[test]
    fn metadata_are_shown_in_their_kind() {
        let meta = |key| Expr::Meta(Meta { key, dreg: Reg::R1 });
        let m = missed(vec![meta(MetaKey::Iifname), cmp(CmpOp::Eq, b"wlan")]);
        assert_eq!(m, said(&["iifname", "\"wlan*\"", "\"eth0\""]));
        let m = missed(vec![meta(MetaKey::Mark), cmp(CmpOp::Eq, &9u32.to_ne_bytes())]);
        assert_eq!(m, said(&["meta mark", "0x00000009", "0x00000007"]));
        let state = Expr::Ct(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 });
        let m = missed(vec![state, mask(&6u32.to_ne_bytes()), cmp(CmpOp::Neq, &[0; 4])]);
        assert_eq!(m, said(&["ct state", "established,related", "new"]));
    }

    #[test]
    fn sets_are_named_with_all_their_fields() {
        let second = Expr::Payload(Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg(5) });
        let lookup = Lookup { set: "s".into(), set_id: None, sreg: Reg::R1, dreg: None, flags: LookupFlags::empty() };
        let m = missed(vec![load(PayloadBase::Network, 12, 4), second, Expr::Lookup(lookup)]);
        assert_eq!(m, said(&["ip saddr . udp dport", "@s", "10.0.0.1 . 53"]));
    }
}
