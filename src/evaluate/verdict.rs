//! What a target or rule does when it is reached, told from its text alone: for places that the kernel itself said a
//! packet met.

use crate::ruleset::render::iptables::targets::reject_name;
use crate::sys::nft::expr::{Expr, Reject, RejectKind};
use crate::sys::nft::{Family, Rule};
use crate::sys::xt::{self, Target};

use super::decision::{Decision, RejectWith};

/// What a target of xtables says to every packet that reaches it.
pub fn of_target(target: &Target<'_>) -> Decision {
    match target {
        Target::Reject(r) => Decision::Reject(match reject_name(r) {
            Some("tcp-reset") => RejectWith::TcpReset,
            Some(name) => RejectWith::Icmp(name.into()),
            None => return Decision::Drop,
        }),
        Target::Nfqueue(q) => Decision::Queue { queue: q.queue, count: q.total, bypass: q.flags & 1 != 0 },
        // Each of them decides for good: translation ends the table.
        Target::Dnat(_) | Target::Snat(_) | Target::Masquerade(_) | Target::Redirect(_) | Target::Netmap(_) => {
            Decision::Accept
        }
        Target::Synproxy(_) => Decision::Stolen("synproxy".into()),
        Target::Unknown { name, revision, .. } => {
            Decision::Unknown(format!("target {name} revision {revision}").into())
        }
        _ => Decision::Next,
    }
}

/// How a rule that drops tells the sender, if it does.
pub fn reject_of_rule(rule: &Rule) -> Option<RejectWith> {
    rule.exprs.iter().find_map(|e| match e {
        Expr::Reject(r) => reject_with(rule.family, r),
        Expr::Target(blob) => {
            let family = xt::Family::from_nfproto(rule.family.code())?;
            match of_target(&xt::targets::decode(family, blob.name.as_bytes(), blob.revision, &blob.data)) {
                Decision::Reject(with) => Some(with),
                _ => None,
            }
        }
        _ => None,
    })
}

fn reject_with(family: Family, r: &Reject) -> Option<RejectWith> {
    let name = match r.kind {
        RejectKind::TcpRst => return Some(RejectWith::TcpReset),
        RejectKind::IcmpxUnreach => format!("icmpx-{}", r.icmpx()?),
        RejectKind::IcmpUnreach if family == Family::Ip6 => format!("icmp6-{}", icmp6_code(r.code?)),
        RejectKind::IcmpUnreach => format!("icmp-{}", icmp_code(r.code?)),
        RejectKind::Unknown(n) => format!("unknown({n})"),
    };
    Some(RejectWith::Icmp(name.into()))
}

/// The name of a code of ICMP destination unreachable, as nft has it.
pub fn icmp_code(code: u8) -> String {
    match code {
        0 => "net-unreachable",
        1 => "host-unreachable",
        2 => "prot-unreachable",
        3 => "port-unreachable",
        9 => "net-prohibited",
        10 => "host-prohibited",
        13 => "admin-prohibited",
        n => return n.to_string(),
    }
    .into()
}

/// The name of a code of ICMPv6 destination unreachable, as nft has it.
pub fn icmp6_code(code: u8) -> String {
    match code {
        0 => "no-route",
        1 => "admin-prohibited",
        3 => "addr-unreachable",
        4 => "port-unreachable",
        5 => "policy-fail",
        6 => "reject-route",
        n => return n.to_string(),
    }
    .into()
}
