//! Expressions: what a rule does, one step each. One file per kind, named as the kernel names it.
//!
//! An expression that is not [`Expr::Unknown`] was understood to its last attribute.

use serde::Serialize;

use super::fields::Fields;
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attrs, Builder};
use crate::text::Hex;
use crate::uapi::nf_tables::*;

mod bitwise;
mod build;
mod byteorder;
mod cmp;
mod compat;
mod connlimit;
mod counter;
mod ct;
mod dup;
mod dynset;
mod exthdr;
mod fib;
mod flow_offload;
mod fwd;
mod hash;
mod immediate;
mod inner;
mod last;
mod limit;
mod log;
mod lookup;
mod masq;
mod meta;
mod nat;
mod numgen;
mod objref;
mod osf;
mod payload;
mod queue;
mod quota;
mod range;
mod redir;
mod reject;
mod rt;
mod socket;
mod synproxy;
mod tproxy;
mod tunnel;
mod xfrm;

pub use bitwise::{Bitwise, BitwiseOp, Operand};
pub use byteorder::{Byteorder, ByteorderOp};
pub use cmp::{Cmp, CmpOp};
pub use compat::XtBlob;
pub use connlimit::{Connlimit, ConnlimitFlags};
pub use counter::Counter;
pub use ct::{Ct, CtDirection, CtKey, CtSet};
pub use dup::Dup;
pub use dynset::{Dynset, DynsetFlags, DynsetOp};
pub use exthdr::{Exthdr, ExthdrFlags, ExthdrOp, ExthdrSet, ExthdrStrip};
pub use fib::{Fib, FibFlags, FibResult};
pub use flow_offload::FlowOffload;
pub use fwd::Fwd;
pub use hash::{Hash, HashKind};
pub use immediate::Immediate;
pub use inner::{Inner, InnerFlags, InnerKind};
pub use last::Last;
pub use limit::{Limit, LimitFlags, LimitKind};
pub use log::{Log, LogFlags, LogLevel};
pub use lookup::{Lookup, LookupFlags};
pub use masq::Masq;
pub use meta::{Meta, MetaKey, MetaSet};
pub use nat::{Nat, NatFlags, NatKind};
pub use numgen::{Numgen, NumgenKind};
pub use objref::{Objref, ObjrefMap};
pub use osf::{Osf, OsfFlags};
pub use payload::{CsumFlags, CsumKind, Payload, PayloadBase, PayloadSet};
pub use queue::{Queue, QueueFlags, QueueTarget};
pub use quota::{Quota, QuotaFlags};
pub use range::{Range, RangeOp};
pub use redir::Redir;
pub use reject::{IcmpxCode, Reject, RejectKind};
pub use rt::{Rt, RtKey};
pub use socket::{Socket, SocketKey};
pub use synproxy::{Synproxy, SynproxyFlags};
pub use tproxy::Tproxy;
pub use tunnel::{Tunnel, TunnelKey, TunnelMode};
pub use xfrm::{Xfrm, XfrmDirection, XfrmKey};

