//! Expressions in the words of libnftnl, as `nft --debug=netlink` prints them: a second opinion on what they mean.

use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::*;

/// `[ cmp eq reg 1 0x00000006 ]`
pub fn expr(e: &Expr) -> String {
    format!("[ {} ]", inside(e))
}

/// What stands behind `element` in a listing of a set: key, end of range, data, flags.
pub fn element(e: &Element) -> String {
    let mut s = words(&e.key, "");
    if let Some(end) = &e.key_end {
        s += &format!(" - {}", words(end, ""));
    }
    s += " : ";
    match &e.value {
        Some(Value::Data(d)) => s += &words(d, ""),
        Some(Value::Verdict(v)) => s += &format!("{} ", verdict(v)),
        None => {}
    }
    format!("{s}{} [end]", e.flags.bits())
}

fn reg(r: Reg) -> u32 {
    r.to_kernel()
}

/// 32-bit words in the byte order of this machine, the last one filled up with zeros.
fn words(d: &Data, prefix: &str) -> String {
    let word = |w: &[u8]| {
        let mut bytes = [0; 4];
        bytes[..w.len()].copy_from_slice(w);
        format!("{prefix}{:08x} ", u32::from_ne_bytes(bytes))
    };
    d.as_bytes().chunks(4).map(word).collect()
}

fn data(d: &Data) -> String {
    words(d, "0x").trim_end().to_owned()
}

fn verdict(v: &Verdict) -> String {
    match v {
        Verdict::Jump(c) => format!("jump -> {c}"),
        Verdict::Goto(c) => format!("goto -> {c}"),
        v => v.to_string(),
    }
}

fn base(b: PayloadBase) -> String {
    format!("{b} header")
}

fn meta(k: MetaKey) -> String {
    match k {
        MetaKey::Length => "len".into(),
        MetaKey::Iiftype => "iiftype".into(),
        MetaKey::BriIifname => "bri_iifname".into(),
        MetaKey::BriOifname => "bri_oifname".into(),
        MetaKey::Random => "prandom".into(),
        k => k.to_string(),
    }
}

fn ct(k: CtKey) -> String {
    match k {
        CtKey::L3protocol => "l3protocol".into(),
        CtKey::Src => "src".into(),
        CtKey::Dst => "dst".into(),
        CtKey::ProtoSrc => "proto_src".into(),
        CtKey::ProtoDst => "proto_dst".into(),
        CtKey::Labels => "label".into(),
        CtKey::SrcIp => "src_ip".into(),
        CtKey::DstIp => "dst_ip".into(),
        CtKey::SrcIp6 => "src_ip6".into(),
        CtKey::DstIp6 => "dst_ip6".into(),
        CtKey::Id => "unknown".into(),
        k => k.to_string(),
    }
}

fn dir(d: Option<CtDirection>) -> String {
    d.map(|d| format!(" , dir {d}")).unwrap_or_default()
}

fn present(f: ExthdrFlags) -> &'static str {
    if f.contains(ExthdrFlags::PRESENT) { " present" } else { "" }
}

/// libnftnl names every operation but (in some versions) IPv6.
fn exthdr_op(op: ExthdrOp) -> String {
    match op {
        ExthdrOp::Sctp | ExthdrOp::Dccp => String::new(),
        op => format!(" {op}"),
    }
}

fn regs(parts: &[(&str, Option<Reg>)]) -> String {
    parts.iter().filter_map(|(name, r)| r.map(|r| format!(" {name} {}", reg(r)))).collect()
}

fn nat_flags(f: NatFlags) -> String {
    if f.is_empty() { String::new() } else { format!(" flags 0x{:x}", f.bits()) }
}

