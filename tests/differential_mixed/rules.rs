//! Rulesets of all backends at once: nf_tables of its own, iptables over nf_tables, and legacy tables.

use std::fmt;

use nfblame_sys::xt::Family;

use crate::nft_rules;
use crate::random::Random;
use crate::rng::Rng;
use crate::world::{Host, World};
use crate::xt_rules::{Features, Ruleset};

/// The tools that load rules for iptables: family, and is it the one over nf_tables?
pub const TOOLS: [(Family, bool); 4] =
    [(Family::Ip, false), (Family::Ip6, false), (Family::Ip, true), (Family::Ip6, true)];

/// What each tool can do here.
pub struct Able {
    tracked: Vec<Features>,
    plain: Vec<Features>,
}

impl Able {
    /// Asked in a namespace of their own: what was tried stays there.
    pub fn here() -> Self {
        let host = Host::new();
        let probe = |&(family, nft)| Features::probe(&World { family, host: &host, nft }, true);
        let tracked: Vec<Features> = TOOLS.iter().map(probe).collect();
        let plain = tracked.iter().map(Features::untracked).collect();
        Self { tracked, plain }
    }
}

/// A ruleset.
#[derive(Clone)]
pub struct Mixed {
    pub nft: nft_rules::Ruleset,
    /// By tool.
    pub xt: Vec<Option<Ruleset>>,
}

/// Priorities that people use; several chains at one, and at those of the kernel's own hooks.
const USUAL: [i64; 9] = [-300, -200, -150, -100, 0, 0, 10, 50, 100];

/// Where chains at egress may be.
const EGRESS: [&str; 3] = ["egress device v2", "egress device v1", "egress devices = { v1, v2, v3 }"];

/// What is used up in the course of a round; the last of them counts connections.
const USED_UP: [&str; 4] = [
    "limit rate 2/hour burst 3 packets",
    "limit rate over 100 bytes/hour burst 400 bytes",
    "quota over 900 bytes",
    "ct count over 3",
];

/// A table with chains at egress.
fn egress(rng: &mut Rng) -> nft_rules::Table {
    let mut table = loop {
        let rules = nft_rules::Ruleset::random(rng, false);
        if let Some(table) = rules.tables.into_iter().next().filter(|_| rules.ingress) {
            break table;
        }
    };
    table.name = "out".into();
    for chain in &mut table.chains {
        chain.head = chain.head.replace("ingress device v1", rng.pick(&EGRESS));
    }
    table
}

impl Mixed {
    /// A random one; `tracked`: with connection tracking and address translation.
    pub fn random(seed: u64, able: &Able, tracked: bool) -> Self {
        let mut rng = Rng::new(seed);
        let mut random = Random::new(seed);
        let translates = tracked && rng.chance(60);
        let mut nft = loop {
            let nft = nft_rules::Ruleset::random(&mut rng, translates);
            if nft.tracks == tracked || tracked {
                break nft;
            }
        };
        for chain in nft.tables.iter_mut().flat_map(|t| &mut t.chains) {
            if rng.chance(25)
                && let Some((before, after)) = chain.head.split_once("priority ")
                && before.contains("filter")
                && let Some((_, after)) = after.split_once(';')
            {
                chain.head = format!("{before}priority {};{after}", rng.pick(&USUAL));
            }
        }
        if rng.chance(15) {
            nft.tables.push(egress(&mut rng));
        }
        for chain in nft.tables.iter_mut().flat_map(|t| &mut t.chains) {
            if rng.chance(6) {
                let rule = rng.pick(if tracked { &USED_UP } else { &USED_UP[..3] });
                chain
                    .rules
                    .insert(rng.below(chain.rules.len() + 1), format!("{rule} {}", rng.pick(&["drop", "accept"])));
            }
        }
        if rng.chance(20) {
            nft.tables.clear();
        }
        let all = if tracked { &able.tracked } else { &able.plain };
        let xt = all
            .iter()
            .map(|features| {
                (rng.chance(if nft.tables.is_empty() { 70 } else { 40 })).then(|| {
                    let mut part = rng.clone();
                    let rules = Ruleset::random(&mut random, features);
                    rng.next();
                    rules.only(|_| part.chance(45))
                })
            })
            .map(|rules| rules.filter(|r| r.tables().next().is_some()))
            .collect();
        Self { nft, xt }
    }

    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.nft.rules() + self.xt.iter().flatten().map(Ruleset::rules).sum::<usize>()
    }
}

/// Rules of which some can be left out.
pub trait Rules: Clone {
    /// As the tools take it.
    fn texts(&self) -> Texts;
    /// Takes away what `differs` does not need.
    fn shrink(self, differs: &mut dyn FnMut(&Self) -> bool) -> Self;
}

