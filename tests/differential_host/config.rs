//! A random host: addresses, routes, rules of routing, settings, and sockets.

use std::fmt;

use crate::rng::Rng;
use crate::sockets::Socket;

/// The devices of every host, each with an address of its own: 10.9.N.1/24 and 2001:db8:N::1/64.
pub const DEVICES: [&str; 3] = ["v1", "v2", "v3"];

/// Networks that routes are made to, and that packets come from and go to.
const NETS4: &[&str] = &["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.77.0.0/16", "10.9.2.2/32", "default"];
const NETS6: &[&str] =
    &["2001:db8:77::/64", "2001:db8:88::/64", "2001:db8:99::/48", "2001:db8:2::2/128", "2001:db8::/32", "default"];

/// One thing that a host has.
#[derive(Debug, Clone)]
pub enum Item {
    /// A line for ip(8).
    Ip(String),
    /// A setting, and its value.
    Sysctl(String, &'static str),
    /// A table of nftables.
    Nft(String),
    /// A socket that takes packets.
    Socket(Socket),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(line) => write!(f, "ip {line}"),
            Self::Sysctl(key, value) => write!(f, "sysctl {key}={value}"),
            Self::Nft(text) => write!(f, "nft {text:?}"),
            Self::Socket(s) => write!(f, "socket {s:?}"),
        }
    }
}

/// All that a host has beside its devices and their addresses.
pub fn random(r: &mut Rng) -> Vec<Item> {
    let mut items = Vec::new();
    settings(r, &mut items);
    addresses(r, &mut items);
    for v6 in [false, true] {
        for _ in 0..1 + r.below(6) {
            let route = route(r, v6, "main");
            items.push(Item::Ip(route));
        }
        if r.chance(60) {
            policies(r, v6, &mut items);
        }
    }
    if r.chance(30) {
        let text = format!(
            "table inet marks {{\n chain c {{\n type filter hook prerouting priority -150;\n meta l4proto udp meta mark set {}\n }}\n chain o {{\n type route hook output priority -150;\n udp dport 53 meta mark set {}\n }}\n}}\n",
            r.below(3),
            r.below(3)
        );
        items.push(Item::Nft(text));
    }
    for _ in 0..2 + r.below(6) {
        items.push(Item::Socket(Socket::random(r)));
    }
    items
}

fn settings(r: &mut Rng, items: &mut Vec<Item>) {
    let mut set = |key: String, value| items.push(Item::Sysctl(key, value));
    for who in ["all", "v1", "v2", "v3"] {
        for (key, values, percent) in [
            ("rp_filter", &["0", "1", "2"][..], 35),
            ("forwarding", &["0", "1"], 8),
            ("accept_local", &["1"], 15),
            ("route_localnet", &["1"], 12),
            ("send_redirects", &["0"], 25),
            ("accept_source_route", &["0", "1"], 15),
            ("src_valid_mark", &["1"], 10),
            ("bc_forwarding", &["1"], 8),
        ] {
            if r.chance(percent) {
                set(format!("net.ipv4.conf.{who}.{key}"), r.pick(values));
            }
        }
        for (key, values, percent) in [
            ("forwarding", &["0", "1"][..], 6),
            ("accept_source_route", &["-1", "0", "1"], 8),
            ("disable_ipv6", &["1"], 2),
        ] {
            if r.chance(percent) {
                set(format!("net.ipv6.conf.{who}.{key}"), r.pick(values));
            }
        }
    }
    for (key, value, percent) in [
        ("net.ipv4.ip_forward", "0", 8),
        ("net.ipv6.conf.all.forwarding", "0", 6),
        ("net.ipv4.icmp_echo_ignore_all", "1", 5),
        ("net.ipv4.icmp_echo_ignore_broadcasts", "0", 20),
        ("net.ipv6.icmp.echo_ignore_all", "1", 5),
        ("net.ipv6.icmp.echo_ignore_multicast", "1", 5),
        ("net.ipv4.ip_forward_use_pmtu", "1", 5),
        ("net.ipv4.fib_multipath_hash_policy", "1", 20),
        ("net.ipv4.ip_nonlocal_bind", "1", 5),
        ("net.ipv4.tcp_syncookies", "0", 5),
    ] {
        if r.chance(percent) {
            set(key.into(), value);
        }
    }
}