fn inside(e: &Expr) -> String {
    match e {
        Expr::Immediate(i) => match &i.value {
            Value::Data(d) => format!("immediate reg {} {}", reg(i.dreg), data(d)),
            Value::Verdict(v) => format!("immediate reg {} {}", reg(i.dreg), verdict(v)),
        },
        Expr::Cmp(c) => format!("cmp {} reg {} {}", c.op, reg(c.sreg), data(&c.data)),
        Expr::Range(r) => format!("range {} reg {} {} {}", r.op, reg(r.sreg), data(&r.from), data(&r.to)),
        Expr::Bitwise(b) => match &b.op {
            BitwiseOp::MaskXor { mask, xor } => {
                format!("bitwise reg {} = ( reg {} & {} ) ^ {}", reg(b.dreg), reg(b.sreg), data(mask), data(xor))
            }
            BitwiseOp::ShiftLeft(n) => format!("bitwise reg {} = ( reg {} << 0x{n:08x} )", reg(b.dreg), reg(b.sreg)),
            BitwiseOp::ShiftRight(n) => format!("bitwise reg {} = ( reg {} >> 0x{n:08x} )", reg(b.dreg), reg(b.sreg)),
            other => format!("{other:?}"),
        },
        Expr::Byteorder(b) => {
            format!("byteorder reg {} = {}(reg {}, {}, {})", reg(b.dreg), b.op, reg(b.sreg), b.size, b.len)
        }
        Expr::Payload(p) => format!("payload load {}b @ {} + {} => reg {}", p.len, base(p.base), p.offset, reg(p.dreg)),
        Expr::PayloadSet(p) => format!(
            "payload write reg {} => {}b @ {} + {} csum_type {} csum_off {} csum_flags 0x{:x}",
            reg(p.sreg),
            p.len,
            base(p.base),
            p.offset,
            p.csum.code(),
            p.csum_offset,
            p.csum_flags.bits()
        ),
        Expr::Exthdr(x) => format!(
            "exthdr load{} {}b @ {} + {}{} => reg {}",
            exthdr_op(x.op),
            x.len,
            x.kind,
            x.offset,
            present(x.flags),
            reg(x.dreg)
        ),
        Expr::ExthdrSet(x) => {
            format!("exthdr write {} reg {} => {}b @ {} + {}", x.op, reg(x.sreg), x.len, x.kind, x.offset)
        }
        Expr::ExthdrStrip(x) => format!("exthdr reset {} {}", x.op, x.kind),
        Expr::Meta(m) => format!("meta load {} => reg {}", meta(m.key), reg(m.dreg)),
        Expr::MetaSet(m) => format!("meta set {} with reg {}", meta(m.key), reg(m.sreg)),
        Expr::Ct(c) => format!("ct load {} => reg {}{}", ct(c.key), reg(c.dreg), dir(c.direction)),
        Expr::CtSet(c) => format!("ct set {} with reg {}{}", ct(c.key), reg(c.sreg), dir(c.direction)),
        Expr::Lookup(l) => {
            format!("lookup reg {} set {}{} 0x{:x}", reg(l.sreg), l.set, regs(&[("dreg", l.dreg)]), l.flags.bits())
        }
        Expr::Dynset(d) => {
            let exprs: String = d.exprs.iter().map(|e| format!(" expr {}", expr(e))).collect();
            let data = regs(&[("sreg_data", d.data)]);
            let timeout = d.timeout.map(|t| format!(" timeout {t}ms")).unwrap_or_default();
            format!("dynset {} reg_key {} set {}{data}{timeout}{exprs}", d.op, reg(d.key), d.set)
        }
        Expr::Objref(o) => format!("objref type {} name {}", o.kind.code(), o.name),
        Expr::ObjrefMap(o) => format!("objref sreg {} set {}", reg(o.sreg), o.set),
        Expr::Counter(c) => format!("counter pkts {} bytes {}", c.packets, c.bytes),
        Expr::Limit(l) => {
            let unit = match l.unit {
                1 => "second",
                60 => "minute",
                3600 => "hour",
                86400 => "day",
                _ => "week",
            };
            format!("limit rate {}/{unit} burst {} type {} flags 0x{:x}", l.rate, l.burst, l.kind, l.flags.bits())
        }
        Expr::Quota(q) => format!("quota bytes {} consumed {} flags {}", q.bytes, q.consumed, q.flags.bits()),
        Expr::Connlimit(c) => format!("connlimit count {} flags {:x}", c.count, c.flags.bits()),
        Expr::Log(l) => {
            let mut s = "log".to_owned();
            if let Some(prefix) = &l.prefix {
                s += &format!(" prefix {prefix}");
            }
            if let Some(group) = l.group {
                let (snaplen, threshold) = (l.snaplen.unwrap_or(0), l.qthreshold.unwrap_or(0));
                return format!("{s} group {group} snaplen {snaplen} qthreshold {threshold}");
            }
            if let Some(level) = l.level {
                s += &format!(" level {}", level.code());
            }
            for (flag, name) in [
                (LogFlags::TCPSEQ, " tcpseq"),
                (LogFlags::TCPOPT, " tcpopt"),
                (LogFlags::IPOPT, " ipopt"),
                (LogFlags::UID, " uid"),
                (LogFlags::MACDECODE, " macdecode"),
            ] {
                if l.flags.contains(flag) {
                    s += name;
                }
            }
            s
        }
        Expr::Reject(r) => format!("reject type {} code {}", r.kind.code(), r.code.unwrap_or(0)),
        Expr::Nat(n) => format!(
            "nat {} {}{}{}",
            n.kind,
            n.family,
            regs(&[
                ("addr_min reg", n.addr_min),
                ("addr_max reg", n.addr_max),
                ("proto_min reg", n.proto_min),
                ("proto_max reg", n.proto_max)
            ]),
            nat_flags(n.flags)
        ),
        Expr::Masq(m) => {
            let ports = regs(&[("proto_min reg", m.proto_min), ("proto_max reg", m.proto_max)]);
            format!("masq{ports}{}", nat_flags(m.flags))
        }
        Expr::Redir(r) => {
            let ports = regs(&[("proto_min reg", r.proto_min), ("proto_max reg", r.proto_max)]);
            format!("redir{ports}{}", nat_flags(r.flags))
        }
        Expr::Tproxy(t) => format!("tproxy {}{}", t.family, regs(&[("addr reg", t.addr), ("port reg", t.port)])),
        Expr::Dup(d) => format!("dup{}", regs(&[("sreg_addr", d.addr), ("sreg_dev", d.dev)])),
        Expr::Fwd(f) => {
            let family = f.nfproto.map(|f| format!(" nfproto {}", f.code())).unwrap_or_default();
            format!("fwd{}{family}", regs(&[("sreg_dev", Some(f.dev)), ("sreg_addr", f.addr)]))
        }
        Expr::Notrack => "notrack".into(),
        Expr::Synproxy(s) => format!("synproxy mss {} wscale {}", s.mss, s.wscale),
        Expr::Fib(f) => {
            let names = [
                (FibFlags::SADDR, "saddr"),
                (FibFlags::DADDR, "daddr"),
                (FibFlags::MARK, "mark"),
                (FibFlags::IIF, "iif"),
                (FibFlags::OIF, "oif"),
            ];
            let keys: Vec<_> = names.iter().filter(|(bit, _)| f.flags.contains(*bit)).map(|n| n.1).collect();
            let present = if f.flags.contains(FibFlags::PRESENT) { " present" } else { "" };
            format!("fib {} {}{present} => reg {}", keys.join(" . "), f.result, reg(f.dreg))
        }
        Expr::Rt(r) => {
            let key = match r.key {
                RtKey::Nexthop4 => "nexthop4".into(),
                RtKey::Nexthop6 => "nexthop6".into(),
                RtKey::Tcpmss => "tcpmss".into(),
                k => k.to_string(),
            };
            format!("rt load {key} => reg {}", reg(r.dreg))
        }
        Expr::Socket(s) => format!("socket load {} => reg {}", s.key, reg(s.dreg)),
        // libnftnl leaves out how the TTL counts, and the version.
        Expr::Osf(o) => format!("osf dreg {}", reg(o.dreg)),
        Expr::Numgen(n) => {
            let offset = if n.offset == 0 { String::new() } else { format!(" offset {}", n.offset) };
            format!("numgen reg {} = {} mod {}{offset}", reg(n.dreg), n.kind, n.modulus)
        }
        Expr::Hash(h) => {
            let offset = if h.offset == 0 { String::new() } else { format!(" offset {}", h.offset) };
            let of = match (h.sreg, h.len) {
                (Some(s), Some(len)) => format!("{}, {len}, 0x{:x}", reg(s), h.seed.unwrap_or(0)),
                _ => String::new(),
            };
            let of = if of.is_empty() { of } else { format!("reg {of}") };
            format!("hash reg {} = {}({of}) % mod {}{offset}", reg(h.dreg), h.kind, h.modulus)
        }
        Expr::Xfrm(x) => {
            let key = match x.key {
                XfrmKey::DaddrIp4 => "daddr4".into(),
                XfrmKey::DaddrIp6 => "daddr6".into(),
                XfrmKey::SaddrIp4 => "saddr4".into(),
                XfrmKey::SaddrIp6 => "saddr6".into(),
                k => k.to_string(),
            };
            format!("xfrm load {} {} {key} => reg {}", x.direction, x.spnum, reg(x.dreg))
        }
        Expr::Match(m) => format!("match name {} rev {}", m.name, m.revision),
        Expr::Target(t) => format!("target name {} rev {}", t.name, t.revision),
        other => format!("{other:?}"),
    }
}
