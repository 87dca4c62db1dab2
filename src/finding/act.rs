//! What rules do with packets that they match, whatever the backend.

use std::net::IpAddr;

use crate::evaluate::{ChainRef, Place, TableRef};
use crate::ruleset::{Ruleset, nft};
use crate::sys::nft::expr::{NatFlags, NatKind, QueueTarget};
use crate::sys::nft::{Expr, Family, Reg, Rule, Value, Verdict};
use crate::sys::xt::{self, Action, Target, targets};
use crate::sys::{Text, TextRef};

/// One thing that a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ends the base chain.
    Accept,
    /// Throws the packet away.
    Drop,
    /// Throws it away and tells the sender.
    Reject,
    /// Back to the calling chain.
    Return,
    /// Into a chain and back.
    Jump(Text),
    /// Into a chain.
    Goto(Text),
    /// The verdict stands in this map.
    Vmap(Text),
    /// To user space, from this queue on; where no map or hash chooses it.
    Queue(Option<u16>),
    /// Logs: to an NFLOG group, or (none) to the kernel's log.
    Log(Option<u16>),
    /// Another destination: the lowest and highest address, where the rule names them.
    Dnat(Option<(IpAddr, IpAddr)>),
    /// Another source, likewise.
    Snat(Option<(IpAddr, IpAddr)>),
    /// The source of the interface that it leaves by.
    Masquerade,
    /// This host as the destination.
    Redirect,
    /// No connection tracking.
    Notrack,
    /// Keeps the packet (`synproxy`, `fwd`, `tproxy`), or another verdict that ends the walk.
    Takes,
    /// A target or verdict that is not understood: it may do anything.
    Unknown,
}

impl Act {
    /// Does nothing of the same rule or chain come behind it, where it is reached?
    pub fn is_terminal(&self) -> bool {
        !matches!(self, Self::Log(_) | Self::Notrack | Self::Unknown | Self::Vmap(_) | Self::Jump(_))
    }

    /// Does it end the packet?
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Drop | Self::Reject)
    }

    /// The name of an act that ends the walk of a chain, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Drop => "dropped",
            Self::Reject => "rejected",
            Self::Return => "returned",
            Self::Jump(_) => "sent to another chain",
            Self::Goto(_) => "sent to another chain",
            Self::Vmap(_) => "looked up in a map",
            Self::Queue(_) => "queued",
            Self::Log(_) => "logged",
            Self::Dnat(_) | Self::Redirect => "given another destination",
            Self::Snat(_) | Self::Masquerade => "given another source",
            Self::Notrack => "not tracked",
            Self::Takes => "taken",
            Self::Unknown => "given to something unknown",
        }
    }
}

/// What a rule does, in order. None: there is no such rule.
pub fn acts(rules: &Ruleset, at: Place) -> Option<Vec<Act>> {
    let position = at.position?;
    match at.chain.table {
        TableRef::Nft(t) => {
            let rule = rules.nft.get(t)?.chains.get(at.chain.chain)?.rule(position)?;
            Some(of_nft(rule))
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            let rule = table.nth_chain(at.chain.chain)?.rule(position)?;
            Some(of_xt(table.family(), &rule))
        }
    }
}

/// Hands every rule of a chain to `each`: its place, and what it does.
pub fn each(rules: &Ruleset, chain: ChainRef, mut each: impl FnMut(Place, Vec<Act>)) {
    let at = |n: usize| Place { chain, position: Some(n) };
    match chain.table {
        TableRef::Nft(t) => {
            let found: Option<&nft::Chain> = rules.nft.get(t).and_then(|t| t.chains.get(chain.chain));
            for (i, rule) in found.map_or(&[][..], |c| &c.rules).iter().enumerate() {
                each(at(i + 1), of_nft(rule));
            }
        }
        TableRef::Xt(t) => {
            let Some(table) = rules.xt.get(t) else { return };
            for rule in table.nth_chain(chain.chain).into_iter().flat_map(|c| c.rules()) {
                each(at(rule.position), of_xt(table.family(), &rule));
            }
        }
    }
}

/// What a rule of nf_tables does.
pub fn of_nft(rule: &Rule) -> Vec<Act> {
    with_given(rule, &[])
}

