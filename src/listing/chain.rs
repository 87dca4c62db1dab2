//! A chain as people read it.

use serde::Serialize;

use crate::blame::describe::{Describer, family_name, xt_family_name};
use crate::blame::{Backend, Counters};
use crate::evaluate::stations::legacy_priority;
use crate::evaluate::{ChainRef, Hook, Place, TableRef};
use crate::ruleset::Ruleset;
use crate::sys::nft::{self, TableFlags};
use crate::sys::xt;

/// A chain without its rules. What only base chains (and the built-in chains of legacy tables) have is none for others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chain {
    /// The backend that holds it.
    pub backend: Backend,
    /// The table's family.
    pub family: &'static str,
    /// The table.
    pub table_name: String,
    /// Its name.
    pub chain_name: String,
    /// Its handle in nf_tables.
    pub handle: Option<u64>,
    /// Its type in nf_tables: `filter`, `nat`, `route`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Where it hangs; `unknown(n)` for a hook of a later kernel.
    pub hook: Option<String>,
    /// Its priority there: lower comes first.
    pub priority: Option<i32>,
    /// The devices that it hangs on.
    pub devices: Vec<String>,
    /// What becomes of packets that no rule decides about.
    pub policy: Option<String>,
    /// What the policy has counted.
    pub counters: Option<Counters>,
    /// Its table is switched off: nothing of it runs.
    pub dormant: bool,
    /// The netlink port id of the socket that its table belongs to and goes with.
    pub owner: Option<u32>,
    /// Who manages it, where that is known.
    pub manager: Option<String>,
    /// How many rules it has.
    #[serde(rename = "rule_count")]
    pub len: usize,
}

impl Chain {
    pub(super) fn new(rules: &Ruleset, describer: &Describer<'_>, at: ChainRef) -> Self {
        let policy = Place { chain: at, position: None };
        let mut this = Self {
            backend: describer.backend(policy),
            family: "unknown",
            table_name: String::new(),
            chain_name: String::new(),
            handle: None,
            kind: None,
            hook: None,
            priority: None,
            devices: Vec::new(),
            policy: None,
            counters: None,
            dormant: false,
            owner: None,
            manager: describer.culprit_of(policy, None).manager,
            len: super::len(rules, at),
        };
        match at.table {
            TableRef::Nft(t) => {
                if let Some(table) = rules.nft.get(t) {
                    this.of_table(&table.def);
                    if let Some(chain) = table.chains.get(at.chain) {
                        this.of_nft(&chain.def);
                    }
                }
            }
            TableRef::Xt(t) => {
                if let Some(table) = rules.xt.get(t) {
                    this.family = xt_family_name(table.family());
                    this.table_name = table.name().to_string();
                    if let Some(chain) = table.nth_chain(at.chain) {
                        this.of_xt(table, &chain);
                    }
                }
            }
        }
        this
    }

    fn of_table(&mut self, table: &nft::Table) {
        self.family = family_name(table.family);
        self.table_name = table.name.to_string();
        self.dormant = table.flags.contains(TableFlags::DORMANT);
        self.owner = table.owner;
    }

    fn of_nft(&mut self, chain: &nft::Chain) {
        self.chain_name = chain.name.to_string();
        self.handle = Some(chain.handle);
        let Some(base) = &chain.base else { return };
        self.kind = Some(base.kind.to_string());
        self.hook = Some(base.hook.to_string());
        self.priority = Some(base.priority);
        self.devices = base.devices.iter().map(ToString::to_string).collect();
        self.policy = Some(policy_name(&base.policy));
        self.counters = base.counters.as_ref().map(|n| Counters { packets: n.packets, bytes: n.bytes });
    }

    fn of_xt(&mut self, table: &xt::Table, chain: &xt::Chain<'_>) {
        self.chain_name = chain.name().to_string();
        let Some(hook) = chain.hook() else { return };
        let hook = Hook::from_xt(hook);
        self.hook = Some(hook.name().to_owned());
        self.priority = Some(legacy_priority(table.name().as_bytes(), hook));
        self.policy = chain.policy().map(|p| match p {
            xt::Verdict::Accept => "accept".to_owned(),
            xt::Verdict::Drop => "drop".to_owned(),
            other => format!("unknown({})", other.to_standard()),
        });
        let n = chain.counters();
        self.counters = Some(Counters { packets: n.packets, bytes: n.bytes });
    }

    /// A chain as people call it: `inet filter input`.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.family, self.table_name, self.chain_name)
    }
}

fn policy_name(policy: &nft::Verdict) -> String {
    match policy {
        nft::Verdict::Accept => "accept".to_owned(),
        nft::Verdict::Drop => "drop".to_owned(),
        other => format!("unknown({})", other.code()),
    }
}
