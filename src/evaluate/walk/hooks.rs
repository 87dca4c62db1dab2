//! A hook: its stations one after the other.

use crate::evaluate::decision::Decision;
use crate::evaluate::headers::Network;
use crate::evaluate::hook::Hook;
use crate::evaluate::place::{ChainRef, Place, TableRef};
use crate::evaluate::stations::{Station, Stations, What};
use crate::evaluate::traversal::{Begin, Ended, Tried};

use super::{Fate, On, Step, Way};

/// What is not known where base chains of several tables have one priority.
const ORDER: &str = "which of several base chains of the same priority was registered first";

impl Way<'_, '_> {
    /// Walks one hook. `resume`: begin in (or, with no begin, behind) that base chain.
    pub(super) fn hook(&mut self, hook: Hook, resume: Option<(ChainRef, Option<&Begin>)>) -> On {
        self.cx.hook = hook;
        self.under_way = true;
        self.stations(hook, resume)?;
        if matches!(hook, Hook::Input | Hook::Postrouting) {
            self.confirm()?;
        }
        self.under_way = false;
        if let Some(oif) = self.rerouted.take() {
            self.cx.packet.oif = oif;
        }
        Ok(())
    }

    fn stations(&mut self, hook: Hook, resume: Option<(ChainRef, Option<&Begin>)>) -> On {
        let device = match hook {
            Hook::Egress => self.cx.packet.oif.value(),
            _ => self.cx.packet.iif.value(),
        };
        let (rules, network) = (self.walk.rules.rules, self.cx.packet.network);
        let all = match hook {
            Hook::Ingress | Hook::Egress => Stations::of_device(rules, network, hook, device),
            _ => Stations::new(rules, network, hook, device, None),
        };

        let mut from = 0;
        if let Some((base, begin)) = resume {
            let Some(at) = all.index_of(base) else {
                return Err(Fate::Unknown("the place of the chain at its hook".into()));
            };
            match begin {
                Some(begin) => self.base(base, begin)?,
                // What was changed in it shows in the packet; that nothing came after it may be routing's doing.
                None if self.walk.past && self.reroutes(base) => self.route_out()?,
                None => {}
            }
            from = at + 1;
        }
        let mut rest: Vec<&Station> = Vec::new();
        if let Some(begun) = from.checked_sub(1).and_then(|i| all.0.get(i)).filter(|s| s.tied) {
            for station in all.0.iter().take(from - 1).filter(|s| s.tied && s.priority == begun.priority) {
                let key = format!("before {:?} {:?}", self.cx.hook, station.what);
                if !self.cx.ask(ORDER, key.as_bytes(), true) {
                    rest.push(station);
                }
            }
        }
        rest.extend(all.0.iter().skip(from));
        while !rest.is_empty() {
            let station = rest.remove(self.next_station(&rest));
            match &station.what {
                What::Chain(chain) => self.base(*chain, &Begin::Start)?,
                What::Defrag => self.defragment()?,
                What::Conntrack => self.conntrack()?,
                What::Nat(chains) => self.nat(chains)?,
                What::Foreign(foreign) => self.foreign(foreign)?,
            }
        }
        Ok(())
    }

    /// Which of the stations comes next: the first, or another one of the same priority where their order is not known. It
    /// is that in which they were registered, mostly the last one first.
    pub(super) fn next_station(&mut self, rest: &[&Station]) -> usize {
        let Some(first) = rest.first().filter(|s| s.tied) else { return 0 };
        let same = rest.iter().take_while(|s| s.tied && s.priority == first.priority).count();
        for (i, station) in rest.iter().enumerate().take(same.saturating_sub(1)) {
            let key = format!("order {:?} {:?} {i} {same}", self.cx.hook, station.what);
            if self.cx.ask(ORDER, key.as_bytes(), true) {
                return i;
            }
        }
        same.saturating_sub(1)
    }

    /// Runs one base chain; an accept lets the way go on.
    pub(super) fn base(&mut self, base: ChainRef, begin: &Begin) -> On {
        let hook = self.cx.hook;
        // `arpt_do_table` drops what ends before.
        if matches!(base.table, TableRef::Xt(_)) && self.cx.packet.network == Network::Arp {
            self.receive_arp_header()?;
        }
        let before = self.reroutes(base).then(|| self.routed_by());
        let explain = self.walk.explain;
        let steps = &mut self.steps;
        let ended = self.walk.rules.base_chain(&mut self.cx, base, begin, &mut |tried: Tried| {
            if explain || tried.matched {
                steps.push(Step::Rule { hook, tried });
            }
        });
        let Ended { decision, at } = ended;
        match decision {
            Decision::Accept | Decision::Next | Decision::Return => {
                self.steps.push(Step::Passed { hook, base });
                if before.is_some_and(|b| b != self.routed_by()) {
                    self.route_out()?;
                }
                Ok(())
            }
            Decision::Queue { queue, bypass, .. } => self.queue(queue, bypass, at, decision),
            _ => Err(Fate::Decided { decision, at }),
        }
    }

    /// A packet for user space: with a reader, it is the reader's; without one it dies, or passes.
    fn queue(&mut self, queue: u16, bypass: bool, at: Place, decision: Decision) -> On {
        let reader = self.walk.env.queue_has_reader(queue);
        let key = [b"queue ".as_slice(), &queue.to_be_bytes()].concat();
        if !self.cx.test(reader, &key, |r| *r) && bypass {
            self.kernel(format!("queue {queue} has no reader and is bypassed"));
            self.bypassed = true;
            return Ok(());
        }
        Err(Fate::Decided { decision, at })
    }
}
