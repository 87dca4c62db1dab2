//! Our own table: it switches tracing on for the packets of interest, and has a chain at each edge of each hook.
//!
//! It belongs to the netlink socket that made it and goes when that is closed, however we end. Its chains accept
//! everything and change nothing but `meta nftrace`. None of its expressions needs connection tracking or reassembly, so that
//! it switches neither on.

use std::sync::atomic::{AtomicU32, Ordering};

use rustc_hash::FxHashMap;

use super::journey::Edge;
use super::names;
use super::rules::{by_device, conditions};
use crate::evaluate::hook::Hook;
use crate::evidence::select::Selection;
use crate::evidence::stream::{Gap, StartError};
use crate::filter::Term;
use crate::sys::netlink::{self, Client};
use crate::sys::nft::expr::{Immediate, Limit, LimitFlags, LimitKind, MetaKey, MetaSet};
use crate::sys::nft::write::{Batch, Place};
use crate::sys::nft::{self, BaseChain, Chain, Expr, Family, Reg, Rule, TableFlags, Verdict};
use crate::sys::rt::{self, Link};
use crate::sys::{Error, Text};

/// Before everybody: `NF_IP_PRI_FIRST`.
const FIRST: i32 = i32::MIN;
/// After everybody: `NF_IP_PRI_LAST`. Only the confirmation of connections may come later still.
const LAST: i32 = i32::MAX;
/// The hooks that inet and bridge have.
const HOOKS: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

/// The tables, for as long as this lives.
#[derive(Debug)]
pub struct Table {
    client: Client,
    name: Text,
    /// The link layer addresses of the devices that were there.
    addresses: Addresses,
}

/// Does this say that the kernel has no tables that belong to a socket?
pub(in crate::evidence) fn is_too_old(e: &Error) -> bool {
    matches!(e.errno(), Some(nix::libc::EOPNOTSUPP | nix::libc::EINVAL))
}

/// Link layer addresses by device index.
pub type Addresses = FxHashMap<u32, Vec<u8>>;

impl Table {
    /// Makes them in the calling thread's network namespace. From then on packets are traced. What part of it cannot be
    /// had here is put into `gaps`.
    ///
    /// # Errors
    /// When the filter cannot be compiled, without privilege, and on kernels before 5.12, which have no tables that belong
    /// to a socket.
    pub fn install(selection: &Selection, rate: Option<u32>, gaps: &mut Vec<Gap>) -> Result<Self, StartError> {
        let terms = selection.filter.as_ref().map(|f| f.terms()).transpose()?;
        let mut table = Self {
            client: Client::open(netlink::Family::Netfilter)?,
            name: Text::default(),
            addresses: Addresses::default(),
        };
        let links = rt::Handle::open().and_then(|mut h| h.links());
        let plan = Plan { terms: terms.as_deref(), interface: selection.interface, rate };
        table.add(Family::Inet, |p| plan.inet(p)).map_err(|e| match is_too_old(&e) {
            true => e.with_hint(
                "tracing needs Linux 5.12, whose tables can belong to a socket, and nf_tables (CONFIG_NF_TABLES_INET)",
            ),
            false => e,
        })?;
        let links = match links {
            Ok(links) => links,
            Err(why) => {
                gaps.push(Gap { what: "tracing from the ingress of devices".into(), why });
                return Ok(table);
            }
        };
        table.addresses = links.iter().map(|l| (l.index, l.address.clone())).collect();
        if let Err(why) = table.add(Family::Netdev, |p| plan.netdev(p, &links)) {
            gaps.push(Gap { what: "tracing from the ingress of devices".into(), why });
        }
        let bridged = links.iter().any(|l| l.kind.as_ref().is_some_and(|k| k.as_bytes() == b"bridge"));
        if bridged && let Err(why) = table.add(Family::Bridge, |p| plan.edges(p)) {
            gaps.push(Gap { what: "the edges of the bridge hooks".into(), why });
        }
        Ok(table)
    }

    /// The name of the tables.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The link layer addresses that the devices had when tracing began.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The netlink port that owns them: whose changes are ours.
    pub fn port(&self) -> u32 {
        self.client.port()
    }

    /// Makes the table of one family, under a name that nobody else has.
    fn add(&mut self, family: Family, fill: impl Fn(&mut Parts)) -> Result<(), Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..64 {
            let name = match self.name.is_empty() {
                true => Text::new(names::table(std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))),
                false => self.name.clone(),
            };
            let mut parts = Parts { family, table: name.clone(), chains: Vec::new(), rules: Vec::new() };
            fill(&mut parts);
            match parts.batch().commit(&mut self.client) {
                Ok(()) => {
                    self.name = name;
                    return Ok(());
                }
                // Another process whose id is the same in another pid namespace.
                Err(e) if e.errno() == Some(nix::libc::EEXIST) && self.name.is_empty() => {}
                Err(mut e) => return Err(e.errors.swap_remove(0)),
            }
        }
        Err(Error::os("create", "a trace table", std::io::Error::from_raw_os_error(nix::libc::EEXIST)))
    }
}

