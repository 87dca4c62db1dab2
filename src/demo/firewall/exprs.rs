//! Expressions as nft and iptables-nft write them.

use crate::sys::nft::expr::{Cmp, CmpOp, Counter, Immediate, Meta, MetaKey, Payload, PayloadBase};
use crate::sys::nft::{Data, Expr, Reg, Value, Verdict};

/// `meta l4proto PROTOCOL`
pub fn l4proto(protocol: u8) -> [Expr; 2] {
    [Meta::load(MetaKey::L4proto).into(), equal(&[protocol])]
}

/// `meta nfproto FAMILY`
pub fn nfproto(family: u8) -> [Expr; 2] {
    [Meta::load(MetaKey::Nfproto).into(), equal(&[family])]
}

/// `PROTOCOL dport PORT`, behind [`l4proto`].
pub fn dport(port: u16) -> [Expr; 2] {
    [Payload::load(PayloadBase::Transport, 2, 2).into(), equal(&port.to_be_bytes())]
}

/// The type of an ICMP or ICMPv6 message, behind [`l4proto`].
pub fn icmp_type(kind: u8) -> [Expr; 2] {
    [Payload::load(PayloadBase::Transport, 0, 1).into(), equal(&[kind])]
}

/// `iifname NAME`
pub fn iifname(name: &str) -> [Expr; 2] {
    let mut padded = [0; 16];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    [Meta::load(MetaKey::Iifname).into(), equal(&padded)]
}

/// A comparison with what was just loaded.
pub fn equal(data: &[u8]) -> Expr {
    Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(data) }.into()
}

/// A verdict.
pub fn verdict(v: Verdict) -> Expr {
    Immediate { dreg: Reg::VERDICT, value: Value::Verdict(v) }.into()
}

/// A fresh counter.
pub fn counter() -> Expr {
    Counter { packets: 0, bytes: 0 }.into()
}
