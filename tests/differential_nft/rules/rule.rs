//! Rules, and what they do.

use super::*;

impl Generator<'_> {
    pub(super) fn verdict(&mut self, from: usize, user: usize) -> String {
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

    pub(super) fn rule(&mut self, from: usize, user: usize) -> String {
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

    pub(super) fn last(&mut self, from: usize, user: usize) -> String {
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
    pub(super) fn translation(&mut self, user: usize) -> String {
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

    pub(super) fn vmap(&mut self, from: usize, user: usize) -> String {
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

    pub(super) fn addresses(&mut self) -> String {
        let keys: &[Key] = self.r.pick(&[&[Key::Ip4][..], &[Key::Ip4, Key::Ip4], &[Key::Ip4, Key::Port], &[Key::Port]]);
        let keys: Vec<Key> =
            if self.network == 6 || !self.is4() || (self.is6() && self.network == 0 && self.r.chance(50)) {
                keys.iter().map(|k| if *k == Key::Ip4 { Key::Ip6 } else { *k }).collect()
            } else {
                keys.to_vec()
            };
        if self.may(&keys) { self.sources(&keys) } else { "meta mark".into() }
    }

    pub(super) fn not(&mut self) -> &'static str {
        self.r.pick(&["", "", "", "!= "])
    }

    pub(super) fn op(&mut self) -> &'static str {
        self.r.pick(&["", "", "!= ", "< ", "> ", "<= ", ">= "])
    }

    pub(super) fn statement(&mut self) -> String {
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
