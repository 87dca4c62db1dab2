//! Rulesets that ask for connections, mark them and translate them, of nf_tables and of iptables.

use crate::rng::Rng;
use crate::rules::Texts;

/// What rules ask for.
const MATCHES: [&str; 54] = [
    "ct state new",
    "ct state new",
    "ct state established",
    "ct state established",
    "ct state related",
    "ct state related",
    "ct state invalid",
    "ct state invalid",
    "ct state untracked",
    "ct state established,related",
    "ct state new,untracked",
    "ct state != established",
    "ct status snat",
    "ct status dnat",
    "ct status seen-reply",
    "ct status assured",
    "ct status confirmed",
    "ct status expected",
    "ct status != seen-reply",
    "ct direction original",
    "ct direction reply",
    "ct mark 0",
    "ct mark 1",
    "ct mark != 0",
    "ct mark and 0xf0 == 0x10",
    "ct zone 0",
    "ct zone 1",
    "ct label 1",
    "ct original protocol tcp",
    "ct reply protocol udp",
    "meta l4proto tcp ct original proto-dst 80",
    "meta l4proto tcp ct reply proto-src 80",
    "meta l4proto udp ct reply proto-dst 4000-5001",
    "ct original ip saddr 10.9.0.7",
    "ct original ip daddr 10.9.0.2",
    "ct reply ip saddr 10.9.1.9",
    "ct reply ip daddr 10.9.1.2",
    "ct original ip6 saddr 2001:db8:9::7",
    "ct reply ip6 saddr 2001:db8:10::9",
    "ct original packets > 2",
    "ct reply packets 1",
    "ct bytes < 300",
    "ct avgpkt > 70",
    "ct helper \"ftp\"",
    "ct expiration > 300s",
    "tcp flags syn",
    "tcp flags & (syn | ack) == syn | ack",
    "tcp flags rst",
    "tcp flags fin",
    "meta l4proto udp",
    "meta l4proto tcp",
    "meta mark 1",
    "iifname \"v1\"",
    "tcp dport { 80, 443 }",
];

/// What they do.
const DO: [&str; 22] = [
    "counter",
    "counter",
    "counter",
    "counter",
    "counter",
    "drop",
    "drop",
    "accept",
    "accept",
    "return",
    "jump sub",
    "ct mark set 1",
    "ct mark set meta mark",
    "meta mark set ct mark",
    "meta mark set 1",
    "ct mark set 0x11",
    "ct mark set ct mark or 0x10",
    "ct label set 1",
    "reject",
    "goto sub",
    "ct event set new",
    "continue",
];

/// Before conntrack.
const RAW: [&str; 10] = [
    "tcp dport 443 notrack",
    "tcp sport 443 notrack",
    "iifname \"v3\" ct zone set 1",
    "ct zone set 1",
    "ct original zone set 2",
    "meta l4proto icmp notrack",
    "udp dport 53 notrack",
    "tcp flags syn notrack",
    "ct state new,invalid counter",
    "ct zone set iifname map { \"v1\" : 1, \"v2\" : 1 }",
];

/// Where conntrack has just been.
const EARLY: [&str; 4] = [
    "ct state new meta l4proto tcp ct timeout set \"fast\"",
    "meta l4proto tcp tcp dport 21 ct helper set \"aid\"",
    "ct state new meta l4proto udp ct expectation set \"soon\"",
    "ct state new ct mark set 1",
];

const DNAT: [&str; 14] = [
    "dnat ip to 10.9.1.9",
    "dnat ip to 10.9.1.77",
    "tcp dport 80 dnat ip to 10.9.1.9:443",
    "tcp dport 8080 dnat ip to 10.9.1.9:443",
    "ip daddr 10.9.0.2 tcp dport 80 dnat ip to 10.9.0.7:80",
    "tcp dport 443 redirect to :8080",
    "meta l4proto { tcp, udp } redirect",
    "meta l4proto tcp dnat ip to 10.9.1.9-10.9.1.10:80-81",
    "dnat ip6 to 2001:db8:10::9",
    "tcp dport 80 dnat ip6 to [2001:db8:10::9]:443",
    "udp dport 53 dnat ip to 10.9.0.2:53",
    "dnat ip to 10.9.0.2",
    "udp dport 53 redirect to :8080",
    "meta l4proto icmp dnat ip to 10.9.1.9",
];

const SNAT: [&str; 14] = [
    "masquerade",
    "masquerade",
    "oifname \"v2\" masquerade",
    "meta l4proto { tcp, udp } masquerade to :5000-5001",
    "snat ip to 10.9.1.2",
    "snat ip to 10.9.1.77",
    "meta l4proto tcp snat ip to 10.9.1.2:4000-4001",
    "meta l4proto udp snat ip to 10.9.1.2:4000",
    "snat ip6 to 2001:db8:10::2",
    "meta l4proto tcp snat ip6 to [2001:db8:10::2]:4000-4001",
    "ct status dnat masquerade",
    "ip saddr 10.9.0.0/24 ip daddr 10.9.0.0/24 masquerade",
    "masquerade persistent",
    "snat ip to 10.9.1.80-10.9.1.81",
];

