//! Who dropped a traced packet: the last one that the kernel named, or what stands behind it.

use crate::evaluate::packet::CtState;
use crate::evaluate::walk::{Fate, Start, Step as WalkStep};
use crate::evaluate::{Assumptions, Context, Decision, Fact, Hook, Packet, Place, RejectWith, TableRef, reject};
use crate::evidence::legacy::LegacyTrace;
use crate::evidence::trace::{Edge, End, Journey, Record, View};
use crate::sys::nft::{self, TraceKind};

use super::answer::{self, Answer};
use super::attributor::{Attributor, assemble, doubt};
use super::culprit::{Culprit, CulpritKind};
use super::packet::{PacketFields, address};
use super::{Blame, Confidence, EvidenceKind, Step, Verdict, Why, describe};

/// `RTN_BROADCAST`.
const BROADCAST: u8 = 3;

/// Where the last record of a journey leaves the packet.
enum Last {
    /// A rule or policy took it.
    Taken(Decision, Place),
    /// A base chain let it pass, or has not decided yet; walking goes on from here.
    At(Start),
    /// The record cannot be placed in the ruleset.
    Lost(String),
}

/// What is known of a fragment after which nothing is heard of it.
const WAITS: &str = "a fragment, waiting for the others of its packet to be put together";

impl Attributor<'_> {
    /// What became of a traced packet.
    pub fn journey(&self, j: &Journey) -> Blame {
        let mut j = j.clone();
        j.order(|s| self.priority(&s.record));
        let packet = self.packet_of_journey(&j);
        let hook = j.steps.iter().rev().find_map(|s| s.hook.or_else(|| self.hook_of(&s.record)));
        let mut fields = PacketFields::of(&packet);
        fields.hook = hook.map(Hook::name);
        let mut answer = self.answer(&j, &packet, hook);
        let observed = self.observed_path(&j);
        answer.path.splice(0..0, observed);
        fields.ct_state = fields.ct_state.or(answer.ct_state);
        let mut blame = assemble(EvidenceKind::Trace, Some(j.began), fields, answer);
        // A drop or a passage was told by a record; only silence may be a record that was lost.
        if j.incomplete && !matches!(j.end, End::Dropped | End::Passed(_)) {
            doubt(&mut blame, "trace records were lost: the last one seen may not be the last");
        }
        if j.ambiguous {
            doubt(&mut blame, "another packet with the same headers was under way: a legacy record may belong to it");
        }
        blame
    }

    fn answer(&self, j: &Journey, packet: &Packet, hook: Option<Hook>) -> Answer {
        match j.end {
            End::Interrupted => return answer::unknown("watching ended while the packet was under way"),
            End::Dropped | End::Passed(_) | End::Silent | End::Reassembly => {}
        }
        match self.last(j, hook) {
            Last::Taken(decision, at) => self.taken(decision, at, packet, hook),
            Last::Lost(why) => answer::unknown(why),
            Last::At(_) if j.end == End::Reassembly => answer::unknown(WAITS),
            Last::At(start) => self.beyond(j, packet, &start),
        }
    }

    /// The answer when the kernel itself named who took the packet.
    fn taken(&self, decision: Decision, at: Place, packet: &Packet, hook: Option<Hook>) -> Answer {
        let unheard = match (&decision, hook) {
            (Decision::Reject(with), Some(hook)) => self.is_unheard(with, packet, hook),
            _ => false,
        };
        let describer = self.describer();
        let mut culprit = describer.culprit(at);
        let mut why = Vec::new();
        match (&decision, at.position) {
            (Decision::Queue { queue, .. }, _) => {
                why.push(Why::plain(format!("the rule hands it to queue {queue}")));
                if self.env.queue_has_reader(*queue) == Fact::Is(false) {
                    culprit.kind = CulpritKind::Queue;
                    culprit.detail = Some(format!("queue {queue}"));
                    why.push(Why::plain("nobody reads that queue, so the kernel drops the packet"));
                }
            }
            (_, None) => {
                let chain = describer.chain_name(at.chain);
                why.push(Why::plain(format!("no rule of {chain} decided about it, so its policy did")));
            }
            (Decision::Reject(with), _) if unheard => {
                why.push(Why::plain(format!(
                    "the rule matched; of such a packet the sender is not told {}",
                    with.name()
                )));
            }
            (Decision::Reject(with), _) => {
                why.push(Why::plain(format!("the rule matched, and told the sender {}", with.name())));
            }
            (Decision::Stolen(what), _) => {
                why.push(Why::plain(format!("the rule matched: {what}")));
                why.extend(answer::answered(what).map(Why::plain));
            }
            _ => why.push(Why::plain("the rule matched")),
        }
        // A record of a legacy rule names no verdict: this target drops what acknowledges no cookie of its own.
        let open = matches!(decision, Decision::Stolen(_)) && matches!(at.chain.table, TableRef::Xt(_));
        why.push(Why::plain("seen in the kernel's trace"));
        let decision = if unheard { Decision::Drop } else { decision };
        Answer {
            verdict: describe::outcome(&decision),
            reject_with: match &decision {
                Decision::Reject(with) => Some(with.name()),
                _ => None,
            },
            culprit,
            alternatives: Vec::new(),
            confidence: if open { Confidence::Likely } else { Confidence::Certain },
            unknowns: open
                .then(|| "whether the rule answered the packet or dropped it".to_owned())
                .into_iter()
                .collect(),
            path: Vec::new(),
            why,
            ct_state: None,
        }
    }

    /// Is nobody told of this packet, whatever the rule says? The rest of its bytes, which a trace lacks, may be such that
    /// nobody is; then somebody may be.
    fn is_unheard(&self, with: &RejectWith, packet: &Packet, hook: Hook) -> bool {
        let mut open = Assumptions::new();
        let mut cx = Context::new(packet.clone(), hook, self.env, &mut open);
        let decided = reject::decide(&mut cx, with.clone());
        let to = packet.addresses().and_then(|(_, to)| address(to)).filter(|_| hook == Hook::Input);
        let to_many = to.is_some_and(|to| self.env.address_type(to, None) == Fact::Is(BROADCAST));
        decided == Decision::Drop || (to_many && matches!(with, RejectWith::Icmp(_)))
    }

    /// The answer when the trace ends without naming anybody: what stands between its last record and the next one
    /// that there would have been.
    fn beyond(&self, j: &Journey, packet: &Packet, start: &Start) -> Answer {
        // A trace since Linux 6.17 says what conntrack made of the packet; older ones leave it to be looked up.
        let tracked = packet.ct.state == Fact::Absent && self.prepared.tracks_connections(packet.network);
        let mut walked = self.walk(tracked).run(packet, start);
        let passed = matches!(j.end, End::Passed(_));
        let all = walked.runs.len();
        // A run through a chain whose record would have come is not what happened.
        walked.runs.retain(|run| {
            let unseen = run.steps.iter().any(|s| match s {
                WalkStep::Rule { tried, .. } => self.is_traced(tried.at.chain.table),
                WalkStep::Passed { base, .. } => matches!(base.table, TableRef::Nft(_)),
                WalkStep::Kernel { .. } => false,
            });
            passed || (!unseen && !matches!(run.fate, Fate::Delivered(_) | Fate::Left | Fate::Passed))
        });
        if !walked.runs.is_empty() {
            let mut answer = answer::of(&[(self.describer(), walked)]);
            if answer.verdict != Verdict::Accept {
                answer.why.push(Why::plain("the trace ends here; what took it was derived"));
            }
            return answer;
        }
        // It is put together with the others before the next chain, or never is.
        if packet.headers().more_fragments {
            return answer::unknown(WAITS);
        }
        let mut answer = answer::unknown(if all == 0 {
            "the trace ends where nothing is known to take packets".to_owned()
        } else {
            "the trace ends here, although nothing that is known stops the packet at this point".to_owned()
        });
        answer.verdict = Verdict::Drop;
        answer.culprit = Culprit::new(CulpritKind::Unknown);
        answer
    }

    /// Would a packet that meets a rule of this table leave a record of it?
    fn is_traced(&self, table: TableRef) -> bool {
        match table {
            TableRef::Nft(_) => true,
            TableRef::Xt(t) => self.rules().xt.get(t).is_some_and(|t| self.legacy_traced.contains(&t.family())),
        }
    }

    fn last(&self, j: &Journey, hook: Option<Hook>) -> Last {
        let Some(step) = j.steps.last() else { return Last::Lost("an empty trace".into()) };
        let Some(hook) = step.hook.or(hook) else {
            return Last::Lost("the hook of the last trace record is not known".into());
        };
        match &step.record {
            Record::Edge(Edge::Enters, _) => Last::At(Start::Hook(hook)),
            Record::Edge(Edge::Leaves, _) => Last::At(Start::AfterHook(hook)),
            Record::Nft(t) => self.last_nft(j, t, hook),
            Record::Legacy(l) => self.last_legacy(l, hook),
        }
    }

    fn last_nft(&self, j: &Journey, t: &nft::Trace, hook: Hook) -> Last {
        let Some(at) = self.place_of_trace(t) else {
            let handle = t.rule_handle.map_or_else(|| "policy".into(), |h| format!("rule handle {h}"));
            return Last::Lost(format!(
                "{} {} {} {handle} is not in the ruleset that was read",
                t.family, t.table, t.chain
            ));
        };
        let verdict = if t.kind == TraceKind::Policy { t.policy.as_ref() } else { t.verdict.as_ref() };
        match verdict {
            Some(nft::Verdict::Drop) => Last::Taken(self.drop_of(at), at),
            Some(nft::Verdict::Queue { num, bypass }) if j.end == End::Silent => {
                Last::Taken(Decision::Queue { queue: *num, count: 1, bypass: *bypass }, at)
            }
            Some(nft::Verdict::Stolen) => Last::Taken(Decision::Stolen(self.taker_of(at)), at),
            Some(nft::Verdict::Accept) => match self.base_of(at.chain, hook) {
                Some(base) => Last::At(Start::Behind { hook, base }),
                None => Last::Lost("the base chain of the last trace record is not known".into()),
            },
            _ => Last::Lost("the trace ends in the middle of a chain".into()),
        }
    }

    fn last_legacy(&self, l: &LegacyTrace, hook: Hook) -> Last {
        let Some((at, decision)) = self.resolve_legacy(l) else {
            return Last::Lost(format!(
                "{} {} rule {} is not in the ruleset that was read",
                l.table, l.chain, l.number
            ));
        };
        match decision {
            Decision::Accept => match self.base_of(at.chain, hook) {
                Some(base) => Last::At(Start::Behind { hook, base }),
                None => Last::Lost("the built-in chain of the last TRACE record is not known".into()),
            },
            Decision::Drop | Decision::Reject(_) | Decision::Queue { .. } | Decision::Stolen(_) => {
                Last::Taken(decision, at)
            }
            _ => Last::Lost("the TRACE ends in the middle of a chain".into()),
        }
    }

    fn priority(&self, record: &Record) -> Option<i32> {
        match record {
            Record::Edge(_, t) | Record::Nft(t) => {
                let table = self.rules().nft.iter().find(|x| x.def.family == t.family && x.def.name == t.table)?;
                Some(table.chain(&t.chain)?.def.base.as_ref()?.priority)
            }
            Record::Legacy(l) => {
                let hook = l.packet.hook?;
                Some(crate::evaluate::stations::legacy_priority(l.table.as_bytes(), hook))
            }
        }
    }

    fn hook_of(&self, record: &Record) -> Option<Hook> {
        match record {
            Record::Legacy(l) => l.packet.hook,
            Record::Edge(_, t) | Record::Nft(t) => {
                let table = self.rules().nft.iter().find(|x| x.def.family == t.family && x.def.name == t.table)?;
                Hook::from_nft(table.chain(&t.chain)?.def.base.as_ref()?.hook)
            }
        }
    }

    /// The packet as the last record with headers saw it, with what later records say of it.
    fn packet_of_journey(&self, j: &Journey) -> Packet {
        let Some(view) = j.last_view() else {
            return Packet::new(crate::evaluate::Network::Other(0), Vec::new());
        };
        let mut packet = self.packet_of_view(&view);
        // A device is only told in the first record of each chain, and the entry is forgotten on the way out.
        let device = |pick: fn(&View<'_>) -> Option<u32>| {
            self.device(j.steps.iter().rev().find_map(|s| View::of(&s.record).and_then(|v| pick(&v))))
        };
        packet.iif = device(|v| v.iif);
        packet.oif = device(|v| v.oif);
        if !view.link.is_empty() {
            packet.seen_with(view.link);
        }
        let last = j.steps.iter().rev().find_map(|s| s.record.nft());
        packet.mark = match (last, j.steps.last().map(|s| &s.record)) {
            (_, Some(Record::Legacy(l))) => Fact::Is(l.packet.mark),
            (Some(t), _) => Fact::Is(t.mark.unwrap_or(0)),
            (None, _) => Fact::unknown("mark"),
        };
        if let Some(state) = last.and_then(|t| t.ct_state) {
            packet.ct.state = ct_state(state);
        }
        packet
    }

    fn packet_of_view(&self, view: &View<'_>) -> Packet {
        Packet::new(view.network, view.bytes())
    }

    /// The rules and policies that the kernel named, as a path.
    fn observed_path(&self, j: &Journey) -> Vec<Step> {
        let describer = self.describer();
        let mut path = Vec::new();
        for s in &j.steps {
            let hook = s.hook.or_else(|| self.hook_of(&s.record));
            let Some(hook) = hook else { continue };
            match &s.record {
                Record::Edge(..) => {}
                Record::Nft(t) => {
                    if t.kind == TraceKind::Return || (t.kind == TraceKind::Rule && t.rule_handle.is_none()) {
                        continue;
                    }
                    let verdict = if t.kind == TraceKind::Policy { t.policy.as_ref() } else { t.verdict.as_ref() };
                    let word = verdict.map_or_else(|| "?".to_owned(), ToString::to_string);
                    let word = if t.kind == TraceKind::Policy { format!("policy {word}") } else { word };
                    match self.place_of_trace(t) {
                        Some(at) => path.push(describer.step(hook, at, word)),
                        None => path.push(unplaced(hook, t, word)),
                    }
                }
                Record::Legacy(l) => {
                    if let Some((at, decision)) = self.resolve_legacy(l) {
                        path.push(describer.step(hook, at, describe::action(&decision, &[], at.position.is_none())));
                    }
                }
            }
        }
        path
    }
}

/// A step whose rule is not in the ruleset that was read.
fn unplaced(hook: Hook, t: &nft::Trace, action: String) -> Step {
    Step {
        hook: hook.name(),
        backend: None,
        family: Some(describe::family_name(t.family)),
        table_name: Some(t.table.to_string()),
        chain_name: Some(t.chain.to_string()),
        rule_position: None,
        rule_handle: t.rule_handle,
        action,
        text: None,
    }
}

/// `NFTA_TRACE_CT_STATE`: the bit of `ct state`.
fn ct_state(bits: u32) -> Fact<CtState> {
    // NF_CT_STATE_INVALID_BIT, NF_CT_STATE_BIT(IP_CT_ESTABLISHED…), NF_CT_STATE_UNTRACKED_BIT
    match bits {
        1 => Fact::Is(CtState::Invalid),
        2 => Fact::Is(CtState::Established),
        4 => Fact::Is(CtState::Related),
        8 => Fact::Is(CtState::New),
        64 => Fact::Is(CtState::Untracked),
        _ => Fact::unknown("conntrack state"),
    }
}
