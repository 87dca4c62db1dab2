//! A connection that begins well, and goes no further.

use super::{Case, TCP};
use crate::evaluate::packet::{CtState, Packet};
use crate::explain::craft::Craft;
use crate::explain::explainer::{Explained, is_loss};
use crate::explain::question::Question;

/// The flags of a TCP header that say what it is for, and those of the first packet.
const KIND: u8 = 0x17;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

impl Case<'_> {
    /// The first packet and its answer would pass: what its client sends next?
    pub(super) fn later(&self) -> Option<Explained> {
        let p = Packet::new(self.q.network, self.q.bytes.clone());
        let h = p.headers();
        let [flags] = p.array::<1>(h.transport.filter(|_| h.protocol == Some(TCP))? + 13).known()?;
        if flags & KIND != SYN || !matches!(self.q.ct, None | Some(CtState::New)) {
            return None;
        }
        let (src, dst) = self.ends()?;
        let (sport, dport) = p.ports()?;
        let (network, bytes) = Craft { sport, dport, flags: ACK, ..Craft::new(TCP, src, dst) }.make().ok()?;
        let q = Question { ct: Some(CtState::Established), bytes, network, ..self.q.clone() };
        let next = self.explainer.answer(&q, true).ok()?;
        let lost = !next.walked.incomplete && next.walked.runs.iter().all(|r| is_loss(&r.fate));
        self.blame(next, "the connection would begin; what its client sends next is lost".into()).filter(|_| lost)
    }
}
