//! Targets: one file per extension, each with the payloads of all its revisions.

mod audit;
mod checksum;
mod classify;
mod clusterip;
mod connmark;
mod connsecmark;
mod ct;
mod dscp;
mod ecn;
mod hmark;
mod idletimer;
mod led;
mod log;
mod mangle;
mod mark;
mod nat;
mod nflog;
mod nfqueue;
mod npt;
mod rateest;
mod reject;
mod secmark;
mod set;
mod synproxy;
mod tcpmss;
mod tcpoptstrip;
mod tee;
mod tos;
mod tproxy;
mod ttl;

use serde::Serialize;

pub use audit::Audit;
pub use checksum::Checksum;
pub use classify::Classify;
pub use clusterip::ClusterIp;
pub use connmark::Connmark;
pub use connsecmark::Connsecmark;
pub use ct::Ct;
pub use dscp::Dscp;
pub use ecn::Ecn;
pub use hmark::Hmark;
pub use idletimer::IdleTimer;
pub use led::Led;
pub use log::Log;
pub use mangle::Mangle;
pub use mark::Mark;
pub use nat::Nat;
pub use nflog::Nflog;
pub use nfqueue::Nfqueue;
pub use npt::Npt;
pub use rateest::Rateest;
pub use reject::Reject;
pub use secmark::Secmark;
pub use set::Set;
pub use synproxy::Synproxy;
pub use tcpmss::Tcpmss;
pub use tcpoptstrip::Tcpoptstrip;
pub use tee::Tee;
pub use tos::Tos;
pub use tproxy::Tproxy;
pub use ttl::Ttl;

use super::bytes::Bytes;
use super::family::Family;
use super::payload::RawTarget;
use super::table::Verdict;
use super::wire::read;
use crate::TextRef;
use crate::uapi::x_tables::{XT_ERROR_TARGET, XT_STANDARD_TARGET};

