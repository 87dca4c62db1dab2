//! Random bridges and rules.

use std::fmt;

use crate::rng::Rng;

/// Something that is set up; all but what makes the bridge can be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Words for `ip`.
    Ip(String),
    /// Words for `bridge`.
    Bridge(String),
    /// A setting and its value.
    Sysctl(&'static str, &'static str),
    /// A chain of nf_tables, and one of its rules: the index of [`CHAINS`].
    Rule(usize, String),
    /// A chain that drops what no rule takes.
    Drops(usize),
    /// A rule of the legacy ARP table.
    Arp(String),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(words) => write!(f, "ip {words}"),
            Self::Bridge(words) => write!(f, "bridge {words}"),
            Self::Sysctl(key, value) => write!(f, "{key} = {value}"),
            Self::Rule(n, rule) => write!(f, "{} {} {}: {rule}", CHAINS[*n].0, CHAINS[*n].1, CHAINS[*n].2),
            Self::Drops(n) => write!(f, "{} {} {}: policy drop", CHAINS[*n].0, CHAINS[*n].1, CHAINS[*n].2),
            Self::Arp(rule) => write!(f, "arptables-legacy {rule}"),
        }
    }
}

/// Family, chain, where it hangs.
pub const CHAINS: [(&str, &str, &str); 22] = [
    ("bridge", "bpre", "filter hook prerouting priority -300"),
    ("bridge", "bpre2", "filter hook prerouting priority 10"),
    ("bridge", "bin", "filter hook input priority -200"),
    ("bridge", "bfwd", "filter hook forward priority -200"),
    ("bridge", "bfwd2", "filter hook forward priority 50"),
    ("bridge", "bout", "filter hook output priority -200"),
    ("bridge", "bpost", "filter hook postrouting priority 300"),
    ("netdev", "p1in", "filter hook ingress device \"p1\" priority 0"),
    ("netdev", "p2in", "filter hook ingress device \"p2\" priority 5"),
    ("netdev", "brin", "filter hook ingress device \"br0\" priority 0"),
    ("netdev", "v4in", "filter hook ingress device \"v4\" priority 0"),
    ("netdev", "p2out", "filter hook egress device \"p2\" priority 0"),
    ("netdev", "p3out", "filter hook egress device \"p3\" priority 0"),
    ("netdev", "brout", "filter hook egress device \"br0\" priority 0"),
    ("inet", "ipre", "filter hook prerouting priority 3"),
    ("inet", "iin", "filter hook input priority 3"),
    ("inet", "ifwd", "filter hook forward priority 3"),
    ("inet", "iout", "filter hook output priority 3"),
    ("inet", "ipost", "filter hook postrouting priority 3"),
    ("inet", "iing", "filter hook ingress device \"p1\" priority 7"),
    ("arp", "ain", "filter hook input priority 5"),
    ("arp", "aout", "filter hook output priority 5"),
];

const LINK: [&str; 24] = [
    "ether saddr 02:11:00:00:00:01",
    "ether daddr 02:11:00:00:00:02",
    "ether daddr 02:00:00:00:00:10",
    "ether daddr ff:ff:ff:ff:ff:ff",
    "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00",
    "ether saddr != 02:11:00:00:00:01",
    "ether type ip",
    "ether type arp",
    "ether type ip6",
    "ether type 0x88b5",
    "ether type vlan",
    "vlan id 5",
    "vlan type ip",
    "ip saddr 10.8.0.7",
    "ip daddr 10.8.0.1",
    "ip daddr 10.8.0.8 udp dport 53",
    "ip protocol icmp",
    "ip6 daddr 2001:db8:8::1",
    "udp dport 8080",
    "tcp dport 80",
    "arp operation request",
    "arp saddr ip 10.8.0.7",
    "arp daddr ip 10.8.0.1",
    "meta l4proto udp",
];
const META: [&str; 14] = [
    "meta pkttype host",
    "meta pkttype other",
    "meta pkttype broadcast",
    "meta pkttype multicast",
    "meta protocol ip",
    "meta protocol arp",
    "meta protocol vlan",
    "meta mark 1",
    "iifname \"p1\"",
    "iifname \"br0\"",
    "iiftype ether",
    "meta length > 60",
    "meta vlan",
    "meta priority 0",
];
const OUT: [&str; 4] = ["oifname \"p2\"", "oifname \"p3\"", "oifname \"br0\"", "meta mark 0"];
const NAMES: [&str; 3] = ["meta ibrname \"br0\"", "meta obrname \"br0\"", "meta ibrname \"br9\""];
const THEN: [&str; 12] = [
    "counter",
    "counter",
    "counter",
    "counter",
    "drop",
    "drop",
    "accept",
    "meta mark set 1",
    "return",
    "continue",
    "counter",
    "meta pkttype set host",
];

