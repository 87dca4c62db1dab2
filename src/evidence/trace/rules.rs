//! A filter's terms as nft expressions.

use crate::filter::{Base, Net, Networks, Term, Test, Transport, Want};
use crate::sys::nft::expr::{Bitwise, Cmp, CmpOp, Meta, MetaKey, Payload, PayloadBase, Range, RangeOp};
use crate::sys::nft::{Data, Expr, Reg};

/// The expressions after which a rule goes on only for packets of which the term is true.
pub(super) fn conditions(term: &Term) -> Vec<Expr> {
    let mut exprs = Vec::new();
    let protocol = |exprs: &mut Vec<Expr>, net: Net, equal| {
        exprs.push(Meta::load(MetaKey::Protocol).into());
        exprs.push(compare(equal, &ethertype(net).to_be_bytes()));
    };
    match &term.networks {
        Networks::Any => {}
        Networks::Only(net) => protocol(&mut exprs, *net, true),
        Networks::Except(nets) => nets.iter().for_each(|net| protocol(&mut exprs, *net, false)),
    }
    match &term.protocol {
        Transport::Any => {}
        Transport::Is(number) => {
            exprs.push(Meta::load(MetaKey::L4proto).into());
            exprs.push(compare(true, &[*number]));
        }
        Transport::Not(numbers) => {
            exprs.push(Meta::load(MetaKey::L4proto).into());
            exprs.extend(numbers.iter().map(|n| compare(false, &[*n])));
        }
    }
    term.tests.iter().for_each(|t| test(t, &mut exprs));
    exprs
}

/// The condition that a packet came in, or goes out, by a device.
pub(super) fn by_device(key: MetaKey, index: u32) -> Vec<Expr> {
    vec![Meta::load(key).into(), compare(true, &index.to_ne_bytes())]
}

fn test(t: &Test, exprs: &mut Vec<Expr>) {
    let base = match t.base {
        Base::Network => PayloadBase::Network,
        Base::Transport => PayloadBase::Transport,
    };
    match &t.want {
        Want::Bits(value, mask) => {
            exprs.push(Payload::load(base, t.offset, value.len() as u32).into());
            if mask.iter().any(|m| *m != 0xff) {
                exprs.push(Bitwise::mask(mask).into());
            }
            exprs.push(compare(!t.negated, value));
        }
        Want::Range(low, high) => {
            exprs.push(Payload::load(base, t.offset, 2).into());
            let (from, to) = (low.to_be_bytes(), high.to_be_bytes());
            exprs.push(if low == high {
                compare(!t.negated, &from)
            } else {
                let op = if t.negated { RangeOp::Neq } else { RangeOp::Eq };
                Range { op, sreg: Reg::R1, from: Data::new(from), to: Data::new(to) }.into()
            });
        }
    }
}

fn compare(equal: bool, data: &[u8]) -> Expr {
    Cmp { op: if equal { CmpOp::Eq } else { CmpOp::Neq }, sreg: Reg::R1, data: Data::new(data) }.into()
}

fn ethertype(net: Net) -> u16 {
    match net {
        Net::Ip => 0x0800,
        Net::Ip6 => 0x86dd,
        Net::Arp => 0x0806,
    }
}