/// One expression (`NFTA_EXPR_NAME`, `NFTA_EXPR_DATA`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// `immediate`: puts data into a register, or decides.
    Immediate(Immediate),
    /// `cmp`: compares a register with data.
    Cmp(Cmp),
    /// `range`: compares a register with a range.
    Range(Range),
    /// `bitwise`: masks, shifts, combines.
    Bitwise(Bitwise),
    /// `byteorder`: swaps bytes.
    Byteorder(Byteorder),
    /// `payload`: loads from the packet.
    Payload(Payload),
    /// `payload`: writes to the packet.
    PayloadSet(PayloadSet),
    /// `exthdr`: loads from an extension header, option or chunk.
    Exthdr(Exthdr),
    /// `exthdr`: writes to a TCP option.
    ExthdrSet(ExthdrSet),
    /// `exthdr`: blanks out a TCP option.
    ExthdrStrip(ExthdrStrip),
    /// `meta`: loads what the kernel knows about the packet.
    Meta(Meta),
    /// `meta`: sets it.
    MetaSet(MetaSet),
    /// `ct`: loads from the packet's connection.
    Ct(Ct),
    /// `ct`: sets it.
    CtSet(CtSet),
    /// `lookup`: looks a register up in a set or map.
    Lookup(Lookup),
    /// `dynset`: changes a set.
    Dynset(Box<Dynset>),
    /// `objref`: runs a named object.
    Objref(Objref),
    /// `objref`: runs the named object that a map gives.
    ObjrefMap(ObjrefMap),
    /// `counter`
    Counter(Counter),
    /// `limit`
    Limit(Limit),
    /// `quota`
    Quota(Quota),
    /// `connlimit`
    Connlimit(Connlimit),
    /// `last`: remembers when it was last reached.
    Last(Last),
    /// `log`
    Log(Log),
    /// `reject`
    Reject(Reject),
    /// `nat`: `snat` and `dnat`.
    Nat(Nat),
    /// `masq`
    Masq(Masq),
    /// `redir`
    Redir(Redir),
    /// `tproxy`
    Tproxy(Tproxy),
    /// `dup`
    Dup(Dup),
    /// `fwd`
    Fwd(Fwd),
    /// `notrack`
    Notrack,
    /// `queue`
    Queue(Queue),
    /// `synproxy`
    Synproxy(Synproxy),
    /// `fib`: asks the routing table.
    Fib(Fib),
    /// `rt`: loads from the packet's route.
    Rt(Rt),
    /// `socket`: loads from the socket that the packet is for.
    Socket(Socket),
    /// `osf`: guesses the sender's operating system.
    Osf(Osf),
    /// `numgen`
    Numgen(Numgen),
    /// `hash`: `jhash` and `symhash`.
    Hash(Hash),
    /// `xfrm`: loads from the packet's IPsec transformation.
    Xfrm(Xfrm),
    /// `tunnel`: loads from the packet's tunnel metadata.
    Tunnel(Tunnel),
    /// `inner`: runs an expression on the packet inside a tunnel packet.
    Inner(Inner),
    /// `flow_offload`: hands the connection to a flowtable.
    FlowOffload(FlowOffload),
    /// `match`: an xtables match.
    Match(XtBlob),
    /// `target`: an xtables target.
    Target(XtBlob),
    /// Not known, or not understood to the last attribute. What it does is not certain.
    Unknown(Unknown),
}

/// An expression that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Its name; empty when even that is missing.
    pub name: Text,
    /// All its attributes as they came, `NFTA_EXPR_NAME` included.
    #[serde(serialize_with = "Hex::serialize")]
    pub raw: Box<[u8]>,
    /// What it would be if the attributes that were not understood did not matter.
    pub known: Option<Box<Expr>>,
}

impl Unknown {
    /// `NFTA_EXPR_DATA` as it came; empty when there is none.
    pub fn data(&self) -> &[u8] {
        Attrs::new(&self.raw).find(NFTA_EXPR_DATA).map_or(&[], |a| a.bytes())
    }
}

/// The kernel nests expressions once; a message that does it without end must not exhaust the stack.
const DEPTH: u8 = 4;

// A rule is a Vec of these: twenty thousand rules should not cost more than a few megabytes.
const _: () = assert!(size_of::<Expr>() <= 72);

impl Expr {
    /// Decodes the inside of one `NFTA_LIST_ELEM`, or of an attribute that holds a single expression.
    pub fn decode(attrs: Attrs<'_>) -> Self {
        Self::decode_at(attrs, 0)
    }

    /// Decodes an expression that is inside of `depth` others.
    fn decode_at(attrs: Attrs<'_>, depth: u8) -> Self {
        let whole = attrs.as_bytes();
        let (mut name, mut data, mut unread) = (None, None, false);
        for a in attrs {
            match a {
                Ok(a) if a.kind() == NFTA_EXPR_NAME => name = Some(a.c_str()),
                Ok(a) if a.kind() == NFTA_EXPR_DATA => data = Some(a.nested()),
                _ => unread = true,
            }
        }
        let name = name.unwrap_or_default();
        let mut f = Fields::new(data.unwrap_or(Attrs::new(&[])));
        f.depth = depth;
        if unread {
            f.pass_over();
        }
        let read = if depth < DEPTH { Self::read(name, &mut f) } else { Err(Malformed::Value("depth")) };
        match read {
            Ok(expr) if !f.passed_over() => expr,
            partly => {
                Self::Unknown(Unknown { name: Text::new(name), raw: whole.into(), known: partly.ok().map(Box::new) })
            }
        }
    }

    /// Decodes a list of `NFTA_LIST_ELEM`.
    pub fn list(attrs: Attrs<'_>) -> Vec<Self> {
        Self::list_at(attrs, 0)
    }