impl Rules for Mixed {
    fn texts(&self) -> Texts {
        let text = |rules: &Option<Ruleset>| rules.as_ref().map(Ruleset::text).unwrap_or_default();
        Texts { nft: self.nft.text(), xt: [0, 1, 2, 3].map(|n| text(&self.xt[n])), settings: Vec::new() }
    }

    fn shrink(mut self, differs: &mut dyn FnMut(&Self) -> bool) -> Self {
        for n in 0..self.xt.len() {
            let Some(rules) = self.xt[n].clone() else { continue };
            let mut without = self.clone();
            without.xt[n] = None;
            if differs(&without) {
                self = without;
                continue;
            }
            for table in rules.tables() {
                let mut without = self.clone();
                without.xt[n] =
                    without.xt[n].take().map(|r| r.only(|t| t != table)).filter(|r| r.tables().next().is_some());
                if differs(&without) {
                    self = without;
                }
            }
        }
        while let Some(nft) = nft_rules::parts(&self.nft).into_iter().find_map(|nft| {
            let smaller = Self { nft, xt: self.xt.clone() };
            differs(&smaller).then_some(smaller.nft)
        }) {
            self.nft = nft;
        }
        for n in 0..self.xt.len() {
            // Many at once, then fewer.
            let mut many = self.xt[n].as_ref().map_or(0, Ruleset::rules);
            while many > 0 {
                let mut at = 0;
                while let Some(rules) = self.xt[n].clone().filter(|r| at < r.rules()) {
                    let mut without = self.clone();
                    let fewer = (0..many).fold(rules, |r, _| if at < r.rules() { r.without(at) } else { r });
                    without.xt[n] = Some(fewer);
                    if differs(&without) {
                        self = without;
                    } else {
                        at += many;
                    }
                }
                many /= 2;
            }
        }
        self
    }
}

impl Rules for Texts {
    fn texts(&self) -> Texts {
        self.clone()
    }

    /// Line by line.
    fn shrink(mut self, differs: &mut dyn FnMut(&Self) -> bool) -> Self {
        for n in 0..=self.xt.len() {
            let part = |t: &mut Self, text: String| match t.xt.get_mut(n) {
                Some(xt) => *xt = text,
                None => t.nft = text,
            };
            let text = self.xt.get(n).unwrap_or(&self.nft);
            let mut lines: Vec<String> = text.lines().map(|l| format!("{l}\n")).collect();
            let mut many = lines.len().next_power_of_two();
            while many > 0 {
                let mut at = 0;
                while at < lines.len() {
                    let mut fewer = lines.clone();
                    fewer.drain(at..(at + many).min(lines.len()));
                    let mut without = self.clone();
                    part(&mut without, fewer.concat());
                    if differs(&without) {
                        (self, lines) = (without, fewer);
                    } else {
                        at += many;
                    }
                }
                many /= 2;
            }
        }
        self
    }
}

/// A ruleset as the tools take it.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    pub nft: String,
    /// By tool.
    pub xt: [String; 4],
    /// Settings of the host.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl fmt::Display for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.nft)?;
        for (&(family, nft), text) in TOOLS.iter().zip(&self.xt).filter(|(_, text)| !text.is_empty()) {
            write!(f, "--- {family:?}, {}\n{text}", if nft { "nft" } else { "legacy" })?;
        }
        self.settings.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))
    }
}

impl Texts {
    /// Does a packet change what the next one meets?
    pub fn have_state(&self) -> bool {
        let all = self.to_string();
        ["add @", "update @", "delete @", "quota", "limit", "numgen", "ct count"].iter().any(|w| all.contains(w))
    }

    /// Loads it. `there`: the legacy tables that exist already.
    pub fn install(&self, host: &Host, there: &mut Vec<(usize, &'static str)>) -> Result<(), String> {
        self.settings.iter().for_each(|(key, value)| host.ns.sysctl(key, value));
        host.load(&self.nft, self.nft.contains("hook ingress"))?;
        for (n, (&(family, nft), text)) in TOOLS.iter().zip(&self.xt).enumerate() {
            let mut text = text.clone();
            if !nft {
                for table in ["raw", "mangle", "filter", "security", "nat"] {
                    let now = text.lines().any(|l| l.strip_prefix('*') == Some(table));
                    match there.contains(&(n, table)) {
                        true if !now => text += &format!("*{table}\nCOMMIT\n"),
                        false if now => there.push((n, table)),
                        _ => {}
                    }
                }
            }
            if !text.is_empty() {
                World { family, host, nft }.install(&text).map_err(|e| format!("{e}\n{text}"))?;
            }
        }
        Ok(())
    }
}
