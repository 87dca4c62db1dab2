//! Judging evidence by the ruleset that it met.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::blame::{Attributor, Blame, CulpritKind, Generations, Time, Verdict, attributor};
use crate::evaluate::Environment;
use crate::evaluate::asked::Asked;
use crate::evidence::{Dropped, Journey, LoggedPacket, Source, likeness, packet};
use crate::host::KernelHost;
use crate::ruleset::Ruleset;
use crate::sys::nflog;

use super::engine::{Out, Watch};
use super::known::Known;
use super::report::Seen;

/// How old a look at the kernel's generation may be when a drop is judged, which has waited longer (`drops::RECORDS`).
const LOOK: Duration = Duration::from_millis(20);

/// How late a packet may be told of: delivery of logged packets is delayed by the kernel's flush timer.
pub(super) const SLACK: Duration = Duration::from_millis(60);

/// How long to wait for a ruleset that was announced and is needed.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How old the counters of a culprit may be.
const COUNTERS: Duration = Duration::from_millis(100);

/// What makes an answer doubtful that is given for several packets.
const ALIKE: &str = "what the packets that were counted together do not have in common";

/// What packets are judged by.
pub(super) struct Present<'a> {
    /// The latest ruleset.
    pub attributor: Attributor<'a>,
    pub host: &'a KernelHost,
    pub env: &'a Asked<'a>,
    pub generations: &'a Generations,
    /// From when on packets have met the latest ruleset only.
    pub settled: Option<Time>,
}

/// A logged packet, as it lies in the batch that it came in.
pub(super) struct Logged<'b> {
    pub packet: &'b nflog::Packet<'b>,
    /// How many it stands for.
    pub count: u64,
    pub received: Time,
}