    fn list_at(attrs: Attrs<'_>, depth: u8) -> Vec<Self> {
        let mut exprs = Vec::with_capacity(attrs.filter(Result::is_ok).count());
        let mut rest = attrs;
        loop {
            let bytes = rest.as_bytes();
            match rest.next() {
                None => return exprs,
                Some(Ok(a)) if a.kind() == NFTA_LIST_ELEM => exprs.push(Self::decode_at(a.nested(), depth)),
                Some(_) => {
                    exprs.push(Self::Unknown(Unknown { name: Text::default(), raw: bytes.into(), known: None }));
                }
            }
        }
    }

    /// Its name in the kernel.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Immediate(_) => b"immediate",
            Self::Cmp(_) => b"cmp",
            Self::Range(_) => b"range",
            Self::Bitwise(_) => b"bitwise",
            Self::Byteorder(_) => b"byteorder",
            Self::Payload(_) | Self::PayloadSet(_) => b"payload",
            Self::Exthdr(_) | Self::ExthdrSet(_) | Self::ExthdrStrip(_) => b"exthdr",
            Self::Meta(_) | Self::MetaSet(_) => b"meta",
            Self::Ct(_) | Self::CtSet(_) => b"ct",
            Self::Lookup(_) => b"lookup",
            Self::Dynset(_) => b"dynset",
            Self::Objref(_) | Self::ObjrefMap(_) => b"objref",
            Self::Counter(_) => b"counter",
            Self::Limit(_) => b"limit",
            Self::Quota(_) => b"quota",
            Self::Connlimit(_) => b"connlimit",
            Self::Last(_) => b"last",
            Self::Log(_) => b"log",
            Self::Reject(_) => b"reject",
            Self::Nat(_) => b"nat",
            Self::Masq(_) => b"masq",
            Self::Redir(_) => b"redir",
            Self::Tproxy(_) => b"tproxy",
            Self::Dup(_) => b"dup",
            Self::Fwd(_) => b"fwd",
            Self::Queue(_) => b"queue",
            Self::Synproxy(_) => b"synproxy",
            Self::Fib(_) => b"fib",
            Self::Rt(_) => b"rt",
            Self::Socket(_) => b"socket",
            Self::Osf(_) => b"osf",
            Self::Numgen(_) => b"numgen",
            Self::Hash(_) => b"hash",
            Self::Xfrm(_) => b"xfrm",
            Self::Tunnel(_) => b"tunnel",
            Self::Inner(_) => b"inner",
            Self::FlowOffload(_) => b"flow_offload",
            Self::Match(_) => b"match",
            Self::Target(_) => b"target",
            Self::Notrack => b"notrack",
            Self::Unknown(u) => u.name.as_bytes(),
        }
    }

    /// Writes it as the inside of an `NFTA_LIST_ELEM`; an unknown one as it came.
    pub fn write(&self, b: &mut Builder) {
        if let Self::Unknown(u) = self {
            for a in Attrs::new(&u.raw).map_while(Result::ok) {
                b.attr(a.raw_kind(), a.bytes());
            }
            return;
        }
        b.str(NFTA_EXPR_NAME, self.name()).nest(NFTA_EXPR_DATA, |b| match self {
            Self::Immediate(e) => e.write(b),
            Self::Cmp(e) => e.write(b),
            Self::Range(e) => e.write(b),
            Self::Bitwise(e) => e.write(b),
            Self::Byteorder(e) => e.write(b),
            Self::Payload(e) => e.write(b),
            Self::PayloadSet(e) => e.write(b),
            Self::Exthdr(e) => e.write(b),
            Self::ExthdrSet(e) => e.write(b),
            Self::ExthdrStrip(e) => e.write(b),
            Self::Meta(e) => e.write(b),
            Self::MetaSet(e) => e.write(b),
            Self::Ct(e) => e.write(b),
            Self::CtSet(e) => e.write(b),
            Self::Lookup(e) => e.write(b),
            Self::Dynset(e) => e.write(b),
            Self::Objref(e) => e.write(b),
            Self::ObjrefMap(e) => e.write(b),
            Self::Counter(e) => e.write(b),
            Self::Limit(e) => e.write(b),
            Self::Quota(e) => e.write(b),
            Self::Connlimit(e) => e.write(b),
            Self::Last(e) => e.write(b),
            Self::Log(e) => e.write(b),
            Self::Reject(e) => e.write(b),
            Self::Nat(e) => e.write(b),
            Self::Masq(e) => e.write(b),
            Self::Redir(e) => e.write(b),
            Self::Tproxy(e) => e.write(b),
            Self::Dup(e) => e.write(b),
            Self::Fwd(e) => e.write(b),
            Self::Queue(e) => e.write(b),
            Self::Synproxy(e) => e.write(b),
            Self::Fib(e) => e.write(b),
            Self::Rt(e) => e.write(b),
            Self::Socket(e) => e.write(b),
            Self::Osf(e) => e.write(b),
            Self::Numgen(e) => e.write(b),
            Self::Hash(e) => e.write(b),
            Self::Xfrm(e) => e.write(b),
            Self::Tunnel(e) => e.write(b),
            Self::Inner(e) => e.write(b),
            Self::FlowOffload(e) => e.write(b),
            Self::Match(e) => e.write(b),
            Self::Target(e) => e.write(b),
            Self::Notrack | Self::Unknown(_) => {}
        });
    }

    /// Writes a list of `NFTA_LIST_ELEM` as the attribute `kind`.
    pub(super) fn write_list(exprs: &[Self], b: &mut Builder, kind: u16) {
        b.nest(kind, |b| {
            for expr in exprs {
                b.nest(NFTA_LIST_ELEM, |b| expr.write(b));
            }
        });
    }

    /// Writes a single expression as the attribute `one`, several as the list `many`.
    pub(super) fn write_some(exprs: &[Self], b: &mut Builder, one: u16, many: u16) {
        match exprs {
            [] => {}
            [expr] => {
                b.nest(one, |b| expr.write(b));
            }
            _ => Self::write_list(exprs, b, many),
        }
    }

    /// Was it understood to its last attribute, including expressions inside it?
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Dynset(d) => d.exprs.iter().all(Self::is_whole),
            Self::Inner(i) => i.expr.is_whole(),
            _ => true,
        }
    }

    fn read(name: &[u8], f: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(match name {
            b"immediate" => Self::Immediate(Immediate::read(f)?),
            b"cmp" => Self::Cmp(Cmp::read(f)?),
            b"range" => Self::Range(Range::read(f)?),
            b"bitwise" => Self::Bitwise(Bitwise::read(f)?),
            b"byteorder" => Self::Byteorder(Byteorder::read(f)?),
            b"payload" => payload::read(f)?,
            b"exthdr" => exthdr::read(f)?,
            b"meta" => meta::read(f)?,
            b"ct" => ct::read(f)?,
            b"lookup" => Self::Lookup(Lookup::read(f)?),
            b"dynset" => Self::Dynset(Box::new(Dynset::read(f)?)),
            b"objref" => objref::read(f)?,
            b"counter" => Self::Counter(Counter::read(f)?),
            b"limit" => Self::Limit(Limit::read(f)?),
            b"quota" => Self::Quota(Quota::read(f)?),
            b"connlimit" => Self::Connlimit(Connlimit::read(f)?),
            b"last" => Self::Last(Last::read(f)?),
            b"log" => Self::Log(Log::read(f)?),
            b"reject" => Self::Reject(Reject::read(f)?),
            b"nat" => Self::Nat(Nat::read(f)?),
            b"masq" => Self::Masq(Masq::read(f)?),
            b"redir" => Self::Redir(Redir::read(f)?),
            b"tproxy" => Self::Tproxy(Tproxy::read(f)?),
            b"dup" => Self::Dup(Dup::read(f)?),
            b"fwd" => Self::Fwd(Fwd::read(f)?),
            b"notrack" => {
                while f.next()?.is_some() {
                    f.pass_over();
                }
                Self::Notrack
            }
            b"queue" => Self::Queue(Queue::read(f)?),
            b"synproxy" => Self::Synproxy(Synproxy::read(f)?),
            b"fib" => Self::Fib(Fib::read(f)?),
            b"rt" => Self::Rt(Rt::read(f)?),
            b"socket" => Self::Socket(Socket::read(f)?),
            b"osf" => Self::Osf(Osf::read(f)?),
            b"numgen" => Self::Numgen(Numgen::read(f)?),
            b"hash" => Self::Hash(Hash::read(f)?),
            b"xfrm" => Self::Xfrm(Xfrm::read(f)?),
            b"tunnel" => Self::Tunnel(Tunnel::read(f)?),
            b"inner" => Self::Inner(Inner::read(f)?),
            b"flow_offload" => Self::FlowOffload(FlowOffload::read(f)?),
            b"match" => Self::Match(XtBlob::read(f)?),
            b"target" => Self::Target(XtBlob::read(f)?),
            _ => return Err(Malformed::Value("expression")),
        })
    }
}
