//! A packet that a rule logged, or that was traced, and that is then dropped comes once more, from the drop monitor. It is
//! told of once: a drop waits until its record, which the kernel delays, must have come.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use rustc_hash::FxHasher;

use crate::evaluate::headers::{Headers, Network};
use crate::evidence::{Dropped, Event};

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
        let network = match bytes.first().map(|b| b >> 4) {
            Some(4) => Network::Ip4,
            Some(6) => Network::Ip6,
            _ => return,
        };
        self.forget();
        if let Some(ends) = Ends::of(network, bytes) {
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

/// What a packet is known by, once with each end: translation on its way changes one of them at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    source: u64,
    destination: u64,
}

impl Ends {
    fn of(network: Network, bytes: &[u8]) -> Option<Self> {
        let h = Headers::parse(network, bytes);
        let (id, source, destination) = match network {
            Network::Ip4 => (bytes.get(4..8)?, bytes.get(12..16)?, bytes.get(16..20)?),
            Network::Ip6 => (bytes.get(1..4)?, bytes.get(8..24)?, bytes.get(24..40)?),
            _ => return None,
        };
        let transport = h.transport.filter(|_| h.first_fragment()).and_then(|at| bytes.get(at..)).unwrap_or(&[]);
        // Not the checksums, which translation and the devices change, nor the TTL.
        let fixed: [Option<&[u8]>; 2] = match h.protocol {
            Some(6) => [transport.get(4..14), None],
            Some(1 | 58) => [transport.get(..2), transport.get(4..8)],
            _ => [None, None],
        };
        let ports = matches!(h.protocol, Some(6 | 17 | 33 | 132 | 136));
        let port = |at: usize| transport.get(at..at + 2).filter(|_| ports);
        let hash = |address: &[u8], port: Option<&[u8]>| {
            let mut hasher = FxHasher::default();
            (h.protocol, h.total_length, h.fragment_offset, id, fixed, address, port).hash(&mut hasher);
            hasher.finish()
        };
        Some(Self { source: hash(source, port(0)), destination: hash(destination, port(2)) })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.source == other.source || self.destination == other.destination
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::Time;

    fn packet(id: u8, to: u8) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 29, 0, id, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, to];
        bytes.extend([0xa0, 0, 0, 80, 0, 9, 0, 0, b'x']);
        bytes
    }

    fn dropped(bytes: Vec<u8>) -> Box<Dropped> {
        Box::new(Dropped {
            reason: None,
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
            surely_here: true,
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
