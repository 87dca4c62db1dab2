//! The way of a packet: hook after hook, with routing between them, until it is lost, delivered or gone.

mod out;
mod port;
mod receive;

use std::borrow::Cow;

use crate::blame::CulpritKind;
use crate::sys::ct::Status;
use crate::sys::nft::Family;

use super::arrival;
use super::assume::{Assumption, Assumptions};
use super::context::Context;
use super::decision::{Decision, RejectWith};
use super::environment::{Environment, FibAnswer};
use super::fact::Fact;
use super::forwarding;
use super::headers::Network;
use super::hook::Hook;
use super::log_rules::LogRule;
use super::nat::{self, Manip};
use super::obstacle::{Delivery, Obstacle, Routed, Tracked};
use super::packet::{CtState, Device, Packet};
use super::place::{ChainRef, Place};
use super::run::Prepared;
use super::stations::{Station, Stations, What};
use super::summed::Summed;
use super::traversal::{Begin, Ended, Tried};

/// What is not known where base chains of several tables have one priority.
const ORDER: &str = "which of several base chains of the same priority was registered first";

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the first station of a hook.
    Hook(Hook),
    /// Within a base chain.
    In {
        /// The hook.
        hook: Hook,
        /// The base chain.
        base: ChainRef,
        /// Where in it.
        begin: Begin,
    },
    /// Behind all that stands at a hook.
    AfterHook(Hook),
    /// Behind a base chain that accepted the packet.
    Behind {
        /// The hook.
        hook: Hook,
        /// The base chain.
        base: ChainRef,
    },
}

impl Start {
    /// The hook that it begins at.
    pub fn hook(&self) -> Hook {
        match self {
            Self::Hook(hook) | Self::AfterHook(hook) | Self::In { hook, .. } | Self::Behind { hook, .. } => *hook,
        }
    }
}

/// What became of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A rule or policy ended it.
    Decided {
        /// Drop, reject, queue, stolen or something unknown.
        decision: Decision,
        /// Who did.
        at: Place,
    },
    /// The kernel itself did.
    Lost(Box<Obstacle>),
    /// It reached its socket (who, for people).
    Delivered(String),
    /// It left the host.
    Left,
    /// It went through all that was to be walked.
    Passed,
    /// The walk could not go on: what was missing.
    Unknown(Cow<'static, str>),
}

/// One thing that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A rule matched, or a policy was applied.
    Rule {
        /// The hook.
        hook: Hook,
        /// What happened.
        tried: Tried,
    },
    /// A base chain let the packet pass.
    Passed {
        /// The hook.
        hook: Hook,
        /// The chain.
        base: ChainRef,
    },
    /// The kernel decided something: `routed out eth1`.
    Kernel {
        /// The hook before it.
        hook: Hook,
        /// What, for people.
        what: String,
    },
}

/// One run of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How it ended.
    pub fate: Fate,
    /// At which hook.
    pub hook: Hook,
    /// The way there.
    pub steps: Vec<Step>,
    /// The packet as it was at the end.
    pub packet: Packet,
    /// What was assumed.
    pub assumed: Vec<Assumption>,
}

/// All runs of a walk, the most plausible first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The runs.
    pub runs: Vec<Run>,
    /// Were there more combinations of open questions than were tried?
    pub incomplete: bool,
}

/// A walk to be made.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    /// The rules.
    pub rules: &'a Prepared<'a>,
    /// The host.
    pub env: &'a dyn Environment,
    /// Keep the rules that did not match, with the reason.
    pub explain: bool,
    /// Where the walk begins behind conntrack, the packet's connection has to be found first.
    pub tracked: bool,
    /// The packet was seen, some time ago; not a question about one that may come.
    pub past: bool,
}