/// The same, where maps have given it these values.
pub fn with_given(rule: &Rule, given: &[(Reg, Value)]) -> Vec<Act> {
    let mut all = Vec::new();
    for e in &rule.exprs {
        let act = match e {
            Expr::Immediate(i) => match i.verdict() {
                Some(v) => verdict(v),
                None => continue,
            },
            Expr::Lookup(l) if l.dreg == Some(Reg::VERDICT) => {
                match given.iter().find_map(|(_, value)| value.verdict()) {
                    Some(v) => verdict(v),
                    None => Act::Vmap(l.set.clone()),
                }
            }
            Expr::Reject(_) => Act::Reject,
            Expr::Queue(q) => Act::Queue(match q.target {
                QueueTarget::Range { first, .. } => Some(first),
                _ => None,
            }),
            Expr::Log(l) => Act::Log(l.group),
            Expr::Nat(n) => {
                let mapped = n.flags.contains(NatFlags::NETMAP);
                let width = if n.family == Family::Ip6 { 16 } else { 4 };
                let address = |reg: Option<Reg>| address(&rule.exprs, given, reg?, width).filter(|_| !mapped);
                let low = address(n.addr_min);
                let range = low.zip(address(n.addr_max).or(low));
                match n.kind {
                    NatKind::Dnat => Act::Dnat(range),
                    NatKind::Snat => Act::Snat(range),
                    NatKind::Unknown(_) => Act::Unknown,
                }
            }
            Expr::Masq(_) => Act::Masquerade,
            Expr::Redir(_) => Act::Redirect,
            Expr::Notrack => Act::Notrack,
            Expr::Synproxy(_) | Expr::Fwd(_) | Expr::Tproxy(_) => Act::Takes,
            Expr::Target(blob) => {
                let xt = xt::Family::from_nfproto(rule.family.code()).unwrap_or(xt::Family::Ip);
                match target(&targets::decode(xt, blob.name.as_bytes(), blob.revision, &blob.data)) {
                    Some(act) => act,
                    None => continue,
                }
            }
            Expr::Unknown(_) => Act::Unknown,
            _ => continue,
        };
        all.push(act);
    }
    all
}

/// What a legacy rule does.
pub fn of_xt(family: xt::Family, rule: &xt::Rule<'_>) -> Vec<Act> {
    let name = |to: TextRef<'_>| Text::new(to.as_bytes());
    let act = match rule.action() {
        Ok(Action::Verdict(v)) => Some(match v {
            xt::Verdict::Accept => Act::Accept,
            xt::Verdict::Drop => Act::Drop,
            xt::Verdict::Queue => Act::Queue(Some(0)),
            xt::Verdict::Return => Act::Return,
            xt::Verdict::Other(_) => Act::Unknown,
        }),
        Ok(Action::Jump(to)) => Some(Act::Jump(name(to))),
        Ok(Action::Goto(to)) => Some(Act::Goto(name(to))),
        Ok(Action::Continue) => None,
        Ok(Action::Target(raw)) => target(&raw.decode(family)),
        Ok(Action::Nowhere(_)) | Err(_) => Some(Act::Unknown),
    };
    act.into_iter().collect()
}

/// A verdict of nf_tables.
pub fn verdict(v: &Verdict) -> Act {
    match v {
        Verdict::Accept => Act::Accept,
        Verdict::Drop => Act::Drop,
        Verdict::Return => Act::Return,
        Verdict::Jump(to) => Act::Jump(to.clone()),
        Verdict::Goto(to) => Act::Goto(to.clone()),
        Verdict::Queue { num, .. } => Act::Queue(Some(*num)),
        Verdict::Stolen | Verdict::Repeat => Act::Takes,
        Verdict::Continue | Verdict::Break | Verdict::Unknown(_) => Act::Unknown,
    }
}

/// What a target of xtables does, of what checks look at.
fn target(t: &Target<'_>) -> Option<Act> {
    let range = |n: &targets::Nat| (n.flags & targets::Nat::MAP_IPS != 0).then_some((n.min_address, n.max_address));
    Some(match t {
        Target::Reject(_) => Act::Reject,
        Target::Dnat(n) => Act::Dnat(range(n)),
        Target::Snat(n) => Act::Snat(range(n)),
        Target::Masquerade(_) => Act::Masquerade,
        Target::Redirect(_) => Act::Redirect,
        Target::Nfqueue(q) => Act::Queue(Some(q.queue)),
        Target::Nflog(l) => Act::Log(Some(l.group)),
        Target::Log(_) => Act::Log(None),
        Target::Notrack => Act::Notrack,
        Target::Ct(c) if c.flags & targets::Ct::NOTRACK != 0 => Act::Notrack,
        Target::Synproxy(_) | Target::Tproxy(_) => Act::Takes,
        Target::Unknown { .. } | Target::Error { .. } => Act::Unknown,
        _ => return None,
    })
}

/// The address that a rule loads into a register, or a map has given it there.
fn address(exprs: &[Expr], given: &[(Reg, Value)], reg: Reg, width: usize) -> Option<IpAddr> {
    let loads = exprs.iter().filter_map(|e| match e {
        Expr::Immediate(i) => Some((i.dreg, &i.value)),
        _ => None,
    });
    let all = loads.chain(given.iter().map(|(reg, value)| (*reg, value)));
    // A value of several fields fills as many registers, of four bytes each.
    let mut bytes = all.filter_map(|(first, value)| match value {
        Value::Data(data) => {
            let at = usize::from(reg.0.checked_sub(first.0)?) * 4;
            data.get(at..at + width)
        }
        Value::Verdict(_) => None,
    });
    let bytes = bytes.next_back()?;
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}
