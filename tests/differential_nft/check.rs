//! One packet through the evaluation, compared with what the kernel told.

use std::fmt;
use std::net::IpAddr;

use nfblame::evaluate::environment::{FibAnswer, FibQuery, Link, SocketFacts};
use nfblame::evaluate::packet::CtState;
use nfblame::evaluate::stations::What;
use nfblame::evaluate::traversal::{Begin, Tried};
use nfblame::evaluate::{
    Assumptions, Context, Decision, Device, Environment, Fact, Hook, Network, Packet, Stations, TableRef, checksum,
    nat, nft,
};
use nfblame::ruleset::Ruleset as Read;
use nfblame::ruleset::index::TableIndex;
use nfblame_sys::Text;
use nfblame_sys::nft::{Family, Trace};

use crate::lab::{Lab, Passage, SENDER, said};
use crate::packets::{Entry, Probe};
use crate::rules::Ruleset;

/// `IPS_CONFIRMED`
const CONFIRMED: u32 = 1 << 3;

/// What came of one packet.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The same way, and it was the only one.
    Same,
    /// Several ways were possible; the kernel's was among them.
    Possible,
    /// Another way.
    Differs(String),
}

/// Counts.
#[derive(Debug, Default)]
pub struct Tally {
    pub rulesets: usize,
    pub refused: usize,
    pub rules: usize,
    pub packets: usize,
    pub same: usize,
    pub possible: usize,
    pub differ: usize,
}

impl Tally {
    pub fn add(&mut self, outcome: &Outcome) {
        self.packets += 1;
        match outcome {
            Outcome::Same => self.same += 1,
            Outcome::Possible => self.possible += 1,
            Outcome::Differs(_) => self.differ += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rulesets ({} rules; nft refused {} more), {} packets: {} the same, {} among the possible, {} differ",
            self.rulesets, self.rules, self.refused, self.packets, self.same, self.possible, self.differ
        )
    }
}

/// The host of the lab, as far as rules may ask.
struct Host {
    v1: u32,
    v2: u32,
    mac: [u8; 6],
}

impl Environment for Host {
    fn link(&self, index: u32) -> Fact<Link> {
        let (name, kind, hardware, address) = match index {
            1 => ("lo", "", 772, vec![0; 6]),
            i if i == self.v1 => ("v1", "veth", 1, self.mac.to_vec()),
            i if i == self.v2 => ("v2", "veth", 1, Vec::new()),
            _ => return Fact::Absent,
        };
        Fact::Is(Link {
            index,
            name: name.into(),
            kind: kind.into(),
            hardware,
            mtu: 1500,
            up: true,
            address,
            ..Link::default()
        })
    }

    fn fib(&self, query: &FibQuery) -> Fact<FibAnswer> {
        // The lab's routing tables: two prefixes of each family, and the host's own addresses.
        let answer = |kind, oif| FibAnswer { kind, oif, gateway: None, source: None, mtu: None, realm: None };
        let (near, far, here) = match query.to {
            IpAddr::V4(a) => match a.octets() {
                [10, 9, 0, n] => (true, false, n == 2),
                [10, 9, 1, n] => (false, true, n == 2),
                _ => (false, false, false),
            },
            IpAddr::V6(a) => match a.segments() {
                [0x2001, 0xdb8, 9, 0, rest @ ..] => (true, false, rest == [0, 0, 0, 2]),
                [0x2001, 0xdb8, 16, 0, rest @ ..] => (false, true, rest == [0, 0, 0, 2]),
                _ => (false, false, false),
            },
        };
        match (here, near, far) {
            (true, ..) => Fact::Is(answer(2, 1)),
            (_, true, _) => Fact::Is(answer(1, self.v1)),
            (_, _, true) => Fact::Is(answer(1, self.v2)),
            _ => Fact::Absent,
        }
    }

    fn address_type(&self, address: IpAddr, _: Option<u32>) -> Fact<u8> {
        let text = address.to_string();
        let here = ["10.9.0.2", "10.9.1.2", "2001:db8:9::2", "2001:db8:10::2"].contains(&text.as_str());
        let broadcast = ["10.9.0.255", "10.9.1.255"].contains(&text.as_str());
        // IPv4 looks into the local table only: what that does not know is unicast. IPv6 looks for a route.
        let routed = address.is_ipv4() || text.starts_with("2001:db8:9::") || text.starts_with("2001:db8:10::");
        Fact::Is(match (here, broadcast, routed) {
            (true, ..) => 2,
            (_, true, _) => 3,
            (.., true) => 1,
            _ => 7,
        })
    }

    fn socket(&self, _: u8, _: (IpAddr, u16), _: (IpAddr, u16)) -> Fact<SocketFacts> {
        Fact::Absent
    }

    fn under_ipsec(&self) -> Fact<bool> {
        Fact::Is(false)
    }

    fn since_ruleset(&self) -> Fact<i64> {
        // Elements that rules add come between.
        Fact::Is(1000)
    }
}

