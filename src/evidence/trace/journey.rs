//! One packet's way through the rules, as records told it.

use super::table::Addresses;
use crate::blame::Time;
use crate::evaluate::headers::{Headers, Network};
use crate::evaluate::hook::Hook;
use crate::evidence::legacy::LegacyTrace;
use crate::filter::Subject;
use crate::sys::nft;

/// The records of one packet, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// The kernel's trace id, the first if it had several; the kernel uses it again for later packets. None: legacy
    /// records only.
    pub id: Option<u32>,
    /// When its first record was read.
    pub began: Time,
    /// When its last record was read.
    pub ended: Time,
    /// Each record.
    pub steps: Vec<Step>,
    /// How it ended, as far as records tell.
    pub end: End,
    /// Did we see it from where our rule selected it? If not, someone else's rule started the trace.
    pub selected: bool,
    /// Records were lost while it was under way: steps may be missing. If it was [`End::Dropped`] or has [`End::Passed`] that is
    /// certain all the same, since a record said so; if it ended in silence, the last record may not have been the last.
    pub incomplete: bool,
    /// Another packet with the same headers was under way: a legacy record may belong to that one.
    pub ambiguous: bool,
}

/// How a journey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The last step is an nft verdict or policy that drops.
    Dropped,
    /// It came out of the last hook: to a socket (input) or out (postrouting). No rule took it.
    Passed(Hook),
    /// There were no more records. If the last step is a legacy record, that rule or policy may have taken the packet; if it
    /// is `stolen` or `queue`, that did; if it is the end of a hook, what the kernel does between hooks did.
    Silent,
    /// A fragment, last seen where fragments are collected to be put together again: what becomes of the whole is the story of
    /// another journey, if all fragments come.
    Reassembly,
    /// We stopped while it was under way.
    Interrupted,
}

/// An edge of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Before the first chain.
    Enters,
    /// After the last chain.
    Leaves,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The hook, where our own chains or the record itself told it; else look the chain up in the ruleset.
    pub hook: Option<Hook>,
    /// What was recorded.
    pub record: Record,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The packet was at the edge of a hook (a chain of our own table).
    Edge(Edge, Box<nft::Trace>),
    /// A rule, policy or the end of a chain of nf_tables.
    Nft(Box<nft::Trace>),
    /// A rule or policy of a legacy table.
    Legacy(Box<LegacyTrace>),
}

impl Record {
    /// The nf_tables record, of whoever's table.
    pub fn nft(&self) -> Option<&nft::Trace> {
        match self {
            Self::Edge(_, t) | Self::Nft(t) => Some(t),
            Self::Legacy(_) => None,
        }
    }
}

/// The packet at one point of its journey, borrowed from a record that has its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    /// The network layer protocol.
    pub network: Network,
    /// The link layer header, as far as the record has it.
    pub link: &'a [u8],
    /// From the network header on: 40 bytes at most in an nf_tables record, everything in a legacy one.
    pub header: &'a [u8],
    /// From the transport header on: 20 bytes at most.
    pub transport: &'a [u8],
    /// Index of the device it came in by.
    pub iif: Option<u32>,
    /// Index of the device it goes out by.
    pub oif: Option<u32>,
}

impl<'a> View<'a> {
    /// The view that a record carries, if it does: of nf_tables records, only the first of a base chain.
    pub fn of(record: &'a Record) -> Option<Self> {
        match record {
            Record::Edge(_, t) | Record::Nft(t) => Self::of_trace(t),
            Record::Legacy(l) => Some(Self::of_legacy(l)),
        }
    }

    pub(super) fn of_legacy(l: &'a LegacyTrace) -> Self {
        Self {
            network: l.packet.network,
            link: &l.packet.link,
            header: &l.packet.payload,
            transport: &[],
            iif: l.packet.iif,
            oif: l.packet.oif,
        }
    }

    pub(super) fn of_trace(t: &'a nft::Trace) -> Option<Self> {
        let network = network(t);
        let (header, transport) = match (&*t.network_header, &*t.transport_header) {
            // In what follows the first fragment of IPv6 it finds no transport, and tells the beginning of the network header
            // in its place (`nft_set_pktinfo_ipv6`).
            ([], begin @ [first, ..]) if network == Network::Ip6 && first >> 4 == 6 => (begin, &[][..]),
            ([], _) => return None,
            both => both,
        };
        Some(Self { network, link: &t.link_header, header, transport, iif: t.iif, oif: t.oif })
    }

    /// Is the network header all there, but for extensions?
    fn is_whole(&self) -> bool {
        self.network != Network::Ip6 || self.header.len() >= 40
    }

    /// What a filter looks at.
    pub fn subject(&self) -> Subject<'a> {
        if self.transport.is_empty() {
            Subject::new(self.network, self.header)
        } else {
            Subject::of_headers(self.network, self.header, self.transport)
        }
    }

    /// Is it one of several fragments?
    pub fn is_fragment(&self) -> bool {
        let h = Headers::parse(self.network, self.header);
        h.more_fragments || !h.first_fragment()
    }

    /// The packet from its network header on, as far as it is known. None of the bytes after a gap.
    pub fn bytes(&self) -> Vec<u8> {
        let whole = Headers::parse(self.network, self.header).transport.is_some_and(|at| at == self.header.len());
        let mut bytes = self.header.to_vec();
        if whole {
            bytes.extend_from_slice(self.transport);
        }
        bytes
    }
}

