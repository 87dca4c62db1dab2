//! What did not arrive.

use std::collections::VecDeque;
use std::fmt;

/// Why packets or records are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// `ENOBUFS`: the socket's receive buffer was full.
    NoBuffers,
    /// The sequence numbers of a group have a hole, for no reason that the socket told.
    SequenceGap,
    /// `MSG_TRUNC`: a datagram was larger than the buffer it was read into.
    Truncated,
    /// A message that breaks its own format.
    Malformed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBuffers => "ENOBUFS",
            Self::SequenceGap => "sequence gap",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
        })
    }
}

/// Packets that were logged and did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The group they were logged to, where that is known.
    pub group: Option<u16>,
    /// How many. None: at least one; the kernel does not say.
    pub count: Option<u32>,
    /// Why.
    pub cause: Cause,
}

/// Follows the sequence numbers of one group.
#[derive(Debug)]
pub(super) struct Sequence {
    next: u32,
    /// What the socket complained of, each time, and no gap has accounted for. It complains at once when it overflows,
    /// while the gap comes behind the packets that were in it: there may be two complaints before the first gap.
    complaints: VecDeque<Cause>,
}

/// Complaints that are remembered. In a group without packets they are never accounted for.
const COMPLAINTS: usize = 64;

impl Sequence {
    /// A group whose next packet has that number.
    pub(super) fn starting_at(seq: u32) -> Self {
        Self { next: seq, complaints: VecDeque::new() }
    }

    /// The socket has lost datagrams, behind those that are in it.
    pub(super) fn complain(&mut self, cause: Cause) {
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push_back(cause);
        }
    }

    /// The first complaint that no gap has accounted for.
    pub(super) fn unaccounted(&self) -> Option<Cause> {
        self.complaints.front().copied()
    }

    /// Passes over a packet whose number could not be read.
    pub(super) fn skip(&mut self) {
        self.next = self.next.wrapping_add(1);
    }

    /// Takes the next number; tells how many before it never came, and why.
    pub(super) fn step(&mut self, seq: u32) -> Option<(u32, Cause)> {
        let missing = seq.wrapping_sub(self.next);
        self.next = seq.wrapping_add(1);
        // Half the range back is no gap but a counter that started anew.
        if missing == 0 || missing > u32::MAX / 2 {
            return None;
        }
        Some((missing, self.complaints.pop_front().unwrap_or(Cause::SequenceGap)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_counted_once_and_blamed_on_what_the_socket_said() {
        let mut s = Sequence::starting_at(7);
        assert_eq!(s.step(7), None);
        assert_eq!(s.step(8), None);
        assert_eq!(s.step(12), Some((3, Cause::SequenceGap)));
        s.complain(Cause::NoBuffers);
        assert_eq!(s.step(13), None);
        assert_eq!(s.step(16), Some((2, Cause::NoBuffers)));
        assert_eq!(s.step(17), None);
        assert_eq!(s.step(3), None, "the group was bound anew");
    }

    #[test]
    fn a_second_complaint_may_come_before_the_first_gap() {
        let mut s = Sequence::starting_at(0);
        s.complain(Cause::NoBuffers);
        s.complain(Cause::Truncated);
        assert_eq!(s.step(5), Some((5, Cause::NoBuffers)));
        assert_eq!(s.unaccounted(), Some(Cause::Truncated));
        assert_eq!(s.step(7), Some((1, Cause::Truncated)));
        assert_eq!(s.unaccounted(), None);
    }

    #[test]
    fn the_counter_wraps() {
        let mut s = Sequence::starting_at(u32::MAX);
        assert_eq!(s.step(u32::MAX), None);
        assert_eq!(s.step(1), Some((1, Cause::SequenceGap)));
    }
}
