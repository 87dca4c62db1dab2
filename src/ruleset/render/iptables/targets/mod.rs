//! ` -j NAME --option …`: one file per target, named as its decoder.

mod audit;
mod classify;
mod clusterip;
mod connmark;
mod connsecmark;
mod ct;
mod ecn;
mod hmark;
mod idletimer;
mod led;
mod log;
mod mangle;
mod mark;
mod nat;
mod netmap;
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
mod tproxy;
mod ttl;

use std::borrow::Cow;

use nfblame_sys::xt::targets::{Checksum, Ct};
use nfblame_sys::xt::{Target, Verdict};

pub use reject::reject_name;

use super::legacy::verdict_name;
use super::{Address, Context, Out, put};

/// Appends a target with all its options. False if it could not be said in the tool's own words: then it stands there
/// raw and marked.
pub fn render(t: &Target<'_>, cx: &Context<'_>, out: &mut Out) -> bool {
    out.str(" -j ");
    match t {
        Target::Unknown { name, .. } => out.bytes(name.as_bytes()),
        _ => out.str(&name(t)),
    }
    options(t, cx, out)
}

/// The name that goes behind `-j`.
pub(super) fn name(t: &Target<'_>) -> Cow<'static, str> {
    Cow::Borrowed(match t {
        Target::Verdict { verdict } => verdict_name(*verdict).unwrap_or("[unknown verdict]"),
        Target::Jump { .. } => "[chain]",
        Target::Error { .. } => "ERROR",
        Target::Audit(_) => "AUDIT",
        Target::Checksum(_) => "CHECKSUM",
        Target::Classify(_) => "CLASSIFY",
        Target::ClusterIp(_) => "CLUSTERIP",
        Target::Connmark(_) => "CONNMARK",
        Target::Connsecmark(_) => "CONNSECMARK",
        Target::Ct(ct) if ct.flags & Ct::NOTRACK_ALIAS != 0 => "NOTRACK",
        Target::Ct(_) => "CT",
        Target::Dnat(_) => "DNAT",
        Target::Dnpt(_) => "DNPT",
        Target::Dscp(_) => "DSCP",
        Target::Ecn(_) => "ECN",
        Target::HopLimit(_) => "HL",
        Target::Hmark(_) => "HMARK",
        Target::IdleTimer(_) => "IDLETIMER",
        Target::Led(_) => "LED",
        Target::Log(_) => "LOG",
        Target::Mangle(_) => "mangle",
        Target::Mark(_) => "MARK",
        Target::Masquerade(_) => "MASQUERADE",
        Target::Netmap(_) => "NETMAP",
        Target::Nflog(_) => "NFLOG",
        Target::Nfqueue(_) => "NFQUEUE",
        Target::Notrack => "NOTRACK",
        Target::Rateest(_) => "RATEEST",
        Target::Redirect(_) => "REDIRECT",
        Target::Reject(_) => "REJECT",
        Target::Secmark(_) => "SECMARK",
        Target::Set(_) => "SET",
        Target::Snat(_) => "SNAT",
        Target::Snpt(_) => "SNPT",
        Target::Synproxy(_) => "SYNPROXY",
        Target::Tcpmss(_) => "TCPMSS",
        Target::Tcpoptstrip(_) => "TCPOPTSTRIP",
        Target::Tee(_) => "TEE",
        Target::Tos(_) => "TOS",
        Target::Tproxy(_) => "TPROXY",
        Target::Trace => "TRACE",
        Target::Ttl(_) => "TTL",
        Target::Unknown { name, .. } => return Cow::Owned(name.to_string()),
        _ => "[target without a name]",
    })
}

/// Appends a target's options. False if not all could be said in the tool's own words.
pub(super) fn options(t: &Target<'_>, cx: &Context<'_>, out: &mut Out) -> bool {
    match t {
        Target::Verdict { verdict: Verdict::Other(raw) } => out.unknown(format_args!("unknown verdict {raw}")),
        Target::Jump { offset } => out.unknown(format_args!("jump to offset {offset}")),
        Target::Error { name } => {
            out.str(" ");
            out.bytes(name.as_bytes());
        }
        Target::Verdict { .. } | Target::Notrack | Target::Trace => {}
        Target::Audit(t) => audit::render(t, out),
        Target::Checksum(t) if t.operation & Checksum::FILL != 0 => out.str(" --checksum-fill"),
        Target::Checksum(_) => {}
        Target::Classify(t) => classify::render(t, cx, out),
        Target::ClusterIp(t) => clusterip::render(t, out),
        Target::Connmark(t) => connmark::render(t, out),
        Target::Connsecmark(t) => connsecmark::render(t, out),
        Target::Ct(t) => ct::render(t, out),
        Target::Dnat(t) => nat::render("--to-destination ", t, out),
        Target::Snat(t) => nat::render("--to-source ", t, out),
        Target::Masquerade(t) | Target::Redirect(t) => nat::render("--to-ports ", t, out),
        Target::Netmap(t) => netmap::render(t, out),
        Target::Dnpt(t) | Target::Snpt(t) => npt::render(t, out),
        Target::Dscp(t) => put!(out, " --set-dscp {:#04x}", t.dscp),
        Target::Ecn(t) => ecn::render(t, out),
        Target::Hmark(t) => hmark::render(t, cx, out),
        Target::IdleTimer(t) => idletimer::render(t, out),
        Target::Led(t) => led::render(t, out),
        Target::Log(t) => log::render(t, out),
        Target::Mangle(t) => mangle::render(t, out),
        Target::Mark(t) => mark::render(t, cx, out),
        Target::Nflog(t) => nflog::render(t, out),
        Target::Nfqueue(t) => nfqueue::render(t, out),
        Target::Rateest(t) => rateest::render(t, out),
        Target::Reject(t) => reject::render(t, out),
        Target::Secmark(t) => secmark::render(t, out),
        Target::Set(t) => set::render(t, cx, out),
        Target::Synproxy(t) => synproxy::render(t, out),
        Target::Tcpmss(t) => tcpmss::render(t, out),
        Target::Tcpoptstrip(t) => tcpoptstrip::render(t, out),
        Target::Tee(t) => tee::render(t, out),
        Target::Tos(t) => put!(out, " --set-tos {:#04x}/{:#04x}", t.value, t.mask),
        Target::Tproxy(t) => tproxy::render(t, out),
        Target::Ttl(t) => ttl::render("ttl", t, out),
        Target::HopLimit(t) => ttl::render("hl", t, out),
        Target::Unknown { revision, data, .. } => out.unknown(format_args!("unknown target rev {revision}: {data}")),
        _ => out.unknown(format_args!("target without a rendering")),
    }
    out.is_complete()
}
