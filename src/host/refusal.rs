//! Why the kernel lets a packet go no further, beside the rules.

use std::fmt;

use serde::Serialize;

use super::sysctl::Setting;
use crate::blame::CulpritKind;
use crate::blame::culprit::SysctlValue;
use crate::evaluate::{DeadEnd, Obstacle, RejectWith};

/// What stops a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It would be forwarded, and forwarding is off.
    ForwardingOff,
    /// The reverse path filter: an answer would not leave by where it came in.
    ReversePath,
    /// To or from 127.0.0.0/8 over a network.
    RouteLocalnet,
    /// From an address of this host, over a network.
    OwnSource,
    /// From an address that no host may send from: multicast, broadcast, 0.0.0.0.
    MartianSource,
    /// To an address that no host may be sent to.
    MartianDestination,
    /// A blackhole route or rule.
    Blackhole,
    /// An unreachable route or rule.
    Unreachable,
    /// A prohibit route or rule.
    Prohibit,
    /// No route at all.
    NoRoute,
    /// A multicast group that nobody here has joined.
    NotJoined,
    /// The network protocol is off on that interface.
    ProtocolOff,
    /// The TTL or hop limit ends here.
    TtlExpired,
    /// A socket takes what asks every router to look at it.
    RouterAlert,
    /// Larger than the way out allows, and not to be fragmented.
    TooBig,
    /// The next hop does not answer.
    NeighbourFailed,
    /// An IPsec policy.
    IpsecPolicy,
    /// No socket takes it.
    NoListener,
    /// Sockets on that port are bound to other addresses or interfaces.
    BoundElsewhere,
    /// More connections wait than the listener's backlog holds.
    ListenOverflow,
    /// The socket's receive buffer is full.
    BufferFull,
    /// Not the first packet of a connection, and no such connection.
    NoConnection,
    /// Echo requests are not answered.
    EchoIgnored,
    /// The conntrack table is full.
    TableFull,
}

impl Cause {
    /// What kind of culprit it is in a blame.
    pub fn kind(self) -> CulpritKind {
        match self {
            Self::ForwardingOff | Self::ReversePath | Self::RouteLocalnet | Self::ProtocolOff | Self::EchoIgnored => {
                CulpritKind::Sysctl
            }
            Self::OwnSource
            | Self::MartianSource
            | Self::MartianDestination
            | Self::Blackhole
            | Self::Unreachable
            | Self::Prohibit
            | Self::NoRoute
            | Self::NotJoined
            | Self::TtlExpired => CulpritKind::Route,
            Self::TooBig => CulpritKind::Mtu,
            Self::NeighbourFailed => CulpritKind::Neighbour,
            Self::IpsecPolicy => CulpritKind::Xfrm,
            Self::RouterAlert
            | Self::NoListener
            | Self::BoundElsewhere
            | Self::ListenOverflow
            | Self::BufferFull
            | Self::NoConnection => CulpritKind::Socket,
            Self::TableFull => CulpritKind::Conntrack,
        }
    }

    /// In words, as the contract has them where it has.
    pub fn name(self) -> &'static str {
        match self {
            Self::ForwardingOff => "forwarding is off",
            Self::ReversePath => "reverse path filter",
            Self::RouteLocalnet => "loopback address on a network",
            Self::OwnSource | Self::MartianSource => "martian source",
            Self::MartianDestination => "martian destination",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::NoRoute => "no route",
            Self::NotJoined => "multicast group not joined",
            Self::ProtocolOff => "protocol is off on the interface",
            Self::TtlExpired => "TTL expired",
            Self::RouterAlert => "taken for its router alert",
            Self::TooBig => "larger than the MTU",
            Self::NeighbourFailed => "neighbour does not answer",
            Self::IpsecPolicy => "policy block",
            Self::NoListener => "no listener",
            Self::BoundElsewhere => "bound elsewhere",
            Self::ListenOverflow => "listen overflow",
            Self::BufferFull => crate::evaluate::walk::BUFFER_FULL,
            Self::NoConnection => "no connection",
            Self::EchoIgnored => "echo requests are ignored",
            Self::TableFull => "table full",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One observation that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it was seen: a sysctl's key, `route to 10.0.0.1`.
    pub source: String,
    /// What was seen.
    pub value: String,
    /// What would have let the packet pass, where that is one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
}

impl Evidence {
    /// An observation.
    pub fn new(source: impl Into<String>, value: impl Into<String>) -> Self {
        Self { source: source.into(), value: value.into(), wanted: None }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.source, self.value)?;
        match &self.wanted {
            Some(wanted) => write!(f, " (wanted {wanted})"),
            None => Ok(()),
        }
    }
}

/// A packet stopped, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What stops it.
    pub cause: Cause,
    /// More words about it than the cause has: `bound to 127.0.0.1`.
    pub detail: Option<String>,
    /// The setting that decides, and the value that would let the packet pass.
    pub setting: Option<(Setting, String)>,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What the sender is told, if anything.
    #[serde(skip)]
    pub told: Option<RejectWith>,
    /// The route and routing rule by whose word it goes nowhere.
    #[serde(skip)]
    pub dead_end: Option<Box<DeadEnd>>,
    /// It does not stop the packet if this holds, which is not known; and is that likely?
    pub unless: Option<(String, bool)>,
}

impl Refusal {
    /// A refusal with nothing but its cause.
    pub fn new(cause: Cause) -> Self {
        Self { cause, detail: None, setting: None, evidence: Vec::new(), told: None, dead_end: None, unless: None }
    }

    /// A setting decides; `wanted` is the value that would let the packet pass.
    pub fn setting(cause: Cause, setting: Setting, wanted: &str) -> Self {
        let shown = Evidence { wanted: Some(wanted.into()), ..Evidence::new(&setting.key, setting.value.to_string()) };
        Self { setting: Some((setting, wanted.into())), evidence: vec![shown], ..Self::new(cause) }
    }

    /// The same, with more words.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same, with one more observation.
    #[must_use]
    pub fn because(mut self, source: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(source, value));
        self
    }

    /// The same, with a setting among the observations.
    #[must_use]
    pub fn given(mut self, setting: &Setting) -> Self {
        self.evidence.push(Evidence::new(&setting.key, setting.value.to_string()));
        self
    }

    /// The same, but only if something does not hold that is not known.
    #[must_use]
    pub fn unless(mut self, what: impl Into<String>, likely: bool) -> Self {
        self.unless = Some((what.into(), likely));
        self
    }

    /// The same, with the ICMP message that tells the sender.
    #[must_use]
    pub fn telling(mut self, icmp: &'static str) -> Self {
        self.told = Some(RejectWith::Icmp(icmp.into()));
        self
    }
}

impl From<Refusal> for Obstacle {
    fn from(r: Refusal) -> Self {
        let kind = r.cause.kind();
        let detail = match r.detail {
            Some(detail) => Some(detail),
            None if kind == CulpritKind::Sysctl => None,
            None => Some(r.cause.name().to_owned()),
        };
        let sysctl = r.setting.map(|(s, wanted)| SysctlValue { key: s.key, value: s.value.to_string(), wanted });
        let evidence = r.evidence.iter().map(Evidence::to_string).collect();
        Self { detail, sysctl, told: r.told, evidence, dead_end: r.dead_end, unless: r.unless, ..Self::new(kind, "") }
    }
}
