//! One packet through the evaluation, compared with what the kernel told.

use std::fmt;

use nfblame::evaluate::nat::{self, Manip};
use nfblame::evaluate::packet::CtState;
use nfblame::evaluate::stations::What;
use nfblame::evaluate::traversal::{Begin, Tried};
use nfblame::evaluate::{
    Assumptions, ChainRef, Context, Decision, Device, Fact, Hook, Network, Packet, Prepared, Stations, TableRef,
    checksum, nft, tracking,
};
use nfblame::ruleset::Ruleset as Read;
use nfblame::ruleset::index::TableIndex;
use nfblame_sys::Text;
use nfblame_sys::ct::{Status, Zone};
use nfblame_sys::nft::{Expr, Family, Trace};

use crate::host::Host;
use crate::lab::{Lab, Passage, SENDER, said};
use crate::packets::{Entry, Probe};
use crate::rules::{Ruleset, parts};

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

/// What is compared of a passage through a base chain: chain, rule, verdict of every record.
type Steps = Vec<(Text, Option<u64>, String)>;

/// A passage as it was evaluated.
struct Way {
    steps: Steps,
    /// The packet when it came and when it left; nothing where a byte is not known.
    before: Vec<Option<u8>>,
    after: Vec<Option<u8>>,
    /// Do rules of the table write to packets?
    writes: bool,
}

impl Way {
    /// Is it what the kernel told?
    fn is(&self, passage: &Passage) -> bool {
        let steps: Steps = passage.records.iter().filter_map(said).collect();
        steps == self.steps && self.has_header(passage)
    }

    /// Is the packet the one that the first record shows? The record comes after the first rule that matched, which may
    /// have changed it.
    fn has_header(&self, passage: &Passage) -> bool {
        let Some(first) = passage.records.first() else { return true };
        let network = &first.network_header;
        let mut shown = network.to_vec();
        let plain = match network.first() {
            Some(b) if b >> 4 == 4 => usize::from(b & 15) * 4 == network.len(),
            Some(_) => network.get(6).is_some_and(|next| matches!(next, 6 | 17 | 58)),
            None => false,
        };
        if plain {
            shown.extend(&first.transport_header);
        }
        let same = |ours: &[Option<u8>]| {
            shown.len() <= ours.len() && shown.iter().zip(ours).all(|(a, b)| b.is_none_or(|b| *a == b))
        };
        // A chain that changes the packet several times shows something in between.
        same(&self.before) || same(&self.after) || self.writes
    }
}

/// The bytes of a packet that are known.
fn known(p: &Packet) -> Vec<Option<u8>> {
    (0..p.bytes.len()).map(|i| p.read(i, 1).known().and_then(|b| b.first().copied())).collect()
}

/// Loads the rules, sends the packets, compares.
pub fn run(lab: &Lab, rules: &Ruleset, probes: &[Probe]) -> Result<Vec<Outcome>, String> {
    let read = lab.load(&rules.text(), rules.ingress)?;
    let indices: Vec<TableIndex> = read.nft.iter().map(TableIndex::new).collect();
    let host = Host { v1: lab.host.index("v1"), v2: lab.host.index("v2"), mac: lab.mac };
    let mut monitor = lab.monitor();
    let mut traced = lab.trace(&mut monitor, probes);
    let prepared = Prepared::new(&read);
    let evaluated =
        |filed| Evaluated { host: &host, read: &read, indices: &indices, filed, translates: rules.translates };
    let (filed, plain) = (evaluated(Some(&prepared)), evaluated(None));
    Ok(probes
        .iter()
        .map(|p| {
            let kernel = traced.remove(&p.id).unwrap_or_default();
            match (compare(&filed, p, &kernel), compare(&plain, p, &kernel)) {
                (Outcome::Differs(why), _) => Outcome::Differs(format!("rules found by their conditions\n{why}")),
                (_, Outcome::Differs(why)) => Outcome::Differs(format!("rule by rule\n{why}")),
                // Rules that cannot match ask nothing: what is certain rule by rule is certain.
                (Outcome::Possible, Outcome::Same) => Outcome::Differs("filed, it is less certain".into()),
                (filed, _) => filed,
            }
        })
        .collect())
}