/// What is compared of a passage through a base chain.
type Way = Vec<(Text, Option<u64>, String)>;

/// Loads the rules, sends the packets, compares.
pub fn run(lab: &Lab, rules: &Ruleset, probes: &[Probe]) -> Result<Vec<Outcome>, String> {
    let read = lab.load(&rules.text(), rules.ingress)?;
    let indices: Vec<TableIndex> = read.nft.iter().map(TableIndex::new).collect();
    let host = Host { v1: lab.host.index("v1"), v2: lab.host.index("v2"), mac: lab.mac };
    let mut monitor = lab.monitor();
    let mut traced = lab.trace(&mut monitor, probes);
    Ok(probes.iter().map(|p| compare(&host, &read, &indices, p, &traced.remove(&p.id).unwrap_or_default())).collect())
}

fn compare(host: &Host, read: &Read, indices: &[TableIndex], probe: &Probe, kernel: &[Passage]) -> Outcome {
    let told: Vec<Way> = kernel
        .iter()
        // What IP makes of a broken packet is not the question here.
        .filter(|p| !probe.broken || p.records.first().is_some_and(|t| t.family == Family::Netdev))
        .map(|p| p.records.iter().filter_map(said).collect())
        .collect();
    let mut assumptions = Assumptions::new();
    let mut ways = Vec::new();
    loop {
        let way = walk(host, read, indices, probe, kernel, &mut assumptions);
        if way == told {
            let certain = ways.is_empty() && !assumptions.advance();
            return if certain { Outcome::Same } else { Outcome::Possible };
        }
        ways.push((way, assumptions.made().to_vec()));
        if !assumptions.advance() {
            break;
        }
    }
    let mut why = format!("kernel:\n{}", show(&told));
    for (way, made) in ways.iter().take(4) {
        why += &format!(
            "evaluated, assuming {:?}:\n{}",
            made.iter().map(|a| (&a.what, a.answer)).collect::<Vec<_>>(),
            show(way)
        );
    }
    Outcome::Differs(why)
}

fn show(ways: &[Way]) -> String {
    let mut s = String::new();
    for way in ways {
        for (chain, handle, verdict) in way {
            s += &format!("    {chain} {} {verdict}\n", handle.map_or_else(|| "-".into(), |h| h.to_string()));
        }
        s += "    ----\n";
    }
    s
}

/// The packet as the kernel has it before the first rule.
fn packet(host: &Host, probe: &Probe) -> Packet {
    let network = if probe.is_ip6() { Network::Ip6 } else { Network::Ip4 };
    let mut p = Packet::new(network, probe.bytes.clone());
    // Whatever its header says.
    p.length = p.bytes.len();
    p.priority = Fact::Is(0);
    p.pkttype = Fact::Is(0);
    p.link = Fact::Absent;
    match probe.entry {
        Entry::Wire => {
            p.iif = Fact::Is(Device { index: host.v1, name: Fact::Is("v1".into()) });
            let mut link = host.mac.to_vec();
            link.extend(SENDER);
            link.extend(network.ethertype().to_be_bytes());
            p.link = Fact::Is(link);
            p.owner = Fact::Absent;
            p.route = Fact::Absent;
        }
        Entry::Here => {
            p.owner = Fact::Is(nfblame::evaluate::packet::Owner { uid: Some(0), gid: Some(0), cgroup: None })
        }
    }
    p
}

/// All base chains that the packet meets, in order, until one ends it.
fn walk(
    host: &Host,
    read: &Read,
    indices: &[TableIndex],
    probe: &Probe,
    kernel: &[Passage],
    assumptions: &mut Assumptions,
) -> Vec<Way> {
    let packet = packet(host, probe);
    let network = packet.network;
    let first = if probe.entry == Entry::Here { Hook::Output } else { Hook::Ingress };
    let mut cx = Context::new(packet, first, host, assumptions);
    let mut ways = Vec::new();
    let hooks: &[Hook] = match (probe.entry, probe.local) {
        _ if probe.broken => &[Hook::Ingress],
        // IPv4 puts fragments together before the input hook, IPv6 behind it.
        (Entry::Wire, true) if probe.fragment && !probe.is_ip6() => &[Hook::Ingress, Hook::Prerouting],
        (Entry::Wire, true) => &[Hook::Ingress, Hook::Prerouting, Hook::Input],
        (Entry::Wire, false) => &[Hook::Ingress, Hook::Prerouting, Hook::Forward, Hook::Postrouting],
        (Entry::Here, _) => &[Hook::Output, Hook::Postrouting],
    };
    for &hook in hooks {
        cx.hook = hook;
        route(&mut cx, host, hook);
        let device = cx.packet.iif.value().cloned();
        let stations = if hook == Hook::Ingress {
            Stations::new(read, network, hook, device.as_ref(), Some(Family::Netdev))
        } else {
            Stations::new(read, network, hook, None, None)
        };
        for station in stations.0 {
            let What::Chain(at) = station.what else { continue };
            let TableRef::Nft(t) = at.table else { continue };
            let (table, index) = (&read.nft[t], &indices[t]);
            if table.def.name == "tracer" {
                continue;
            }
            // What connection tracking made of the packet is the kernel's business here.
            if let Some(seen) = kernel.get(ways.len()).and_then(|p| p.records.first()) {
                track(&mut cx, seen);
            }
            let mut way: Way = Vec::new();
            let mut told = |t: Tried| {
                let name = |c: usize| table.chains[c].def.name.clone();
                let chain = name(t.at.chain.chain);
                match t.at.position {
                    None => way.push((chain, None, format!("policy {}", word(&t.decision)))),
                    Some(n) if t.matched => {
                        way.push((chain, Some(table.chains[t.at.chain.chain].rules[n - 1].handle), word(&t.decision)));
                    }
                    Some(_) => {}
                }
            };
            let ended = nft::run(&mut cx, table, index, at, &Begin::Start, Some(&mut told));
            ways.push(way);
            if ended.decision != Decision::Accept {
                return ways;
            }
        }
    }
    ways
}