/// A target with its payload understood, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "target", rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Target<'a> {
    /// A verdict at once (`struct xt_standard_target` with a negative number).
    Verdict {
        /// The verdict.
        verdict: Verdict,
    },
    /// A jump (`struct xt_standard_target`): only [`Table`](super::Table) can tell to where.
    Jump {
        /// Offset into the blob.
        offset: u32,
    },
    /// The head of a user chain, or the end of a table (`struct xt_error_target`).
    Error {
        /// The chain's name.
        name: TextRef<'a>,
    },
    /// `-j AUDIT`
    Audit(Audit),
    /// `-j CHECKSUM`
    Checksum(Checksum),
    /// `-j CLASSIFY`
    Classify(Classify),
    /// `-j CLUSTERIP`
    ClusterIp(ClusterIp),
    /// `-j CONNMARK`
    Connmark(Connmark),
    /// `-j CONNSECMARK`
    Connsecmark(Connsecmark),
    /// `-j CT`
    Ct(Ct<'a>),
    /// `-j DNAT`
    Dnat(Nat),
    /// `-j DNPT`
    Dnpt(Npt),
    /// `-j DSCP`
    Dscp(Dscp),
    /// `-j ECN`
    Ecn(Ecn),
    /// `-j HL`
    #[serde(rename = "HL")]
    HopLimit(Ttl),
    /// `-j HMARK`
    Hmark(Hmark),
    /// `-j IDLETIMER`
    IdleTimer(IdleTimer<'a>),
    /// `-j LED`
    Led(Led<'a>),
    /// `-j LOG`
    Log(Log<'a>),
    /// `-j mangle`
    Mangle(Mangle),
    /// `-j MARK`
    Mark(Mark),
    /// `-j MASQUERADE`
    Masquerade(Nat),
    /// `-j NETMAP`
    Netmap(Nat),
    /// `-j NFLOG`
    Nflog(Nflog<'a>),
    /// `-j NFQUEUE`
    Nfqueue(Nfqueue),
    /// `-j NOTRACK`
    Notrack,
    /// `-j RATEEST`
    Rateest(Rateest<'a>),
    /// `-j REDIRECT`
    Redirect(Nat),
    /// `-j REJECT`
    Reject(Reject),
    /// `-j SECMARK`
    Secmark(Secmark<'a>),
    /// `-j SET`
    Set(Set),
    /// `-j SNAT`
    Snat(Nat),
    /// `-j SNPT`
    Snpt(Npt),
    /// `-j SYNPROXY`
    Synproxy(Synproxy),
    /// `-j TCPMSS`
    Tcpmss(Tcpmss),
    /// `-j TCPOPTSTRIP`
    Tcpoptstrip(Tcpoptstrip),
    /// `-j TEE`
    Tee(Tee<'a>),
    /// `-j TOS`
    Tos(Tos),
    /// `-j TPROXY`
    Tproxy(Tproxy),
    /// `-j TRACE`
    Trace,
    /// `-j TTL`
    Ttl(Ttl),
    /// An extension or revision that is not known here, or a payload too short for it.
    Unknown {
        /// The extension's name.
        name: TextRef<'a>,
        /// Its revision.
        revision: u8,
        /// The payload.
        data: Bytes<'a>,
    },
}

/// Understands the payload of a target, from a legacy entry or from an nft_compat expression.
pub fn decode<'a>(family: Family, name: &'a [u8], revision: u8, data: &'a [u8]) -> Target<'a> {
    let known = match name {
        XT_STANDARD_TARGET => read::<i32>(data).map(|raw| match u32::try_from(raw) {
            Ok(offset) => Target::Jump { offset },
            Err(_) => Target::Verdict { verdict: Verdict::from_standard(raw) },
        }),
        XT_ERROR_TARGET => Some(Target::Error { name: TextRef::from_c(data) }),
        b"AUDIT" => Audit::decode(revision, data).map(Target::Audit),
        b"CHECKSUM" => Checksum::decode(revision, data).map(Target::Checksum),
        b"CLASSIFY" => Classify::decode(revision, data).map(Target::Classify),
        b"CLUSTERIP" => ClusterIp::decode(family, revision, data).map(Target::ClusterIp),
        b"CONNMARK" => Connmark::decode(revision, data).map(Target::Connmark),
        b"CONNSECMARK" => Connsecmark::decode(revision, data).map(Target::Connsecmark),
        b"CT" => Ct::decode(revision, data).map(Target::Ct),
        b"DNAT" => Nat::decode(family, revision, data).map(Target::Dnat),
        b"DNPT" => Npt::decode(family, revision, data).map(Target::Dnpt),
        b"DSCP" => Dscp::decode(revision, data).map(Target::Dscp),
        b"ECN" => Ecn::decode(family, revision, data).map(Target::Ecn),
        b"HL" => Ttl::decode(revision, data).map(Target::HopLimit),
        b"HMARK" => Hmark::decode(revision, data).map(Target::Hmark),
        b"IDLETIMER" => IdleTimer::decode(revision, data).map(Target::IdleTimer),
        b"LED" => Led::decode(revision, data).map(Target::Led),
        b"LOG" => Log::decode(revision, data).map(Target::Log),
        b"mangle" => Mangle::decode(family, revision, data).map(Target::Mangle),
        b"MARK" => Mark::decode(revision, data).map(Target::Mark),
        b"MASQUERADE" => Nat::decode_other(family, revision, data).map(Target::Masquerade),
        b"NETMAP" => Nat::decode_other(family, revision, data).map(Target::Netmap),
        b"NFLOG" => Nflog::decode(revision, data).map(Target::Nflog),
        b"NFQUEUE" => Nfqueue::decode(revision, data).map(Target::Nfqueue),
        b"NOTRACK" => (revision == 0).then_some(Target::Notrack),
        b"RATEEST" => Rateest::decode(revision, data).map(Target::Rateest),
        b"REDIRECT" => Nat::decode_other(family, revision, data).map(Target::Redirect),
        b"REJECT" => Reject::decode(family, revision, data).map(Target::Reject),
        b"SECMARK" => Secmark::decode(revision, data).map(Target::Secmark),
        b"SET" => Set::decode(revision, data).map(Target::Set),
        b"SNAT" => Nat::decode(family, revision, data).map(Target::Snat),
        b"SNPT" => Npt::decode(family, revision, data).map(Target::Snpt),
        b"SYNPROXY" => Synproxy::decode(revision, data).map(Target::Synproxy),
        b"TCPMSS" => Tcpmss::decode(revision, data).map(Target::Tcpmss),
        b"TCPOPTSTRIP" => Tcpoptstrip::decode(revision, data).map(Target::Tcpoptstrip),
        b"TEE" => Tee::decode(family, revision, data).map(Target::Tee),
        b"TOS" => Tos::decode(revision, data).map(Target::Tos),
        b"TPROXY" => Tproxy::decode(family, revision, data).map(Target::Tproxy),
        b"TRACE" => (revision == 0).then_some(Target::Trace),
        b"TTL" => Ttl::decode(revision, data).map(Target::Ttl),
        _ => None,
    };
    known.unwrap_or(Target::Unknown { name: TextRef::new(name), revision, data: Bytes(data) })
}

impl<'a> RawTarget<'a> {
    /// Understands its payload.
    pub fn decode(&self, family: Family) -> Target<'a> {
        decode(family, self.name.as_bytes(), self.revision, self.data.0)
    }
}
