//! Operands as text.

use nfblame_sys::nft::Expr;
use nfblame_sys::nft::expr::{FibFlags, HashKind, NumgenKind, OsfFlags, XfrmKey};

use super::Writer;
use super::datatype;
use super::header::UNKNOWN;
use super::key;
use super::set::{SetView, write_elements};
use super::tree::{Chars, Ct, Ending, Exthdr, Id, Kind, Node, Op, Payload, Tree};
use crate::ruleset::render::out::{Out, put};

/// Writes an operand with everything below.
pub(super) fn write(cx: Writer<'_>, tree: &Tree<'_>, id: Id, out: &mut Out) {
    let node = tree.get(id);
    match node.kind {
        Kind::Value(value) => cx.printer().value(node.ty, node.order, value, node.bits, out),
        Kind::Prefix(of, len) => {
            write(cx, tree, of, out);
            put!(out, "/{len}");
        }
        Kind::Range(low, high) => {
            let cx = Writer { numeric: true, ..cx };
            write(cx, tree, low, out);
            out.str("-");
            write(cx, tree, high, out);
        }
        Kind::Concat(list) => joined(cx, tree, tree.list(list), " . ", out),
        Kind::List(list) => joined(cx, tree, tree.list(list), ",", out),
        Kind::Set { set, shift } => reference(cx, set, shift, node.bits, out),
        Kind::Element(key, timeout) => {
            write(cx, tree, key, out);
            if timeout != 0 {
                out.str(" timeout ");
                datatype::duration(timeout, cx.numeric, out);
            }
        }
        Kind::Map(key, map) => {
            write(cx, tree, key, out);
            let verdicts = matches!(tree.get(map).kind, Kind::Set { set, .. } if set.gives_verdicts());
            out.str(if verdicts { " vmap " } else { " map " });
            write(cx, tree, map, out);
        }
        Kind::Swap(of) => write(cx, tree, of, out),
        Kind::Binary(op, left, right) => {
            side(cx, tree, op, left, out);
            out.str(match op {
                Op::ShiftLeft => " << ",
                Op::ShiftRight => " >> ",
                Op::And => " & ",
                Op::Xor => " ^ ",
                Op::Or => " | ",
            });
            side(cx, tree, op, right, out);
        }
        Kind::Hash { kind: HashKind::Jhash, of: Some(of), modulus, seed, offset } => {
            out.str("jhash ");
            write(cx, tree, of, out);
            hash_options(modulus, seed, offset, out);
        }
        _ => leaf(&node, out),
    }
}

fn joined(cx: Writer<'_>, tree: &Tree<'_>, ids: &[Id], delim: &str, out: &mut Out) {
    for (i, id) in ids.iter().enumerate() {
        if i != 0 {
            out.str(delim);
        }
        write(cx, tree, *id, out);
    }
}

/// Writes one side of a binary operation, in parentheses where the other operation binds less.
fn side(cx: Writer<'_>, tree: &Tree<'_>, op: Op, id: Id, out: &mut Out) {
    let rank = |op| match op {
        Op::ShiftLeft | Op::ShiftRight => 1,
        Op::And => 2,
        Op::Xor => 3,
        Op::Or => 4,
    };
    let looser = matches!(tree.get(id).kind, Kind::Binary(inner, ..) if rank(op) < rank(inner));
    if looser {
        out.str("(");
    }
    write(cx, tree, id, out);
    if looser {
        out.str(")");
    }
}

/// Writes a set by name, or in place if it belongs to the rule.
fn reference(cx: Writer<'_>, set: &SetView<'_>, shift: u32, bits: u32, out: &mut Out) {
    if set.is_meter() {
        out.bytes(set.def.name.as_bytes());
    } else if set.is_anonymous() {
        write_elements(cx, set, shift, (bits != 0).then_some(bits), out);
    } else {
        out.str("@");
        out.bytes(set.def.name.as_bytes());
    }
}

/// Writes an operand that has none below and no value.
pub(super) fn leaf(node: &Node<'_>, out: &mut Out) {
    match node.kind {
        Kind::Chars(chars) => characters(chars, out),
        Kind::Name(name) => datatype::string(name, out),
        Kind::Payload(p) => payload(p, node.bits, out),
        Kind::Extension(e) => extension(e, node.bits, out),
        Kind::Meta(k) if key::meta_is_plain(k) => out.str(key::meta_name(k)),
        Kind::Meta(k) => put!(out, "meta {}", key::meta_name(k)),
        Kind::Ct(c) => ct(c, out),
        Kind::Rt(k) => put!(out, "rt {k}"),
        Kind::Socket { key, level } => {
            put!(out, "socket {key}");
            if key == nfblame_sys::nft::expr::SocketKey::Cgroupv2 {
                put!(out, " level {level}");
            }
        }
        Kind::Fib(f) => {
            out.str("fib ");
            fib_flags(f.flags, out);
            put!(out, " {}", f.result);
        }
        Kind::Osf(o) => {
            out.str(match o.ttl {
                1 => "osf ttl loose ",
                2 => "osf ttl skip ",
                _ => "osf ",
            });
            out.str(if o.flags.contains(OsfFlags::VERSION) { "version" } else { "name" });
        }
        Kind::Xfrm(x) => {
            put!(out, "ipsec {}", x.direction);
            if x.spnum != 0 {
                put!(out, " spnum {}", x.spnum);
            }
            match x.key {
                XfrmKey::Unknown(n) => put!(out, " [unknown key {n}]"),
                key => put!(out, " {key}"),
            }
        }
        Kind::Numgen { kind, modulus, offset } => {
            match kind {
                NumgenKind::Unknown(n) => put!(out, "numgen [unknown numgen {n}]"),
                kind => put!(out, "numgen {kind}"),
            }
            put!(out, " mod {modulus}");
            if offset != 0 {
                put!(out, " offset {offset}");
            }
        }
        Kind::Hash { kind, modulus, seed, offset, .. } => {
            out.str(if kind == HashKind::Symhash { "symhash" } else { "jhash" });
            hash_options(modulus, seed, offset, out);
        }
        Kind::Tunnel(key) => put!(out, "tunnel {key}"),
        Kind::Raw(expr) => raw(expr, out),
        Kind::Verdict => out.str("verdict"),
        // The others have operands below.
        Kind::Value(_)
        | Kind::Prefix(..)
        | Kind::Range(..)
        | Kind::Concat(_)
        | Kind::List(_)
        | Kind::Set { .. }
        | Kind::Element(..)
        | Kind::Map(..)
        | Kind::Swap(_)
        | Kind::Binary(..) => {}
    }
}