/// What to trace.
struct Plan<'a> {
    terms: Option<&'a [Term]>,
    interface: Option<u32>,
    rate: Option<u32>,
}

impl Plan<'_> {
    fn inet(&self, p: &mut Parts) {
        self.edges(p);
        let device = |key| self.interface.map(|index| by_device(key, index)).unwrap_or_default();
        self.select(p, Hook::Prerouting, device(MetaKey::Iif));
        self.select(p, Hook::Output, device(MetaKey::Oif));
        if self.interface.is_some() {
            // Where a forwarded packet goes out is known only here.
            self.select(p, Hook::Forward, device(MetaKey::Oif));
        }
    }

    /// One base chain for each device, all of which jump to the same rules.
    fn netdev(&self, p: &mut Parts, links: &[Link]) {
        p.chains.push(p.chain(names::edge_chain(Hook::Ingress, Edge::Enters), None));
        self.select(p, Hook::Ingress, Vec::new());
        for link in links.iter().filter(|l| self.interface.is_none_or(|i| i == l.index)) {
            let mut base = BaseChain::filter(nft::Hook::Ingress, FIRST);
            base.devices.push(nft::Device { name: link.name.clone(), prefix: false });
            let name = names::ingress_chain(link.index);
            p.chains.push(p.chain(name.clone(), Some(base)));
            let jump = Verdict::Goto(names::edge_chain(Hook::Ingress, Edge::Enters).into());
            p.rules.push(p.rule(name, vec![jump.into()]));
        }
    }

    fn edges(&self, p: &mut Parts) {
        for hook in HOOKS {
            for (edge, priority) in [(Edge::Enters, FIRST), (Edge::Leaves, LAST)] {
                let base = BaseChain::filter(nft_hook(hook), priority);
                p.chains.push(p.chain(names::edge_chain(hook, edge), Some(base)));
            }
        }
    }

    /// In the chain where the hook begins, a rule for each term; all go to the one that switches tracing on.
    fn select(&self, p: &mut Parts, hook: Hook, device: Vec<Expr>) {
        let (from, mark) = (names::edge_chain(hook, Edge::Enters), names::mark_chain(hook));
        p.chains.push(p.chain(mark.clone(), None));
        let all = [conditions(&Term::ALWAYS)];
        let terms: Vec<Vec<Expr>> = self.terms.map_or(all.to_vec(), |terms| terms.iter().map(conditions).collect());
        for conditions in terms {
            let mut exprs = device.clone();
            exprs.extend(conditions);
            exprs.push(Verdict::Goto(mark.clone().into()).into());
            p.rules.push(p.rule(from.clone(), exprs));
        }
        let mut exprs = Vec::new();
        if let Some(rate) = self.rate {
            let (kind, flags) = (LimitKind::Packets, LimitFlags::empty());
            exprs.push(Limit { rate: rate.max(1).into(), unit: 1, burst: 5, kind, flags }.into());
        }
        exprs.push(Immediate::data(Reg::R1, [1]).into());
        exprs.push(MetaSet::store(MetaKey::Nftrace).into());
        exprs.push(Verdict::Accept.into());
        p.rules.push(p.rule(mark, exprs));
    }
}

/// What one table is made of.
struct Parts {
    family: Family,
    table: Text,
    chains: Vec<Chain>,
    rules: Vec<Rule>,
}

impl Parts {
    fn chain(&self, name: String, base: Option<BaseChain>) -> Chain {
        Chain::new(self.family, self.table.clone(), name, base)
    }

    fn rule(&self, chain: String, exprs: Vec<Expr>) -> Rule {
        Rule::new(self.family, self.table.clone(), chain, exprs)
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::new(None);
        batch.add_table(&nft::Table::new(self.family, self.table.clone(), TableFlags::OWNER));
        for chain in &self.chains {
            batch.add_chain(chain);
        }
        for rule in &self.rules {
            batch.add_rule(rule, Place::Append);
        }
        batch
    }
}

fn nft_hook(hook: Hook) -> nft::Hook {
    match hook {
        Hook::Ingress => nft::Hook::Ingress,
        Hook::Prerouting => nft::Hook::Prerouting,
        Hook::Input => nft::Hook::Input,
        Hook::Forward => nft::Hook::Forward,
        Hook::Output => nft::Hook::Output,
        Hook::Postrouting => nft::Hook::Postrouting,
        Hook::Egress => nft::Hook::Egress,
    }
}
