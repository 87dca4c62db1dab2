//! A complaint: this packet does not arrive. If the packet itself would pass, what it needs on its way may not: that the
//! neighbour can ask for us, the answer, the message that it is too big, a connection that is not led astray.

mod later;
mod neighbour;
mod told;
mod translation;

use std::net::IpAddr;

use super::craft::Craft;
use super::explainer::{Explained, Explainer, is_loss};
use super::present::Asked;
use super::question::{Invalid, Question, Side};
use crate::blame::attributor::doubt;
use crate::blame::packet::address;
use crate::blame::{Culprit, CulpritKind, Verdict, Why};
use crate::evaluate::nat::{Manip, end_of};
use crate::evaluate::packet::{Ct, CtState, Packet};
use crate::evaluate::walk::{Fate, Run};
use crate::evaluate::{Environment, Fact};
use crate::sys::Text;
use crate::sys::ct::Status;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const PACKET_OTHERHOST: u8 = 3;

/// Why a packet may not arrive: what would stop it, or else what would stop what it depends on.
///
/// # Errors
/// As [`Explainer::explain`].
pub fn complain(explainer: &Explainer<'_>, q: &Question) -> Result<Explained, Invalid> {
    complain_of(explainer, q, |_| true)
}

/// The same, where of several reasons those come first that look like the complaint.
///
/// # Errors
/// As [`Explainer::explain`].
pub fn complain_of(
    explainer: &Explainer<'_>,
    q: &Question,
    looks_like_it: impl Fn(&Explained) -> bool,
) -> Result<Explained, Invalid> {
    let mut answer = explainer.answer(q, true)?;
    let Some(run) = answer.walked.runs.first() else { return Ok(answer) };
    let case = Case { explainer, env: explainer.env(), q, run };
    if answer.blame.verdict != Verdict::Accept {
        if let Some(untold) = case.untold().filter(|untold| looks_like_it(untold)) {
            return Ok(untold);
        }
        if let Some(by) = case.unheard() {
            answer.blame.why.push(Why::plain(format!("what would tell the sender so is lost itself: {by}")));
            answer.unheard = true;
        }
        return Ok(answer);
    }
    let reasons: [&dyn Fn() -> Option<Explained>; 7] = [
        &|| case.neighbour(),
        &|| case.stale(&answer),
        &|| case.hairpin(&answer),
        &|| case.reply(),
        &|| case.later(),
        &|| case.too_big(),
        &|| case.untranslated(&answer),
    ];
    let mut first = None;
    for reason in reasons.iter().filter_map(|r| r()) {
        if looks_like_it(&reason) {
            return Ok(reason);
        }
        first.get_or_insert(reason);
    }
    Ok(first.unwrap_or(answer))
}

/// A packet that would pass.
struct Case<'a> {
    explainer: &'a Explainer<'a>,
    env: &'a dyn Environment,
    q: &'a Question,
    run: &'a Run,
}

