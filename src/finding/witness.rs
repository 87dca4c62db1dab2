//! A packet that a rule matches, made from its conditions: what becomes of the traffic that the rule was written for?

use std::net::IpAddr;

use super::probe::{self, Peer, TCP, UDP};
use super::view::View;
use crate::analysis::{Axes, Region, What};
use crate::blame::PacketFields;
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Run, Step};
use crate::explain::{Explained, Question, Side};

/// A packet of somebody that comes to a rule and is matched by it.
pub struct Witness {
    /// Who sends it.
    pub peer: Peer,
    /// The packet, as it comes in.
    pub question: Question,
    /// What becomes of it.
    pub explained: Explained,
    /// Protocol and destination port, as it comes in.
    pub service: (u8, u16),
    by: By,
}

/// A port that nobody looks for.
const CLIENT: u16 = 45678;
/// A port where the rule asks for none.
const ANY_PORT: u16 = 80;

/// New packets from the networks around this host that a rule matches, one for each of them from where that is possible.
pub fn arriving(view: &View<'_>, at: Place) -> Vec<Witness> {
    view.shape(at).map_or_else(Vec::new, |(axes, shape)| witnesses(view, (at, None), axes, &shape.regions))
}

/// Source, destination and destination port.
pub type End = (IpAddr, IpAddr, Option<u16>);

/// A rule, and the destination that it gives packets, where that is known.
pub type By = (Place, Option<(IpAddr, IpAddr)>);

/// The same for boxes of packets that come to a rule and get that destination.
pub fn witnesses(view: &View<'_>, by: By, axes: &Axes, packets: &[Region]) -> Vec<Witness> {
    let from = |peer| packets.iter().find_map(|region| witness(view, by, axes, region, peer));
    view.peers().iter().filter_map(from).collect()
}

fn witness(view: &View<'_>, by: By, axes: &Axes, region: &Region, peer: &Peer) -> Option<Witness> {
    let wants = |what: &What| axes.asked(region, what);
    let pick = |what: &What, like: u128| match wants(what) {
        Some(r) if !r.contains(like) => r.low(),
        _ => Some(like),
    };
    let v6 = peer.own.is_ipv6();
    if by.1.is_some_and(|(to, _)| to.is_ipv6() != v6) {
        return None;
    }
    if !wants(&What::Family).is_none_or(|f| f.contains(u128::from(v6))) {
        return None;
    }
    if !wants(&What::Input).is_none_or(|names| names.contains(name(peer))) {
        return None;
    }
    let (source, destination) =
        if v6 { (What::Source6, What::Destination6) } else { (What::Source4, What::Destination4) };
    // The first address of a network is nobody's.
    let host = |(low, high): (u128, u128)| low + (high - low).min(2);
    let address = |what: &What, like: IpAddr| match wants(what) {
        Some(r) if !r.contains(number(like)) => Some(address(host(r.iter().next()?), v6)),
        _ => Some(like),
    };
    let (from, to) = (address(&source, peer.remote)?, address(&destination, peer.own)?);
    let protocol = u8::try_from(pick(&What::Protocol, TCP.into())?).ok().filter(|p| [TCP, UDP].contains(p))?;
    let port = |what: &What, like: u16| u16::try_from(pick(what, like.into())?).ok();
    let (sport, dport) = (port(&What::SourcePort, CLIENT)?, port(&What::DestinationPort, ANY_PORT)?);
    let q = probe::packet(protocol, (from, sport), (to, dport), CtState::New)?;
    let question = Question { side: Side::In(peer.link.clone()), ..q };
    let explained = view.ask(&question)?;
    let witness = Witness { peer: peer.clone(), question, explained, service: (protocol, dport), by };
    // The conditions may be more than was understood, and other rules may come first.
    let met = !witness.explained.walked.incomplete && witness.runs().next().is_some();
    met.then_some(witness)
}

/// The name of an interface as [`What::Input`] has it.
fn name(peer: &Peer) -> u128 {
    let mut padded = [0; 16];
    for (to, from) in padded.iter_mut().zip(peer.link.as_bytes()) {
        *to = *from;
    }
    u128::from_be_bytes(padded)
}

fn destination(run: &Run) -> Option<IpAddr> {
    PacketFields::of(&run.packet).destination
}

/// An address as the analysis has it.
pub fn number(a: IpAddr) -> u128 {
    match a {
        IpAddr::V4(a) => a.to_bits().into(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

fn address(n: u128, v6: bool) -> IpAddr {
    if v6 { std::net::Ipv6Addr::from_bits(n).into() } else { std::net::Ipv4Addr::from_bits(n as u32).into() }
}

impl Witness {
    /// The rule.
    pub fn at(&self) -> Place {
        self.by.0
    }

    /// Does the rule give it one address, not one of several?
    pub fn is_to_one(&self) -> bool {
        self.by.1.is_none_or(|(low, high)| low == high)
    }

    /// The walks on which the rule matches it, and gives it the destination that is meant.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        let (at, to) = self.by;
        let meets = move |s: &Step| matches!(s, Step::Rule { tried, .. } if tried.at == at && tried.matched);
        let goes_there = |r: &Run, (low, high)| destination(r).is_some_and(|a| low <= a && a <= high);
        let meant = move |r: &&Run| to.is_none_or(|to| goes_there(r, to));
        self.explained.walked.runs.iter().filter(move |r| r.steps.iter().any(meets)).filter(meant)
    }

    /// The addresses and the port that it has in the end, on each of these walks.
    pub fn ends(&self) -> Vec<End> {
        let end = |run: &Run| {
            let f = PacketFields::of(&run.packet);
            Some((f.source?, f.destination?, f.destination_port))
        };
        let mut all: Vec<End> = self.runs().filter_map(end).collect();
        all.dedup();
        all
    }

    /// The packet as it comes in, for people.
    pub fn words(&self) -> String {
        let f = PacketFields::of(&crate::evaluate::Packet::new(self.question.network, self.question.bytes.clone()));
        let name = if self.service.0 == TCP { "tcp" } else { "udp" };
        let end = |a: Option<IpAddr>| a.map_or_else(String::new, |a| a.to_string());
        format!("{name} {} > {} port {}, new, in {}", end(f.source), end(f.destination), self.service.1, self.peer.link)
    }
}