impl<'a> Walk<'a> {
    /// Walks a packet, once for each combination of answers to what is unknown and matters.
    pub fn run(&self, packet: &Packet, start: &Start) -> Walked {
        let mut assumptions = Assumptions::new();
        let mut runs = Vec::new();
        let mut lost = false;
        loop {
            let hook = start.hook();
            let mut cx = Context::new(packet.clone(), hook, self.env, &mut assumptions);
            cx.explain = self.explain;
            let mut way = Way::new(self, cx);
            let fate = way.go(start);
            let Way { cx, mut steps, .. } = way;
            // Near misses are looked for in the first run, and in the first that loses the packet; all others may be many.
            let loses = matches!(fate, Fate::Decided { .. } | Fate::Lost(_)) && !lost;
            lost |= loses;
            if !runs.is_empty() && !loses {
                steps.retain(|s| !matches!(s, Step::Rule { tried, .. } if tried.missed.is_some()));
                steps.shrink_to_fit();
            }
            let (packet, hook) = (cx.packet, cx.hook);
            let assumed = assumptions.made().to_vec();
            runs.push(Run { fate, hook, steps, packet, assumed });
            if !assumptions.advance() {
                break;
            }
        }
        Walked { runs, incomplete: assumptions.exhausted() }
    }

    /// Could the packet have met this rule's conditions, in that base chain?
    pub fn could_have_been_logged(&self, packet: &Packet, hook: Hook, base: ChainRef, by: &LogRule) -> bool {
        if by.alters {
            return true;
        }
        let mut assumptions = Assumptions::new();
        loop {
            let cx = Context::new(packet.clone(), hook, self.env, &mut assumptions);
            let mut way = Way::new(self, cx);
            way.find_connection(&Start::Behind { hook, base });
            let conditions = self.rules.first_conditions(&mut way.cx, by.at, by.expr);
            let met = conditions.is_some_and(|c| c.missed.is_empty());
            if met || !assumptions.advance() {
                return met || assumptions.exhausted();
            }
        }
    }
}

/// The state of one run.
struct Way<'a, 'w> {
    walk: &'w Walk<'a>,
    cx: Context<'w>,
    steps: Vec<Step>,
    /// Has it come back in by the loopback already?
    looped: bool,
    /// Is it among the stations of a hook?
    under_way: bool,
    /// The device that it leaves by from the next hook on.
    rerouted: Option<Fact<Device>>,
    /// Has the last base chain sent it to a queue that nobody reads?
    bypassed: bool,
    /// The route that a packet by the loopback has kept from the way out.
    kept: Option<FibAnswer>,
}

/// A fate, or the way goes on.
type On<T = ()> = Result<T, Fate>;

impl<'a, 'w> Way<'a, 'w> {
    fn new(walk: &'w Walk<'a>, cx: Context<'w>) -> Self {
        Self {
            walk,
            cx,
            steps: Vec::new(),
            looped: false,
            under_way: false,
            rerouted: None,
            bypassed: false,
            kept: None,
        }
    }
}

impl Way<'_, '_> {
    fn go(&mut self, start: &Start) -> Fate {
        match self.way(start) {
            Ok(fate) | Err(fate) => fate,
        }
    }

    fn way(&mut self, start: &Start) -> Result<Fate, Fate> {
        let hook = self.cx.hook;
        self.find_connection(start);
        match start {
            Start::Hook(_) => {
                self.enter(hook)?;
                self.hook(hook, None)?;
            }
            Start::AfterHook(_) => {}
            Start::In { base, begin, .. } => self.hook(hook, Some((*base, Some(begin))))?,
            Start::Behind { base, .. } => self.hook(hook, Some((*base, None)))?,
        }
        match hook {
            Hook::Ingress => {
                self.through_master()?;
                if self.cx.packet.network == Network::Arp {
                    self.hook(Hook::Input, None)?;
                    return Ok(Fate::Passed);
                }
                self.receive()?;
                self.hook(Hook::Prerouting, None)?;
                self.after_prerouting()
            }
            Hook::Prerouting => self.after_prerouting(),
            Hook::Input => self.after_input(),
            Hook::Forward => self.after_forward(),
            Hook::Output => self.after_output(),
            Hook::Postrouting => self.after_postrouting(),
            Hook::Egress => Ok(Fate::Left),
        }
    }

    /// What comes before the first rule of a hook at which a packet begins.
    fn enter(&mut self, hook: Hook) -> On {
        match hook {
            _ if self.walk.past => Ok(()), // it got so far
            Hook::Ingress => self.programs(false),
            Hook::Prerouting => self.receive(),
            Hook::Output | Hook::Postrouting if self.is_ip() && self.cx.packet.oif == Fact::Absent => self.route_out(),
            _ => Ok(()),
        }
    }

