//! A packet that a rule matches, made from its conditions: what becomes of the traffic that the rule was written for?

use std::net::IpAddr;

use super::probe::{self, Peer, TCP, UDP};
use super::view::View;
use crate::analysis::{Axes, Region, What};
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Run, Step};
use crate::explain::{Explained, Question, Side};

/// A packet of somebody that certainly comes to a rule and is matched by it.
pub struct Witness<'v> {
    /// Who sends it.
    pub peer: &'v Peer,
    /// The packet, as it comes in.
    pub question: Question,
    /// What becomes of it.
    pub explained: Explained,
    /// Protocol and destination port, as it comes in.
    pub service: (u8, u16),
}

/// A port that nobody looks for.
const CLIENT: u16 = 45678;
/// A port where the rule asks for none.
const ANY_PORT: u16 = 80;

/// New packets from the networks around this host that a rule matches, one for each of them from where that is possible.
pub fn arriving<'v>(view: &'v View<'_>, at: Place) -> Vec<Witness<'v>> {
    let Some((axes, shape)) = view.shape(at) else { return Vec::new() };
    let peers = view.peers().iter();
    peers.filter_map(|peer| shape.regions.iter().find_map(|region| witness(view, at, axes, region, peer))).collect()
}

fn witness<'v>(view: &'v View<'_>, at: Place, axes: &Axes, region: &Region, peer: &'v Peer) -> Option<Witness<'v>> {
    let wants = |what: &What| axes.of(what).find_map(|id| region.get(id));
    let pick = |what: &What, like: u128| match wants(what) {
        Some(r) if !r.contains(like) => r.low(),
        _ => Some(like),
    };
    let v6 = peer.own.is_ipv6();
    if !wants(&What::Family).is_none_or(|f| f.contains(u128::from(v6))) {
        return None;
    }
    if !wants(&What::Input).is_none_or(|names| names.contains(name(peer))) {
        return None;
    }
    let (source, destination) =
        if v6 { (What::Source6, What::Destination6) } else { (What::Source4, What::Destination4) };
    let address = |what: &What, like: IpAddr| Some(address(pick(what, number(like))?, v6));
    let (from, to) = (address(&source, peer.remote)?, address(&destination, peer.own)?);
    let protocol = u8::try_from(pick(&What::Protocol, TCP.into())?).ok().filter(|p| [TCP, UDP].contains(p))?;
    let port = |what: &What, like: u16| u16::try_from(pick(what, like.into())?).ok();
    let (sport, dport) = (port(&What::SourcePort, CLIENT)?, port(&What::DestinationPort, ANY_PORT)?);
    let q = probe::packet(protocol, (from, sport), (to, dport), CtState::New)?;
    let question = Question { side: Side::In(peer.link.clone()), ..q };
    let explained = view.ask(&question)?;
    // The conditions may be more than was understood, and other rules may come first.
    let met = !explained.walked.incomplete && explained.walked.runs.iter().all(|r| meets(r, at));
    (met && !explained.walked.runs.is_empty()).then_some(Witness {
        peer,
        question,
        explained,
        service: (protocol, dport),
    })
}

fn meets(run: &Run, at: Place) -> bool {
    run.steps.iter().any(|s| matches!(s, Step::Rule { tried, .. } if tried.at == at && tried.matched))
}

/// The name of an interface as [`What::Input`] has it.
fn name(peer: &Peer) -> u128 {
    let mut padded = [0; 16];
    for (to, from) in padded.iter_mut().zip(peer.link.as_bytes()) {
        *to = *from;
    }
    u128::from_be_bytes(padded)
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

impl Witness<'_> {
    /// The addresses and the port that it has in the end.
    pub fn ends(&self) -> Option<(IpAddr, IpAddr, Option<u16>)> {
        let run = self.explained.walked.runs.first()?;
        let f = crate::blame::PacketFields::of(&run.packet);
        Some((f.source?, f.destination?, f.destination_port))
    }

    /// The packet as it comes in, for people.
    pub fn words(&self) -> String {
        let f = crate::blame::PacketFields::of(&crate::evaluate::Packet::new(
            self.question.network,
            self.question.bytes.clone(),
        ));
        let name = if self.service.0 == TCP { "tcp" } else { "udp" };
        let end = |a: Option<IpAddr>| a.map_or_else(String::new, |a| a.to_string());
        format!("{name} {} > {} port {}, new, in {}", end(f.source), end(f.destination), self.service.1, self.peer.link)
    }
}
