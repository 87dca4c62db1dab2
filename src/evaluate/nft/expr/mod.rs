//! The expressions of nf_tables: one file per kind, named as the kernel names it.

pub mod bitwise;
pub mod byteorder;
pub mod cmp;
pub mod compat;
pub mod ct;
pub mod ct_set;
pub mod dup;
pub mod dynset;
pub mod exthdr;
pub mod exthdr_set;
pub mod fib;
pub mod flow_offload;
pub mod hash;
pub mod immediate;
pub mod inner;
pub mod ip_option;
pub mod log;
pub mod lookup;
pub mod meta;
pub mod meta_set;
pub mod nat;
pub mod objref;
pub mod osf;
pub mod payload;
pub mod payload_set;
pub mod queue;
pub mod reject;
pub mod rt;
pub mod socket;
pub mod stateful;
pub mod synproxy;
pub mod tproxy;
pub mod unknown;
pub mod xfrm;

use crate::evaluate::Context;
use crate::sys::nft::Expr;

use super::machine::{Machine, Step};

/// What one expression says.
#[inline]
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Expr) -> Step {
    match e {
        Expr::Payload(e) => payload::eval(cx, m, e),
        Expr::Cmp(e) => cmp::eval(cx, m, e),
        Expr::Meta(e) => meta::eval(cx, m, e),
        Expr::Bitwise(e) => bitwise::eval(m, e),
        Expr::Immediate(e) => immediate::eval(m, e),
        Expr::Lookup(e) => lookup::eval(cx, m, e),
        Expr::Ct(e) => ct::eval(cx, m, e),
        Expr::Counter(_) | Expr::Last(_) => Step::Go,
        Expr::Range(e) => cmp::range(cx, m, e),
        Expr::Byteorder(e) => byteorder::eval(m, e),
        Expr::Exthdr(e) => exthdr::eval(cx, m, e),
        Expr::Log(e) => log::eval(cx, e),
        Expr::Reject(e) => reject::eval(cx, m, e),
        Expr::Limit(e) => stateful::limit(cx, e),
        Expr::Quota(e) => stateful::quota(cx, e),
        Expr::Connlimit(e) => stateful::connlimit(cx, e),
        Expr::MetaSet(e) => meta_set::eval(cx, m, e),
        Expr::CtSet(e) => ct_set::eval(cx, m, e),
        Expr::PayloadSet(e) => payload_set::eval(cx, m, e),
        Expr::ExthdrSet(e) => exthdr_set::set(cx, m, e),
        Expr::ExthdrStrip(e) => exthdr_set::strip(cx, m, e),
        Expr::Dynset(e) => dynset::eval(cx, m, e),
        Expr::Objref(e) => objref::named(cx, m, e),
        Expr::ObjrefMap(e) => objref::mapped(cx, m, e),
        Expr::Nat(e) => nat::translate(cx, m, e),
        Expr::Masq(e) => nat::masquerade(cx, m, e),
        Expr::Redir(e) => nat::redirect(cx, m, e),
        Expr::Tproxy(e) => tproxy::eval(cx, m, e),
        Expr::Dup(e) => dup::dup(cx, m, e),
        Expr::Fwd(e) => dup::fwd(cx, m, e),
        Expr::Notrack => ct_set::notrack(cx),
        Expr::Queue(e) => queue::eval(cx, m, e),
        Expr::Synproxy(e) => synproxy::eval(cx, m, e),
        Expr::Fib(e) => fib::eval(cx, m, e),
        Expr::Rt(e) => rt::eval(cx, m, e),
        Expr::Socket(e) => socket::eval(cx, m, e),
        Expr::Osf(e) => osf::eval(cx, m, e),
        Expr::Numgen(e) => hash::numgen(m, e),
        Expr::Hash(e) => hash::hash(m, e),
        Expr::Xfrm(e) => xfrm::eval(cx, m, e),
        Expr::Tunnel(e) => xfrm::tunnel(m, e),
        Expr::Inner(e) => inner::eval(cx, m, e),
        Expr::FlowOffload(e) => flow_offload::eval(cx, e),
        Expr::Match(e) => compat::check(cx, m, e),
        Expr::Target(e) => compat::target(cx, m, e),
        Expr::Unknown(e) => unknown::eval(cx, m, e),
    }
}
