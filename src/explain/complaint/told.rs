//! What tells the sender that its packet is lost has to get out of this host, too.

use super::{Case, ICMP, ICMPV6, TCP, UDP};
use crate::blame::CulpritKind;
use crate::evaluate::packet::{CtState, Packet};
use crate::evaluate::walk::Fate;
use crate::evaluate::{Decision, RejectWith};
use crate::explain::craft::Craft;
use crate::explain::explainer::{Explained, is_loss};
use crate::explain::present::Asked;
use crate::explain::question::{Question, Side};

/// RST and ACK.
const RESET: u8 = 0x14;

impl Case<'_> {
    /// What becomes of the message that tells the sender of a lost packet so.
    fn message(&self, lost: &[u8], told: &RejectWith) -> Option<Explained> {
        let (iif, _) = self.iif()?;
        let (src, dst) = self.ends()?;
        let craft = match told {
            RejectWith::TcpReset => {
                let (sport, dport) = Packet::new(self.q.network, lost.to_vec()).ports()?;
                Craft { sport: dport, dport: sport, flags: RESET, ..Craft::new(TCP, dst, src) }
            }
            RejectWith::Icmp(_) => {
                let (protocol, beginning) = if src.is_ipv4() { (ICMP, 28) } else { (ICMPV6, 1232) };
                // It comes from the address that faces the sender.
                let own = self.env.masquerade_address(iif, src).known()?;
                let payload = Some(lost.iter().copied().take(beginning).collect());
                Craft { icmp: told.message()?, payload, ..Craft::new(protocol, own, src) }.plain_icmp()
            }
        };
        let (network, bytes) = craft.make().ok()?;
        let message = Question { side: Side::Out, ct: Some(CtState::Related), ..Question::new(network, bytes) };
        // The reset of a socket is an answer like others; that of a rule, as all errors, is only related.
        let answers = *told == RejectWith::TcpReset && matches!(self.run.fate, Fate::Lost(_));
        match answers {
            true => self.explainer.answer_as(&message, Asked::Exactly(Box::new(self.answered()))).ok(),
            false => self.explainer.answer(&message, true).ok(),
        }
    }

    /// Where what would tell the sender is certainly lost itself.
    pub(super) fn unheard(&self) -> Option<String> {
        let told = match &self.run.fate {
            Fate::Decided { decision: Decision::Reject(with), .. } => with,
            Fate::Lost(o) => o.told.as_ref()?,
            _ => return None,
        };
        let message = self.message(&self.q.bytes, told)?;
        let lost = !message.walked.incomplete && message.walked.runs.iter().all(|r| is_loss(&r.fate));
        lost.then(|| message.blame.culprit.place())
    }

    /// The packet itself is too big: does its sender learn so? If not, it never sends smaller ones.
    pub(super) fn untold(&self) -> Option<Explained> {
        let Fate::Lost(o) = &self.run.fate else { return None };
        let told = o.told.as_ref().filter(|told| o.kind == CulpritKind::Mtu && **told != RejectWith::TcpReset)?;
        let what = o.detail.clone().unwrap_or_default();
        self.blame(
            self.message(&self.q.bytes, told)?,
            format!("the packet is {what}; the message that tells its sender so is lost"),
        )
    }

    /// A packet as large as what it came in by carries: is it too big for the way out, and does its sender learn so?
    pub(super) fn too_big(&self) -> Option<Explained> {
        if self.run.fate != Fate::Left {
            return None;
        }
        let (iif, _) = self.iif()?;
        let (src, dst) = self.ends()?;
        let p = Packet::new(self.q.network, self.q.bytes.clone());
        let protocol = p.headers().protocol.filter(|p| matches!(*p, TCP | UDP))?;
        let (sport, dport) = p.ports()?;
        let mtu = self.env.link(iif).known()?.mtu as usize;
        let large = Craft { sport, dport, flags: 0x10, length: Some(mtu.min(65535)), ..Craft::new(protocol, src, dst) };
        let (network, bytes) = large.make().ok()?;
        let q = Question { ct: Some(CtState::Established), bytes, network, ..self.q.clone() };
        let answer = self.explainer.answer(&q, true).ok()?;
        let Fate::Lost(o) = &answer.walked.runs.first()?.fate else { return None };
        if o.kind != CulpritKind::Mtu {
            return None;
        }
        let why = format!("packets of up to {mtu} bytes come in, and are {}", o.detail.as_deref().unwrap_or("too big"));
        let Some(told) = o.told.clone() else {
            return self.blame(answer, format!("this one would pass, but {why}, without a word to the sender"));
        };
        let answer = self.message(&q.bytes, &told)?;
        self.blame(answer, format!("this one would pass, but {why}; the message that tells the sender so is lost"))
    }
}