    fn is_ip(&self) -> bool {
        matches!(self.cx.packet.network, Network::Ip4 | Network::Ip6)
    }

    fn after_prerouting(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        let routed = match self.kept.take() {
            Some(route) => Fact::Is(Routed::Local(route)),
            None => self.walk.env.route_input(&self.cx.packet),
        };
        match self.known(routed, "routing decision")? {
            Routed::Lost(o) => Err(Fate::Lost(Box::new(o))),
            Routed::Local(route) => {
                self.cx.packet.route = Fact::Is(route);
                self.kernel("routed to this host");
                if self.cx.packet.network == Network::Ip4 {
                    self.gather()?; // `ip_local_deliver`
                }
                self.hook(Hook::Input, None)?;
                self.after_input()
            }
            Routed::Out { oif, route } => {
                self.kernel(format!("routed out {}", crate::blame::packet::device_name(&oif)));
                self.cx.packet.oif = Fact::Is(oif);
                self.cx.packet.route = Fact::Is(route);
                self.passed_on()?;
                self.stopped(self.walk.env.forward(&self.cx.packet))?;
                forwarding::change(&mut self.cx.packet, self.walk.env);
                self.hook(Hook::Forward, None)?;
                self.after_forward()
            }
        }
    }

    fn after_input(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        self.gather()?;
        self.taken_by_transport()?;
        if !self.walk.past
            && let Some(obstacle) = arrival::obstacle(&self.cx.packet, self.walk.env)
        {
            return Err(Fate::Lost(Box::new(obstacle)));
        }
        let delivery = self.walk.env.deliver(&self.cx.packet);
        match self.known(delivery, "receiving socket")? {
            Delivery::Taken(who) => Ok(Fate::Delivered(who)),
            Delivery::Lost(o) if self.walk.past && self.may_have_closed(&o) => {
                Ok(Fate::Delivered("a socket that has been closed since".into()))
            }
            Delivery::Lost(o) => {
                let Some((what, likely)) = o.unless.clone() else { return Err(Fate::Lost(Box::new(o))) };
                if self.cx.ask(what.clone(), what.as_bytes(), likely) {
                    Ok(Fate::Delivered("whatever takes its protocol".into()))
                } else {
                    Err(Fate::Lost(Box::new(o)))
                }
            }
        }
    }

    /// The packet passed some time ago, and no socket takes it now. Was there one then? A connection ends, and the socket
    /// that waited for an answer is closed when it has come; one that takes requests stays.
    fn may_have_closed(&mut self, o: &Obstacle) -> bool {
        if o.kind != CulpritKind::Socket {
            return false;
        }
        let answer = match &self.cx.packet.ct.state {
            Fact::Is(CtState::Established | CtState::Related) => Some(true),
            Fact::Is(CtState::New) => Some(false),
            _ => None,
        };
        let connection = o.detail.as_deref() == Some("no connection");
        if !connection && answer == Some(false) {
            return false;
        }
        if !connection && answer.is_none() {
            // Ports that the kernel gives to clients belong to sockets that come and go.
            let port = self.cx.packet.ports().map_or(0, |p| p.1);
            let first = self.walk.env.sysctl("net.ipv4.ip_local_port_range").known();
            let first =
                first.and_then(|r| r.split_whitespace().next().and_then(|n| n.parse().ok())).unwrap_or(32768u16);
            if port < first || self.is_tcp_syn() {
                return false;
            }
        }
        self.cx.ask("whether its socket was still open when it came", b"socket open then", true)
    }

    fn is_tcp_syn(&self) -> bool {
        let h = self.cx.packet.headers();
        let flags = h.transport.and_then(|at| self.cx.packet.array::<1>(at + 13).known());
        h.protocol == Some(6) && flags.is_some_and(|[f]| f & 0x12 == 0x02)
    }

    fn after_forward(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        self.hook(Hook::Postrouting, None)?;
        self.after_postrouting()
    }

