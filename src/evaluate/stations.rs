//! What stands at a hook, in the order in which a packet meets it: base chains of nf_tables, legacy tables, and the
//! kernel's own functions between them.

mod registered;

pub use registered::Foreign;

use crate::ruleset::Ruleset;
use crate::sys::nft::{ChainKind, Family, TableFlags};
use crate::sys::{Text, xt};

use super::headers::Network;
use super::hook::Hook;
use super::packet::Device;
use super::place::{ChainRef, TableRef};

/// `NF_IP_PRI_CONNTRACK_DEFRAG` (include/uapi/linux/netfilter_ipv4.h).
const PRI_DEFRAG: i32 = -400;
/// `NF_IP_PRI_CONNTRACK`.
const PRI_CONNTRACK: i32 = -200;
/// `NF_IP_PRI_NAT_DST`: where all NAT of destinations happens, whatever priority its chains have.
const PRI_NAT_DST: i32 = -100;
/// `NF_IP_PRI_NAT_SRC`.
const PRI_NAT_SRC: i32 = 100;

/// Something that sees a packet at a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Its priority: lower comes first.
    pub priority: i32,
    /// What it is.
    pub what: What,
    /// Does another station of an unrelated table have the same priority? Then the order between them is that of
    /// their registration, which only the kernel can tell ([`Ruleset::registered`]): false where it did.
    pub tied: bool,
}

/// What a station is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A base chain or the built-in chain of a legacy table.
    Chain(ChainRef),
    /// What puts fragments together, for connection tracking and others.
    Defrag,
    /// Connection tracking.
    Conntrack,
    /// Address translation: destinations at prerouting and output, sources at input and postrouting. Only the first
    /// packet of a connection meets its chains, which stand in an order of their own.
    Nat(Vec<Station>),
    /// Something that is in no ruleset: known only where the kernel tells what is registered.
    Foreign(Foreign),
}

/// The stations of one hook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stations(pub Vec<Station>);

impl Stations {
    /// What a packet of that network protocol meets at a hook. `device` matters for ingress and egress only.
    pub fn new(rules: &Ruleset, network: Network, hook: Hook, device: Option<&Device>, family: Option<Family>) -> Self {
        let mut found = Vec::new();
        let mut nat = Vec::new();
        for (t, table) in rules.nft.iter().enumerate() {
            if table.def.flags.contains(TableFlags::DORMANT) || !sees(table.def.family, network, hook, family) {
                continue;
            }
            for (c, chain) in table.chains.iter().enumerate() {
                let Some(base) = &chain.def.base else { continue };
                if Hook::from_nft(base.hook) != Some(hook) {
                    continue;
                }
                if matches!(hook, Hook::Ingress | Hook::Egress) && !base.devices.iter().any(|d| hangs_on(d, device)) {
                    continue;
                }
                let at = ChainRef { table: TableRef::Nft(t), chain: c };
                // Later registrations of the same priority come first; handles grow with time.
                let order = (base.priority, std::cmp::Reverse((table.def.handle, chain.def.handle)));
                if base.kind == ChainKind::Nat { nat.push((order, at)) } else { found.push((order, at)) }
            }
        }
        if family.is_none() {
            for (t, table) in rules.xt.iter().enumerate() {
                let Some(chain) = legacy_chain(table, network, hook) else { continue };
                let at = ChainRef { table: TableRef::Xt(t), chain };
                let order = (legacy_priority(table.name().as_bytes(), hook), std::cmp::Reverse((0, 0)));
                if table.name().as_bytes() == b"nat" { nat.push((order, at)) } else { found.push((order, at)) }
            }
        }
        let mut all = in_order(found);
        if family.is_none() {
            insert_kernel(&mut all, network, hook, in_order(nat));
        }
        if !matches!(hook, Hook::Ingress | Hook::Egress) {
            lay_over(&mut all, rules, family.or_else(|| family_of(network)), hook, None);
        }
        Self(all)
    }

    /// What a packet meets at the ingress or egress of a device: chains of family netdev, and of inet between them.
    pub fn of_device(rules: &Ruleset, network: Network, hook: Hook, device: Option<&Device>) -> Self {
        let of = |family| Self::new(rules, network, hook, device, family).0;
        let mut all = of(Some(Family::Netdev));
        let inet = of(None);
        for station in &mut all {
            station.tied |= inet.iter().any(|i| i.priority == station.priority);
        }
        let netdev: Vec<i32> = all.iter().map(|s| s.priority).collect();
        all.extend(inet.into_iter().map(|s| Station { tied: s.tied || netdev.contains(&s.priority), ..s }));
        all.sort_by_key(|s| s.priority);
        if let Some(name) = device.and_then(|d| d.name.value()) {
            lay_over(&mut all, rules, Some(Family::Netdev), hook, Some(name));
        }
        Self(all)
    }

    /// The index of the station that this base chain is (or that it is part of, for NAT).
    pub fn index_of(&self, chain: ChainRef) -> Option<usize> {
        self.0.iter().position(|s| match &s.what {
            What::Chain(c) => *c == chain,
            What::Nat(chains) => chains.iter().any(|s| s.what == What::Chain(chain)),
            What::Defrag | What::Conntrack | What::Foreign(_) => false,
        })
    }
}

impl Hook {
    /// The hook of an nf_tables base chain.
    pub fn from_nft(hook: crate::sys::nft::Hook) -> Option<Self> {
        use crate::sys::nft::Hook as H;
        Some(match hook {
            H::Ingress => Self::Ingress,
            H::Prerouting => Self::Prerouting,
            H::Input => Self::Input,
            H::Forward => Self::Forward,
            H::Output => Self::Output,
            H::Postrouting => Self::Postrouting,
            H::Egress => Self::Egress,
            H::Unknown(_) => return None,
        })
    }

