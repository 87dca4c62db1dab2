//! The way of a packet: hook after hook, with routing between them, until it is lost, delivered or gone.

mod deliver;
mod fate;
mod hooks;
mod moved;
mod options;
mod out;
mod port;
mod receive;
mod route;
mod switch;
mod switch_port;
mod track;
mod translate;

use super::assume::Assumptions;
use super::context::Context;
use super::environment::{Environment, FibAnswer};
use super::fact::Fact;
use super::headers::Network;
use super::hook::Hook;
use super::log_rules::LogRule;
use super::obstacle::Obstacle;
use super::packet::{Device, Packet};
use super::place::ChainRef;
use super::run::Prepared;
use super::telling;
use super::traversal::Begin;

pub use deliver::{BUFFER_FULL, UNSIGNED};
pub use fate::{Fate, Run, Step, Walked, told};
pub use switch::{is_behind, tracks_neighbours};

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the first station of a hook.
    Hook(Hook),
    /// At a bridge, whose hooks the packet meets as it comes by one of its ports, nobody said which.
    AnyPort,
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
            Self::AnyPort => Hook::Ingress,
            Self::Hook(hook) | Self::AfterHook(hook) | Self::In { hook, .. } | Self::Behind { hook, .. } => *hook,
        }
    }
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
    /// Has br_netfilter shown it to the rules of the prerouting hook already?
    prerouted: bool,
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
            prerouted: false,
        }
    }
}

impl Way<'_, '_> {
    fn go(&mut self, start: &Start) -> Fate {
        let (Ok(mut fate) | Err(mut fate)) = self.way(start);
        if let Fate::Lost(lost) = &mut fate
            && let Some(with) = &lost.told
            && telling::is_untold(&self.cx.packet, with, lost.tells_of_many)
        {
            lost.told = None;
        }
        fate
    }

    fn way(&mut self, start: &Start) -> Result<Fate, Fate> {
        let hook = self.cx.hook;
        self.find_connection(start);
        match start {
            Start::Hook(_) => {
                self.enter(hook)?;
                self.hook(hook, None)?;
            }
            Start::AnyPort => {
                self.by_any_port()?;
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
                self.tagged()?;
                if self.cx.packet.network == Network::Arp {
                    self.receive_arp()?;
                    self.hook(Hook::Input, None)?;
                    return Ok(Fate::Passed);
                }
                self.receive()?;
                if !self.prerouted {
                    self.hook(Hook::Prerouting, None)?;
                }
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
            Hook::Ingress => {
                self.device_is_up()?;
                self.programs(false)
            }
            Hook::Prerouting => {
                self.device_is_up()?;
                self.receive()
            }
            Hook::Output | Hook::Postrouting if self.is_ip() && self.cx.packet.oif == Fact::Absent => self.route_out(),
            _ => Ok(()),
        }
    }

    fn is_ip(&self) -> bool {
        matches!(self.cx.packet.network, Network::Ip4 | Network::Ip6)
    }

    /// Is there something of the kernel's own that stops the packet here?
    fn stopped(&mut self, obstacle: Fact<Obstacle>) -> On {
        match obstacle {
            Fact::Is(o) => match &o.unless {
                Some((what, likely)) if self.cx.ask(what.clone(), what.as_bytes(), *likely) => Ok(()),
                _ => Err(Fate::Lost(Box::new(o))),
            },
            Fact::Absent => Ok(()),
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