    /// Walks one hook. `resume`: begin in (or, with no begin, behind) that base chain.
    fn hook(&mut self, hook: Hook, resume: Option<(ChainRef, Option<&Begin>)>) -> On {
        self.cx.hook = hook;
        self.under_way = true;
        self.stations(hook, resume)?;
        if matches!(hook, Hook::Input | Hook::Postrouting) {
            self.confirm()?;
        }
        self.under_way = false;
        if let Some(oif) = self.rerouted.take() {
            self.cx.packet.oif = oif;
        }
        Ok(())
    }

    fn stations(&mut self, hook: Hook, resume: Option<(ChainRef, Option<&Begin>)>) -> On {
        let device = match hook {
            Hook::Egress => self.cx.packet.oif.value(),
            _ => self.cx.packet.iif.value(),
        };
        let netdev = matches!(hook, Hook::Ingress | Hook::Egress);
        let rules = self.walk.rules.rules;
        let mut stations = Vec::new();
        if netdev {
            stations.push(Stations::new(rules, self.cx.packet.network, hook, device, Some(Family::Netdev)));
        }
        stations.push(Stations::new(rules, self.cx.packet.network, hook, device, None));
        let mut all: Vec<_> = stations.into_iter().flat_map(|s| s.0).collect();
        all.sort_by_key(|s| s.priority);
        let all = Stations(all);

        let mut from = 0;
        if let Some((base, begin)) = resume {
            let Some(at) = all.index_of(base) else {
                return Err(Fate::Unknown("the place of the chain at its hook".into()));
            };
            if let Some(begin) = begin {
                self.base(base, begin)?;
            }
            from = at + 1;
        }
        let mut rest: Vec<&Station> = Vec::new();
        if let Some(begun) = from.checked_sub(1).and_then(|i| all.0.get(i)).filter(|s| s.tied) {
            for station in all.0.iter().take(from - 1).filter(|s| s.tied && s.priority == begun.priority) {
                let key = format!("before {:?} {:?}", self.cx.hook, station.what);
                if !self.cx.ask(ORDER, key.as_bytes(), true) {
                    rest.push(station);
                }
            }
        }
        rest.extend(all.0.iter().skip(from));
        while !rest.is_empty() {
            let station = rest.remove(self.next_station(&rest));
            match &station.what {
                What::Chain(chain) => self.base(*chain, &Begin::Start)?,
                What::Defrag => self.defragment()?,
                What::Conntrack => self.conntrack()?,
                What::Nat(chains) => self.nat(chains)?,
            }
        }
        Ok(())
    }

    /// Which of the stations comes next: the first, or another one of the same priority. Their order is that in which they
    /// were registered, the last one first, and the ruleset does not tell it for sure.
    fn next_station(&mut self, rest: &[&Station]) -> usize {
        let Some(first) = rest.first().filter(|s| s.tied) else { return 0 };
        let same = rest.iter().take_while(|s| s.tied && s.priority == first.priority).count();
        for (i, station) in rest.iter().enumerate().take(same.saturating_sub(1)) {
            let key = format!("order {:?} {:?} {i} {same}", self.cx.hook, station.what);
            if self.cx.ask(ORDER, key.as_bytes(), true) {
                return i;
            }
        }
        same.saturating_sub(1)
    }

    /// Runs one base chain; an accept lets the way go on.
    fn base(&mut self, base: ChainRef, begin: &Begin) -> On {
        let hook = self.cx.hook;
        let before = self.reroutes(base).then(|| self.routed_by());
        let explain = self.walk.explain;
        let steps = &mut self.steps;
        let ended = self.walk.rules.base_chain(&mut self.cx, base, begin, &mut |tried: Tried| {
            if explain || tried.matched {
                steps.push(Step::Rule { hook, tried });
            }
        });
        let Ended { decision, at } = ended;
        match decision {
            Decision::Accept | Decision::Next | Decision::Return => {
                self.steps.push(Step::Passed { hook, base });
                if before.is_some_and(|b| b != self.routed_by()) {
                    self.route_out()?;
                }
                Ok(())
            }
            Decision::Queue { queue, bypass, .. } => self.queue(queue, bypass, at, decision),
            _ => Err(Fate::Decided { decision, at }),
        }
    }

