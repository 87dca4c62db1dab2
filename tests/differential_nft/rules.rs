//! Random rulesets in nft's syntax: tables of all IP families, base chains at all hooks, user chains, sets and maps.

#[path = "rules/condition.rs"]
mod condition;
#[path = "rules/rule.rs"]
mod rule;
#[path = "rules/sets.rs"]
mod sets;

use std::fmt::Write;

use crate::packets::{PORTS, SOURCES4, SOURCES6, TARGETS4, TARGETS6};
use crate::rng::Rng;

use sets::{Key, Kind, Named};

/// A ruleset whose parts can be left out one by one.
#[derive(Debug, Clone)]
pub struct Ruleset {
    pub tables: Vec<Table>,
    /// Does it need connection tracking?
    pub tracks: bool,
    /// Does it see packets at ingress, before anybody has looked at their headers?
    pub ingress: bool,
    /// Does it translate addresses?
    pub translates: bool,
}

#[derive(Debug, Clone)]
pub struct Table {
    pub family: &'static str,
    pub name: String,
    pub sets: Vec<String>,
    pub chains: Vec<Chain>,
}

#[derive(Debug, Clone)]
pub struct Chain {
    pub name: String,
    /// `type … policy …;` of a base chain.
    pub head: String,
    pub rules: Vec<String>,
}

/// Chains that switch tracing on come before all others; ours begin here.
const FIRST: i64 = -390;

impl Ruleset {
    /// The text for `nft -f`.
    pub fn text(&self) -> String {
        let mut s = String::new();
        for t in &self.tables {
            let _ = writeln!(s, "table {} {} {{", t.family, t.name);
            s.push_str("\tcounter c {\n\t}\n\tquota q {\n\t\tover 1 bytes\n\t}\n");
            for set in &t.sets {
                let _ = writeln!(s, "\t{set}");
            }
            // Chains that are jumped to come first.
            for c in t.chains.iter().rev() {
                let _ = writeln!(s, "\tchain {} {{", c.name);
                if !c.head.is_empty() {
                    let _ = writeln!(s, "\t\t{}", c.head);
                }
                for r in &c.rules {
                    let _ = writeln!(s, "\t\t{r}");
                }
                s.push_str("\t}\n");
            }
            s.push_str("}\n");
        }
        s
    }

    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.tables.iter().flat_map(|t| &t.chains).map(|c| c.rules.len()).sum()
    }

    /// A random one.
    pub fn random(r: &mut Rng, translates: bool) -> Self {
        let tracks = translates || r.chance(35);
        let mut priority = FIRST;
        let ingress = !tracks && r.chance(20);
        let tables = (0..r.range(1, 3))
            .map(|n| {
                let family = if ingress && n == 0 { "netdev" } else { r.pick(&["ip", "ip6", "inet", "inet"]) };
                Generator {
                    r,
                    family,
                    tracks: tracks && !translates,
                    translates,
                    hook: "",
                    sets: Vec::new(),
                    names: Vec::new(),
                    network: 0,
                    transport: "",
                }
                .table(n, &mut priority)
            })
            .collect();
        Self { tables, tracks, ingress, translates }
    }
}

/// The ruleset without one of its parts each.
pub fn parts(rules: &Ruleset) -> Vec<Ruleset> {
    let mut all = Vec::new();
    let mut push = |change: &dyn Fn(&mut Ruleset)| {
        let mut r = rules.clone();
        change(&mut r);
        all.push(r);
    };
    for t in 0..rules.tables.len() {
        push(&|r| {
            r.tables.remove(t);
        });
        for c in 0..rules.tables[t].chains.len() {
            push(&|r| {
                r.tables[t].chains.remove(c);
            });
            for i in 0..rules.tables[t].chains[c].rules.len() {
                push(&|r| {
                    r.tables[t].chains[c].rules.remove(i);
                });
            }
        }
        for s in 0..rules.tables[t].sets.len() {
            push(&|r| {
                r.tables[t].sets.remove(s);
            });
        }
    }
    all
}

/// Makes one table.
struct Generator<'r> {
    r: &'r mut Rng,
    family: &'static str,
    tracks: bool,
    translates: bool,
    hook: &'static str,
    sets: Vec<String>,
    names: Vec<Named>,
    /// What the present rule is about: nft refuses a rule for two protocols.
    network: u8,
    transport: &'static str,
}