fn rule(r: &mut Rng, family: &str, place: &str) -> String {
    let what = loop {
        let what = match r.below(10) {
            0..=5 => r.pick(&LINK),
            6..=7 => r.pick(&META),
            8 => r.pick(&OUT),
            _ => r.pick(&NAMES),
        };
        let bridge = family == "bridge";
        let fits = match family {
            "bridge" => true,
            "netdev" => !what.contains("brname"),
            "inet" => !what.contains("brname") && !what.contains("arp") && !what.contains("vlan"),
            _ => {
                what.starts_with("arp ")
                    || what.starts_with("meta") && !what.contains("l4proto") && !what.contains("brname")
            }
        };
        let ways_out = what.contains("oifname") || what.contains("obrname");
        let out_known = ["forward", "output", "postrouting", "egress"].iter().any(|h| place.contains(h));
        let in_known = !what.contains("iif") && !what.contains("ibrname") || !place.contains("output");
        if fits
            && (!ways_out || out_known)
            && in_known
            && (bridge || !what.contains("meta vlan"))
            && what != "meta vlan"
        {
            break what;
        }
    };
    let then = loop {
        let then = r.pick(&THEN);
        if !then.contains("pkttype") || family == "bridge" && place.contains("prerouting") {
            break then;
        }
    };
    if family == "bridge" && (place.contains("prerouting") || place.contains("input")) && r.chance(4) {
        return format!("{what} ether type ip reject");
    }
    format!("{what} {then}")
}

const SETTINGS: [(&str, &[&str]); 10] = [
    ("net.bridge.bridge-nf-call-iptables", &["0", "0", "1"]),
    ("net.bridge.bridge-nf-call-ip6tables", &["0", "0", "1"]),
    ("net.bridge.bridge-nf-call-arptables", &["0", "1"]),
    ("net.bridge.bridge-nf-filter-vlan-tagged", &["0", "1"]),
    ("net.bridge.bridge-nf-pass-vlan-input-dev", &["0", "1"]),
    ("net.ipv4.ip_forward", &["0", "1", "1"]),
    ("net.ipv6.conf.all.forwarding", &["0", "1"]),
    ("net.ipv4.conf.br0.rp_filter", &["0", "1"]),
    ("net.ipv4.conf.all.arp_ignore", &["0", "1"]),
    ("net.ipv4.conf.br0.proxy_arp", &["0", "1"]),
];

const PORT: [&str; 9] = [
    "isolated on",
    "hairpin on",
    "flood off",
    "mcast_flood off",
    "bcast_flood off",
    "learning off",
    "state 0",
    "state 4",
    "state 1",
];

const ARP: [&str; 6] = [
    "-A INPUT --source-ip 10.8.0.7 -j DROP",
    "-A INPUT --opcode Request",
    "-A INPUT -i br0 --source-mac 02:11:00:00:00:01 -j ACCEPT",
    "-A INPUT --opcode Reply -j DROP",
    "-A INPUT --destination-ip 10.8.0.1",
    "-A OUTPUT --opcode Reply -j DROP",
];

/// A random one.
pub fn random(r: &mut Rng) -> Vec<Item> {
    let mut items = Vec::new();
    for (key, values) in SETTINGS {
        if r.chance(35) {
            items.push(Item::Sysctl(key, r.pick(values)));
        }
    }
    for port in ["p1", "p2", "p3"] {
        for _ in 0..2 {
            if r.chance(18) {
                items.push(Item::Bridge(format!("link set dev {port} {}", r.pick(&PORT))));
            }
        }
    }
    for (mac, ports) in
        [("02:11:00:00:00:01", ["p1", "p2"]), ("02:11:00:00:00:02", ["p2", "p3"]), ("02:11:00:00:00:03", ["p3", "p3"])]
    {
        if r.chance(45) {
            items.push(Item::Bridge(format!("fdb add {mac} dev {} master static", r.pick(&ports))));
        }
    }
    if r.chance(8) {
        items.push(Item::Bridge("fdb add 02:11:00:00:00:04 dev br0 self local".into()));
    }
    if r.chance(15) {
        items.push(Item::Ip("link set p3 down".into()));
    }
    if r.chance(15) {
        items.push(Item::Ip("link set p3 nomaster".into()));
    }
    if r.chance(10) {
        items.push(Item::Ip("link set br0 type bridge stp_state 1".into()));
    }
    if r.chance(10) {
        items.push(Item::Ip("link set br0 promisc on".into()));
    }
    if r.chance(10) {
        items.push(Item::Ip("link set br0 type bridge nf_call_iptables 1".into()));
    }
    if r.chance(10) {
        items.push(Item::Ip("link set br0 type bridge mcast_snooping 0".into()));
    }
    if r.chance(10) {
        items.push(Item::Ip("link set br0 type bridge group_fwd_mask 0x4008".into()));
    }
    if r.chance(10) {
        items.push(Item::Ip("link set p2 mtu 1300".into()));
    }
    for (n, (family, _, place)) in CHAINS.iter().enumerate() {
        let chance = if *family == "bridge" { 60 } else { 35 };
        if r.chance(chance) {
            for _ in 0..r.below(4) + 1 {
                items.push(Item::Rule(n, rule(r, family, place)));
            }
            if r.chance(6) {
                items.push(Item::Drops(n));
            }
        }
    }
    if r.chance(25) {
        for _ in 0..r.below(3) + 1 {
            items.push(Item::Arp(r.pick(&ARP).into()));
        }
    }
    items
}
