//! Who dropped a packet of which the kernel says that it freed it, and where.
//!
//! The kernel's word (or place) says what kind of thing dropped the packet. Which one it was is found by walking the packet
//! along its way through rules and host: the runs that end as the kernel says are what happened.

use serde::Serialize;

use crate::evaluate::environment::FibQuery;
use crate::evaluate::walk::{Fate, Run, Start};
use crate::evaluate::{Decision, Fact, Hook, Packet, TableRef, checksum};
use crate::evidence::{Dropped, Here};

use super::answer::{self, Answer};
use super::attributor::{Attributor, assemble, doubt};
use super::packet::{PacketFields, address};
use super::reason::{self, Meaning};
use super::{Blame, Confidence, Culprit, CulpritKind, EvidenceKind, Verdict, Why};

/// Where the kernel freed a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// `enum skb_drop_reason` without its prefix; none before Linux 5.17, or where the kernel names none.
    pub reason: Option<String>,
    /// Function, offset and module.
    pub location: String,
    /// Why such a drop is normal life, where it is: these are not told of by default.
    pub noise: Option<&'static str>,
}

impl Attributor<'_> {
    /// Who dropped a packet.
    pub fn dropped(&self, d: &Dropped) -> Blame {
        let packet = self.packet_of_drop(d);
        let meaning =
            reason::meaning(d.reason.as_ref().and_then(|r| r.as_str()), d.names_reasons, d.function(), d.network);
        let mut answer = self.answer_drop(d, &packet, meaning);
        let words = d.reason.as_ref().map_or_else(String::new, |r| format!(" ({r})"));
        answer.why.push(Why::plain(match &d.trap {
            Some(trap) => format!("the device dropped it: {trap}"),
            None => format!("the kernel freed it in {}{words}", d.location),
        }));
        let mut fields = PacketFields::of(&packet);
        fields.hook = answer.path.last().map(|s| s.hook).filter(|_| answer.culprit.table_name.is_some());
        fields.ct_state = answer.ct_state;
        let noise = noise(&packet, meaning, &answer);
        let mut blame = assemble(EvidenceKind::DropMonitor, Some(d.when()), fields, answer);
        blame.freed =
            Some(Freed { reason: d.reason.as_ref().map(ToString::to_string), location: d.location.to_string(), noise });
        match d.here {
            Here::Perhaps => doubt(&mut blame, "which network namespace dropped it: several have such a device"),
            // What one of our own devices sends comes to no socket of ours.
            Here::Leaving if meaning.is_some_and(|m| m.is_of_sockets()) => {
                doubt(&mut blame, "which network namespace dropped it: it had left by a device of this one");
            }
            Here::Surely | Here::Leaving | Here::Not => {}
        }
        blame
    }

    fn answer_drop(&self, d: &Dropped, packet: &Packet, meaning: Option<Meaning>) -> Answer {
        let Some(meaning) = meaning.filter(|_| d.trap.is_none()) else {
            let mut answer = dropped_by(CulpritKind::Unknown, None, Confidence::Unknown);
            answer.culprit.detail = Some(d.trap.as_ref().or(d.reason.as_ref()).unwrap_or(&d.location).to_string());
            answer.unknowns.push("what this reason or place in the kernel means".into());
            return answer;
        };
        let by_nft = d.function() == "nft_do_chain";
        let agreeing = |packet: &Packet, start: &Start, tracked| {
            let mut walked = self.walk(tracked).run(packet, start);
            walked.runs.retain(|run| agrees(run, &meaning, by_nft));
            (!walked.runs.is_empty()).then(|| (self.describer(), walked))
        };
        let mut walks: Vec<_> =
            self.ways(d, packet).filter_map(|(start, tracked)| agreeing(packet, &start, tracked)).collect();
        if walks.is_empty()
            && let Some(packet) = self.translated_on_its_way_out(d, packet)
        {
            let tracked = self.prepared.tracks_connections(packet.network);
            walks.extend(agreeing(&packet, &Start::Hook(Hook::Postrouting), tracked));
        }
        if !walks.is_empty() {
            return answer::of(&walks);
        }
        if !meaning.exact && is_summed_up_in(d.function()) && checksum_is_wrong(packet) {
            let mut answer = dropped_by(CulpritKind::Unknown, Some("bad checksum"), Confidence::Likely);
            answer.unknowns.push("what exactly happened there".into());
            return answer;
        }
        if meaning.is_of_rules() {
            let mut answer = dropped_by(CulpritKind::Unknown, None, Confidence::Unknown);
            answer.unknowns.push("which rule: by what was read and known, none drops it".into());
            return answer;
        }
        let (&kind, several) = match meaning.kinds {
            [one] => (one, false),
            [first, ..] => (first, true),
            [] => (&CulpritKind::Unknown, true),
        };
        let confidence = match (kind, meaning.exact && !several) {
            (CulpritKind::Unknown, false) => Confidence::Unknown,
            (_, true) => Confidence::Certain,
            _ => Confidence::Likely,
        };
        let mut answer = dropped_by(kind, Some(meaning.detail), confidence);
        if confidence != Confidence::Certain {
            answer.unknowns.push("what exactly happened there".into());
        }
        answer
    }

    /// Where its way can have begun, and whether it is past connection tracking there.
    fn ways(&self, d: &Dropped, packet: &Packet) -> impl Iterator<Item = (Start, bool)> {
        let arrived = matches!(packet.iif, Fact::Is(_));
        let from_device = arrived.then_some((Start::Hook(Hook::Ingress), false));
        // Its headers may be those that translation gave it: then only what is behind the routing decision saw it so.
        let translates = self.prepared.translates(packet.network);
        let routed = (arrived && translates && d.network == packet.network)
            .then(|| (Start::AfterHook(Hook::Prerouting), self.prepared.tracks_connections(packet.network)));
        // What this host sends has a link layer header, without which it is not reported, from here on.
        let leaving = (!arrived).then_some((Start::Hook(Hook::Egress), false));
        [from_device, routed, leaving].into_iter().flatten()
    }

    /// As a packet is seen behind chains that translate its source, with the device that it leaves by.
    fn translated_on_its_way_out(&self, d: &Dropped, packet: &Packet) -> Option<Packet> {
        if d.iif.is_none() || d.network != packet.network || !self.prepared.translates(packet.network) {
            return None;
        }
        let to = packet.addresses().and_then(|(_, to)| address(to))?;
        let mark = packet.mark.value().copied().unwrap_or(0);
        let way = self.env.fib(&FibQuery { to, from: None, oif: None, iif: None, mark, tos: 0 });
        let mut packet = packet.clone();
        packet.oif = match way {
            Fact::Is(way) if way.oif != 0 => self.device(Some(way.oif)),
            _ => Fact::unknown("device that it leaves by"),
        };
        Some(packet)
    }

    fn packet_of_drop(&self, d: &Dropped) -> Packet {
        let mut packet = Packet::new(d.network, d.payload.to_vec());
        packet.length = d.length;
        packet.vlan = d.vlan.into();
        packet.iif = self.device(d.iif);
        packet.seen_with(&d.link);
        // It has come from a device; what set a mark before the rules (traffic control) is not told.
        packet.owner = if d.iif.is_some() { Fact::Absent } else { Fact::unknown("socket owner") };
        if d.iif.is_none() {
            packet.mark = Fact::unknown("mark");
        }
        packet
    }
}

