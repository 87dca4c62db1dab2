//! A packet that a rule logged, or that was traced, and that is then dropped comes once more, from the drop monitor. It is
//! told of once: a drop waits until its record, which the kernel delays, must have come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::evidence::{Dropped, Event};

use super::ends::Ends;

/// How long a drop waits for a log record of the packet.
const RECORDS: Duration = Duration::from_millis(60);
/// How long for a journey, which is over when the packet has been silent for a while.
const JOURNEYS: Duration = Duration::from_millis(600);
/// How long it is remembered what was told of. Longer than any drop waits.
const MEMORY: Duration = Duration::from_secs(2);
/// How many of each are kept.
const MOST: usize = 8192;

/// Drops that wait, and packets that were told of.
#[derive(Debug, Default)]
pub(super) struct Drops {
    waiting: VecDeque<(Instant, Box<Dropped>)>,
    told: VecDeque<(Instant, Ends)>,
}

impl Drops {
    /// Lets a drop wait; returns the one that has to go on because too many do.
    pub fn keep(&mut self, d: Box<Dropped>) -> Option<Event> {
        self.waiting.push_back((Instant::now(), d));
        if self.waiting.len() > MOST { self.pop() } else { None }
    }

    /// A packet was told of as lost, with these bytes from the network header on.
    pub fn told(&mut self, bytes: &[u8]) {
        self.forget();
        if let Some(ends) = Ends::of_ip(bytes) {
            self.told.push_back((Instant::now(), ends));
        }
    }

    /// The next drop that has waited long enough, or any at the end, and that was not told of yet.
    pub fn overdue(&mut self, traced: bool, end: bool) -> Option<Event> {
        let wait = if traced { JOURNEYS } else { RECORDS };
        while self.waiting.front().is_some_and(|(since, _)| end || since.elapsed() >= wait) {
            if let Some(event) = self.pop() {
                return Some(event);
            }
        }
        None
    }

    /// Does any drop wait?
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn pop(&mut self) -> Option<Event> {
        let (_, d) = self.waiting.pop_front()?;
        if let Some(ends) = Ends::of(d.network, &d.payload)
            && let Some(at) = self.told.iter().position(|(_, t)| t.is_same(&ends))
        {
            self.told.remove(at); // the next one that looks like it is another packet
            return None;
        }
        Some(Event::Dropped(d))
    }

    fn forget(&mut self) {
        while self.told.len() >= MOST || self.told.front().is_some_and(|(at, _)| at.elapsed() > MEMORY) {
            self.told.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::Time;
    use crate::evaluate::headers::Network;
    use crate::evidence::Here;

    fn packet(id: u8, to: u8) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 29, 0, id, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, to];
        bytes.extend([0xa0, 0, 0, 80, 0, 9, 0, 0, b'x']);
        bytes
    }

    fn dropped(bytes: Vec<u8>) -> Box<Dropped> {
        Box::new(Dropped {
            reason: None,
            names_reasons: false,
            location: "nf_hook_slow".into(),
            trap: None,
            iif: Some(2),
            network: Network::Ip4,
            link: Box::default(),
            vlan: None,
            length: bytes.len(),
            payload: bytes.into(),
            time: None,
            received: Time(0),
            here: Here::Surely,
        })
    }

    #[test]
    fn a_packet_that_was_told_of_is_not_told_of_again_and_the_next_one_is() {
        let mut drops = Drops::default();
        drops.told(&packet(1, 2));
        for d in [packet(1, 9), packet(1, 2), packet(7, 2)] {
            assert!(drops.keep(dropped(d)).is_none());
        }
        // The first was translated on its way; the second is another packet, and so is the third.
        let told = std::iter::from_fn(|| drops.overdue(false, true)).count();
        assert_eq!((told, drops.is_empty()), (2, true));
    }
}