/// What routing and the hook itself change.
fn route(cx: &mut Context<'_>, host: &Host, hook: Hook) {
    if !matches!(hook, Hook::Forward | Hook::Output | Hook::Postrouting) {
        return;
    }
    let far = cx.packet.addresses().is_some_and(|(_, to)| match to {
        [10, 9, 1, _] => true,
        to => to.get(..6) == Some(&[0x20, 1, 0xd, 0xb8, 0, 0x10]),
    });
    let (index, name) = if far { (host.v2, "v2") } else { (host.v1, "v1") };
    cx.packet.oif = Fact::Is(Device { index, name: Fact::Is(name.into()) });
    if hook == Hook::Forward {
        hop(&mut cx.packet);
    }
}

/// A router takes one from the TTL, before the forward hook.
fn hop(p: &mut Packet) {
    if p.network == Network::Ip4 {
        let [ttl, protocol] = p.array(8).known().unwrap();
        checksum::write_network(p, 8, &[ttl - 1, protocol]);
    } else {
        let [hops] = p.array(7).known().unwrap();
        p.write(7, &[hops - 1]);
    }
}

/// Connection tracking, from the kernel's own words.
fn track(cx: &mut Context<'_>, t: &Trace) {
    let ct = &mut cx.packet.ct;
    if ct.state == Fact::Is(CtState::Untracked) {
        return;
    }
    ct.state = match t.ct_state {
        Some(2) => Fact::Is(CtState::Established),
        Some(4) => Fact::Is(CtState::Related),
        Some(8) => Fact::Is(CtState::New),
        Some(64) => Fact::Is(CtState::Untracked),
        Some(other) => panic!("ct state {other}"),
        None => Fact::Absent,
    };
    ct.reply = t.ct_direction.map(|d| d == 1).into();
    ct.status = t.ct_status.into();
    let known = !matches!(ct.mark, Fact::Absent);
    if ct.state == Fact::Is(CtState::New) && t.ct_status.is_some_and(|s| s & CONFIRMED == 0) && !known {
        // Nothing has happened to it yet.
        ct.mark = Fact::Is(0);
        cx.packet.ct.original = nat::tuple_of(&cx.packet).into();
        cx.packet.ct.answers = cx.packet.ct.original.value().and_then(|t| t.inverted()).into();
    } else if !known {
        ct.mark = Fact::unknown("connection mark");
        ct.original = Fact::unknown("connection");
        ct.answers = Fact::unknown("connection");
    }
}

fn word(d: &Decision) -> String {
    match d {
        Decision::Next => "continue".into(),
        Decision::Accept => "accept".into(),
        Decision::Drop | Decision::Reject(_) => "drop".into(),
        Decision::Jump(c) => format!("jump {c}"),
        Decision::Goto(c) => format!("goto {c}"),
        Decision::Return => "return".into(),
        other => format!("{other:?}"),
    }
}

/// Leaves out what the difference does not need.
pub fn shrink(lab: &Lab, mut rules: Ruleset, probe: &Probe) -> (Ruleset, String) {
    let differs = |rules: &Ruleset| match run(lab, rules, std::slice::from_ref(probe)) {
        Ok(outcomes) => match outcomes.into_iter().next() {
            Some(Outcome::Differs(why)) => Some(why),
            _ => None,
        },
        Err(_) => None,
    };
    let Some(mut why) = differs(&rules) else {
        return (rules, "only together with the packets before it".into());
    };
    loop {
        let mut smaller = false;
        for candidate in parts(&rules) {
            if let Some(w) = differs(&candidate) {
                (rules, why, smaller) = (candidate, w, true);
                break;
            }
        }
        if !smaller {
            return (rules, why);
        }
    }
}

/// The ruleset without one of its parts each.
fn parts(rules: &Ruleset) -> Vec<Ruleset> {
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
