//! Targets: one file for each kind of thing they do.

mod connection;
mod header;
mod hmark;
mod log;
mod mangle;
mod mark;
mod nat;
mod npt;
mod proxy;
mod reject;
mod set;
mod tcp;

pub(super) use header::dsfield;

use super::{Param, Transport};
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::hook::Hook;
use crate::sys::xt::targets::Nfqueue;
use crate::sys::xt::{Family, Target};

/// What a target does to a packet, as nft_compat calls it.
pub fn apply(cx: &mut Context, family: Family, target: &Target<'_>) -> Decision {
    let transport = Transport::nft(cx).known();
    run(cx, &Param::new(family, transport), target)
}

/// The same, told where the transport header is.
pub(super) fn run(cx: &mut Context, param: &Param, target: &Target<'_>) -> Decision {
    match target {
        Target::Verdict { verdict } => super::table::verdict(*verdict),
        Target::Reject(t) => reject::run(cx, t),
        Target::Log(t) => log::syslog(cx, t),
        Target::Nflog(t) => log::nflog(cx, t),
        Target::Audit(_) => log::audit(cx),
        Target::Trace => log::trace(cx),
        Target::Tee(t) => log::tee(cx, t),
        Target::Mark(t) => mark::mark(cx, t),
        Target::Connmark(t) => mark::connmark(cx, t),
        Target::Hmark(t) => hmark::run(cx, t),
        Target::Classify(t) => mark::classify(cx, t),
        Target::Tos(t) => header::tos(cx, t),
        Target::Dscp(t) => header::dscp(cx, t),
        Target::Ttl(t) | Target::HopLimit(t) => header::ttl(cx, t),
        Target::Ecn(t) => header::ecn(cx, t),
        Target::Tcpmss(t) => tcp::mss(cx, param, t),
        Target::Tcpoptstrip(t) => tcp::strip(cx, param, t),
        Target::Snat(t) => nat::snat(cx, t),
        Target::Dnat(t) => nat::dnat(cx, t),
        Target::Masquerade(t) => nat::masquerade(cx, t),
        Target::Redirect(t) => nat::redirect(cx, t),
        Target::Netmap(t) => nat::netmap(cx, t),
        Target::Snpt(t) => npt::run(cx, t, true),
        Target::Dnpt(t) => npt::run(cx, t, false),
        Target::Ct(t) => connection::ct(cx, t),
        Target::Notrack => connection::notrack(cx),
        Target::ClusterIp(_) => connection::clusterip(cx),
        Target::Set(t) => set::run(cx, t),
        Target::Tproxy(t) => proxy::tproxy(cx, param, t),
        Target::Synproxy(_) => proxy::synproxy(cx, param),
        Target::Mangle(t) => mangle::run(cx, t),
        Target::Nfqueue(t) => {
            Decision::Queue { queue: t.queue, count: t.total, bypass: t.flags & Nfqueue::BYPASS != 0 }
        }
        // Timers, lights, estimators, checksums and security marks: nothing that a packet's way depends on.
        Target::Checksum(_)
        | Target::Connsecmark(_)
        | Target::IdleTimer(_)
        | Target::Led(_)
        | Target::Rateest(_)
        | Target::Secmark(_) => Decision::Next,
        Target::Error { .. } => Decision::Drop,
        Target::Jump { .. } => Decision::Unknown("a jump out of its table".into()),
        Target::Unknown { name, revision, .. } => {
            Decision::Unknown(format!("target {name} revision {revision}").into())
        }
        _ => Decision::Unknown("a target without semantics here".into()),
    }
}

/// Is the packet's destination what a target of this hook is about, rather than its source?
fn before_routing(hook: Hook) -> bool {
    matches!(hook, Hook::Prerouting | Hook::Output)
}
