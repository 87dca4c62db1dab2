//! Random rulesets in nft's syntax: tables of all IP families, base chains at all hooks, user chains, sets and maps.

use std::fmt::Write;

use crate::packets::{PORTS, SOURCES4, SOURCES6, TARGETS4, TARGETS6};
use crate::rng::Rng;

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

/// A set that rules can use.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    /// The expression that gives its keys.
    key: Vec<Key>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Verdicts,
    Marks,
    /// Rules may add to it.
    Dynamic,
}

/// A type of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Ip4,
    Ip6,
    Port,
    Protocol,
    Ifname,
    Mark,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Ip4 => "ipv4_addr",
            Self::Ip6 => "ipv6_addr",
            Self::Port => "inet_service",
            Self::Protocol => "inet_proto",
            Self::Ifname => "ifname",
            Self::Mark => "mark",
        }
    }

    /// nft 1.0.6 does not take wildcards in concatenations.
    fn has_ranges(self) -> bool {
        !matches!(self, Self::Ifname)
    }
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

    /// The named sets of a kind that the present rule may use.
    fn named(&mut self, of: &[Kind]) -> Option<Named> {
        let all: Vec<Named> = self.names.iter().filter(|n| of.contains(&n.kind) && self.may(&n.key)).cloned().collect();
        (!all.is_empty()).then(|| all[self.r.below(all.len())].clone())
    }

    // ---- sets

    fn key(&mut self) -> Key {
        loop {
            let k = self.r.pick(&[
                Key::Ip4,
                Key::Ip4,
                Key::Ip6,
                Key::Port,
                Key::Port,
                Key::Protocol,
                Key::Ifname,
                Key::Mark,
            ]);
            if (k != Key::Ip4 || self.is4()) && (k != Key::Ip6 || self.is6()) && self.may(&[k]) {
                return k;
            }
        }
    }

    fn keys(&mut self) -> Vec<Key> {
        let mut keys = vec![self.key()];
        while keys.len() < 4 && self.r.chance(35) {
            let k = self.key();
            // One packet is not both.
            let two = |a, b| (k == a && keys.contains(&b)) || (k == b && keys.contains(&a));
            let clash = two(Key::Ip4, Key::Ip6) || two(Key::Port, Key::Protocol);
            if !clash {
                keys.push(k);
            }
        }
        keys
    }

    fn named_set(&mut self, i: usize, user: usize) {
        let name = format!("s{i}");
        let key = self.keys();
        let kind = match self.r.below(10) {
            0..=4 => Kind::Set,
            5 | 6 => Kind::Verdicts,
            7 | 8 => Kind::Marks,
            _ => Kind::Dynamic,
        };
        let ranges = key.iter().any(|k| k.has_ranges()) && kind != Kind::Dynamic && self.r.chance(60);
        let types = key.iter().map(|k| k.name()).collect::<Vec<_>>().join(" . ");
        let count = self.r.below(9);
        let body = self.elements(&key, ranges, kind, count, 0, user, true);
        let mut flags = Vec::new();
        if kind == Kind::Set && self.r.chance(15) {
            flags.push("timeout");
        }
        if ranges {
            flags.push("interval");
        }
        if kind == Kind::Dynamic {
            flags.push("dynamic");
        }
        let mut s = match kind {
            Kind::Verdicts => format!("map {name} {{\n\t\ttype {types} : verdict\n"),
            Kind::Marks => format!("map {name} {{\n\t\ttype {types} : mark\n"),
            _ => format!("set {name} {{\n\t\ttype {types}\n"),
        };
        if !flags.is_empty() {
            let _ = writeln!(s, "\t\tflags {}", flags.join(","));
        }
        if kind == Kind::Dynamic {
            let _ = writeln!(s, "\t\tsize 100");
        }
        if flags.contains(&"timeout") {
            let _ = writeln!(s, "\t\ttimeout 1h");
        }
        if !body.is_empty() {
            let _ = writeln!(s, "\t\telements = {{ {body} }}");
        }
        s.push_str("\t}");
        self.sets.push(s);
        self.names.push(Named { name, key, kind });
    }

    /// Elements that do not overlap: nft would merge or refuse them.
    #[allow(clippy::too_many_arguments, reason = "each says another thing about the elements")]
    fn elements(
        &mut self,
        key: &[Key],
        ranges: bool,
        kind: Kind,
        count: usize,
        from: usize,
        user: usize,
        named: bool,
    ) -> String {
        let mut taken: Vec<Vec<(u128, u128)>> = Vec::new();
        let mut out = Vec::new();
        for _ in 0..count {
            let fields: Vec<(String, (u128, u128))> = key.iter().map(|k| self.value(*k, ranges)).collect();
            let spans: Vec<(u128, u128)> = fields.iter().map(|f| f.1).collect();
            let overlaps = taken.iter().any(|t| {
                t.iter().zip(&spans).all(|(a, b)| a.0 <= b.1.saturating_add(1) && b.0 <= a.1.saturating_add(1))
            });
            if overlaps {
                continue;
            }
            taken.push(spans);
            let text = fields.into_iter().map(|f| f.0).collect::<Vec<_>>().join(" . ");
            out.push(self.with_data(text, kind, from, user));
        }
        if !out.is_empty() && (!named || kind != Kind::Dynamic) && self.r.chance(8) {
            out.push(self.with_data("*".into(), kind, from, user));
        }
        out.join(", ")
    }

    fn with_data(&mut self, key: String, kind: Kind, from: usize, user: usize) -> String {
        match kind {
            Kind::Verdicts => format!("{key} : {}", self.verdict(from, user)),
            Kind::Marks => format!("{key} : {}", self.r.below(8)),
            _ => key,
        }
    }

    /// A value or range of a type, and what it spans.
    fn value(&mut self, key: Key, ranges: bool) -> (String, (u128, u128)) {
        match key {
            Key::Ip4 => {
                let list = self.r.pick(&[SOURCES4, TARGETS4]);
                let a: std::net::Ipv4Addr = self.r.pick(list).parse().unwrap();
                let n = u32::from(a);
                if ranges && self.r.chance(60) {
                    if self.r.chance(50) {
                        let bits = self.r.pick(&[8u32, 16, 20, 24, 25, 30]);
                        let first = n & (u32::MAX << (32 - bits));
                        let last = first | !(u32::MAX << (32 - bits));
                        let text = format!("{}/{bits}", std::net::Ipv4Addr::from(first));
                        return (text, (first.into(), last.into()));
                    }
                    let first = n.saturating_sub(self.r.below(9) as u32);
                    let last = n + 1 + self.r.below(300) as u32;
                    let text = format!("{}-{}", std::net::Ipv4Addr::from(first), std::net::Ipv4Addr::from(last));
                    return (text, (first.into(), last.into()));
                }
                (a.to_string(), (n.into(), n.into()))
            }
            Key::Ip6 => {
                let list = self.r.pick(&[SOURCES6, TARGETS6]);
                let a: std::net::Ipv6Addr = self.r.pick(list).parse().unwrap();
                let n = u128::from(a);
                if ranges && self.r.chance(60) {
                    let bits = self.r.pick(&[7u32, 32, 48, 64, 96, 127]);
                    let first = n & (u128::MAX << (128 - bits));
                    let last = first | !(u128::MAX << (128 - bits));
                    return (format!("{}/{bits}", std::net::Ipv6Addr::from(first)), (first, last));
                }
                (a.to_string(), (n, n))
            }
            Key::Port => {
                let n = u128::from(self.r.pick(PORTS));
                if ranges && self.r.chance(60) {
                    let last = (n + 1 + self.r.below(3000) as u128).min(65535);
                    let first = n.saturating_sub(self.r.below(20) as u128).min(last - 1);
                    return (format!("{first}-{last}"), (first, last));
                }
                (n.to_string(), (n, n))
            }
            Key::Protocol => {
                let n = self.r.pick(&[1u128, 6, 6, 17, 17, 58, 132, 47]);
                (n.to_string(), (n, n))
            }
            Key::Ifname => {
                if ranges && self.r.chance(30) {
                    return (self.r.pick(&["\"v*\"", "\"e*\""]).into(), (0, 99));
                }
                let names = ["v1", "v2", "lo", "eth0"];
                let i = self.r.below(names.len());
                (format!("\"{}\"", names[i]), (i as u128 * 2, i as u128 * 2))
            }
            Key::Mark => {
                let n = self.r.below(8) as u128;
                (format!("{n:#x}"), (n, n))
            }
        }
    }

    /// An expression that gives a key.
    fn source(&mut self, key: Key) -> String {
        match key {
            Key::Ip4 => {
                self.network = 4;
                self.r.pick(&["ip saddr", "ip daddr"]).into()
            }
            Key::Ip6 => {
                self.network = 6;
                self.r.pick(&["ip6 saddr", "ip6 daddr"]).into()
            }
            Key::Port => {
                let th = self.now(&["tcp", "udp", "tcp", "th", "sctp"]).unwrap_or("th");
                format!("{th} {}", self.r.pick(&["dport", "sport"]))
            }
            Key::Protocol => {
                self.transport = "some";
                "meta l4proto".into()
            }
            Key::Ifname => self.r.pick(&["iifname", "oifname"]).into(),
            Key::Mark => "meta mark".into(),
        }
    }

    fn sources(&mut self, key: &[Key]) -> String {
        key.iter().map(|k| self.source(*k)).collect::<Vec<_>>().join(" . ")
    }

    // ---- rules

    fn verdict(&mut self, from: usize, user: usize) -> String {
        let jumps = user > from;
        match self.r.below(if jumps { 12 } else { 7 }) {
            0 | 1 => "accept".into(),
            2 | 3 => "drop".into(),
            4 => "continue".into(),
            5 | 6 => "return".into(),
            7 => format!("goto user{}", self.r.range(from as u64 + 1, user as u64)),
            _ => format!("jump user{}", self.r.range(from as u64 + 1, user as u64)),
        }
    }

    fn rule(&mut self, from: usize, user: usize) -> String {
        (self.network, self.transport) = (0, "");
        let mut parts: Vec<String> = (0..self.r.below(4)).map(|_| self.condition(from, user)).collect();
        parts.retain(|p| !p.is_empty());
        for _ in 0..self.r.below(3) {
            let s = self.statement();
            parts.push(s);
        }
        if self.r.chance(65) {
            let v = self.last(from, user);
            parts.push(v);
        } else {
            parts.push("counter".into());
        }
        parts.join(" ")
    }

    fn last(&mut self, from: usize, user: usize) -> String {
        match self.r.below(12) {
            0 => self.vmap(from, user),
            1 => {
                match self.named(&[Kind::Verdicts]) {
                    // A map whose jumps lead back up would be a loop.
                    Some(map) if from == 0 => format!("{} vmap @{}", self.sources(&map.key), map.name),
                    _ => self.verdict(from, user),
                }
            }
            // The kernel refuses it where postrouting may lead.
            2 if matches!(self.hook, "" | "postrouting" | "ingress") => self.verdict(from, user),
            2 if self.family == "inet" && self.network == 0 => {
                self.r.pick(&["reject with icmpx admin-prohibited", "reject with icmpx port-unreachable"]).into()
            }
            2 if self.family == "ip" => "reject with icmp host-prohibited".into(),
            _ => self.verdict(from, user),
        }
    }

    /// A rule of a nat chain.
    fn translation(&mut self, user: usize) -> String {
        (self.network, self.transport) = (0, "");
        let mut parts: Vec<String> = (0..self.r.below(3)).map(|_| self.condition(0, user)).collect();
        parts.retain(|p| !p.is_empty());
        let source = matches!(self.hook, "postrouting" | "input");
        let six = self.network == 6 || (self.network == 0 && (!self.is4() || (self.is6() && self.r.chance(50))));
        let port = self.r.chance(40) && self.now(&["tcp", "udp"]).is_some();
        if port {
            parts.push(format!("meta l4proto {}", self.transport));
        }
        let flags = self.r.pick(&["", "", "", "", " persistent", " random"]);
        let ports = if port { format!(":{}", self.r.pick(&["8080", "53", "2000-2010"])) } else { String::new() };
        let (kind, ip) = match (source, self.family) {
            (true, "inet") => ("snat", if six { " ip6" } else { " ip" }),
            (true, _) => ("snat", ""),
            (false, "inet") => ("dnat", if six { " ip6" } else { " ip" }),
            (false, _) => ("dnat", ""),
        };
        // What is translated on the way out must not come back to this host.
        let targets: &[&str] = match (source, six, self.hook) {
            (true, false, _) => &["10.9.0.2", "10.9.1.2", "192.0.2.99", "10.9.1.50-10.9.1.60"],
            (true, true, _) => &["2001:db8:9::2", "2001:db8:77::1", "2001:db8:10::50-2001:db8:10::60"],
            (_, false, "output") => &["10.9.1.1", "10.9.0.1", "10.9.1.9-10.9.1.11"],
            (_, true, "output") => &["2001:db8:10::1", "2001:db8:9::1"],
            (_, false, _) => &["10.9.1.1", "10.9.0.2", "10.9.0.7", "10.9.1.9-10.9.1.11", "10.9.1.2"],
            (_, true, _) => &["2001:db8:10::1", "2001:db8:9::2", "2001:db8:9::7", "2001:db8:10::9-2001:db8:10::13"],
        };
        let target = self.r.pick(targets);
        parts.push(match self.r.below(6) {
            0 if self.hook == "postrouting" => format!("masquerade{flags}").replace(" persistent", ""),
            0 if self.hook == "prerouting" && port => "redirect to :8080".into(),
            0 if self.hook == "prerouting" => "redirect".into(),
            1 if !six && !port => {
                self.network = 4;
                let (a, b) = if source { ("10.9.1.2", "192.0.2.99") } else { ("10.9.1.1", "10.9.1.9") };
                format!("{kind}{ip} to ip saddr map {{ 10.9.0.0/25 : {a}, 10.9.0.128-203.0.113.255 : {b} }}")
            }
            2 if port && !six => {
                let (a, b) = if source { ("10.9.1.2", "192.0.2.99") } else { ("10.9.1.1", "10.9.1.9") };
                format!("{kind}{ip} to th dport map {{ 22 : {a}, 80 : {b}, 1024-65535 : {a} }}")
            }
            3 => self.verdict(0, 0).replace("drop", "accept"),
            _ if six && port => match target.split_once('-') {
                Some((a, b)) => format!("{kind}{ip} to [{a}]-[{b}]{ports}{flags}"),
                None => format!("{kind}{ip} to [{target}]{ports}{flags}"),
            },
            _ => format!("{kind}{ip} to {target}{ports}{flags}"),
        });
        parts.join(" ")
    }

    fn vmap(&mut self, from: usize, user: usize) -> String {
        if self.r.chance(15) {
            let (a, b) = (self.verdict(from, user), self.verdict(from, user));
            let seed = self.r.below(1 << 30);
            return format!("jhash {} mod 2 seed {seed:#x} vmap {{ 0 : {a}, 1 : {b} }}", self.addresses());
        }
        if self.r.chance(10) {
            let (a, b) = (self.verdict(from, user), self.verdict(from, user));
            return format!("numgen inc mod 2 vmap {{ 0 : {a}, 1 : {b} }}");
        }
        let key = self.keys();
        let ranges = key.iter().all(|k| k.has_ranges()) && self.r.chance(50);
        let count = self.r.range(1, 6) as usize;
        let elements = self.elements(&key, ranges, Kind::Verdicts, count, from, user, false);
        format!("{} vmap {{ {elements} }}", self.sources(&key))
    }

    fn addresses(&mut self) -> String {
        let keys: &[Key] = self.r.pick(&[&[Key::Ip4][..], &[Key::Ip4, Key::Ip4], &[Key::Ip4, Key::Port], &[Key::Port]]);
        let keys: Vec<Key> =
            if self.network == 6 || !self.is4() || (self.is6() && self.network == 0 && self.r.chance(50)) {
                keys.iter().map(|k| if *k == Key::Ip4 { Key::Ip6 } else { *k }).collect()
            } else {
                keys.to_vec()
            };
        if self.may(&keys) { self.sources(&keys) } else { "meta mark".into() }
    }

    fn not(&mut self) -> &'static str {
        self.r.pick(&["", "", "", "!= "])
    }

    fn op(&mut self) -> &'static str {
        self.r.pick(&["", "", "!= ", "< ", "> ", "<= ", ">= "])
    }

    fn condition(&mut self, _: usize, _: usize) -> String {
        let (not, hook) = (self.not(), self.hook);
        match self.r.below(31) {
            0 | 1 if self.now4() => {
                let ranges = true;
                let (v, _) = self.value(Key::Ip4, ranges);
                format!("ip {} {not}{v}", self.r.pick(&["saddr", "daddr"]))
            }
            2 | 3 if self.now6() => {
                let (v, _) = self.value(Key::Ip6, true);
                format!("ip6 {} {not}{v}", self.r.pick(&["saddr", "daddr"]))
            }
            4 | 5 => {
                let (v, _) = self.value(Key::Port, true);
                let Some(proto) = self.now(&["tcp", "udp", "th", "sctp"]) else { return String::new() };
                let proto = if proto == "th" && self.r.chance(50) { "meta l4proto { tcp, udp } th" } else { proto };
                format!("{proto} {} {not}{v}", self.r.pick(&["dport", "sport"]))
            }
            6 | 7 => {
                // A set that was named.
                match self.named(&[Kind::Set, Kind::Dynamic]) {
                    Some(set) => format!("{} {not}@{}", self.sources(&set.key), set.name),
                    None => String::new(),
                }
            }
            8 | 9 => {
                let key = self.keys();
                let ranges = key.iter().all(|k| k.has_ranges()) && self.r.chance(50);
                let count = self.r.range(1, 7) as usize;
                let elements = self.elements(&key, ranges, Kind::Set, count, 0, 0, false);
                format!("{} {not}{{ {elements} }}", self.sources(&key))
            }
            10 if self.transport.is_empty() && not.is_empty() && self.r.chance(60) => format!(
                "meta l4proto != {}",
                self.r.pick(&["tcp", "udp", "icmp", "ipv6-icmp", "{ tcp, udp }", "sctp", "51", "59"])
            ),
            10 => match self.now(&["tcp", "udp", "sctp", "icmp"]) {
                Some(p) => format!("meta l4proto {p}"),
                None => String::new(),
            },
            11 => {
                let op = self.op();
                format!("meta mark {op}{:#x}", self.r.below(8))
            }
            12 => format!("meta mark & 0x{:x} == 0x{:x}", self.r.range(1, 15), self.r.below(4)),
            13 if self.now(&["tcp"]).is_some() => match self.r.below(4) {
                0 => format!(
                    "tcp flags {}",
                    self.r.pick(&[
                        "syn",
                        "& (syn | ack) == syn",
                        "& (fin | syn | rst | ack) == syn",
                        "!= syn",
                        "& rst != 0",
                        "syn,ack"
                    ])
                ),
                1 => format!(
                    "tcp flags & (fin | syn | rst | psh | ack | urg) {}",
                    self.r.pick(&["== 0x0", "!= syn", "< ack"])
                ),
                2 => format!("tcp window {}{}", self.op(), self.r.pick(&["0", "1024", "60000"])),
                _ => format!("tcp doff {}{}", self.op(), self.r.pick(&["5", "6", "8"])),
            },
            14 => match hook {
                "prerouting" | "input" => {
                    format!("iifname {not}{}", self.r.pick(&["\"v1\"", "\"v*\"", "\"v2\"", "{ \"v1\", \"lo\" }"]))
                }
                "output" | "postrouting" => format!("oifname {not}{}", self.r.pick(&["\"v1\"", "\"v2\"", "\"v*\""])),
                "forward" => format!("iifname {not}\"v1\" oifname {}", self.r.pick(&["\"v2\"", "\"v1\""])),
                _ => format!(
                    "{} {not}{}",
                    self.r.pick(&["iifname", "oifname"]),
                    self.r.pick(&["\"v1\"", "\"\\*\"", "\"v2\""])
                ),
            },
            15 if self.now4() => match self.r.below(7) {
                0 => format!("ip ttl {}{}", self.op(), self.r.pick(&["60", "61", "64"])),
                1 => format!("ip dscp {not}{}", self.r.pick(&["cs0", "cs1", "af11", "ef", "{ cs0, ef }"])),
                2 => format!("ip length {}{}", self.op(), self.r.pick(&["28", "40", "60", "129"])),
                3 if self.transport.is_empty() => format!("ip protocol != {}", self.r.pick(&["tcp", "udp", "icmp"])),
                4 => format!("ip frag-off {}", self.r.pick(&["& 0x1fff != 0", "& 0x2000 != 0", "0"])),
                5 => format!("ip hdrlength {}{}", self.op(), self.r.pick(&["5", "6"])),
                _ => format!("ip option ra {}", self.r.pick(&["exists", "missing", "value 0"])),
            },
            16 if self.now6() => match self.r.below(7) {
                0 => format!("ip6 hoplimit {}{}", self.op(), self.r.pick(&["60", "61", "64"])),
                1 => format!("ip6 dscp {not}{}", self.r.pick(&["cs0", "cs1", "af23", "ef"])),
                2 => format!("ip6 length {}{}", self.op(), self.r.pick(&["8", "20", "60"])),
                3 if self.transport.is_empty() => {
                    format!("ip6 nexthdr != {}", self.r.pick(&["tcp", "udp", "ipv6-frag", "hopopt", "ah"]))
                }
                4 => format!(
                    "exthdr {} {}",
                    self.r.pick(&["hbh", "frag", "rt", "dst", "mh"]),
                    self.r.pick(&["exists", "missing"])
                ),
                5 => format!(
                    "frag {}",
                    self.r.pick(&["frag-off 0", "more-fragments 1", "nexthdr udp", "frag-off > 1", "id < 150"])
                ),
                _ => self
                    .r
                    .pick(&["rt type 4", "hbh nexthdr tcp", "dst hdrlength 1", "rt seg-left 0", "dst nexthdr != udp"])
                    .into(),
            },
            17 => match self.r.below(5) {
                0 if self.now(&["icmp"]).is_some() && self.now4() => format!(
                    "icmp type {not}{}",
                    self.r.pick(&["echo-request", "echo-reply", "{ echo-request, destination-unreachable }"])
                ),
                1 if self.now(&["icmpv6"]).is_some() && self.now6() => format!(
                    "icmpv6 type {not}{}",
                    self.r.pick(&["echo-request", "destination-unreachable", "{ echo-reply, 144 }"])
                ),
                2 if self.now(&["udp"]).is_some() => {
                    format!("udp length {}{}", self.op(), self.r.pick(&["8", "12", "28"]))
                }
                3 if self.now(&["icmp"]).is_some() && self.now4() => {
                    format!("icmp code {}{}", self.op(), self.r.below(4))
                }
                _ if self.now(&["udp"]).is_some() => format!("udp checksum {not}0"),
                _ => String::new(),
            },
            18 if self.now(&["tcp"]).is_some() => format!(
                "tcp option {}",
                self.r.pick(&[
                    "maxseg exists",
                    "maxseg missing",
                    "maxseg size > 1000",
                    "maxseg size 536",
                    "sack-perm exists",
                    "window count 7",
                    "timestamp exists",
                    "timestamp tsval < 5",
                    "timestamp missing"
                ])
            ),
            19 => format!("meta length {}{}", self.op(), self.r.pick(&["28", "40", "64", "100"])),
            20 if self.family == "inet" && self.network == 0 && self.r.chance(0) => {
                format!("meta nfproto {}", self.r.pick(&["ipv4", "ipv6"]))
            }
            21 => match hook {
                "ingress" | "prerouting" | "input" => {
                    format!("meta pkttype {not}{}", self.r.pick(&["host", "broadcast", "other"]))
                }
                "output" => format!("meta skuid {}{}", self.op(), self.r.pick(&["0", "1000"])),
                _ if self.now4() => format!("meta protocol {not}ip"),
                _ => String::new(),
            },
            22 => match self.r.below(4) {
                0 => format!(
                    "@th,{},{} {}{}",
                    self.r.pick(&[0, 8, 16, 24, 32]),
                    self.r.pick(&[8, 16, 24, 32]),
                    not,
                    self.r.below(200)
                ),
                1 => format!(
                    "@nh,{},{} {}{}",
                    self.r.pick(&[0, 16, 64, 96]),
                    self.r.pick(&[8, 16, 32]),
                    self.op(),
                    self.r.below(70000) % 200
                ),
                2 => format!(
                    "@ih,{},{} {}{}",
                    self.r.pick(&[0, 8]),
                    self.r.pick(&[8, 16]),
                    not,
                    self.r.pick(&[0x61, 0x62, 0])
                ),
                _ => format!("@nh,{},128 {}0x20010db8000900000000000000000001", self.r.pick(&[64, 192]), not),
            },
            23 if matches!(self.hook, "ingress" | "prerouting" | "input") => match self.r.below(3) {
                0 => format!("ether saddr {not}02:00:00:00:00:01"),
                1 if self.now4() => format!("ether type {not}ip"),
                _ => format!("iiftype {not}ether"),
            },
            24 if self.now(&["sctp"]).is_some() => format!(
                "sctp {}",
                self.r.pick(&[
                    "chunk data exists",
                    "chunk init exists",
                    "chunk data missing",
                    "chunk data tsn 1",
                    "chunk init num-outbound-streams > 4",
                    "chunk cookie-ack exists",
                    "vtag 5",
                    "chunk data stream 2"
                ])
            ),
            25 | 30 if self.tracks => match self.r.below(8) {
                4 => format!("ct mark {}{:#x}", self.op(), self.r.below(4)),
                5 if self.transport.is_empty() => format!("ct protocol != {}", self.r.pick(&["tcp", "udp"])),
                6 if self.now4() => format!(
                    "ct {} ip {} {not}{}",
                    self.r.pick(&["original", "reply"]),
                    self.r.pick(&["saddr", "daddr"]),
                    self.r.pick(&["10.9.0.2", "10.9.0.0/24", "10.9.1.1"])
                ),
                7 if self.now(&["tcp"]).is_some() => {
                    format!("meta l4proto tcp ct original proto-dst {not}{}", self.r.pick(&["22", "80-8080", "53"]))
                }
                0 => format!(
                    "ct state {not}{}",
                    self.r.pick(&["new", "invalid", "established,related", "new,untracked", "{ new, invalid }"])
                ),
                1 => format!("ct direction {}", self.r.pick(&["original", "reply"])),
                2 => format!("ct status {}", self.r.pick(&["confirmed", "seen-reply", "expected"])),
                _ => "ct state vmap { new : continue, invalid : drop }".into(),
            },
            26 => {
                // A map of marks as condition.
                match self.named(&[Kind::Marks]) {
                    Some(map) => format!("{} @{}", self.sources(&map.key), map.name),
                    None => String::new(),
                }
            }
            28 if self.hook == "prerouting" || self.hook == "input" => match self.r.below(4) {
                0 if self.now4() => format!(
                    "fib daddr type {not}{}",
                    self.r.pick(&["local", "unicast", "broadcast", "{ local, multicast }"])
                ),
                0 | 1 => format!("fib saddr . iif oif {}", self.r.pick(&["missing", "exists", "!= 0"])),
                2 => format!("fib saddr oif {}", self.r.pick(&["missing", "exists", "\"v1\"", "!= \"v2\""])),
                _ => format!("fib daddr oifname {not}{}", self.r.pick(&["\"v1\"", "\"v2\""])),
            },
            29 => match self.r.below(5) {
                0 if self.now4() => format!("ip saddr & 255.255.0.255 {}", self.r.pick(&["10.9.0.7", "!= 10.9.0.1"])),
                1 if self.now6() => {
                    format!("ip6 daddr & ffff:ffff:ffff::ff {}", self.r.pick(&["2001:db8:9::2", "!= 2001:db8:10::9"]))
                }
                2 if self.now(&["tcp"]).is_some() => format!(
                    "tcp dport & 0x{:x} {}",
                    self.r.pick(&[0xff, 0xfff0, 1]),
                    self.r.pick(&["0x50", "!= 0", "> 0x16"])
                ),
                3 => format!("meta mark {}{{ 1-3, 7 }}", self.r.pick(&["", "!= "])),
                _ if self.transport.is_empty() => {
                    self.transport = "some";
                    format!("meta l4proto {}{{ 6-20, 58 }}", self.r.pick(&["", "!= "]))
                }
                _ => String::new(),
            },
            27 if self.r.chance(30) => format!("limit rate {}1000000/second", self.r.pick(&["", "over "])),
            _ => String::new(),
        }
    }

    fn statement(&mut self) -> String {
        let kind = self.r.below(14);
        match kind {
            // What makes two connections of one, or a connection of none, is left to other rulesets.
            10..=12 if self.translates => "counter".into(),
            0 if self.r.chance(40) && self.family != "netdev" => "log prefix \"x\" group 3".into(),
            1 if self.r.chance(30) => "counter name \"c\"".into(),
            2 if self.r.chance(10) => "quota name \"q\"".into(),
            0..=3 => "counter".into(),
            4 => format!("meta mark set {:#x}", self.r.below(16)),
            5 if self.r.chance(30) => {
                format!("meta mark set meta mark {} {}", self.r.pick(&["<<", ">>"]), self.r.range(1, 4))
            }
            5 => format!("meta mark set meta mark {} {:#x}", self.r.pick(&["|", "&", "^"]), self.r.below(16)),
            6 => match self.named(&[Kind::Marks]) {
                Some(map) => format!("meta mark set {} map @{}", self.sources(&map.key), map.name),
                None => "counter".into(),
            },
            7 => match self.named(&[Kind::Dynamic]) {
                Some(set) => format!(
                    "{} @{} {{ {} }}",
                    self.r.pick(&["add", "update", "delete"]),
                    set.name,
                    self.sources(&set.key)
                ),
                None => "counter".into(),
            },
            8 if self.now4() => format!("ip dscp set {}", self.r.pick(&["cs0", "cs1", "af11"])),
            9 if self.now6() => format!("ip6 dscp set {}", self.r.pick(&["cs0", "ef"])),
            10 | 11 => match self.now(&["tcp", "udp"]) {
                Some("tcp") if self.r.chance(50) => format!("tcp dport set {}", self.r.pick(PORTS)),
                Some("tcp") => format!("tcp option maxseg size set {}", self.r.pick(&[1000, 1460])),
                Some(_) => self.r.pick(&["udp sport set 53", "udp checksum set 0"]).into(),
                None => "counter".into(),
            },
            12 if self.now4() => format!("ip {} set {}", self.r.pick(&["saddr", "ttl"]), "61")
                .replace("saddr set 61", "saddr set 10.9.0.77"),
            13 if self.tracks && self.r.chance(50) => self
                .r
                .pick(&[
                    "ct mark set 0x1",
                    "ct mark set meta mark",
                    "meta mark set ct mark",
                    "ct mark set ct mark | 0x2",
                ])
                .into(),
            13 if self.tracks && self.hook == "prerouting" && self.r.chance(30) => "notrack".into(),
            _ => "counter".into(),
        }
    }
}