fn compare(lab: &Evaluated<'_>, probe: &Probe, kernel: &[Passage]) -> Outcome {
    let kernel: Vec<&Passage> = kernel
        .iter()
        // What IP makes of a broken packet is not the question here.
        .filter(|p| !probe.broken || p.records.first().is_some_and(|t| t.family == Family::Netdev))
        .collect();
    let mut assumptions = Assumptions::new();
    let mut runs = Vec::new();
    loop {
        let ways = walk(lab, probe, &kernel, &mut assumptions);
        if ways.len() == kernel.len() && ways.iter().zip(&kernel).all(|(way, passage)| way.is(passage)) {
            let certain = runs.is_empty() && !assumptions.advance();
            return if certain { Outcome::Same } else { Outcome::Possible };
        }
        runs.push((ways, assumptions.made().to_vec()));
        if !assumptions.advance() {
            break;
        }
    }
    let mut why = String::from("kernel:\n");
    for p in &kernel {
        why += &show(&p.records.iter().filter_map(said).collect());
        why += &format!("    {:x?}\n", p.records.first().map(|t| (&t.network_header, &t.transport_header)));
    }
    for (ways, made) in runs.iter().take(4) {
        let made: Vec<_> = made.iter().map(|a| (&a.what, a.answer)).collect();
        why += &format!("evaluated, assuming {made:?}:\n");
        for way in ways {
            let bytes: Vec<u8> = way.before.iter().map(|b| b.unwrap_or(0xee)).collect();
            why += &format!("{}    {bytes:x?}\n", show(&way.steps));
        }
    }
    Outcome::Differs(why)
}

