//! A host, what has been done with it, and what is done with each packet.

use std::time::{Duration, Instant};

use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;

use crate::compare::{Outcome, Tally, ask};
use crate::failure::Failure;
use crate::flow_rules;
use crate::packets::{Shot, Shots};
use crate::peers::Peers;
use crate::record::Record;
use crate::rules::{Mixed, Rules, TOOLS, Texts};
use crate::world::{Host, Seen, World};
use crate::xt_rules::Features;

/// Rules and the packets that were sent through them.
#[derive(Debug, Clone)]
pub struct Round {
    pub rules: Texts,
    pub shots: Vec<Shot>,
}

/// A host, and what is to be remembered of it.
pub struct Lab {
    pub host: Host,
    legacy: Vec<(usize, &'static str)>,
    id: u16,
    /// The source port of new connections.
    pub port: u16,
    /// Makes another one like it.
    pub make: fn() -> Self,
    /// What was done here: a kernel may remember more than its rules.
    pub past: Vec<Round>,
}

/// A difference, or what a tool says that refuses the rules.
pub type Played = Result<Option<Failure>, String>;

/// Gives the next packet, told what came of the last one.
type Next<'n> = dyn FnMut(Option<(Shot, &Seen)>) -> Option<Shot> + 'n;

impl Lab {
    /// With the ipsets that generated rules name.
    pub fn new() -> Self {
        let lab = Self { make: Self::new, ..Self::bare() };
        for (family, nft) in TOOLS.into_iter().filter(|t| !t.1) {
            Features::make_sets(&World { family, host: &lab.host, nft });
        }
        lab
    }

    /// With TCP listeners.
    pub fn listening() -> Self {
        let lab = Self { make: Self::listening, ..Self::bare() };
        lab.host.tcp.borrow_mut().listen();
        lab
    }

    pub fn bare() -> Self {
        Self { host: Host::new(), legacy: Vec::new(), id: 100, port: 2000, make: Self::bare, past: Vec::new() }
    }

    /// Loads rules in place of those that are there.
    pub fn install(&mut self, rules: &Texts) -> Result<(), String> {
        self.host.ns.ns().enter().map_err(|e| e.to_string())?;
        rules.install(&self.host, &mut self.legacy)
    }

    /// Loads rules that ask for connections, and sends packets of hosts that keep up some.
    pub fn flows(&mut self, rules: &Texts, tally: &mut Tally, mut peers: Peers, count: usize) -> Played {
        let record = self.play(rules, tally, count, &mut |last| {
            if let Some((_, seen)) = last {
                peers.sent(seen);
            }
            Some(peers.next())
        })?;
        Ok(record.map(|record| Failure { past: self.past.clone(), record }))
    }

    /// Loads rules, and sends packets that `shots` makes; the first that goes another way than was said.
    pub fn round(&mut self, rules: &Mixed, tally: &mut Tally, mut shots: Shots, count: usize) -> Played {
        tally.rules += rules.rules();
        let record = self.play(&rules.texts(), tally, count, &mut |last| {
            if let Some((shot, seen)) = last {
                shots.sent(shot, seen.left.clone());
            }
            Some(shots.next(0))
        })?;
        Ok(record.map(|record| Failure { past: self.past.clone(), record }))
    }

    /// The same with packets that are there.
    pub fn again(&mut self, rules: &Texts, shots: &[Shot]) -> Result<Option<Record>, String> {
        let mut shots = shots.iter();
        self.play(rules, &mut Tally::default(), shots.len(), &mut |_| shots.next().cloned())
    }

    fn play(
        &mut self,
        rules: &Texts,
        tally: &mut Tally,
        count: usize,
        next: &mut Next<'_>,
    ) -> Result<Option<Record>, String> {
        self.past.push(Round { rules: rules.clone(), shots: Vec::new() });
        self.install(rules)?;
        self.host.forget();
        let mut read = Ruleset::read().map_err(|e| e.to_string())?;
        if !read.problems.is_empty() {
            return Err(format!("{:?}", read.problems));
        }
        tally.rulesets += 1;
        let (has_state, short) = (rules.have_state(), flow_rules::is_short(rules));
        let kernel = KernelHost::open().map_err(|e| e.to_string())?;
        let mut watch = self.host.watch();
        let mut last: Option<(Shot, Seen)> = None;
        for _ in 0..count {
            let Some(shot) = next(last.as_ref().map(|(shot, seen)| (shot.clone(), seen))) else { break };
            self.past.last_mut().unwrap().shots.push(shot.clone());
            self.id = self.id.checked_add(1).unwrap_or(100);
            self.port = self.port.checked_add(1).unwrap_or(2000);
            let shot = shot.marked(self.id);
            shot.first.iter().for_each(|before| before.run(self));
            if has_state {
                read = Ruleset::read().map_err(|e| e.to_string())?;
            }
            if short {
                self.host.no_timer_runs_out();
            }
            kernel.forget();
            let begun = Instant::now();
            let answer = ask(&read, &kernel, &shot);
            let explained = begun.elapsed();
            watch.next();
            self.host.send(&shot);
            let sent = begun.elapsed();
            let mut seen = Seen::default();
            self.host.see(&mut watch, self.id, &mut seen);
            let mut outcome = answer.judge(&seen);
            // What goes by the loopback may take a moment.
            for _ in 0..10 {
                if !matches!(outcome, Outcome::Differs(_)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
                self.host.see(&mut watch, self.id, &mut seen);
                outcome = answer.judge(&seen);
            }
            tally.add(&outcome, &answer, &seen);
            if let Outcome::Differs(why) = outcome {
                let times = [explained, sent, begun.elapsed()];
                let why = format!("{shot:?}\n{why}");
                return Ok(Some(Record::take(self, why, &answer, &seen, times)));
            }
            last = Some((shot, seen));
        }
        Ok(None)
    }
}
