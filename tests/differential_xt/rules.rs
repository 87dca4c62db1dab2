//! Random rules in the tools' own words, of every match and target that the running kernel has.

#[path = "rules/kind.rs"]
mod kind;
#[path = "rules/matches.rs"]
mod matches;
#[path = "rules/matches6.rs"]
mod matches6;
#[path = "rules/rule.rs"]
mod rule;
#[path = "rules/targets.rs"]
mod targets;
#[path = "rules/tracked.rs"]
mod tracked;

use std::fmt::Write as _;

use nfblame_sys::xt::Family;

use crate::packets::{MACS, PORTS, forward, source};
use crate::random::Random;
use crate::world::{IN0, IN1, OUT, World, locals};

use kind::*;
use matches::*;
use matches6::*;
use rule::*;
use targets::*;
use tracked::*;

/// What the running kernel and its tools know.
#[derive(Clone)]
pub struct Features {
    pub v6: bool,
    /// Connections are tracked, and there is a nat table.
    tracked: bool,
    matches: Vec<Kind>,
    targets: Vec<Kind>,
    tables: Vec<&'static str>,
    total: usize,
}

impl Features {
    /// Makes the ipsets that rules name.
    pub fn make_sets(world: &World) {
        let v6 = world.family == Family::Ip6;
        let family = if v6 { "inet6" } else { "inet" };
        world.make_sets(&format!(
            "create xt{0} hash:net family {family}\nadd xt{0} {1}\nadd xt{0} {2} nomatch\nadd xt{0} {3}\n\
             create xp{0} hash:ip,port family {family}\nadd xp{0} {4},tcp:80\nadd xp{0} {5},udp:53\nadd xp{0} {6},tcp:443\n",
            if v6 { "6" } else { "4" },
            if v6 { "fd00:9::/64" } else { "10.9.0.0/24" },
            if v6 { "fd00:9::3" } else { "10.9.0.3" },
            if v6 { "fd00:3:0:1::/64" } else { "10.3.1.0/24" },
            if v6 { "fd00:9::1:1" } else { "10.9.1.1" },
            if v6 { "fd00:3::1" } else { "10.3.0.1" },
            if v6 { "fd00:1::1" } else { "10.1.0.1" },
        ));
        world.make_sets("create xm hash:mac\nadd xm 02:00:00:00:01:01\n");
    }

    /// Tries all kinds; those that need connection tracking only if they are wanted.
    pub fn probe(world: &World, tracked: bool) -> Self {
        Self::make_sets(world);
        let v6 = world.family == Family::Ip6;
        let tables: Vec<&'static str> = ["raw", "mangle", "filter", "security", "nat"]
            .into_iter()
            .filter(|t| tracked || *t != "nat")
            .filter(|t| world.try_install(&format!("*{t}\nCOMMIT\n")))
            .collect();
        let (own_matches, own_targets) = if v6 { (MATCHES6, TARGETS6) } else { (MATCHES4, TARGETS4) };
        let line = |k: &Kind| {
            let mut random = Random::new(7);
            let table = k.tables.first().copied().unwrap_or("mangle");
            let hook = if k.hooks & OUTPUT != 0 { OUTPUT } else { 1 << k.hooks.trailing_zeros() };
            // Is the hook the table's?
            let table = if !hooks_of(table).iter().any(|h| h.1 == hook) { "mangle" } else { table };
            (table, format!("-A {} {} {}", hook_name(hook), protocol(k.proto), (k.make)(&mut random, v6)))
        };
        let install = |kinds: &[Kind]| {
            let mut text = String::new();
            for table in ["raw", "mangle", "filter", "security", "nat"] {
                let mut rules = kinds.iter().map(line).filter(|l| l.0 == table).peekable();
                if rules.peek().is_some() {
                    let rules: Vec<String> = rules.map(|l| l.1).collect();
                    let _ = writeln!(text, "*{table}\n{}\nCOMMIT", rules.join("\n"));
                }
            }
            world.try_install(&text)
        };
        /// Those that work: all of them, or those of each half.
        fn working(kinds: &[Kind], install: &dyn Fn(&[Kind]) -> bool) -> Vec<Kind> {
            match kinds {
                _ if install(kinds) => kinds.to_vec(),
                [] | [_] => Vec::new(),
                _ => {
                    let (a, b) = kinds.split_at(kinds.len() / 2);
                    [working(a, install), working(b, install)].concat()
                }
            }
        }
        let (more_matches, more_targets): (&[Kind], &[Kind]) =
            if tracked { (TRACKED, TRACKED_TARGETS) } else { (&[], &[]) };
        let all_matches = MATCHES.iter().chain(own_matches).chain(more_matches);
        let all_targets = TARGETS.iter().chain(own_targets).chain(more_targets);
        let total = all_matches.clone().count() + all_targets.clone().count();
        let matches = working(&all_matches.clone().copied().collect::<Vec<_>>(), &install);
        let targets = working(&all_targets.clone().copied().collect::<Vec<_>>(), &install);
        for k in all_matches.chain(all_targets) {
            if !matches.iter().chain(&targets).any(|m| m.name == k.name) {
                eprintln!("skipped: this kernel or its tool has no {}", k.name);
            }
        }
        Self { v6, tracked, matches, targets, tables, total }
    }

