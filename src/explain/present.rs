//! A host at the moment when its rulesets were read, and as the question has it.

use std::cell::RefCell;
use std::net::IpAddr;

use crate::evaluate::environment::{FibAnswer, FibQuery, Link, Program, RouteType, SocketFacts};
use crate::evaluate::nat::tuple_of;
use crate::evaluate::packet::{Ct, CtState};
use crate::evaluate::{Delivery, Environment, Fact, Obstacle, Packet, Routed, Tracked};
use crate::ruleset::ipset::IpSets;
use crate::sys::ct::{Status, Tuple};

/// The environment of a question. All but a few answers are the host's own.
pub(super) struct Present<'a> {
    pub host: &'a dyn Environment,
    /// The ipsets, as they were read with the rules.
    pub ipsets: &'a IpSets,
    /// What conntrack is to say, if the question has it.
    pub asked: Option<Asked>,
    /// Was the asked state what the live table says, too?
    pub real: RefCell<bool>,
}

/// A conntrack state that a question asks for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub state: CtState,
    /// What an established connection's first packet would have made of it.
    pub first: Option<Ct>,
}

impl Asked {
    /// What conntrack would hold of a packet in that state.
    fn ct(&self, packet: &Packet) -> Ct {
        let tuple = tuple_of(packet);
        let fresh = Ct {
            state: Fact::Is(self.state),
            reply: Fact::Is(false),
            mark: Fact::Is(0),
            status: Fact::Is(0),
            zone: Fact::Is(packet.ct.zone.value().copied().unwrap_or(0)),
            template: false,
            original: tuple.into(),
            answers: tuple.and_then(|t| t.inverted()).into(),
            flow: Fact::Absent,
            labels: 0,
        };
        match self.state {
            CtState::New => fresh,
            CtState::Related => Ct {
                mark: Fact::unknown("mark of the announcing connection"),
                status: Fact::Is(Status::EXPECTED.bits()),
                ..fresh
            },
            CtState::Invalid | CtState::Untracked => Ct { state: Fact::Is(self.state), ..Ct::default() },
            CtState::Established => {
                let seen = Status::CONFIRMED | Status::SEEN_REPLY | Status::ASSURED;
                let done = Status::SRC_NAT_DONE | Status::DST_NAT_DONE;
                let nat = Status::SRC_NAT | Status::DST_NAT;
                // Only packets of the direction that began it are translated as its first one was.
                match self.first.as_ref().map(|ct| (ct, ct.status.value().copied().unwrap_or(0) & nat.bits())) {
                    Some((ct, translated)) if translated != 0 => Ct {
                        status: Fact::Is(seen.bits() | done.bits() | translated),
                        mark: ct.mark.clone(),
                        answers: ct.answers.clone(),
                        flow: Fact::unknown("the connection that is asked about"),
                        ..fresh
                    },
                    _ => Ct {
                        reply: Fact::unknown("direction of the packet in its connection"),
                        mark: Fact::unknown("mark of the connection"),
                        status: Fact::Is(seen.bits() | done.bits()),
                        original: Fact::unknown("the connection that is asked about"),
                        answers: Fact::unknown("the connection that is asked about"),
                        flow: Fact::unknown("the connection that is asked about"),
                        ..fresh
                    },
                }
            }
        }
    }
}

/// The branch of an answer in which conntrack says that state.
fn branch(tracked: &Tracked, state: CtState) -> Option<&Tracked> {
    match tracked {
        Tracked::As(ct) => (ct.state == Fact::Is(state)).then_some(tracked),
        Tracked::Lost(_) => None,
        Tracked::Either { likely, otherwise, .. } => branch(likely, state).or_else(|| branch(otherwise, state)),
    }
}

impl Environment for Present<'_> {
    fn track(&self, packet: &Packet) -> Fact<Tracked> {
        let live = self.host.track(packet);
        let Some(asked) = &self.asked else { return live };
        if let Fact::Is(tracked) = &live {
            if let Some(same) = branch(tracked, asked.state) {
                *self.real.borrow_mut() = true;
                return Fact::Is(same.clone());
            }
            // A connection that cannot begin cannot be asked into being.
            if asked.state == CtState::New
                && let Tracked::Lost(_) = tracked
            {
                return live;
            }
        }
        Fact::Is(Tracked::As(Box::new(asked.ct(packet))))
    }

    fn ipsets(&self) -> Option<&IpSets> {
        Some(self.ipsets)
    }

    fn since_ruleset(&self) -> Fact<i64> {
        Fact::Is(0)
    }

    fn fib(&self, query: &FibQuery) -> Fact<FibAnswer> {
        self.host.fib(query)
    }

    fn address_type(&self, address: IpAddr, on: Option<u32>) -> Fact<RouteType> {
        self.host.address_type(address, on)
    }

    fn link(&self, index: u32) -> Fact<Link> {
        self.host.link(index)
    }

    fn link_index(&self, name: &[u8]) -> Fact<u32> {
        self.host.link_index(name)
    }

    fn socket(&self, protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16)) -> Fact<SocketFacts> {
        self.host.socket(protocol, from, to)
    }

    fn masquerade_address(&self, device: u32, towards: IpAddr) -> Fact<IpAddr> {
        self.host.masquerade_address(device, towards)
    }

    fn redirect_address(&self, device: u32, destination: IpAddr) -> Fact<IpAddr> {
        self.host.redirect_address(device, destination)
    }

    fn tuple_taken(&self, tuple: &Tuple, zone: u16) -> Fact<bool> {
        self.host.tuple_taken(tuple, zone)
    }

    fn route_input(&self, packet: &Packet) -> Fact<Routed> {
        self.host.route_input(packet)
    }

    fn route_output(&self, packet: &Packet) -> Fact<Routed> {
        self.host.route_output(packet)
    }

    fn deliver(&self, packet: &Packet) -> Fact<Delivery> {
        self.host.deliver(packet)
    }

    fn forward(&self, packet: &Packet) -> Fact<Obstacle> {
        self.host.forward(packet)
    }

    fn leave(&self, packet: &Packet) -> Fact<Obstacle> {
        self.host.leave(packet)
    }

    fn programs(&self, device: u32, out: bool) -> Fact<Vec<Program>> {
        self.host.programs(device, out)
    }

    fn under_ipsec(&self) -> Fact<bool> {
        self.host.under_ipsec()
    }

    fn queue_has_reader(&self, queue: u16) -> Fact<bool> {
        self.host.queue_has_reader(queue)
    }

    fn sysctl(&self, key: &str) -> Fact<String> {
        self.host.sysctl(key)
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        self.host.clock()
    }
}