impl Generator<'_> {
    fn table(&mut self, n: u64, priority: &mut i64) -> Table {
        let user = self.r.below(5);
        for i in 0..self.r.below(5) {
            self.named_set(i, user);
        }
        let mut chains = Vec::new();
        for _ in 0..self.r.range(1, 4) {
            self.hook = self.r.pick(&["prerouting", "prerouting", "input", "forward", "output", "postrouting"]);
            if self.family == "netdev" {
                self.hook = "ingress";
            }
            *priority += self.r.range(1, 60) as i64;
            let policy = self.r.pick(&["accept", "accept", "drop"]);
            let kind = if self.hook == "output" && self.r.chance(15) { "route" } else { "filter" };
            let device = if self.hook == "ingress" { " device v1" } else { "" };
            let head = format!("type {kind} hook {}{device} priority {}; policy {policy};", self.hook, *priority);
            let rules = self.rules(9, 0, user);
            chains.push(Chain { name: format!("base{}", chains.len()), head, rules });
        }
        for hook in ["prerouting", "input", "output", "postrouting"] {
            if self.translates && self.r.chance(45) {
                self.hook = hook;
                let head =
                    format!("type nat hook {hook} priority {}; policy accept;", self.r.range(0, 400) as i64 - 150);
                let rules = (0..self.r.range(1, 4)).map(|_| self.translation(user)).collect();
                chains.push(Chain { name: format!("base{}", chains.len()), head, rules });
            }
        }
        self.hook = "";
        for i in 0..user {
            let rules = self.rules(6, i + 1, user);
            chains.push(Chain { name: format!("user{}", i + 1), head: String::new(), rules });
        }
        Table { family: self.family, name: format!("t{n}"), sets: self.sets.clone(), chains }
    }

    /// The rules of a chain: a few; or so many that they are found by their conditions, most of them about the same fields.
    fn rules(&mut self, few: usize, from: usize, user: usize) -> Vec<String> {
        if !self.r.chance(15) {
            return (0..self.r.below(few)).map(|_| self.rule(from, user)).collect();
        }
        let addresses: &[_] = if self.is4() { &["ip saddr", "ip daddr"] } else { &["ip6 saddr", "ip6 daddr"] };
        let all =
            [&["tcp dport", "udp dport", "tcp sport", "iifname", "meta mark", "meta l4proto"], addresses].concat();
        let fields = [self.r.pick(&all), self.r.pick(&all)];
        (0..20 + self.r.below(30))
            .map(|_| if self.r.chance(80) { self.alike(&fields, from, user) } else { self.rule(from, user) })
            .collect()
    }

    /// A rule about one of these fields. It mostly lets the packet go on, so that the next ones are met.
    fn alike(&mut self, fields: &[&'static str], from: usize, user: usize) -> String {
        let field = self.r.pick(fields);
        let key = match field {
            "ip saddr" | "ip daddr" => Key::Ip4,
            "ip6 saddr" | "ip6 daddr" => Key::Ip6,
            "iifname" => Key::Ifname,
            "meta mark" => Key::Mark,
            "meta l4proto" => Key::Protocol,
            _ => Key::Port,
        };
        (self.network, self.transport) = (0, "");
        match key {
            Key::Ip4 => self.network = 4,
            Key::Ip6 => self.network = 6,
            Key::Port => self.transport = if field.starts_with("tcp") { "tcp" } else { "udp" },
            _ => {}
        }
        let one = self.value(key, false).0;
        let wanted = match self.r.below(8) {
            0 => self.value(key, true).0,
            1 => format!("{{ {one}, {} }}", self.value(key, false).0),
            2 => format!("!= {one}"),
            3 | 4 if matches!(key, Key::Port | Key::Ip4 | Key::Ip6) => {
                format!("{} {one}", self.r.pick(&["<", "<=", ">", ">="]))
            }
            _ => one,
        };
        let then = match self.r.below(8) {
            0 | 1 => format!("meta mark set {:#x}", self.r.below(8)),
            2 => self.verdict(from, user),
            _ => "counter".into(),
        };
        format!("{field} {wanted} {then}")
    }

    fn is4(&self) -> bool {
        self.family != "ip6"
    }

    fn is6(&self) -> bool {
        self.family != "ip"
    }

    /// May the present rule be about IPv4? Then it is from now on.
    fn now4(&mut self) -> bool {
        let may = self.is4() && self.network != 6;
        self.network = if may { 4 } else { self.network };
        may
    }

    fn now6(&mut self) -> bool {
        let may = self.is6() && self.network != 4;
        self.network = if may { 6 } else { self.network };
        may
    }

    /// One of these transport protocols, if the present rule may be about it.
    fn now(&mut self, of: &[&'static str]) -> Option<&'static str> {
        let p = if of.contains(&self.transport) { self.transport } else { self.r.pick(of) };
        if !self.transport.is_empty() && self.transport != p {
            return None;
        }
        self.transport = p;
        Some(p)
    }

    /// May the present rule use these keys?
    fn may(&self, keys: &[Key]) -> bool {
        keys.iter().all(|k| match k {
            Key::Ip4 => self.network != 6,
            Key::Ip6 => self.network != 4,
            Key::Port => matches!(self.transport, "" | "tcp" | "udp" | "sctp" | "th"),
            Key::Protocol => self.transport.is_empty(),
            Key::Ifname | Key::Mark => true,
        })
    }
}