/// In the families that see any frame, only the frame tells.
fn network(t: &nft::Trace) -> Network {
    match t.nfproto.unwrap_or(t.family) {
        nft::Family::Ip => Network::Ip4,
        nft::Family::Ip6 => Network::Ip6,
        nft::Family::Arp => Network::Arp,
        _ => match (ethertype(&t.link_header), t.network_header.first()) {
            (Some(kind), _) => Network::from_ethertype(kind),
            (None, Some(first)) if first >> 4 == 4 => Network::Ip4,
            (None, Some(first)) if first >> 4 == 6 => Network::Ip6,
            _ => Network::Other(0),
        },
    }
}

/// The Ethertype at the end of a link layer header, which is that of the network header; none if it has no such end.
fn ethertype(link: &[u8]) -> Option<u16> {
    let [.., a, b] = link else { return None };
    (link.len() >= 14).then(|| u16::from_be_bytes([*a, *b])).filter(|kind| *kind >= 0x600)
}

/// The first view that is whole, or else the first one at all.
fn best<'a>(steps: impl Iterator<Item = &'a Step>) -> Option<View<'a>> {
    let mut views = steps.filter_map(|s| View::of(&s.record));
    let first = views.next()?;
    if first.is_whole() { Some(first) } else { Some(views.find(View::is_whole).unwrap_or(first)) }
}

impl Journey {
    /// Is there more in it than edges, where the packet is of someone else's trace, or is none that goes on to other hooks?
    pub(super) fn tells_something(&self) -> bool {
        let is_ip = || self.first_view().is_none_or(|v| matches!(v.network, Network::Ip4 | Network::Ip6));
        self.last_rule().is_some() || (self.selected && is_ip())
    }

    /// The packet as the first record saw it, before anything changed it.
    pub fn first_view(&self) -> Option<View<'_>> {
        best(self.steps.iter())
    }

    /// The packet as the last record with headers saw it.
    pub fn last_view(&self) -> Option<View<'_>> {
        best(self.steps.iter().rev())
    }

    /// The last thing that is a rule or policy of somebody, not an edge.
    pub fn last_rule(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|s| !matches!(s.record, Record::Edge(..)))
    }

    /// Did the packet reach that edge of that hook?
    pub fn reached(&self, hook: Hook, edge: Edge) -> bool {
        self.steps.iter().any(|s| s.hook == Some(hook) && matches!(s.record, Record::Edge(e, _) if e == edge))
    }

    /// Was it seen entering a device, and nowhere else, addressed to another than that device at the link layer?
    pub(super) fn is_for_others(&self, own: &Addresses) -> bool {
        let only_enters = self
            .steps
            .iter()
            .all(|s| s.hook == Some(Hook::Ingress) && matches!(s.record, Record::Edge(Edge::Enters, _)));
        let Some(View { link, iif: Some(device), .. }) = self.last_view().filter(|_| only_enters) else { return false };
        // Group addresses are for everybody.
        let to = link.get(..6).filter(|to| link.len() >= 14 && to.first().is_some_and(|b| b & 1 == 0));
        self.end == End::Silent && to.is_some_and(|to| own.get(&device).is_some_and(|own| own.len() == 6 && own != to))
    }

    /// Brings the steps of each hook into the order in which the kernel took them. Records of nf_tables and of the legacy
    /// tables come by different ways, so that between them only the priority of chain and table tells; a step without
    /// one stays where it is, and nothing comes after a drop. The edges need not be asked for.
    pub fn order(&mut self, priority: impl Fn(&Step) -> Option<i32>) {
        let priority = |s: &Step| match &s.record {
            Record::Edge(Edge::Enters, _) => Some(i32::MIN),
            Record::Edge(Edge::Leaves, _) => Some(i32::MAX),
            _ => priority(s),
        };
        // The hooks of a bridge have the same names, and those of IP come after them then.
        let left_bridge =
            |s: &Step| matches!(&s.record, Record::Edge(Edge::Leaves, t) if t.family == nft::Family::Bridge);
        for run in self.steps.chunk_by_mut(|a, b| a.hook == b.hook && !left_bridge(a)) {
            let (mut legacy, mut others): (Vec<Step>, Vec<Step>) =
                run.iter().cloned().partition(|s| matches!(s.record, Record::Legacy(_)) && priority(s).is_some());
            if legacy.is_empty() || others.is_empty() {
                continue;
            }
            legacy.reverse();
            others.reverse();
            // A merge: within each source the kernel's own order stands.
            let mut known = i32::MIN;
            for slot in run.iter_mut() {
                let next = others.last().map(|s| priority(s).unwrap_or(known));
                let ends = others.last().is_some_and(is_drop);
                let from_legacy = match (legacy.last().and_then(&priority), next) {
                    (Some(_), Some(_)) if ends => true,
                    (Some(l), Some(o)) => l < o,
                    (l, _) => l.is_some(),
                };
                let from = if from_legacy { &mut legacy } else { &mut others };
                if let Some(step) = from.pop() {
                    known = priority(&step).unwrap_or(known);
                    *slot = step;
                }
            }
        }
    }
}

/// Did a rule or policy of nf_tables drop the packet here?
fn is_drop(step: &Step) -> bool {
    let Record::Nft(t) = &step.record else { return false };
    t.policy.as_ref().or(t.verdict.as_ref()) == Some(&nft::Verdict::Drop)
}
