//! Does connection tracking run here? It does in a namespace and family as soon as one rule there needs it.

use crate::ruleset::Ruleset;
use crate::sys::nft::expr::{CtKey, Expr};
use crate::sys::nft::{ChainKind, Family, ObjectData, TableFlags};
use crate::sys::xt::matches::Conntrack;
use crate::sys::xt::{self, Action, Match, Target, targets};

use super::headers::Network;

/// Matches that make the kernel track connections (they call `nf_ct_netns_get`).
const MATCHES: &[&[u8]] =
    &[b"conntrack", b"state", b"connmark", b"connbytes", b"connlabel", b"connlimit", b"cluster", b"helper"];
/// Targets that do, but for `CT --notrack`.
const TARGETS: &[&[u8]] = &[
    b"DNAT",
    b"SNAT",
    b"MASQUERADE",
    b"REDIRECT",
    b"NETMAP",
    b"CT",
    b"CONNMARK",
    b"CONNSECMARK",
    b"SYNPROXY",
    b"CLUSTERIP",
];

/// Does a rule of this ruleset need connections of that network protocol tracked?
///
/// Others may too (Open vSwitch, IPVS, tc), of which rules tell nothing.
pub fn is_needed(rules: &Ruleset, network: Network) -> bool {
    let sees = |family: Family| match family {
        // A bridge table that asks for connections has them tracked above the bridge as well.
        Family::Inet | Family::Bridge => matches!(network, Network::Ip4 | Network::Ip6),
        Family::Ip => network == Network::Ip4,
        Family::Ip6 => network == Network::Ip6,
        _ => false,
    };
    let Some(family) = legacy(network) else { return false };
    is_needed_by_nft(rules, &sees)
        || rules.xt.iter().filter(|t| t.family() == family).any(|t| {
            t.chains().flat_map(|c| c.rules()).any(|r| {
            r.entry.matches().flatten().any(|m| MATCHES.contains(&m.name.as_bytes()))
                || matches!(r.action(), Ok(Action::Target(t)) if target_needs(t.name.as_bytes(), || t.decode(family)))
        })
        })
}

/// Does a rule for bridges, so that connections are tracked on bridges (nf_conntrack_bridge)?
pub fn is_needed_on_bridges(rules: &Ruleset) -> bool {
    is_needed_by_nft(rules, &|family| family == Family::Bridge)
}

/// Does a rule in a table of these families?
fn is_needed_by_nft(rules: &Ruleset, sees: &dyn Fn(Family) -> bool) -> bool {
    // A translation needs connections of the family of its addresses only, whatever the family of its table.
    let needs = |e: &Expr| needs(e, sees);
    rules.nft.iter().filter(|t| sees(t.def.family)).any(|t| {
        t.chains.iter().flat_map(|c| &c.rules).flat_map(|r| &r.exprs).any(needs)
            || t.sets
                .iter()
                .any(|s| s.def.exprs.iter().any(needs) || s.elements.iter().flat_map(|e| &e.extra().exprs).any(needs))
            || t.objects.iter().any(|o| {
                use ObjectData as O;
                matches!(
                    &o.data,
                    Some(O::CtHelper(_) | O::CtTimeout(_) | O::CtExpectation(_) | O::Connlimit(_) | O::Synproxy(_))
                )
            })
    })
}

/// A packet that is not to be tracked needs no tracker (`xt_ct_tg_check`).
fn target_needs<'a>(name: &[u8], decode: impl FnOnce() -> Target<'a>) -> bool {
    TARGETS.contains(&name) && !matches!(decode(), Target::Ct(ct) if ct.flags & targets::Ct::NOTRACK != 0)
}

/// Do rules look at more of a connection than what the packet is in it: its mark, its ends, what became of it?
///
/// Translating addresses does, too. What no rule asks for makes no difference between two packets.
pub fn tells_connections_apart(rules: &Ruleset) -> bool {
    let nft = rules.nft.iter().any(|t| {
        t.chains.iter().flat_map(|c| &c.rules).flat_map(|r| &r.exprs).any(looks_closer)
            || t.sets.iter().any(|s| {
                s.def.exprs.iter().any(looks_closer)
                    || s.elements.iter().flat_map(|e| &e.extra().exprs).any(looks_closer)
            })
    });
    nft || rules.xt.iter().any(|t| {
        let family = t.family();
        t.chains().flat_map(|c| c.rules()).any(|r| {
            r.entry.matches().flatten().any(|m| !is_state_only(&m.decode(family), m.name.as_bytes()))
                || matches!(r.action(), Ok(Action::Target(t)) if is_closer_target(t.name.as_bytes()))
        })
    })
}

fn looks_closer(e: &Expr) -> bool {
    match e {
        Expr::Ct(ct) => ct.key != CtKey::State,
        Expr::CtSet(_)
        | Expr::Connlimit(_)
        | Expr::Nat(_)
        | Expr::Masq(_)
        | Expr::Redir(_)
        | Expr::Synproxy(_)
        | Expr::FlowOffload(_)
        | Expr::Unknown(_) => true,
        Expr::Match(m) => {
            let name = m.name.as_bytes();
            !is_state_only(&xt::matches::decode(xt::Family::Ip, name, m.revision, &m.data), name)
        }
        Expr::Target(t) => is_closer_target(t.name.as_bytes()),
        Expr::Dynset(d) => d.exprs.iter().any(looks_closer),
        _ => false,
    }
}