fn addresses(r: &mut Rng, items: &mut Vec<Item>) {
    for (line, percent) in [
        ("addr add 198.51.100.1/32 dev lo", 25),
        ("addr add 192.0.2.9/24 dev v3", 15),
        ("addr add 10.9.1.7/24 broadcast 10.9.1.99 dev v1", 15),
        ("addr add 10.9.1.8 peer 10.77.0.5 dev v1", 10),
        ("addr add fe80::1/64 dev v1 nodad", 40),
        ("addr add fe80::1/64 dev v2 nodad", 30),
        ("addr add 2001:db8:88::5/128 dev lo nodad", 20),
        ("addr add 224.0.0.9/32 dev v1 autojoin", 10),
        ("link set v2 mtu 1300", 20),
        ("link set v3 mtu 600", 8),
        ("link set v2 mtu 1400", 10),
        ("link set v3 down", 3),
    ] {
        if r.chance(percent) {
            items.push(Item::Ip(line.into()));
        }
    }
}

/// The words behind `ip`.
fn route(r: &mut Rng, v6: bool, table: &str) -> String {
    let ip = if v6 { "-6 route replace" } else { "-4 route replace" };
    let to = r.pick(if v6 { NETS6 } else { NETS4 });
    let n = 1 + r.below(3);
    let via = |n: usize| if v6 { format!("via 2001:db8:{n}::2 dev v{n}") } else { format!("via 10.9.{n}.2 dev v{n}") };
    let end = format!("table {table}");
    match r.below(20) {
        0..=7 => {
            let more = match r.below(8) {
                0 => " mtu 1000".into(),
                1 => " mtu lock 1350".into(),
                2 => " mtu lock 700".into(),
                3 => format!(" realm {}", r.below(5)),
                _ => String::new(),
            };
            let more = if v6 && more.contains("realm") { String::new() } else { more };
            format!("{ip} {to} {}{more} {end}", via(n))
        }
        8 if r.chance(25) => format!("{ip} {to} dev lo {end}"),
        8 => format!("{ip} {to} dev v{n} {end}"),
        9 => format!("{ip} blackhole {to} {end}"),
        10 => format!("{ip} unreachable {to} {end}"),
        11 => format!("{ip} prohibit {to} {end}"),
        12 => format!("{ip} throw {to} {end}"),
        13 | 14 => {
            let hop = |n| via(n).replace("via", "nexthop via");
            format!("{ip} {to} {end} {} {} weight {}", hop(n), hop(n % 3 + 1), 1 + r.below(3))
        }
        15 if to != "default" => format!("{ip} local {to} dev lo table local"),
        16 if !v6 && to != "default" => format!("{ip} broadcast {to} dev v{n} table local"),
        17 if !v6 => {
            let tos = r.pick(&["0x10", "0x04"]);
            format!("-4 route replace {to} tos {tos} {} {end}", via(n))
        }
        18 => format!("{ip} {to} {} onlink {end}", via(n % 3 + 1).replace("::2", "::77").replace(".2 ", ".77 ")),
        _ => format!("{ip} {to} {} metric {} {end}", via(n), 1 + r.below(200)),
    }
}

/// Rules of routing, and what stands in the tables that they name.
fn policies(r: &mut Rng, v6: bool, items: &mut Vec<Item>) {
    let ip = if v6 { "-6" } else { "-4" };
    for _ in 0..1 + r.below(3) {
        let priority = 100 + r.below(50);
        let own = if v6 { "2001:db8:1::2" } else { "10.9.1.2" };
        let select = match r.below(11) {
            0 => "from all".into(),
            1 => format!("from all iif v{}", 1 + r.below(3)),
            2 => format!("from all fwmark {}", 1 + r.below(2)),
            3 => format!("from {own}"),
            4 => format!("from all to {}", r.pick(if v6 { &NETS6[..3] } else { &NETS4[..3] })),
            5 => "from all ipproto udp".into(),
            6 => format!("from all ipproto udp dport {}", r.pick(&["53", "4000-9000"])),
            7 => "from all ipproto tcp sport 1000-30000".into(),
            8 => "from all tos 0x10".into(),
            9 => "not from all iif v1".into(),
            _ => "from all uidrange 0-10".into(),
        };
        let action = match r.below(12) {
            0 => "blackhole".into(),
            1 => "unreachable".into(),
            2 => "prohibit".into(),
            3 => "lookup main suppress_prefixlength 0".into(),
            4 => format!("goto {}", 200 + r.below(2)),
            5 => "lookup 77 suppress_ifgroup 0".into(),
            n => format!("lookup {}", 77 + n % 2),
        };
        items.push(Item::Ip(format!("{ip} rule add pref 200 from all lookup main")));
        items.push(Item::Ip(format!("{ip} rule add pref {priority} {select} {action}")));
    }
    if r.chance(20) {
        items.push(Item::Ip(format!("{ip} rule del pref 32766")));
    }
    for table in ["77", "78"] {
        for _ in 0..r.below(4) {
            let route = route(r, v6, table);
            items.push(Item::Ip(route));
        }
    }
}
