//! Sets and maps, and what they are asked for.

use super::*;

/// A set that rules can use.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    /// The expression that gives its keys.
    pub(super) key: Vec<Key>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Set,
    Verdicts,
    Marks,
    /// Rules may add to it.
    Dynamic,
}

/// A type of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Ip4,
    Ip6,
    Port,
    Protocol,
    Ifname,
    Mark,
}

impl Key {
    pub(super) fn name(self) -> &'static str {
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
    pub(super) fn has_ranges(self) -> bool {
        !matches!(self, Self::Ifname)
    }
}

impl Generator<'_> {
    /// The named sets of a kind that the present rule may use.
    pub(super) fn named(&mut self, of: &[Kind]) -> Option<Named> {
        let all: Vec<Named> = self.names.iter().filter(|n| of.contains(&n.kind) && self.may(&n.key)).cloned().collect();
        (!all.is_empty()).then(|| all[self.r.below(all.len())].clone())
    }

    // ---- sets

    pub(super) fn key(&mut self) -> Key {
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

    pub(super) fn keys(&mut self) -> Vec<Key> {
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

    pub(super) fn named_set(&mut self, i: usize, user: usize) {
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
    pub(super) fn elements(
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

    pub(super) fn with_data(&mut self, key: String, kind: Kind, from: usize, user: usize) -> String {
        match kind {
            Kind::Verdicts => format!("{key} : {}", self.verdict(from, user)),
            Kind::Marks => format!("{key} : {}", self.r.below(8)),
            _ => key,
        }
    }

    /// A value or range of a type, and what it spans.
    pub(super) fn value(&mut self, key: Key, ranges: bool) -> (String, (u128, u128)) {
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
    pub(super) fn source(&mut self, key: Key) -> String {
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

    pub(super) fn sources(&mut self, key: &[Key]) -> String {
        key.iter().map(|k| self.source(*k)).collect::<Vec<_>>().join(" . ")
    }

    // ---- rules
}