const OBJECTS: &str = "	ct timeout fast {
		protocol tcp
		l3proto inet
		policy = { established : 2, syn_sent : 2, syn_recv : 2, close : 2 }
	}
	ct helper aid {
		type \"ftp\" protocol tcp
	}
	ct expectation soon {
		protocol tcp
		dport 8080
		timeout 1m
		size 4
		l3proto ip
	}
";

/// For iptables, which both families know.
const XT: [&str; 25] = [
    "-m conntrack --ctstate NEW",
    "-m conntrack --ctstate ESTABLISHED",
    "-m conntrack --ctstate RELATED",
    "-m conntrack --ctstate INVALID",
    "-m conntrack --ctstate UNTRACKED",
    "-m conntrack --ctstate SNAT",
    "-m conntrack --ctstate DNAT,RELATED",
    "-m conntrack ! --ctstate NEW,ESTABLISHED",
    "-m conntrack --ctstatus ASSURED",
    "-m conntrack --ctstatus SEEN_REPLY",
    "-m conntrack --ctstatus CONFIRMED",
    "-m conntrack ! --ctstatus CONFIRMED",
    "-m conntrack --ctdir REPLY",
    "-m conntrack --ctdir ORIGINAL",
    "-m conntrack --ctproto tcp --ctorigdstport 80",
    "-m conntrack --ctproto udp --ctreplsrcport 53",
    "-m conntrack --ctexpire 1:100",
    "-m state --state NEW,RELATED",
    "-m connmark --mark 1",
    "-m connmark --mark 0x10/0xf0",
    "-m connbytes --connbytes 3 --connbytes-dir both --connbytes-mode packets",
    "-m helper --helper ftp",
    "-p tcp --syn",
    "-p tcp --tcp-flags RST RST",
    "-m mark --mark 1",
];
const XT_MANGLE: [&str; 6] = [
    "-j CONNMARK --save-mark",
    "-j CONNMARK --restore-mark",
    "-j CONNMARK --set-mark 1",
    "-j CONNMARK --set-xmark 0x10/0xf0",
    "-j MARK --set-mark 1",
    "-m mark ! --mark 0 -j ACCEPT",
];
const XT_RAW: [&str; 6] = [
    "-p tcp --dport 443 -j CT --notrack",
    "-i v3 -j CT --zone 1",
    "-p tcp --dport 21 -j CT --helper ftp",
    "-p udp -j CT --notrack",
    "-p tcp --syn -j CT --ctevents new",
    "-j CT --zone-orig 2",
];
const XT_DNAT: [&str; 5] = [
    "-p tcp --dport 80 -j DNAT --to-destination IN",
    "-p tcp --dport 443 -j REDIRECT --to-ports 8080",
    "-p udp -j REDIRECT",
    "-j DNAT --to-destination OUT",
    "-m conntrack --ctstate NEW -j ACCEPT",
];
const XT_SNAT: [&str; 5] = [
    "-o v2 -j MASQUERADE",
    "-p tcp -j MASQUERADE --to-ports 5000-5001",
    "-j SNAT --to-source US",
    "-p tcp -o v2 -j MASQUERADE --random",
    "-m conntrack --ctstate DNAT -j MASQUERADE",
];

/// What a tracker goes by: setting, usual value, others.
const SETTINGS: [(&str, &str, &[&str]); 9] = [
    ("net.netfilter.nf_conntrack_tcp_loose", "1", &["0", "0", "1"]),
    ("net.netfilter.nf_conntrack_tcp_be_liberal", "0", &["1", "0"]),
    ("net.netfilter.nf_conntrack_tcp_ignore_invalid_rst", "0", &["1"]),
    ("net.netfilter.nf_conntrack_acct", "0", &["1"]),
    ("net.netfilter.nf_conntrack_checksum", "1", &["0"]),
    ("net.netfilter.nf_conntrack_udp_timeout", "30", &["2"]),
    ("net.netfilter.nf_conntrack_tcp_timeout_syn_sent", "120", &["2"]),
    ("net.netfilter.nf_conntrack_tcp_timeout_time_wait", "120", &["2"]),
    ("net.netfilter.nf_conntrack_icmp_timeout", "30", &["2"]),
];

fn lines(r: &mut Rng, from: &[&str], most: usize, chance: usize) -> String {
    if !r.chance(chance) {
        return String::new();
    }
    (0..r.below(most) + 1).map(|_| format!("\t\t{}\n", r.pick(from))).collect()
}

fn rule(r: &mut Rng, last: bool) -> String {
    let what = loop {
        let what = r.pick(&DO);
        if !(last && (what.ends_with("sub") || what == "reject")) {
            break what;
        }
    };
    // Two of them, at times.
    let more = if r.chance(20) { format!("{} ", r.pick(&MATCHES)) } else { String::new() };
    format!("\t\t{more}{} {what}\n", r.pick(&MATCHES))
}