/// Does a match look at no more than the state, if at that?
fn is_state_only(m: &Match<'_>, name: &[u8]) -> bool {
    match m {
        Match::State(_) => true,
        Match::Conntrack(c) => {
            c.matched & !(Conntrack::STATE | Conntrack::STATE_ALIAS) == 0
                && c.states & (Conntrack::STATE_SNAT | Conntrack::STATE_DNAT) == 0
        }
        _ => !MATCHES.contains(&name) && name != b"socket",
    }
}

fn is_closer_target(name: &[u8]) -> bool {
    TARGETS.contains(&name) || name == b"HMARK"
}

/// Do rules make the kernel put fragments of that network protocol together as they come in: conntrack does, and what looks
/// for sockets.
pub fn collects_fragments(rules: &Ruleset, network: Network) -> bool {
    if is_needed(rules, network) {
        return true;
    }
    let Some(family) = legacy(network) else { return false };
    let (is_match, is_target) = (|name: &[u8]| name == b"socket", |name: &[u8]| name == b"TPROXY");
    let sees = |table: Family| match table {
        Family::Inet => true,
        Family::Ip => network == Network::Ip4,
        Family::Ip6 => network == Network::Ip6,
        _ => false,
    };
    let asks = |e: &Expr| match e {
        Expr::Tproxy(t) => matches!(t.family, Family::Inet | Family::Unspec) || sees(t.family),
        Expr::Match(m) => is_match(m.name.as_bytes()),
        Expr::Target(t) => is_target(t.name.as_bytes()),
        _ => false,
    };
    let mut nft = rules.nft.iter().filter(|t| sees(t.def.family)).flat_map(|t| &t.chains).flat_map(|c| &c.rules);
    nft.any(|r| r.exprs.iter().any(asks))
        || rules.xt.iter().filter(|t| t.family() == family).flat_map(|t| t.chains()).any(|chain| {
            chain.rules().any(|r| {
                r.entry.matches().flatten().any(|m| is_match(m.name.as_bytes()))
                    || matches!(r.action(), Ok(Action::Target(t)) if is_target(t.name.as_bytes()))
            })
        })
}

/// Are there chains that translate addresses of that network protocol? The kernel's own functions for it are at all four
/// hooks then, and nowhere otherwise.
pub fn translates(rules: &Ruleset, network: Network) -> bool {
    let sees = |family: Family| match family {
        Family::Inet => matches!(network, Network::Ip4 | Network::Ip6),
        Family::Ip => network == Network::Ip4,
        Family::Ip6 => network == Network::Ip6,
        _ => false,
    };
    let tables = rules.nft.iter().filter(|t| sees(t.def.family) && !t.def.flags.contains(TableFlags::DORMANT));
    let mut bases = tables.flat_map(|t| &t.chains).filter_map(|c| c.def.base.as_ref());
    bases.any(|b| b.kind == ChainKind::Nat)
        || legacy(network).is_some_and(|family| rules.xt.iter().any(|t| t.family() == family && *t.name() == "nat"))
}

/// Does any rule give a connection a mark or a label?
pub fn marks_connections(rules: &Ruleset) -> bool {
    const MARKS: &[&[u8]] = &[b"CONNMARK", b"CONNSECMARK"];
    const LABELS: &[u8] = b"connlabel";
    let mut nft = rules.nft.iter().flat_map(|t| &t.chains).flat_map(|c| &c.rules).flat_map(|r| &r.exprs);
    nft.any(|e| match e {
        Expr::CtSet(_) => true,
        Expr::Match(m) => m.name.as_bytes() == LABELS,
        Expr::Target(t) => MARKS.contains(&t.name.as_bytes()),
        _ => false,
    }) || rules.xt.iter().flat_map(|t| t.chains()).flat_map(|c| c.rules()).any(|r| {
        r.entry.matches().flatten().any(|m| m.name.as_bytes() == LABELS)
            || matches!(r.action(), Ok(Action::Target(t)) if MARKS.contains(&t.name.as_bytes()))
    })
}

/// Does any rule masquerade?
pub fn masquerades(rules: &Ruleset) -> bool {
    const MASQUERADE: &[u8] = b"MASQUERADE";
    let mut nft = rules.nft.iter().flat_map(|t| &t.chains).flat_map(|c| &c.rules).flat_map(|r| &r.exprs);
    nft.any(|e| match e {
        Expr::Masq(_) => true,
        Expr::Target(t) => t.name.as_bytes() == MASQUERADE,
        _ => false,
    }) || rules.xt.iter().flat_map(|t| t.chains()).any(|chain| {
        chain.rules().any(|r| matches!(r.action(), Ok(Action::Target(t)) if t.name.as_bytes() == MASQUERADE))
    })
}

/// The family of the legacy tables of a network protocol.
fn legacy(network: Network) -> Option<xt::Family> {
    match network {
        Network::Ip4 => Some(xt::Family::Ip),
        Network::Ip6 => Some(xt::Family::Ip6),
        _ => None,
    }
}

fn needs(e: &Expr, sees: &dyn Fn(Family) -> bool) -> bool {
    match e {
        Expr::Nat(n) => sees(n.family),
        Expr::Ct(_)
        | Expr::CtSet(_)
        | Expr::Connlimit(_)
        | Expr::Masq(_)
        | Expr::Redir(_)
        | Expr::Synproxy(_)
        | Expr::FlowOffload(_) => true,
        Expr::Match(m) => MATCHES.contains(&m.name.as_bytes()),
        Expr::Target(t) => {
            let name = t.name.as_bytes();
            target_needs(name, || targets::decode(xt::Family::Ip, name, t.revision, &t.data))
        }
        Expr::Dynset(d) => d.exprs.iter().any(|e| needs(e, sees)),
        _ => false,
    }
}