impl Case<'_> {
    /// The addresses of the packet that was asked about.
    fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        let p = Packet::new(self.q.network, self.q.bytes.clone());
        let (src, dst) = p.addresses()?;
        Some((address(src)?, address(dst)?))
    }

    /// The interface that it came in by.
    fn iif(&self) -> Option<(u32, Text)> {
        let d = self.run.packet.iif.value()?;
        Some((d.index, d.name.value()?.clone()))
    }

    /// Does this host only switch it, from port to port of a bridge?
    fn is_switched(&self) -> bool {
        self.run.packet.pkttype == Fact::Is(PACKET_OTHERHOST)
    }

    /// Another packet's loss, which explains that of the one asked about.
    fn blame(&self, mut other: Explained, why: String) -> Option<Explained> {
        let run = other.walked.runs.first()?;
        // That no socket waits for it is no wonder: nobody has sent anything.
        let of_socket = matches!(&run.fate, Fate::Lost(o) if o.kind == CulpritKind::Socket);
        if !is_loss(&run.fate) || of_socket {
            return None;
        }
        other.blame.why.insert(0, Why::plain(why));
        doubt(
            &mut other.blame,
            "whether this is the packet whose loss is complained of, and not the one that was asked about",
        );
        Some(other)
    }

    /// A connection of before goes where it went when it began; would a new one go elsewhere?
    fn stale(&self, answer: &Explained) -> Option<Explained> {
        let ct = &self.run.packet.ct;
        if self.q.ct.is_some() || !matches!(ct.flow, Fact::Is(_)) {
            return None;
        }
        let new = self.explainer.answer_as(self.q, Asked::Fresh).ok()?;
        let fresh = new.walked.runs.first()?;
        if is_loss(&fresh.fate) || new.walked.runs.len() > 1 {
            return None;
        }
        let end = |p: &Packet| end_of(p, Manip::Destination);
        let (old, new) = (end(&self.run.packet), end(&fresh.packet));
        if old == new {
            return None;
        }
        let mut found = answer.clone();
        found.blame.culprit = Culprit::new(CulpritKind::Nat).with_detail(format!("translated to {old} when it began"));
        found.blame.why.insert(
            0,
            Why::plain(format!("it belongs to a connection that is led to {old}; a new one would be led to {new}")),
        );
        doubt(&mut found.blame, "whether that is where it should go");
        Some(found)
    }

    /// What conntrack would hold of the answer to the packet.
    fn answered(&self) -> Ct {
        let ct = self.run.packet.ct.clone();
        let seen = (Status::CONFIRMED | Status::SEEN_REPLY | Status::SRC_NAT_DONE | Status::DST_NAT_DONE).bits();
        match ct.state {
            Fact::Is(CtState::New | CtState::Related | CtState::Established) => Ct {
                state: Fact::Is(CtState::Established),
                reply: ct.reply.clone().map(|r| !r),
                status: ct.status.clone().map(|s| s | seen),
                ..ct
            },
            _ => ct,
        }
    }

    /// The answer, on its way back.
    fn reply(&self) -> Option<Explained> {
        let last = &self.run.packet;
        let h = last.headers();
        let protocol = h.protocol.filter(|p| matches!(*p, TCP | UDP | ICMP | ICMPV6))?;
        let (src, dst) = last.addresses()?;
        let (src, dst) = (address(src)?, address(dst)?);
        if dst.is_multicast() || src.is_unspecified() {
            return None;
        }
        let at = h.transport?;
        let (sport, dport) = last.ports().unwrap_or((0, 0));
        let mut craft = Craft { sport: dport, dport: sport, ..Craft::new(protocol, dst, src) };
        match protocol {
            TCP => {
                let [flags] = last.array::<1>(at + 13).known()?;
                // SYN is answered by SYN and ACK; a RST by nothing.
                craft.flags = match flags {
                    f if f & 0x04 != 0 => return None,
                    f if f & 0x12 == 0x02 => 0x12,
                    _ => 0x10,
                };
            }
            ICMP | ICMPV6 => {
                let request = if protocol == ICMP { 8 } else { 128 };
                let [kind] = last.array::<1>(at).known()?;
                if kind != request {
                    return None;
                }
                craft.icmp = (if protocol == ICMP { 0 } else { 129 }, 0);
            }
            _ => {}
        }
        let (network, bytes) = craft.make().ok()?;
        let side = match &self.run.fate {
            Fate::Delivered(_) => Side::Out,
            Fate::Left => match (last.oif.value(), &self.q.side) {
                // By which port of the bridge is not known; it is one of the same bridge.
                (None, Side::In(iif)) if self.is_switched() => Side::In(iif.clone()),
                (oif, _) => Side::In(oif?.name.value()?.clone()),
            },
            _ => return None,
        };
        let answer = Question { side, ..Question::new(network, bytes) };
        let ct = self.answered();
        let back = match ct.state {
            Fact::Is(_) => self.explainer.answer_as(&answer, Asked::Exactly(Box::new(ct))),
            _ => self.explainer.answer(&answer, true),
        };
        self.blame(back.ok()?, "the packet itself would pass; the answer to it is lost".into())
    }
}
