//! What a check looks at: the rulesets of all backends and the host, at one moment.

use std::cell::OnceCell;
use std::net::IpAddr;

use super::act::Act;
use super::forwards::{Forwards, forwards};
use super::probe::{self, Peer};
use super::report::RuleRef;
use crate::analysis::{Analysed, Axes, Chains, Shape, Ways};
use crate::blame::NearMiss;
use crate::blame::describe::Describer;
use crate::evaluate::{ChainRef, Environment, Hook, Place};
use crate::explain::Explainer;
use crate::host::Host;
use crate::listing::{Hooks, Jumps, Listing, Met, chains};
use crate::ruleset::Ruleset;
use rustc_hash::FxHashMap;

/// The rulesets and the host. What many checks need is worked out once, when the first one asks for it.
pub struct View<'a> {
    /// The rulesets.
    pub rules: &'a Ruleset,
    /// The facts of the host. It keeps its answers, so that all checks see one state.
    pub host: &'a dyn Host,
    /// The host as rules see it.
    pub env: &'a dyn Environment,
    /// The rulesets laid out for reading.
    pub listing: Listing<'a>,
    explainer: OnceCell<Explainer<'a>>,
    hooks: OnceCell<Vec<Hooks>>,
    jumps: OnceCell<Jumps>,
    bases: OnceCell<FxHashMap<ChainRef, Vec<ChainRef>>>,
    peers: OnceCell<Vec<Peer>>,
    analysis: OnceCell<Vec<(ChainRef, Analysed)>>,
    translations: OnceCell<Ways>,
    forwards: OnceCell<Forwards>,
}

impl<'a> View<'a> {
    /// Looks at rulesets and host. Nothing is worked out before it is asked for.
    pub fn new<H: Host>(rules: &'a Ruleset, host: &'a H) -> Self {
        Self {
            rules,
            host,
            env: host,
            listing: Listing::new(rules),
            explainer: OnceCell::new(),
            hooks: OnceCell::new(),
            jumps: OnceCell::new(),
            bases: OnceCell::new(),
            peers: OnceCell::new(),
            analysis: OnceCell::new(),
            translations: OnceCell::new(),
            forwards: OnceCell::new(),
        }
    }

    /// What would happen to packets here.
    pub fn explainer(&self) -> &Explainer<'a> {
        self.explainer.get_or_init(|| Explainer::new(self.rules, self.env).brief())
    }

    /// What stands at each hook, in order.
    pub fn hooks(&self) -> &[Hooks] {
        self.hooks.get_or_init(|| Hooks::of(self.rules))
    }

    /// The networks around this host.
    pub fn peers(&self) -> &[Peer] {
        self.peers.get_or_init(|| probe::peers(self))
    }

    /// Which chains lead to which.
    pub fn jumps(&self) -> &Jumps {
        self.jumps.get_or_init(|| Jumps::new(self.rules))
    }

    /// The base chains that lead to a chain; a base chain leads to itself.
    pub fn bases(&self, chain: ChainRef) -> &[ChainRef] {
        let all = self.bases.get_or_init(|| self.jumps().bases(self.rules));
        all.get(&chain).map_or(&[], Vec::as_slice)
    }

    /// The chains that packets of a family (`ip`, `ip6`) can meet at a hook.
    pub fn chains_at(&self, family: &str, hook: Hook) -> Vec<ChainRef> {
        let here = self.hooks().iter().filter(|h| h.hook == hook && h.family == family);
        let bases = here.flat_map(|h| h.stands.iter().filter_map(|s| s.met.chain()));
        let mut all: Vec<ChainRef> =
            bases.flat_map(|base| std::iter::once(base).chain(self.jumps().reached_from(base))).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What the rules of each chain match, and which of them never do; in the order of the chains.
    pub fn analysis(&self) -> &[(ChainRef, Analysed)] {
        self.analysis.get_or_init(|| {
            let mut all = Chains::new(self.rules);
            chains(self.rules).map(|chain| (chain, all.analyse(chain))).collect()
        })
    }

    /// What a rule matches, and the axes of its boxes. None: there is no such rule.
    pub fn shape(&self, at: Place) -> Option<(&Axes, &Shape)> {
        let all = self.analysis();
        let i = all.binary_search_by_key(&at.chain, |(chain, _)| *chain).ok()?;
        let (_, analysed) = all.get(i)?;
        Some((&analysed.axes, analysed.shape(at.position?)?))
    }

    /// Ways from a hook to rules that give packets another destination.
    pub fn translations_at(&self, hook: Hook) -> Ways {
        let here = self.hooks().iter().filter(|h| h.hook == hook).flat_map(|h| &h.stands);
        let mut bases: Vec<ChainRef> = here
            .filter_map(|s| match s.met {
                Met::NatChain(chain) => Some(chain),
                _ => None,
            })
            .collect();
        bases.sort_unstable();
        bases.dedup();
        Ways::new(self.rules, bases, |act| matches!(act, Act::Dnat(_) | Act::Redirect))
    }

    /// The same for packets that come in.
    pub fn translations(&self) -> &Ways {
        self.translations.get_or_init(|| self.translations_at(Hook::Prerouting))
    }

    /// Packets that come in and are sent on to other hosts.
    pub fn forwards(&self) -> &Forwards {
        self.forwards.get_or_init(|| forwards(self))
    }

    /// Is an address known not to be one of this host?
    pub fn is_elsewhere(&self, to: IpAddr) -> bool {
        let own = self.host.addresses();
        !to.is_loopback() && own.value().is_some_and(|own| own.iter().all(|a| a.local.addr != to))
    }

    /// Describes places of the ruleset.
    pub fn describer(&self) -> Describer<'a> {
        Describer { rules: self.rules, history: None, keepers: None }
    }

    /// A rule, or with no position a policy, for a finding.
    pub fn rule(&self, at: Place) -> RuleRef {
        RuleRef { entry: self.listing.entry(at), span: None, label: String::new(), at }
    }

    /// Where a near miss stands in the ruleset.
    pub fn place(&self, n: &NearMiss) -> Option<Place> {
        let wanted = (n.backend, n.family, &n.table_name, &n.chain_name);
        chains(self.rules).find_map(|chain| {
            let at = Place { chain, position: n.rule_position.map(|p| p as usize) };
            let c = self.describer().culprit_of(at, None);
            ((c.backend, c.family, &c.table_name, &c.chain_name) == wanted && c.rule_handle == n.rule_handle)
                .then_some(at)
        })
    }
}