    /// A packet for user space: with a reader, it is the reader's; without one it dies, or passes.
    fn queue(&mut self, queue: u16, bypass: bool, at: Place, decision: Decision) -> On {
        let reader = self.walk.env.queue_has_reader(queue);
        let key = [b"queue ".as_slice(), &queue.to_be_bytes()].concat();
        if !self.cx.test(reader, &key, |r| *r) && bypass {
            self.kernel(format!("queue {queue} has no reader and is bypassed"));
            self.bypassed = true;
            return Ok(());
        }
        Err(Fate::Decided { decision, at })
    }

    fn conntrack(&mut self) -> On {
        // Where no rule asks for it, it does not run.
        if !self.walk.rules.tracks_connections(self.cx.packet.network) {
            return Ok(());
        }
        // Notrack, or a state that the evidence brought along.
        if matches!(self.cx.packet.ct.state, Fact::Is(_)) && !self.cx.packet.ct.template {
            return Ok(());
        }
        let mut tracked = self.walk.env.track(&self.cx.packet);
        while let Fact::Is(Tracked::Either { what, likely, otherwise }) = tracked {
            let key = [b"conntrack ".as_slice(), what.as_bytes()].concat();
            tracked = Fact::Is(if self.cx.ask(what, &key, true) { *likely } else { *otherwise });
        }
        match tracked {
            Fact::Is(Tracked::As(ct)) => self.cx.packet.ct = *ct,
            Fact::Is(Tracked::Lost(o)) => return Err(Fate::Lost(Box::new(o))),
            Fact::Is(Tracked::Either { .. }) => {}
            Fact::Absent => self.cx.packet.ct.state = Fact::Is(CtState::Untracked),
            Fact::Unknown(what) => self.cx.packet.ct.state = Fact::Unknown(what),
        }
        if let Fact::Is(state) = self.cx.packet.ct.state {
            self.kernel(format!("conntrack: {}", state.name()));
        }
        let sums_up =
            !matches!(self.walk.env.sysctl("net.netfilter.nf_conntrack_checksum"), Fact::Is(v) if v.trim() == "0");
        if sums_up && let Some((protocol, at)) = nat::transport(&self.cx.packet) {
            self.cx.packet.summed = Summed::by_conntrack(&self.cx.packet, protocol, at);
        }
        Ok(())
    }

    /// `nf_conntrack_confirm`, behind all rules of the last hook: a new connection gets its entry, unless its answers would
    /// be taken for those of another one.
    fn confirm(&mut self) -> On {
        let ct = &mut self.cx.packet.ct;
        let new = matches!(ct.state, Fact::Is(CtState::New | CtState::Related)) && ct.flow == Fact::Absent;
        let (Fact::Is(status), Fact::Is(false), true) = (&mut ct.status, &ct.reply, new) else { return Ok(()) };
        if *status & Status::CONFIRMED.bits() != 0 {
            return Ok(());
        }
        *status |= Status::CONFIRMED.bits();
        let Fact::Is(answers) = ct.answers else { return Ok(()) };
        if self.walk.past
            || self.walk.env.tuple_taken(&answers, ct.zone.value().copied().unwrap_or(0)) != Fact::Is(true)
        {
            return Ok(());
        }
        let lost = Obstacle::new(CulpritKind::Conntrack, "insert clashed");
        let what = "answers to it would look like those to another connection, which conntrack knows already";
        Err(Fate::Lost(Box::new(lost.because(what))))
    }

    /// The connection of a packet that conntrack has let pass already.
    fn find_connection(&mut self, start: &Start) {
        if !self.walk.tracked || !self.is_behind_conntrack(start) {
            return;
        }
        if let Err(fate) = self.conntrack() {
            // It was not thrown away then, so what would now do so came later.
            self.cx.packet.ct.state = Fact::unknown(match fate {
                Fate::Lost(o) => format!("conntrack state ({})", o.detail.unwrap_or_default()),
                _ => "conntrack state".to_owned(),
            });
        }
    }

    /// Is conntrack's place at the hook before the one where a walk begins?
    fn is_behind_conntrack(&self, start: &Start) -> bool {
        let hook = start.hook();
        match start {
            _ if matches!(hook, Hook::Ingress | Hook::Egress) => false,
            _ if !matches!(hook, Hook::Prerouting | Hook::Output) => true,
            Start::Hook(_) => false,
            Start::AfterHook(_) => true,
            Start::In { base, .. } | Start::Behind { base, .. } => {
                let stations = Stations::new(self.walk.rules.rules, self.cx.packet.network, hook, None, None);
                let conntrack = stations.0.iter().position(|s| s.what == What::Conntrack);
                conntrack.zip(stations.index_of(*base)).is_some_and(|(conntrack, base)| conntrack < base)
            }
        }
    }

