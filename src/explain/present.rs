//! A host at the moment when its rulesets were read, and as the question has it.

use std::cell::Cell;
use std::net::IpAddr;

use crate::evaluate::environment::{FibAnswer, FibQuery, Link, Program, RouteType, SocketFacts, Switch};
use crate::evaluate::nat::tuple_of;
use crate::evaluate::packet::{Ct, CtState};
use crate::evaluate::{Delivery, Environment, Fact, Obstacle, Packet, Routed, Tracked};
use crate::host::Cause;
use crate::ruleset::ipset::IpSets;
use crate::sys::ct::{Status, Tuple, Zone};

/// The environment of a question. All but a few answers are the host's own.
pub(super) struct Present<'a> {
    pub host: &'a dyn Environment,
    /// The ipsets, as they were read with the rules.
    pub ipsets: &'a IpSets,
    /// What conntrack is to say, if the question has it.
    pub asked: Option<Asked>,
    /// Was the asked state what the live table says, too?
    pub real: Cell<bool>,
}

/// What a question has conntrack say.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// A state: of the live table's entry, if it has one in that state.
    State(CtState),
    /// An established connection, whose first packet was made this of.
    Established(Option<Box<Ct>>),
    /// A new connection, whatever is in the table.
    Fresh,
    /// This, if it tracks at all.
    Exactly(Box<Ct>),
}

impl Asked {
    fn state(&self) -> Option<CtState> {
        match self {
            Self::State(state) => Some(*state),
            Self::Established(_) => Some(CtState::Established),
            Self::Fresh | Self::Exactly(_) => None,
        }
    }

    /// What conntrack would hold of a packet.
    fn ct(&self, packet: &Packet) -> Ct {
        let tuple = tuple_of(packet);
        let fresh = Ct {
            state: Fact::Is(CtState::New),
            reply: Fact::Is(false),
            mark: Fact::Is(0),
            status: Fact::Is(0),
            zone: Fact::Is(packet.ct.zone.value().copied().unwrap_or_default()),
            template: false,
            original: tuple.into(),
            answers: tuple.and_then(|t| t.inverted()).into(),
            flow: Fact::Absent,
            told: false,
            labels: 0,
            ignored: Fact::Is(false),
            replaces: None,
        };
        match self {
            Self::Exactly(ct) => (**ct).clone(),
            Self::Fresh | Self::State(CtState::New) => fresh,
            Self::State(CtState::Related) => Ct {
                state: Fact::Is(CtState::Related),
                mark: Fact::unknown("mark of the announcing connection"),
                status: Fact::Is(Status::EXPECTED.bits()),
                ..fresh
            },
            Self::State(state @ (CtState::Invalid | CtState::Untracked)) => {
                Ct { state: Fact::Is(*state), ..Ct::default() }
            }
            Self::State(CtState::Established) => established(fresh, None),
            Self::Established(first) => established(fresh, first.as_deref()),
        }
    }
}

/// A connection that both sides have been seen of. Only packets of the direction that began it are translated as its
/// first one was.
fn established(fresh: Ct, first: Option<&Ct>) -> Ct {
    let seen = (Status::CONFIRMED | Status::SEEN_REPLY | Status::ASSURED).bits()
        | (Status::SRC_NAT_DONE | Status::DST_NAT_DONE).bits();
    let nat = (Status::SRC_NAT | Status::DST_NAT).bits();
    let state = Fact::Is(CtState::Established);
    match first.map(|ct| (ct, ct.status.value().copied().unwrap_or(0) & nat)) {
        Some((ct, translated)) if translated != 0 => Ct {
            state,
            status: Fact::Is(seen | translated),
            mark: ct.mark.clone(),
            answers: ct.answers.clone(),
            flow: Fact::unknown(THE_ASKED),
            ..fresh
        },
        _ => Ct {
            state,
            reply: Fact::unknown("direction of the packet in its connection"),
            mark: Fact::unknown("mark of the connection"),
            status: Fact::Is(seen),
            original: Fact::unknown(THE_ASKED),
            answers: Fact::unknown(THE_ASKED),
            flow: Fact::unknown(THE_ASKED),
            ..fresh
        },
    }
}

