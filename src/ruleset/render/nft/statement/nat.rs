//! `snat`, `dnat`, `masquerade`, `redirect`, `tproxy`

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::NatFlags;

use crate::ruleset::render::nft::datatype::Type;
use crate::ruleset::render::nft::tree::{Id, Kind, Tree};
use crate::ruleset::render::nft::{Writer, expression};
use crate::ruleset::render::out::{Out, put};

/// Address translation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nat {
    pub word: NatWord,
    /// The family, where it must be said.
    pub family: Option<Family>,
    pub prefix: bool,
    pub addr: Option<Id>,
    pub port: Option<Id>,
    pub flags: NatFlags,
}

/// Which translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NatWord {
    Snat,
    Dnat,
    Masquerade,
    Redirect,
}

pub(super) fn write(cx: Writer<'_>, tree: &Tree<'_>, nat: &Nat, out: &mut Out) {
    out.str(match nat.word {
        NatWord::Snat => "snat",
        NatWord::Dnat => "dnat",
        NatWord::Masquerade => "masquerade",
        NatWord::Redirect => "redirect",
    });
    if nat.addr.is_some() || nat.port.is_some() {
        if let Some(family @ (Family::Ip | Family::Ip6)) = nat.family {
            put!(out, " {family}");
        }
        out.str(if nat.prefix { " prefix to " } else { " to " });
    }
    if let Some(addr) = nat.addr {
        address(cx, tree, addr, nat.port.is_some(), out);
    }
    if let Some(port) = nat.port {
        out.str(":");
        expression::write(cx, tree, port, out);
    }
    let mut delim = " ";
    for (flag, name) in [
        (NatFlags::PROTO_RANDOM, "random"),
        (NatFlags::PROTO_RANDOM_FULLY, "fully-random"),
        (NatFlags::PERSISTENT, "persistent"),
    ] {
        if nat.flags.contains(flag) {
            put!(out, "{delim}{name}");
            delim = ",";
        }
    }
}

/// Writes an address; before a port, IPv6 ones go in brackets.
fn address(cx: Writer<'_>, tree: &Tree<'_>, addr: Id, port: bool, out: &mut Out) {
    let is_ip6 = |id| tree.get(id).ty == Type::IP6ADDR;
    match tree.get(addr).kind {
        Kind::Value(_) if port && is_ip6(addr) => {
            out.str("[");
            expression::write(cx, tree, addr, out);
            out.str("]");
        }
        Kind::Range(low, high) if port && is_ip6(low) => {
            out.str("[");
            expression::write(cx, tree, low, out);
            out.str("]-[");
            expression::write(cx, tree, high, out);
            out.str("]");
        }
        _ => expression::write(cx, tree, addr, out),
    }
}

pub(super) fn tproxy(
    cx: Writer<'_>,
    tree: &Tree<'_>,
    family: Option<Family>,
    addr: Option<Id>,
    port: Option<Id>,
    out: &mut Out,
) {
    out.str("tproxy");
    if let Some(family) = family {
        put!(out, " {family}");
    }
    out.str(" to");
    if let Some(addr) = addr {
        out.str(" ");
        address(cx, tree, addr, true, out);
    }
    // nft 1.0.6 leaves out a port that is not a number.
    if let Some(port) = port
        && matches!(tree.get(port).kind, Kind::Value(_))
    {
        out.str(if addr.is_none() { " :" } else { ":" });
        expression::write(cx, tree, port, out);
    }
}