/// Writes an expression that nft's language has no words for, marked as such.
pub(super) fn raw(expr: &Expr, out: &mut Out) {
    match expr {
        Expr::Unknown(u) => {
            out.str("[unknown expression ");
            out.bytes(u.name.as_bytes());
            put!(out, " 0x{}]", nfblame_sys::text::Hex(&u.raw));
        }
        known => put!(out, "[expression without words {known:?}]"),
    }
}

fn hash_options(modulus: u32, seed: Option<u32>, offset: u32, out: &mut Out) {
    put!(out, " mod {modulus}");
    if let Some(seed) = seed {
        put!(out, " seed 0x{seed:x}");
    }
    if offset != 0 {
        put!(out, " offset {offset}");
    }
}

fn characters(chars: Chars, out: &mut Out) {
    out.str("\"");
    out.bytes(chars.bytes.get(..chars.len as usize).unwrap_or_default());
    out.str(match chars.ending {
        Ending::Nothing => "\"",
        Ending::Wildcard => "*\"",
        Ending::Asterisk => "\\*\"",
    });
}

fn payload(p: Payload, bits: u32, out: &mut Out) {
    match p.header.fields.get(p.field) {
        Some(field) if !p.header.is(&UNKNOWN) => put!(out, "{} {}", p.header.name, field.name),
        _ => put!(out, "@{},{},{}", p.layer.token(), p.offset, bits),
    }
}

fn extension(e: Exthdr, bits: u32, out: &mut Out) {
    use nfblame_sys::nft::expr::ExthdrOp;
    let name = e.extension.map(|x| x.name);
    let field = e.field.unwrap_or("unknown");
    match e.op {
        ExthdrOp::Tcpopt => match name {
            None if e.offset == 0 && e.present => put!(out, "tcp option {}", e.number),
            None => put!(out, "tcp option @{},{},{bits}", e.number, e.offset),
            Some(name) if e.present => put!(out, "tcp option {name}"),
            Some(name) => {
                put!(out, "tcp option {name}");
                // The second and later blocks of `sack` are numbered.
                if e.offset >= 64 {
                    put!(out, "{}", e.offset / 64);
                }
                put!(out, " {field}");
            }
        },
        ExthdrOp::Ipv6 if e.present => put!(out, "exthdr {}", name.unwrap_or("unknown-exthdr")),
        ExthdrOp::Ipv6 => put!(out, "{} {field}", name.unwrap_or("unknown-exthdr")),
        _ => {
            out.str(match e.op {
                ExthdrOp::Ipv4 => "ip option ",
                ExthdrOp::Sctp => "sctp chunk ",
                _ => "dccp option ",
            });
            match name {
                Some(name) => out.str(name),
                None => out.dec(e.number.into()),
            }
            if !e.present {
                put!(out, " {field}");
            }
        }
    }
}

fn ct(c: Ct, out: &mut Out) {
    out.str("ct ");
    if let Some(direction) = c.direction {
        put!(out, "{direction} ");
        if let Some(family) = c.family {
            put!(out, "{} ", family.name);
        }
    }
    out.str(key::ct_name(c.key));
}

fn fib_flags(flags: FibFlags, out: &mut Out) {
    let mut rest = flags - FibFlags::PRESENT;
    for (flag, name) in [
        (FibFlags::SADDR, "saddr"),
        (FibFlags::DADDR, "daddr"),
        (FibFlags::MARK, "mark"),
        (FibFlags::IIF, "iif"),
        (FibFlags::OIF, "oif"),
    ] {
        if rest.contains(flag) {
            rest -= flag;
            put!(out, "{name}{}", if rest.is_empty() { "" } else { " . " });
        }
    }
    if !rest.is_empty() {
        put!(out, "0x{:x}", rest.bits());
    }
}

/// Must `==` be written between the two? It is where flags or a binary operation would be misread without.
pub(super) fn needs_equals(tree: &Tree<'_>, left: Id, right: Id) -> bool {
    let value = tree.get(right);
    matches!(value.kind, Kind::Value(_)) && value.ty.is_flags() || matches!(tree.get(left).kind, Kind::Binary(..))
}
