//! Statements: what a rule compares and does, as text.

mod log;
mod nat;
mod rate;
mod reject;

use nfblame_sys::Text;
use nfblame_sys::nft::expr::{
    Connlimit, Counter, CtDirection, CtKey, DynsetOp, Last, Log, MetaKey, QueueFlags, Synproxy, SynproxyFlags,
};
use nfblame_sys::nft::{Expr, Family, ObjectKind, Verdict};

use super::set::SetView;
use super::tree::{Id, Tree};
use super::{Writer, datatype, expression, key, xt};
use crate::ruleset::render::out::{Out, put};

pub(super) use nat::{Nat, NatWord};
pub(super) use rate::{limit_rate, quota};
pub(super) use reject::Reject;

/// One statement of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stmt<'r> {
    /// A comparison.
    Match {
        op: Relation,
        left: Id,
        right: Id,
    },
    /// `tcp flags syn / syn,ack`
    FlagMatch {
        negated: bool,
        flags: Id,
        value: Id,
        mask: Id,
    },
    /// A verdict map.
    Map(Id),
    Verdict(&'r Verdict),
    /// What a load without any use leaves, if nft cannot name it.
    Raw(&'r Expr),
    /// `ip dscp set cs1`, and the same for TCP options.
    Write {
        to: Id,
        value: Id,
    },
    /// `reset tcp option …`
    Strip(Id),
    MetaSet {
        key: MetaKey,
        value: Id,
    },
    CtSet {
        key: CtKey,
        direction: Option<CtDirection>,
        value: Id,
    },
    /// Counter, limit, quota, connection limit, last use.
    Stateful(&'r Expr),
    Log(&'r Log),
    Reject(Reject),
    Nat(Nat),
    Tproxy {
        family: Option<Family>,
        addr: Option<Id>,
        port: Option<Id>,
    },
    Dup {
        to: Option<Id>,
        dev: Option<Id>,
    },
    Fwd {
        dev: Id,
        to: Option<(Family, Id)>,
    },
    Queue {
        target: Id,
        flags: QueueFlags,
    },
    /// `add @set { key : data }`
    Update {
        op: DynsetOp,
        set: &'r SetView<'r>,
        key: Id,
        exprs: &'r [Expr],
        data: Option<Id>,
    },
    /// `meter name size 65535 { key limit … }`
    Meter {
        set: &'r SetView<'r>,
        key: Id,
        expr: &'r Expr,
    },
    Object {
        kind: ObjectKind,
        name: Id,
    },
    Notrack,
    Synproxy(Synproxy),
    Flow(&'r Text),
    Xt(xt::Statement<'r>),
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Eq,
    Ne,
    Lt,
    Gt,
    Le,
    Ge,
    /// Any of the flags.
    AnyOf,
    /// None of the flags.
    NoneOf,
}

impl Stmt<'_> {
    /// Does it only compare? Everything else may be seen from outside, so that what is compared before it must be
    /// said before it.
    pub fn only_compares(&self) -> bool {
        matches!(self, Self::Match { .. } | Self::FlagMatch { .. } | Self::Map(_))
    }
}

/// Writes a statement; false if it could not be said in nft's words.
pub(super) fn write(cx: Writer<'_>, tree: &Tree<'_>, stmt: &Stmt<'_>, out: &mut Out) -> bool {
    let operand = |id: Id, out: &mut Out| expression::write(cx, tree, id, out);
    match *stmt {
        Stmt::Match { op, left, right } => {
            operand(left, out);
            out.str(match op {
                Relation::Eq if expression::needs_equals(tree, left, right) => " == ",
                Relation::Eq | Relation::AnyOf => " ",
                Relation::Ne => " != ",
                Relation::Lt => " < ",
                Relation::Gt => " > ",
                Relation::Le => " <= ",
                Relation::Ge => " >= ",
                Relation::NoneOf => " ! ",
            });
            operand(right, out);
        }
        Stmt::FlagMatch { negated, flags, value, mask } => {
            operand(flags, out);
            out.str(if negated { " != " } else { " " });
            operand(value, out);
            out.str(" / ");
            operand(mask, out);
        }
        Stmt::Map(id) => operand(id, out),
        Stmt::Verdict(v) => verdict(v, out),
        Stmt::Raw(expr) => {
            expression::raw(expr, out);
            return false;
        }
        Stmt::Write { to, value } => {
            operand(to, out);
            out.str(" set ");
            operand(value, out);
        }
        Stmt::Strip(id) => {
            out.str("reset ");
            operand(id, out);
        }
        Stmt::MetaSet { key, value } => {
            let meta = if key::meta_is_plain(key) { "" } else { "meta " };
            put!(out, "{meta}{} set ", key::meta_name(key));
            operand(value, out);
        }
        Stmt::CtSet { key, direction, value } => {
            out.str("ct ");
            if let Some(direction) = direction {
                put!(out, "{direction} ");
            }
            put!(out, "{} set ", key::ct_name(key));
            operand(value, out);
        }
        Stmt::Stateful(expr) => stateful(cx, expr, cx.stateless, out),
        Stmt::Log(l) => log::write(l, out),
        Stmt::Reject(r) => reject::write(cx, r, out),
        Stmt::Nat(n) => nat::write(cx, tree, &n, out),
        Stmt::Tproxy { family, addr, port } => nat::tproxy(cx, tree, family, addr, port, out),
        Stmt::Dup { to, dev } => {
            out.str("dup");
            if let Some(to) = to {
                out.str(" to ");
                operand(to, out);
                if let Some(dev) = dev {
                    out.str(" device ");
                    operand(dev, out);
                }
            }
        }
        Stmt::Fwd { dev, to: Some((family, to)) } => {
            put!(out, "fwd {family} to ");
            operand(to, out);
            out.str(" device ");
            operand(dev, out);
        }
        Stmt::Fwd { dev, to: None } => {
            out.str("fwd to ");
            operand(dev, out);
        }
        Stmt::Queue { target, flags } => {
            out.str("queue");
            let mut delim = " flags ";
            for (flag, name) in [(QueueFlags::BYPASS, "bypass"), (QueueFlags::FANOUT, "fanout")] {
                if flags.contains(flag) {
                    put!(out, "{delim}{name}");
                    delim = ",";
                }
            }
            out.str(" to ");
            operand(target, out);
        }
        Stmt::Update { op, set, key, exprs, data } => {
            put!(out, "{op} @");
            out.bytes(set.def.name.as_bytes());
            out.str(" { ");
            operand(key, out);
            for expr in exprs {
                out.str(" ");
                stateful(cx, expr, true, out);
            }
            if let Some(data) = data {
                out.str(" : ");
                operand(data, out);
            }
            out.str(" }");
        }
        Stmt::Meter { set, key, expr } => {
            out.str("meter ");
            out.bytes(set.def.name.as_bytes());
            put!(out, " size {} {{ ", set.def.size.unwrap_or(0));
            operand(key, out);
            out.str(" ");
            stateful(cx, expr, true, out);
            out.str(" }");
        }
        Stmt::Object { kind, name } => {
            match kind {
                ObjectKind::CtHelper => out.str("ct helper set "),
                ObjectKind::CtTimeout => out.str("ct timeout set "),
                ObjectKind::CtExpectation => out.str("ct expectation set "),
                ObjectKind::Secmark => out.str("meta secmark set "),
                kind => put!(out, "{kind} name "),
            }
            operand(name, out);
        }
        Stmt::Notrack => out.str("notrack"),
        Stmt::Synproxy(s) => synproxy(s, out),
        Stmt::Flow(name) => {
            out.str("flow add @");
            out.bytes(name.as_bytes());
        }
        Stmt::Xt(xt) => return xt::write(cx, xt, out),
    }
    true
}

/// Writes a verdict.
pub(super) fn verdict(verdict: &Verdict, out: &mut Out) {
    match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => {
            out.str(if matches!(verdict, Verdict::Jump(_)) { "jump " } else { "goto " });
            out.bytes(chain.as_bytes());
        }
        // nft has no words for the number of a queue in a verdict, nor for what is above 5.
        Verdict::Queue { .. } => out.str("queue"),
        Verdict::Repeat | Verdict::Unknown(_) => put!(out, "unknown verdict value {}", verdict.code() as u32),
        plain => put!(out, "{plain}"),
    }
}

/// Writes a counter, limit, quota, connection limit or last use.
pub(super) fn stateful(cx: Writer<'_>, expr: &Expr, stateless: bool, out: &mut Out) {
    match expr {
        Expr::Counter(Counter { packets, bytes }) => {
            out.str("counter");
            if !stateless {
                out.str(" packets ");
                out.dec(*packets);
                out.str(" bytes ");
                out.dec(*bytes);
            }
        }
        Expr::Limit(l) => {
            out.str("limit ");
            limit_rate(l, out);
        }
        Expr::Quota(q) => {
            out.str("quota ");
            quota(q, stateless, out);
        }
        Expr::Connlimit(Connlimit { count, flags }) => {
            put!(out, "ct count {}{count}", if flags.is_empty() { "" } else { "over " });
        }
        Expr::Last(Last { msecs }) => {
            out.str("last");
            if !stateless {
                out.str(" used ");
                match msecs {
                    Some(ms) => datatype::duration(*ms, cx.numeric, out),
                    None => out.str("never"),
                }
            }
        }
        other => expression::raw(other, out),
    }
}

/// Can [`stateful`] write it in nft's words?
pub(super) fn is_stateful(expr: &Expr) -> bool {
    matches!(expr, Expr::Counter(_) | Expr::Limit(_) | Expr::Quota(_) | Expr::Connlimit(_) | Expr::Last(_))
}

fn synproxy(s: Synproxy, out: &mut Out) {
    out.str("synproxy");
    // nft writes both as soon as one is set.
    if s.flags.intersects(SynproxyFlags::MSS | SynproxyFlags::WSCALE) {
        put!(out, " mss {} wscale {}", s.mss, s.wscale);
    }
    if s.flags.contains(SynproxyFlags::TIMESTAMP) {
        out.str(" timestamp");
    }
    if s.flags.contains(SynproxyFlags::SACK_PERM) {
        out.str(" sack-perm");
    }
}