/// Did this run end as the kernel says?
fn agrees(run: &Run, meaning: &Meaning, by_nft: bool) -> bool {
    match &run.fate {
        Fate::Decided { decision, at } => {
            let lost = matches!(decision, Decision::Drop | Decision::Reject(_) | Decision::Queue { .. });
            meaning.is_of_rules() && lost && (!by_nft || matches!(at.chain.table, TableRef::Nft(_)))
        }
        Fate::Lost(o) if meaning.is_of_rules() => {
            o.at_hook || matches!(o.kind, CulpritKind::Conntrack | CulpritKind::Nat)
        }
        // It got as far as a socket: that there is none now says nothing.
        Fate::Lost(o) if o.kind == CulpritKind::Socket && !meaning.is_without_socket() => false,
        Fate::Lost(o) => meaning.kinds.contains(&o.kind) && o.kind != CulpritKind::Unknown,
        _ => false,
    }
}

/// Does the kernel sum a packet up in this function, among other things?
fn is_summed_up_in(function: &str) -> bool {
    matches!(function, "__udp4_lib_rcv" | "__udp6_lib_rcv" | "tcp_v4_rcv" | "tcp_v6_rcv" | "icmp_rcv" | "icmpv6_rcv")
}

fn checksum_is_wrong(packet: &Packet) -> bool {
    let (Some(protocol), Some(at)) = (packet.headers().protocol, packet.headers().transport) else { return false };
    checksum::transport_is_right(packet, protocol, at) == Fact::Is(false)
}

fn dropped_by(kind: CulpritKind, detail: Option<&str>, confidence: Confidence) -> Answer {
    let mut culprit = Culprit::new(kind);
    culprit.detail = detail.map(str::to_owned);
    Answer {
        verdict: Verdict::Drop,
        reject_with: None,
        culprit,
        alternatives: Vec::new(),
        confidence,
        unknowns: Vec::new(),
        path: Vec::new(),
        why: Vec::new(),
        ct_state: None,
    }
}

/// Is such a drop normal life?
fn noise(packet: &Packet, meaning: Option<Meaning>, answer: &Answer) -> Option<&'static str> {
    if let Some(why) = meaning.and_then(|m| m.noise) {
        return Some(why);
    }
    // What a rule did somebody wanted.
    if answer.culprit.table_name.is_some() || meaning.is_none_or(|m| m.is_of_rules()) {
        return None;
    }
    if !matches!(answer.culprit.kind, CulpritKind::Socket | CulpritKind::Route | CulpritKind::Unknown) {
        return None;
    }
    let (_, to) = packet.addresses()?;
    let many = packet.link.value().and_then(|l| l.first()).is_some_and(|b| b & 1 != 0);
    match to {
        [224..=239, _, _, _] => Some(reason::NOT_JOINED),
        [0xff, ..] if to.len() == 16 => Some(reason::NOT_JOINED),
        [255, 255, 255, 255] => Some(reason::NOT_WANTED),
        _ if many && to.len() == 4 => Some(reason::NOT_WANTED),
        _ => None,
    }
}