impl Logged<'_> {
    fn when(&self) -> Time {
        self.packet.timestamp.map_or(self.received, |t| Time(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn owned(&self) -> LoggedPacket {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        LoggedPacket { count, ..LoggedPacket::new(self.packet, self.received) }
    }
}

impl Watch {
    /// A logged packet, whose answer may be known. None if a newer ruleset has come that must be taken first.
    pub(super) fn logged(
        &mut self,
        p: &Logged<'_>,
        by: &Present<'_>,
        known: &mut Known,
        now: Instant,
        out: Out<'_>,
    ) -> Option<ControlFlow<()>> {
        let source = Source::Group(p.packet.group);
        if by.settled.is_none_or(|since| p.when() < since) || self.follower.is_behind(p.when()) {
            let packet = p.owned();
            let mut blame = self.judge_logged(&packet, by)?;
            if p.count > 1 {
                attributor::doubt(&mut blame, ALIKE);
            }
            return Some(self.hand_out(&mut blame, seen_packet(&packet), source, out));
        }
        let connections = known.tells_connections_apart() && p.packet.ct.is_some();
        let at = if let Some(at) = known.find(p.packet) {
            at
        } else {
            let packet = p.owned();
            let bytes = by.attributor.packet_of_log(&packet);
            by.env.take();
            let mut blame = by.attributor.logged_as(&packet, &bytes);
            let unknown = blame.verdict == Verdict::Unknown;
            if unknown && self.catch_up() {
                return None;
            }
            self.fresh.update(&mut blame);
            let passing = by.env.take() || unknown;
            match known.keep(p.packet, blame, bytes.bytes.looked(), passing) {
                Ok(at) => at,
                Err(mut blame) => {
                    if p.count > 1 {
                        attributor::doubt(&mut blame, ALIKE);
                    }
                    return Some(self.tell(&blame, seen_packet(&packet), source, out));
                }
            }
        };
        let answer = known.answer(at)?;
        let network = packet::network(p.packet);
        answer.blame.time = Some(p.when());
        answer.blame.packet.read(network, p.packet.payload);
        if now.duration_since(answer.counted) > COUNTERS {
            self.fresh.update(&mut answer.blame);
            answer.counted = now;
        }
        let serial = Some(answer.serial);
        let mut seen = Seen {
            time: p.when(),
            bytes: p.packet.payload,
            inbound: Some(p.packet.iif.is_some()),
            count: p.count,
            answer: serial,
        };
        if p.count > 1 && (connections || !answer.looked.is_within(&likeness::compared(network, p.packet.payload))) {
            let mut blame = answer.blame.clone();
            attributor::doubt(&mut blame, ALIKE);
            seen.answer = None;
            return Some(self.tell(&blame, seen, source, out));
        }
        Some(self.tell(&answer.blame, seen, source, out))
    }

    pub(super) fn attributor<'a>(
        &self,
        rules: &'a Ruleset,
        env: &'a dyn Environment,
        history: &'a Generations,
    ) -> Attributor<'a> {
        Attributor::new(rules, env, Some(history)).with_legacy_trace(&self.legacy_traced)
    }

    /// The blame of a logged packet; none if a newer ruleset has come that must be taken first.
    pub(super) fn judge_logged(&mut self, p: &LoggedPacket, by: &Present<'_>) -> Option<Blame> {
        let met = by.generations.met(p.when(), SLACK);
        let mut blame = self.judge(&met.rules, by, |a| a.logged(p));
        if blame.verdict == Verdict::Unknown && self.catch_up() {
            return None;
        }
        let unread = match self.follower.is_behind(p.when()) {
            true => self.newer(p.when())?,
            false => None,
        };
        if let Some(missed) = met.missed.or(unread) {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    pub(super) fn judge_journey(&mut self, j: &Journey, by: &Present<'_>) -> Option<Blame> {
        let met = by.generations.met(j.began, SLACK);
        let mut blame = self.judge(&met.rules, by, |a| a.journey(j));
        if blame.verdict == Verdict::Unknown && self.catch_up() {
            return None;
        }
        let unread = if blame.culprit.table_name.is_some() { self.newer(j.ended)? } else { None };
        // What the kernel named by its handle is found in one ruleset or not at all, as long as the table stays.
        let (c, of) = (&blame.culprit, by.generations);
        let named = unread.is_none() && c.rule_handle.is_some();
        let table = c.family.zip(c.table_name.as_deref());
        let stays = named && table.is_some_and(|(family, name)| of.same_table(family, name));
        if let Some(missed) = met.missed.or(unread).filter(|_| !stays) {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    /// Were there rules at that time that have not been read? They are waited for; if they come they must be taken first
    /// (none), and if they do not, that is said.
    fn newer(&mut self, when: Time) -> Option<Option<String>> {
        if self.verified >= when {
            return Some(None);
        }
        let now = Time::now();
        let Some(newest) = crate::ruleset::current_generation() else { return Some(None) };
        let late = self.gave_up.is_some_and(|at| at.elapsed() < CATCH_UP);
        if let Some(update) = self.follower.catch_up(newest, if late { Duration::ZERO } else { CATCH_UP }) {
            self.pending.push(update);
            return None;
        }
        if self.follower.has_heard(newest) {
            self.verified = now;
            return Some(None);
        }
        self.gave_up = Some(Instant::now());
        Some(Some("the ruleset had just changed again and was not read yet".to_owned()))
    }

    pub(super) fn judge_dropped(&mut self, d: &Dropped, by: &Present<'_>) -> Option<Blame> {
        let met = by.generations.met(d.when(), SLACK);
        let mut blame = self.judge(&met.rules, by, |a| a.dropped(d));
        // Rules that came before it, and were not read yet, may have dropped it. It has waited longer than the last look may be
        // old.
        let by_rules = blame.culprit.table_name.is_some() && self.looked.is_none_or(|at| at.elapsed() > LOOK);
        if by_rules || blame.culprit.kind == CulpritKind::Unknown {
            self.looked = Some(Instant::now());
            if self.catch_up() {
                return None;
            }
        }
        if let Some(missed) = met.missed.filter(|_| blame.culprit.table_name.is_some()) {
            attributor::doubt(&mut blame, missed);
        }
        Some(blame)
    }

    /// Judges by each ruleset that a packet may have met; if they disagree, the answer says so.
    fn judge(&self, met: &[Arc<Ruleset>], by: &Present<'_>, judge: impl Fn(&Attributor<'_>) -> Blame) -> Blame {
        let mut answers = met.iter().map(|rules| {
            if std::ptr::eq(by.attributor.rules(), &raw const **rules) {
                judge(&by.attributor)
            } else {
                judge(&self.attributor(rules, by.env, by.generations))
            }
        });
        let Some(mut best) = answers.next() else { return judge(&by.attributor) };
        for other in answers {
            if best.verdict == Verdict::Unknown && other.verdict != Verdict::Unknown {
                best = other;
            } else if other.verdict != Verdict::Unknown && other.culprit != best.culprit && !alike(&other, &best) {
                attributor::doubt(&mut best, "the ruleset changed as the packet passed");
                best.alternatives.push(other.culprit);
            }
        }
        best
    }

    /// Waits for a ruleset that was announced, if there is one: true if it came.
    fn catch_up(&mut self) -> bool {
        let Some(newest) = crate::ruleset::current_generation() else { return false };
        match self.follower.catch_up(newest, CATCH_UP) {
            Some(update) => {
                self.pending.push(update);
                true
            }
            None => false,
        }
    }
}

pub(super) fn seen_packet(p: &LoggedPacket) -> Seen<'_> {
    Seen { time: p.when(), bytes: &p.payload, inbound: Some(p.iif.is_some()), count: p.count.into(), answer: None }
}

/// The same culprit in two generations, whose numbers and counters differ.
fn alike(a: &Blame, b: &Blame) -> bool {
    let (x, y) = (&a.culprit, &b.culprit);
    a.verdict == b.verdict
        && x.kind == y.kind
        && x.family == y.family
        && x.table_name == y.table_name
        && x.chain_name == y.chain_name
        && x.rule_handle == y.rule_handle
        && x.text == y.text
        && x.sysctl == y.sysctl
        && x.detail == y.detail
}