    /// As nf_tables calls it.
    pub fn nft(self) -> crate::sys::nft::Hook {
        use crate::sys::nft::Hook as H;
        match self {
            Self::Ingress => H::Ingress,
            Self::Prerouting => H::Prerouting,
            Self::Input => H::Input,
            Self::Forward => H::Forward,
            Self::Output => H::Output,
            Self::Postrouting => H::Postrouting,
            Self::Egress => H::Egress,
        }
    }

    /// The hook of a built-in chain of a legacy table.
    pub fn from_xt(hook: xt::Hook) -> Self {
        match hook {
            xt::Hook::Prerouting => Self::Prerouting,
            xt::Hook::Input => Self::Input,
            xt::Hook::Forward => Self::Forward,
            xt::Hook::Output => Self::Output,
            xt::Hook::Postrouting => Self::Postrouting,
        }
    }

    /// The hook of a legacy table's built-in chain.
    pub fn xt(self) -> Option<xt::Hook> {
        Some(match self {
            Self::Prerouting => xt::Hook::Prerouting,
            Self::Input => xt::Hook::Input,
            Self::Forward => xt::Hook::Forward,
            Self::Output => xt::Hook::Output,
            Self::Postrouting => xt::Hook::Postrouting,
            Self::Ingress | Self::Egress => return None,
        })
    }
}

/// Priority, and the handles of table and chain.
type Order = (i32, std::cmp::Reverse<(u64, u64)>);

/// Base chains as stations.
fn in_order(mut found: Vec<(Order, ChainRef)>) -> Vec<Station> {
    found.sort_by_key(|(order, _)| *order);
    let station = |(order, at): &(Order, ChainRef)| {
        let tied = found.iter().any(|(o, other)| o.0 == order.0 && other.table != at.table);
        Station { priority: order.0, what: What::Chain(*at), tied }
    };
    found.iter().map(station).collect()
}

/// What the kernel tells of a point, where it does.
fn lay_over(all: &mut Vec<Station>, rules: &Ruleset, family: Option<Family>, hook: Hook, device: Option<&Text>) {
    let told = rules.registered.as_ref().zip(family).and_then(|(r, family)| r.at(family, hook.nft(), device));
    if let Some(functions) = told {
        registered::lay_over(all, rules, functions);
    }
}

/// The family whose hooks packets of that protocol pass.
fn family_of(network: Network) -> Option<Family> {
    Some(match network {
        Network::Ip4 => Family::Ip,
        Network::Ip6 => Family::Ip6,
        Network::Arp => Family::Arp,
        Network::Other(_) => return None,
    })
}

/// Does a table of that family see packets of that protocol at that hook? `only` restricts to one family's own hooks
/// (bridge, netdev); without it the IP and ARP stacks are meant.
fn sees(table: Family, network: Network, hook: Hook, only: Option<Family>) -> bool {
    match only {
        Some(f) => table == f,
        None => match table {
            Family::Ip => network == Network::Ip4,
            Family::Ip6 => network == Network::Ip6,
            // inet ingress sees what netdev sees, but for IP only.
            Family::Inet => matches!(network, Network::Ip4 | Network::Ip6) && hook != Hook::Egress,
            Family::Arp => network == Network::Arp,
            _ => false,
        },
    }
}

fn hangs_on(wanted: &crate::sys::nft::Device, device: Option<&Device>) -> bool {
    device.and_then(|d| d.name.value()).is_some_and(|name| wanted.takes(name.as_bytes()))
}

fn legacy_chain(table: &xt::Table, network: Network, hook: Hook) -> Option<usize> {
    let family = match network {
        Network::Ip4 => xt::Family::Ip,
        Network::Ip6 => xt::Family::Ip6,
        Network::Arp => xt::Family::Arp,
        Network::Other(_) => return None,
    };
    let hook = hook.xt()?;
    (table.family() == family).then(|| table.chains().position(|c| c.hook() == Some(hook))).flatten()
}

/// The priorities that the legacy tables register with (`NF_IP_PRI_*`).
pub fn legacy_priority(table: &[u8], hook: Hook) -> i32 {
    match table {
        b"raw" => -300,
        b"mangle" => -150,
        b"security" => 50,
        b"nat" if matches!(hook, Hook::Input | Hook::Postrouting) => PRI_NAT_SRC,
        b"nat" => PRI_NAT_DST,
        _ => 0,
    }
}

/// Puts connection tracking and NAT between the chains. A chain with the very priority of one of them is likely to be
/// registered later, and so to come first; but a rule of the chain itself may have made the kernel register its own.
fn insert_kernel(all: &mut Vec<Station>, network: Network, hook: Hook, nat: Vec<Station>) {
    if !matches!(network, Network::Ip4 | Network::Ip6) {
        return;
    }
    let mut insert = |priority: i32, what: What| {
        let at = all.iter().position(|s| s.priority > priority).unwrap_or(all.len());
        let mut tied = false;
        for other in all.iter_mut().filter(|s| s.priority == priority) {
            (other.tied, tied) = (true, true);
        }
        all.insert(at, Station { priority, what, tied });
    };
    match hook {
        Hook::Prerouting | Hook::Output => {
            insert(PRI_DEFRAG, What::Defrag);
            insert(PRI_CONNTRACK, What::Conntrack);
            insert(PRI_NAT_DST, What::Nat(nat));
        }
        Hook::Input | Hook::Postrouting => insert(PRI_NAT_SRC, What::Nat(nat)),
        Hook::Forward | Hook::Ingress | Hook::Egress => {}
    }
}