const THE_ASKED: &str = "the connection that is asked about";

/// The branch of an answer in which conntrack says that state.
fn branch(tracked: &Tracked, state: CtState) -> Option<&Tracked> {
    match tracked {
        Tracked::As(ct) => (ct.state == Fact::Is(state)).then_some(tracked),
        Tracked::Lost(_) => None,
        Tracked::Either { likely, otherwise, .. } => branch(likely, state).or_else(|| branch(otherwise, state)),
    }
}

impl Environment for Present<'_> {
    fn track_behind(&self, packet: &Packet) -> Fact<Tracked> {
        if self.asked.is_some() { self.track(packet) } else { self.host.track_behind(packet) }
    }

    fn track(&self, packet: &Packet) -> Fact<Tracked> {
        let live = self.host.track(packet);
        let Some(asked) = &self.asked else { return live };
        if let Fact::Is(tracked) = &live {
            if let Some(same) = asked.state().and_then(|state| branch(tracked, state)) {
                self.real.set(true);
                return Fact::Is(same.clone());
            }
            // A connection that cannot begin cannot be asked into being.
            if matches!(asked, Asked::State(CtState::New))
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

    fn way_back(&self, to: IpAddr) -> Fact<FibAnswer> {
        self.host.way_back(to)
    }

    fn address_type(&self, address: IpAddr, on: Option<u32>) -> Fact<RouteType> {
        self.host.address_type(address, on)
    }

    fn link(&self, index: u32) -> Fact<Link> {
        self.host.link(index)
    }

    fn switch(&self, bridge: u32) -> Fact<Switch> {
        self.host.switch(bridge)
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

    fn device_with(&self, address: IpAddr) -> Fact<u32> {
        self.host.device_with(address)
    }

    fn redirect_address(&self, device: u32, destination: IpAddr) -> Fact<IpAddr> {
        self.host.redirect_address(device, destination)
    }

    fn same_source(&self, tuple: &Tuple, zone: Zone) -> Fact<Vec<Tuple>> {
        self.host.same_source(tuple, zone)
    }

    fn tuple_taken(&self, tuple: &Tuple, zone: Zone) -> Fact<bool> {
        self.host.tuple_taken(tuple, zone)
    }

    fn route_input(&self, packet: &Packet) -> Fact<Routed> {
        self.host.route_input(packet)
    }

    fn route_output(&self, packet: &Packet) -> Fact<Routed> {
        self.host.route_output(packet)
    }

    fn input_policy(&self, packet: &Packet) -> Fact<Obstacle> {
        self.host.input_policy(packet)
    }

    fn deliver(&self, packet: &Packet) -> Fact<Delivery> {
        let live = self.host.deliver(packet);
        let nobody = |d: &Delivery| match d {
            Delivery::Lost(o) => {
                o.detail.as_deref().is_some_and(|d| [Cause::NoListener.name(), Cause::NoConnection.name()].contains(&d))
            }
            _ => false,
        };
        // Who asks about a packet of a connection that there is not now takes its socket for there, too.
        let of_connection = self.asked.as_ref().and_then(Asked::state) == Some(CtState::Established);
        if of_connection && !self.real.get() && live.value().is_some_and(nobody) {
            return Fact::Is(Delivery::Taken("the socket of the connection that it is taken to be of".into()));
        }
        live
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

    fn sent_through(&self, packet: &Packet) -> Fact<Vec<Program>> {
        self.host.sent_through(packet)
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

    fn wrong_sums_lately(&self, v6: bool, protocol: u8) -> Fact<bool> {
        self.host.wrong_sums_lately(v6, protocol)
    }

    fn kept_by_match(&self, file: &str) -> Fact<String> {
        self.host.kept_by_match(file)
    }

    fn jiffies(&self) -> Fact<(u64, u64)> {
        self.host.jiffies()
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        self.host.clock()
    }
}