    /// The same without what needs connection tracking.
    #[allow(dead_code, reason = "one of the tests that share this needs it")]
    pub fn untracked(&self) -> Self {
        let plain = |all: &[Kind], tracked: &[Kind]| -> Vec<Kind> {
            all.iter().filter(|k| !tracked.iter().any(|t| t.name == k.name)).copied().collect()
        };
        Self {
            tracked: false,
            matches: plain(&self.matches, TRACKED),
            targets: plain(&self.targets, TRACKED_TARGETS),
            tables: self.tables.iter().copied().filter(|t| *t != "nat").collect(),
            ..*self
        }
    }

    pub fn known(&self) -> usize {
        self.matches.len() + self.targets.len()
    }

    pub fn total(&self) -> usize {
        self.total
    }
}

fn protocol(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("-p {name}") }
}

fn hook_name(hook: Hooks) -> &'static str {
    match hook {
        PREROUTING => "PREROUTING",
        INPUT => "INPUT",
        FORWARD => "FORWARD",
        OUTPUT => "OUTPUT",
        _ => "POSTROUTING",
    }
}

fn hooks_of(table: &str) -> &'static [(&'static str, Hooks)] {
    const ALL: [(&str, Hooks); 5] = [
        ("PREROUTING", PREROUTING),
        ("INPUT", INPUT),
        ("FORWARD", FORWARD),
        ("OUTPUT", OUTPUT),
        ("POSTROUTING", POSTROUTING),
    ];
    match table {
        "raw" => &[("PREROUTING", PREROUTING), ("OUTPUT", OUTPUT)],
        "mangle" => &ALL,
        "nat" => &[("PREROUTING", PREROUTING), ("INPUT", INPUT), ("OUTPUT", OUTPUT), ("POSTROUTING", POSTROUTING)],
        _ => &[("INPUT", INPUT), ("FORWARD", FORWARD), ("OUTPUT", OUTPUT)],
    }
}

/// A chain under construction.
#[derive(Clone)]
struct Chain {
    name: String,
    policy: Option<&'static str>,
    hooks: Hooks,
    rules: Vec<String>,
}

/// Tables of random rules.
#[derive(Clone)]
pub struct Ruleset {
    tables: Vec<(&'static str, Vec<Chain>)>,
}

impl Ruleset {
    pub fn random(r: &mut Random, features: &Features) -> Self {
        let tables = features.tables.iter().map(|&table| (table, chains(r, features, table))).collect();
        Self { tables }
    }

    /// The same with some of its tables only.
    #[allow(dead_code, reason = "one of the tests that share this needs it")]
    pub fn only(mut self, mut wanted: impl FnMut(&str) -> bool) -> Self {
        self.tables.retain(|(name, _)| wanted(name));
        self
    }

    /// Its tables.
    #[allow(dead_code, reason = "one of the tests that share this needs it")]
    pub fn tables(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.tables.iter().map(|(name, _)| *name)
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.tables.iter().flat_map(|(_, chains)| chains).map(|c| c.rules.len()).sum()
    }

    /// The same without the nth rule.
    pub fn without(&self, n: usize) -> Self {
        let mut new = self.clone();
        let mut at = n;
        for chain in new.tables.iter_mut().flat_map(|(_, chains)| chains) {
            if at < chain.rules.len() {
                chain.rules.remove(at);
                return new;
            }
            at -= chain.rules.len();
        }
        new
    }

    /// What the restore tool takes.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (table, chains) in &self.tables {
            let _ = writeln!(text, "*{table}");
            for c in chains {
                let _ = writeln!(text, ":{} {} [0:0]", c.name, c.policy.unwrap_or("-"));
            }
            for c in chains {
                for rule in &c.rules {
                    let _ = writeln!(text, "-A {} {rule}", c.name);
                }
            }
            text.push_str("COMMIT\n");
        }
        text
    }
}

fn chains(r: &mut Random, features: &Features, table: &'static str) -> Vec<Chain> {
    let mut all: Vec<Chain> = hooks_of(table)
        .iter()
        .map(|&(name, hooks)| {
            let policy =
                if table == "filter" && r.one_in(if features.tracked { 9 } else { 3 }) { "DROP" } else { "ACCEPT" };
            Chain { name: name.to_owned(), policy: Some(policy), hooks, rules: Vec::new() }
        })
        .collect();
    let builtin: Hooks = all.iter().map(|c| c.hooks).sum();
    for i in 0..3 {
        for (side, hooks) in [("in", ARRIVED & builtin), ("out", OURS & builtin)] {
            if hooks != 0 {
                all.push(Chain { name: format!("{side}{i}"), policy: None, hooks, rules: Vec::new() });
            }
        }
    }
    for i in 0..all.len() {
        // Long chains are looked up, short ones tried rule by rule.
        let count = match all[i].policy {
            _ if r.one_in(5) => 20 + r.below(30),
            Some(_) => 3 + r.below(7),
            None => r.below(5),
        };
        // Only to later chains, that are called from the same hooks.
        let callees: Vec<String> = all[i + 1..]
            .iter()
            .filter(|c| c.policy.is_none() && c.hooks & all[i].hooks == all[i].hooks)
            .map(|c| c.name.clone())
            .collect();
        let hooks = all[i].hooks;
        let base = all[i].policy.is_some();
        all[i].rules = (0..count).map(|_| rule(r, features, table, hooks, base, &callees, count >= 20)).collect();
    }
    if features.tracked && table == "filter" {
        // Without a rule that asks for it the kernel does not track.
        all[0].rules.insert(0, "-m conntrack --ctstate NEW".to_owned());
    }
    all
}