    /// `nf_nat_inet_fn`: the first packet of a connection asks the chains, every other one gets what was decided then.
    fn nat(&mut self, chains: &[ChainRef]) -> On {
        if !self.walk.rules.translates(self.cx.packet.network) {
            return Ok(());
        }
        let first = match &self.cx.packet.ct.state {
            Fact::Is(CtState::New | CtState::Related) => true,
            Fact::Is(CtState::Established) => false,
            Fact::Is(CtState::Untracked | CtState::Invalid) | Fact::Absent => return Ok(()),
            Fact::Unknown(_) if chains.is_empty() => return Ok(()),
            Fact::Unknown(what) => {
                let what = what.clone();
                self.cx.ask(what, b"first packet of its connection", true)
            }
        };
        let manip = Manip::at(self.cx.hook);
        let before = nat::end_of(&self.cx.packet, manip);
        if nat::is_about_another(&self.cx.packet) {
            if !nat::follow_error(&mut self.cx.packet, manip) {
                let quoted = Obstacle::new(CulpritKind::Nat, "quotes too little of the packet to be translated");
                return Err(Fate::Lost(Box::new(quoted)));
            }
        } else if first && !nat::is_settled(&self.cx.packet, manip) {
            for chain in chains {
                self.bypassed = false;
                self.base(*chain, &Begin::Start)?;
                // Behind a queue that nobody reads the kernel goes on with its next hook function, which all NAT is one of.
                if self.bypassed {
                    return Ok(());
                }
                // The first rule that translates settles it; later chains are not asked.
                if nat::is_settled(&self.cx.packet, manip) {
                    break;
                }
            }
            if !nat::is_settled(&self.cx.packet, manip) {
                nat::keep(&mut self.cx, manip);
            }
        } else {
            nat::follow(&mut self.cx.packet, manip);
        }
        let after = nat::end_of(&self.cx.packet, manip);
        if after == before {
            return Ok(());
        }
        if let Some(why) = nat::untranslatable(&self.cx.packet, manip) {
            return Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Nat, why))));
        }
        self.kept = None;
        let end = if manip == Manip::Source { "source" } else { "destination" };
        self.kernel(format!("{end} {before} becomes {after}"));
        if self.cx.hook == Hook::Output { self.route_out() } else { Ok(()) }
    }

    /// Is there something of the kernel's own that stops the packet here?
    fn stopped(&mut self, obstacle: Fact<Obstacle>) -> On {
        match obstacle {
            Fact::Is(o) => match &o.unless {
                Some((what, likely)) if self.cx.ask(what.clone(), what.as_bytes(), *likely) => Ok(()),
                _ => Err(Fate::Lost(Box::new(o))),
            },
            Fact::Absent => Ok(()),
            // Of a packet that was seen it is known that it got further, mostly.
            Fact::Unknown(_) if self.walk.past => Ok(()),
            Fact::Unknown(what) => {
                if self.cx.ask(what.clone(), what.as_bytes(), true) {
                    Ok(())
                } else {
                    Err(Fate::Unknown(what))
                }
            }
        }
    }

    fn known<T>(&self, fact: Fact<T>, what: &'static str) -> On<T> {
        match fact {
            Fact::Is(v) => Ok(v),
            Fact::Absent => Err(Fate::Unknown(what.into())),
            Fact::Unknown(what) => Err(Fate::Unknown(what)),
        }
    }

    fn kernel(&mut self, what: impl Into<String>) {
        self.steps.push(Step::Kernel { hook: self.cx.hook, what: what.into() });
    }
}

/// How the sender learns of a fate, if at all.
pub fn told(fate: &Fate) -> Option<RejectWith> {
    match fate {
        Fate::Decided { decision: Decision::Reject(with), .. } => Some(with.clone()),
        Fate::Lost(o) => o.told.clone(),
        _ => None,
    }
}
