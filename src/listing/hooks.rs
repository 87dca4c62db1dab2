//! What stands at each hook, in the order in which packets meet it.

use std::collections::BTreeSet;

use crate::evaluate::headers::Network;
use crate::evaluate::packet::Device;
use crate::evaluate::stations::{Station, Stations, What};
use crate::evaluate::tracking::{is_needed, translates};
use crate::evaluate::{ChainRef, Fact, Hook};
use crate::ruleset::Ruleset;
use crate::sys::nft::Family;

/// One hook of one protocol family, where anything stands at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hooks {
    /// `ip`, `ip6`, `arp`, `bridge`; `netdev` for the hooks of devices.
    pub family: &'static str,
    /// The hook.
    pub hook: Hook,
    /// The device, for ingress and egress; with a `*` at its end, every one whose name begins so.
    pub device: Option<String>,
    /// What stands there, in order.
    pub stands: Vec<Stand>,
}

/// Something that stands at a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// Its priority: lower comes first.
    pub priority: i32,
    /// Has something of another table the same priority, and the kernel does not tell which comes first?
    pub tied: bool,
    /// What it is.
    pub met: Met,
}

/// What stands at a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Met {
    /// A base chain, or a built-in chain of a legacy table.
    Chain(ChainRef),
    /// One that only the first packet of a connection meets: the chains of address translation.
    NatChain(ChainRef),
    /// Connection tracking.
    Conntrack,
    /// Where the kernel translates addresses.
    Nat,
    /// Something that is in no ruleset and can take packets, by its name.
    Foreign(String),
}

impl Met {
    /// The chain, if it is one.
    pub fn chain(&self) -> Option<ChainRef> {
        match self {
            Self::Chain(chain) | Self::NatChain(chain) => Some(*chain),
            Self::Conntrack | Self::Nat | Self::Foreign(_) => None,
        }
    }

    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Chain(_) => "chain",
            Self::NatChain(_) => "nat chain",
            Self::Conntrack => "conntrack",
            Self::Nat => "nat",
            Self::Foreign(_) => "foreign",
        }
    }
}

/// The hooks of routers and hosts.
const INET: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

impl Hooks {
    /// Every hook at which a chain hangs, or something else that can take packets.
    pub fn of(rules: &Ruleset) -> Vec<Self> {
        let mut all = Vec::new();
        for device in devices(rules) {
            for hook in [Hook::Ingress, Hook::Egress] {
                let at = Device { index: 0, name: Fact::Is(device.as_str().into()) };
                let stations = Stations::of_device(rules, Network::Ip4, hook, Some(&at)).0;
                all.extend(Self::new("netdev", hook, Some(device.clone()), stations));
            }
        }
        for hook in INET {
            let stations = Stations::new(rules, Network::Other(0), hook, None, Some(Family::Bridge)).0;
            all.extend(Self::new("bridge", hook, None, stations));
        }
        for (family, network) in [("arp", Network::Arp), ("ip", Network::Ip4), ("ip6", Network::Ip6)] {
            for hook in INET {
                let mut stations = Stations::new(rules, network, hook, None, None).0;
                // The kernel's own functions stand there while a rule needs them.
                stations.retain(|s| match &s.what {
                    What::Conntrack => is_needed(rules, network),
                    What::Nat(_) => translates(rules, network),
                    What::Chain(_) | What::Defrag | What::Foreign(_) => true,
                });
                all.extend(Self::new(family, hook, None, stations));
            }
        }
        all
    }

    fn new(family: &'static str, hook: Hook, device: Option<String>, stations: Vec<Station>) -> Option<Self> {
        let mut stands = Vec::new();
        for Station { priority, what, tied } in stations {
            let stand = |met| Stand { priority, tied, met };
            match what {
                What::Chain(chain) => stands.push(stand(Met::Chain(chain))),
                What::Defrag => {}
                What::Conntrack => stands.push(stand(Met::Conntrack)),
                What::Nat(chains) => {
                    stands.push(stand(Met::Nat));
                    stands.extend(chains.into_iter().filter_map(|s| match s.what {
                        What::Chain(chain) => Some(stand(Met::NatChain(chain))),
                        _ => None,
                    }));
                }
                What::Foreign(foreign) => stands.push(stand(Met::Foreign(foreign.program.name))),
            }
        }
        let shown = |s: &Stand| s.met.chain().is_some() || matches!(s.met, Met::Foreign(_));
        stands.iter().any(shown).then_some(Self { family, hook, device, stands })
    }

    /// As people call it: `ip input`, `netdev ingress of eth0`.
    pub fn name(&self) -> String {
        let device = self.device.as_ref().map_or_else(String::new, |d| format!(" of {d}"));
        format!("{} {}{device}", self.family, self.hook.name())
    }
}

/// The devices that chains hang on.
fn devices(rules: &Ruleset) -> BTreeSet<String> {
    let chains = rules.nft.iter().flat_map(|t| &t.chains);
    let bases = chains.filter_map(|c| c.def.base.as_ref());
    bases.flat_map(|b| &b.devices).map(ToString::to_string).collect()
}