fn nft(r: &mut Rng) -> String {
    let mut s = String::from("table inet t {\n");
    s += OBJECTS;
    s += "\tchain sub {\n";
    (0..r.below(4)).for_each(|_| s += &rule(r, true));
    s += "\t}\n";
    for (name, hook, priority, special, chance) in [
        ("raw", "prerouting", "-299", &RAW[..], 35),
        ("rawout", "output", "-299", &RAW[..], 20),
        ("early", "prerouting", "-145", &EARLY[..], 20),
        ("pre", "prerouting", "5", &[][..], 80),
        ("in", "input", "5", &[], 70),
        ("forw", "forward", "5", &[], 70),
        ("out", "output", "5", &[], 50),
        ("post", "postrouting", "5", &[], 50),
    ] {
        if !r.chance(chance) {
            continue;
        }
        let policy = if r.chance(90) { "accept" } else { "drop" };
        s += &format!("\tchain {name} {{\n\t\ttype filter hook {hook} priority {priority}; policy {policy};\n");
        if special.is_empty() {
            let refuses = matches!(name, "in" | "forw" | "out");
            for _ in 0..r.below(6) + 1 {
                let rule = rule(r, false);
                if refuses || !rule.contains("reject") {
                    s += &rule;
                }
            }
        } else {
            s += &lines(r, special, 3, 100);
        }
        s += "\t}\n";
    }
    if r.chance(55) {
        for (name, hook, priority, of, chance) in [
            ("nin", "prerouting", "-100", &DNAT[..], 65),
            ("nout", "output", "-100", &DNAT[..], 25),
            ("nhere", "input", "100", &SNAT[5..7], 15),
            ("npost", "postrouting", "100", &SNAT[..], 70),
        ] {
            if r.chance(chance) {
                s += &format!("\tchain {name} {{\n\t\ttype nat hook {hook} priority {priority}; policy accept;\n");
                s += &lines(r, of, 3, 100);
                s += "\t}\n";
            }
        }
    }
    s + "}\n"
}

fn xt(r: &mut Rng, v6: bool) -> String {
    let mut s = String::new();
    let mut table = |r: &mut Rng, name: &str, chains: &[(&str, &[&str], &[&str])]| {
        s += &format!("*{name}\n");
        for (chain, of, then) in chains {
            for _ in 0..r.below(4) {
                let then = if then.is_empty() { String::new() } else { format!(" {}", r.pick(then)) };
                let rule = format!("-A {chain} {}{then}", r.pick(of));
                // A jump to a target of its own is enough.
                s += &format!("{rule}\n");
            }
        }
        s += "COMMIT\n";
    };
    let ends = &["-j ACCEPT", "-j DROP", "-j RETURN", "", ""][..];
    if r.chance(35) {
        table(r, "raw", &[("PREROUTING", &XT_RAW, &[]), ("OUTPUT", &[XT_RAW[0], XT_RAW[3]], &[])]);
    }
    if r.chance(50) {
        let all: &[&str] = &XT_MANGLE;
        table(r, "mangle", &[("PREROUTING", all, &[]), ("OUTPUT", all, &[]), ("POSTROUTING", all, &[])]);
    }
    if r.chance(80) {
        let all: &[&str] = &XT;
        table(r, "filter", &[("INPUT", all, ends), ("FORWARD", all, ends), ("OUTPUT", all, ends)]);
    }
    if r.chance(45) {
        table(r, "nat", &[("PREROUTING", &XT_DNAT, &[]), ("POSTROUTING", &XT_SNAT, &[])]);
    }
    let (to, out, us) = if v6 {
        ("[2001:db8:10::9]:443", "2001:db8:10::1", "2001:db8:10::2")
    } else {
        ("10.9.1.9:443", "10.9.1.77", "10.9.1.2")
    };
    s.replace("destination IN", &format!("destination {to}"))
        .replace("destination OUT", &format!("destination {out}"))
        .replace("source US", &format!("source {us}"))
}

/// A random one, with the settings that go with it.
pub fn random(seed: u64) -> Texts {
    let mut rng = Rng::new(seed ^ 0xf10e);
    let r = &mut rng;
    let which = r.below(10);
    let mut texts = Texts::default();
    if which < 8 {
        texts.nft = nft(r);
    }
    if which > 5 {
        let legacy = r.chance(50);
        for (n, v6) in [(0, false), (1, true)] {
            if r.chance(75) {
                texts.xt[n + if legacy { 0 } else { 2 }] = xt(r, v6);
            }
        }
    }
    let odd = r.chance(50);
    texts.settings = SETTINGS
        .iter()
        .map(|(key, usual, others)| {
            (*key, if odd && r.chance(if key.contains("timeout") { 8 } else { 30 }) { r.pick(others) } else { usual })
        })
        .collect();
    texts
}

/// Has it timers of two seconds?
pub fn is_short(texts: &Texts) -> bool {
    texts.nft.contains("timeout set")
        || texts.settings.iter().any(|(key, value)| key.contains("timeout") && *value == "2")
}