fn show(steps: &Steps) -> String {
    let mut s = String::from("    ----\n");
    for (chain, handle, verdict) in steps {
        s += &format!("    {chain} {} {verdict}\n", handle.map_or_else(|| "-".into(), |h| h.to_string()));
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

/// What stays the same from packet to packet.
struct Evaluated<'l> {
    host: &'l Host,
    read: &'l Read,
    indices: &'l [TableIndex],
    /// With it rules are found by their conditions, as the product does; without, each is tried.
    filed: Option<&'l Prepared<'l>>,
    /// Does each packet begin a connection whose addresses rules may translate?
    translates: bool,
}

/// All base chains that the packet meets, in order, until one ends it.
fn walk(lab: &Evaluated<'_>, probe: &Probe, kernel: &[&Passage], assumptions: &mut Assumptions) -> Vec<Way> {
    let packet = packet(lab.host, probe);
    let network = packet.network;
    let first = if probe.entry == Entry::Here { Hook::Output } else { Hook::Ingress };
    let mut cx = Context::new(packet, first, lab.host, assumptions);
    let mut ways = Vec::new();
    let mut hook = Some(first);
    while let Some(now) = hook {
        cx.hook = now;
        route(&mut cx, lab.host, now);
        let device = cx.packet.iif.value().cloned();
        let stations = if now == Hook::Ingress {
            Stations::new(lab.read, network, now, device.as_ref(), Some(Family::Netdev))
        } else {
            Stations::new(lab.read, network, now, None, None)
        };
        for station in stations.0 {
            match station.what {
                What::Chain(at) => {
                    if !pass(lab, &mut cx, at, kernel, &mut ways) {
                        return ways;
                    }
                }
                What::Nat(chains) if cx.packet.ct.state == Fact::Is(CtState::New) && lab.translates => {
                    for station in chains {
                        let What::Chain(at) = station.what else { continue };
                        if !nat::is_settled(&cx.packet, Manip::at(now)) && !pass(lab, &mut cx, at, kernel, &mut ways) {
                            return ways;
                        }
                    }
                    settle(&mut cx, now);
                }
                What::Conntrack if lab.translates && tracking::is_needed(lab.read, network) => begin(&mut cx),
                What::Nat(_) | What::Conntrack | What::Defrag | What::Foreign(_) => {}
            }
        }
        hook = next(&cx, now, probe);
    }
    ways
}

/// Through one base chain; false if the packet goes no further.
fn pass(lab: &Evaluated<'_>, cx: &mut Context<'_>, at: ChainRef, kernel: &[&Passage], ways: &mut Vec<Way>) -> bool {
    let TableRef::Nft(t) = at.table else { return true };
    let (table, index) = (&lab.read.nft[t], &lab.indices[t]);
    if table.def.name == "tracer" {
        return true;
    }
    // What connection tracking made of the packet is the kernel's business here.
    if let Some(seen) = kernel.get(ways.len()).and_then(|p| p.records.first())
        && !lab.translates
    {
        track(cx, seen);
    }
    let mut steps = Steps::new();
    let mut told = |t: Tried| {
        let chain = &table.chains[t.at.chain.chain];
        let name = chain.def.name.clone();
        match t.at.position {
            None => steps.push((name, None, format!("policy {}", word(&t.decision)))),
            Some(n) if t.matched => steps.push((name, Some(chain.rules[n - 1].handle), word(&t.decision))),
            Some(_) => {}
        }
    };
    let before = known(&cx.packet);
    let ended = match lab.filed {
        Some(prepared) => prepared.base_chain(cx, at, &Begin::Start, &mut told),
        None => nft::run(cx, table, index, at, &Begin::Start, Some(&mut told)),
    };
    let rules = table.chains.iter().flat_map(|c| &c.rules).flat_map(|r| &r.exprs);
    let writes = rules.into_iter().any(|e| matches!(e, Expr::PayloadSet(_) | Expr::ExthdrSet(_)));
    ways.push(Way { steps, before, after: known(&cx.packet), writes });
    ended.decision == Decision::Accept
}

/// Where a packet goes from a hook.
fn next(cx: &Context<'_>, hook: Hook, probe: &Probe) -> Option<Hook> {
    let local = cx.packet.addresses().is_some_and(|(_, to)| match to {
        [10, 9, n, 2] => *n < 2,
        to => {
            let to = <[u8; 16]>::try_from(to).ok().map(std::net::Ipv6Addr::from).map(|a| a.to_string());
            matches!(to.as_deref(), Some("2001:db8:9::2" | "2001:db8:10::2"))
        }
    });
    match hook {
        Hook::Ingress if !probe.broken => Some(Hook::Prerouting),
        // IPv4 puts fragments together before the input hook, IPv6 behind it.
        Hook::Prerouting if local && probe.fragment && !probe.is_ip6() => None,
        Hook::Prerouting if local => Some(Hook::Input),
        Hook::Prerouting => Some(Hook::Forward),
        Hook::Forward | Hook::Output => Some(Hook::Postrouting),
        _ => None,
    }
}

/// The conntrack hook, for a packet that begins a connection.
fn begin(cx: &mut Context<'_>) {
    let tuple = nat::tuple_of(&cx.packet);
    let ct = &mut cx.packet.ct;
    (ct.state, ct.reply, ct.mark, ct.status) = (Fact::Is(CtState::New), Fact::Is(false), Fact::Is(0), Fact::Is(0));
    ct.zone = Fact::Is(Zone::default());
    ct.original = tuple.into();
    ct.answers = tuple.and_then(|t| t.inverted()).into();
}

/// Where no rule translated a new connection, it stays as it is.
fn settle(cx: &mut Context<'_>, hook: Hook) {
    let done = match Manip::at(hook) {
        Manip::Source => Status::SRC_NAT_DONE,
        Manip::Destination => Status::DST_NAT_DONE,
    };
    if let Fact::Is(status) = &mut cx.packet.ct.status {
        *status |= done.bits();
    }
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

/// Leaves out what the difference does not need. `run` runs the packet alone.
pub fn shrink(mut rules: Ruleset, run: impl Fn(&Ruleset) -> Result<Vec<Outcome>, String>) -> Option<(Ruleset, String)> {
    let differs = |rules: &Ruleset| match run(rules).ok()?.into_iter().next() {
        Some(Outcome::Differs(why)) => Some(why),
        _ => None,
    };
    let mut why = differs(&rules)?;
    loop {
        let mut smaller = false;
        for candidate in parts(&rules) {
            if let Some(w) = differs(&candidate) {
                (rules, why, smaller) = (candidate, w, true);
                break;
            }
        }
        if !smaller {
            return Some((rules, why));
        }
    }
}
