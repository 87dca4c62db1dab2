//! What the connection table is full of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::facts::Usage;
use super::heavy::{Heavy, Talker};
use crate::evaluate::Fact;
use crate::sys::ct::{Flow, ProtoInfo, Status};

/// A source or destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct End {
    /// Its address.
    pub address: IpAddr,
}

/// What connections go to: protocol and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Service {
    /// `IPPROTO_*`.
    pub protocol: u8,
    /// The destination port, for protocols that have ports.
    pub port: Option<u16>,
}

/// A summary of the connection table, counted while it is read: its size does not depend on the table's.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Connections seen.
    pub total: u64,
    /// Those that have not been answered yet.
    pub unreplied: u64,
    /// Those that a full table keeps (the others may be given up early).
    pub assured: u64,
    /// Those whose addresses are translated.
    pub translated: u64,
    /// Those that a flow table carries past the rules.
    pub offloaded: u64,
    /// By protocol and state of its tracker.
    pub states: BTreeMap<(u8, Cow<'static, str>), u64>,
    sources: Heavy<End>,
    destinations: Heavy<End>,
    services: Heavy<Service>,
}

/// The most frequent of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Top {
    /// Where connections come from.
    pub sources: Vec<Talker<End>>,
    /// How many different sources there are; None: too many to tell.
    pub distinct_sources: Option<usize>,
    /// Where they go, as the client sees it (before NAT).
    pub destinations: Vec<Talker<End>>,
    /// What they go to.
    pub services: Vec<Talker<Service>>,
}

impl Summary {
    /// Counts a connection.
    pub fn add(&mut self, flow: &Flow) {
        self.total += 1;
        let status = flow.status.unwrap_or_default();
        self.unreplied += u64::from(!status.contains(Status::SEEN_REPLY));
        self.assured += u64::from(status.contains(Status::ASSURED));
        self.translated += u64::from(status.intersects(Status::SRC_NAT | Status::DST_NAT));
        self.offloaded += u64::from(status.intersects(Status::OFFLOAD | Status::HW_OFFLOAD));
        let protocol = flow.orig.protocol;
        let state = match flow.protoinfo.as_ref().and_then(ProtoInfo::state) {
            Some(state) => state,
            None if status.contains(Status::SEEN_REPLY) => "replied".into(),
            None => "unreplied".into(),
        };
        *self.states.entry((protocol, state)).or_insert(0) += 1;
        self.sources.add(End { address: flow.orig.src });
        self.destinations.add(End { address: flow.orig.dst });
        self.services.add(Service { protocol, port: flow.orig.dst_port() });
    }

    /// The `n` most frequent of each kind.
    pub fn top(&self, n: usize) -> Top {
        Top {
            sources: self.sources.top(n),
            distinct_sources: self.sources.distinct(),
            destinations: self.destinations.top(n),
            services: self.services.top(n),
        }
    }
}

/// How full the table is, by the files that tell both in every version and load nothing. Absent: this kernel does not
/// track connections.
pub fn usage(read: impl Fn(&str) -> Fact<String>) -> Fact<Usage> {
    let number = |key: &str| match read(key) {
        Fact::Is(text) => text.trim().parse::<u32>().map_or_else(|_| Fact::unknown(key.to_owned()), Fact::Is),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(why) => Fact::Unknown(why),
    };
    match (number("net.netfilter.nf_conntrack_count"), number("net.netfilter.nf_conntrack_max")) {
        (Fact::Is(count), Fact::Is(max)) => Fact::Is(Usage { count, max }),
        (Fact::Unknown(why), _) | (_, Fact::Unknown(why)) => Fact::Unknown(why),
        _ => Fact::Absent,
    }
}

impl Usage {
    /// How full it is in percent, rounded down; None without a limit.
    pub fn percent(&self) -> Option<u64> {
        (self.max > 0).then(|| u64::from(self.count) * 100 / u64::from(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::ct::{TcpState, Tuple};

    #[test]
    fn connections_are_counted_by_everything_that_is_asked() {
        let mut summary = Summary::default();
        for port in 0..3 {
            let orig = Tuple::ports(6, ([10, 0, 0, 1].into(), port), ([10, 0, 0, 2].into(), 80));
            let protoinfo = Some(ProtoInfo::Tcp { state: TcpState::SynSent, window_scale: None, flags: None });
            summary.add(&Flow { status: Some(Status::CONFIRMED), protoinfo, ..Flow::of(orig, orig) });
        }
        assert_eq!((summary.total, summary.unreplied, summary.assured), (3, 3, 0));
        assert_eq!(summary.states.iter().next(), Some((&(6, "SYN_SENT".into()), &3)));
        let top = summary.top(1);
        assert_eq!((top.services[0].count, top.services[0].key.port), (3, Some(80)));
        assert_eq!(Usage { count: 95, max: 200 }.percent(), Some(47));
    }
}
