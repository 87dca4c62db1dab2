//! Evidence in, blames out.

use std::borrow::Cow;
use std::cell::Cell;

use crate::evaluate::log_rules::{LogRule, LogRules};
use crate::evaluate::packet::{Ct, CtState, Owner};
use crate::evaluate::traversal::Begin;
use crate::evaluate::walk::{Start, Walk};
use crate::evaluate::{Device, Environment, Fact, Hook, Packet, Prepared};
use crate::evidence::LoggedPacket;
use crate::manager::Keepers;
use crate::ruleset::Ruleset;
use crate::sys::ct::Status;
use crate::sys::xt;

use super::answer::{self, Answer};
use super::describe::Describer;
use super::generations::Generations;
use super::packet::PacketFields;
use super::time::Time;
use super::{Blame, Confidence, EvidenceKind, SCHEMA, Step, Why};

/// Attributes what was seen to one ruleset and host.
pub struct Attributor<'a> {
    pub(super) prepared: Prepared<'a>,
    pub(super) logs: LogRules,
    pub(super) env: &'a dyn Environment,
    pub(super) history: Option<&'a Generations>,
    pub(super) legacy_traced: Vec<xt::Family>,
    keepers: Keepers,
}

impl<'a> Attributor<'a> {
    /// Prepares a ruleset for many packets.
    pub fn new(rules: &'a Ruleset, env: &'a dyn Environment, history: Option<&'a Generations>) -> Self {
        Self {
            prepared: Prepared::new(rules),
            logs: LogRules::new(rules),
            env,
            history,
            legacy_traced: Vec::new(),
            keepers: Keepers::default(),
        }
    }

    /// The same, told whose legacy tables trace too: a packet that met their rules has left records of it.
    #[must_use]
    pub fn with_legacy_trace(mut self, families: &[xt::Family]) -> Self {
        self.legacy_traced = families.to_vec();
        self
    }

    /// The ruleset.
    pub fn rules(&self) -> &'a Ruleset {
        self.prepared.rules
    }

    /// Describes places of the ruleset.
    pub fn describer(&self) -> Describer<'_> {
        Describer { rules: self.prepared.rules, history: self.history, keepers: Some(&self.keepers) }
    }

    /// The walk through this ruleset.
    pub(super) fn walk(&self, tracked: bool) -> Walk<'_> {
        Walk { rules: &self.prepared, env: self.env, explain: false, tracked, past: true }
    }

    /// A device by its index, with its name where it still has one.
    pub(super) fn device(&self, index: Option<u32>) -> Fact<Device> {
        let Some(index) = index else { return Fact::Absent };
        Fact::Is(Device { index, name: self.env.link(index).map(|l| l.name) })
    }

    /// Who dropped a packet that a rule logged, if anybody: its way is walked on from that rule.
    pub fn logged(&self, p: &LoggedPacket) -> Blame {
        self.logged_as(p, &self.packet_of_log(p))
    }

    /// The same with the [`packet_of_log`](Self::packet_of_log) made already.
    pub fn logged_as(&self, p: &LoggedPacket, packet: &Packet) -> Blame {
        let answer = match p.hook {
            Some(hook) => self.continue_from_log(p, packet, hook),
            None => answer::unknown("the record does not say at which hook it was made"),
        };
        let mut fields = PacketFields::of(packet);
        fields.hook = p.hook.map(Hook::name);
        fields.prefix = Some(p.prefix.to_string());
        fields.group = Some(p.group);
        fields.ct_state = answer.ct_state;
        assemble(EvidenceKind::Nflog, Some(p.when()), fields, answer)
    }

    fn continue_from_log(&self, p: &LoggedPacket, packet: &Packet, hook: Hook) -> Answer {
        let describer = self.describer();
        let walk = self.walk(self.prepared.tracks_connections(packet.network));
        let known: Vec<&LogRule> = self.logs.find(p.group, &p.prefix).collect();
        if known.is_empty() {
            return answer::unknown(format!(
                "no rule at {} logs with prefix \"{}\" to group {} in the ruleset that was read",
                hook.name(),
                p.prefix,
                p.group
            ));
        }
        let complete = Cell::new(true);
        let ways = |rule: &LogRule| {
            let (ways, all) = self.prepared.ways_to(hook, rule.at.chain);
            complete.set(complete.get() && all);
            ways
        };
        let mut rules: Vec<_> = known.into_iter().map(|r| (r, ways(r))).filter(|(_, ways)| !ways.is_empty()).collect();
        if rules.len() > 1 {
            rules.retain(|(rule, ways)| {
                ways.iter().any(|(base, _)| walk.could_have_been_logged(packet, hook, *base, rule))
            });
        }
        let Some((by, _)) = rules.first() else {
            return answer::unknown("no rule that this hook leads to could have logged it");
        };
        let by = describer.step(hook, by.at, "log".into());
        let several = rules.len();
        let complete = complete.get();
        let mut walks = Vec::new();
        for (rule, ways) in rules {
            for (base, stack) in ways {
                let begin = Begin::After { stack, rule: rule.at, expr: rule.expr };
                walks.push((describer, walk.run(packet, &Start::In { hook, base, begin })));
            }
        }
        let mut answer = answer::of(&walks);
        if !complete {
            if answer.confidence == Confidence::Certain {
                answer.confidence = Confidence::Likely;
            }
            answer.unknowns.push("by which of very many jumps it came to the rule that logged it".into());
        }
        if several > 1 {
            let which = format!("which of {several} rules with this prefix and group logged it");
            if answer.confidence != Confidence::Certain {
                answer.unknowns.push(which);
            }
            answer.why.insert(0, Why::plain(format!("{several} rules may have logged it")));
        } else {
            answer.why.insert(0, Why::plain(format!("logged by {}", super::describe::place_words(&by))));
        }
        // The walk begins behind the log expression: what else the rule did is its first step, if it did anything.
        let path = &mut answer.path;
        let first = path.iter().position(|s| s.table_name.is_some());
        let rest = first.filter(|i| path.get(*i).is_some_and(|s| s.is_same_place(&by))).map(|i| path.remove(i).action);
        let action = match rest.filter(|a| a != "continue") {
            Some(rest) => format!("{}, {rest}", by.action),
            None => by.action.clone(),
        };
        path.insert(0, Step { action, ..by });
        answer
    }

    /// The packet as it was when it was logged.
    pub fn packet_of_log(&self, p: &LoggedPacket) -> Packet {
        let mut packet = Packet::new(p.network, p.payload.to_vec());
        packet.iif = self.device(p.iif);
        packet.oif = self.device(p.oif);
        packet.physin = self.device(p.physin);
        packet.physout = self.device(p.physout);
        packet.mark = Fact::Is(p.mark);
        packet.vlan = p.vlan.map(|v| (v.tci, v.protocol)).into();
        packet.seen_with(&p.link);
        packet.owner = match p.uid {
            Some(uid) => Fact::Is(Owner { uid: Some(uid), gid: p.gid, cgroup: None }),
            None => Fact::Absent,
        };
        if let Some(ct) = connection_of_log(p) {
            packet.ct = ct;
        }
        packet
    }
}

/// What conntrack had made of the packet when it was logged, where the record says so.
fn connection_of_log(p: &LoggedPacket) -> Option<Ct> {
    // `enum ip_conntrack_info`
    let (state, reply) = match p.ct_info? {
        0 => (CtState::Established, false),
        1 => (CtState::Related, false),
        2 => (CtState::New, false),
        3 => (CtState::Established, true),
        4 => (CtState::Related, true),
        _ => return None,
    };
    let flow = p.connection()?.ok()?;
    let status = flow.status?;
    // A template is no connection yet: the packet has not come to conntrack.
    if status.contains(Status::TEMPLATE) {
        return None;
    }
    Some(Ct {
        state: Fact::Is(state),
        reply: Fact::Is(reply),
        mark: Fact::Is(flow.mark.unwrap_or(0)),
        status: Fact::Is(status.bits()),
        zone: Fact::Is(flow.in_zone()),
        template: false,
        original: Fact::Is(flow.orig),
        answers: Fact::Is(flow.reply),
        told: false,
        labels: 0,
        ignored: Fact::unknown("whether the tracker counted the packet"),
        replaces: None,
        flow: if status.contains(Status::CONFIRMED) { Fact::Is(flow.into()) } else { Fact::Absent },
    })
}

/// Puts a blame together.
pub(crate) fn assemble(evidence: EvidenceKind, time: Option<Time>, packet: PacketFields, a: Answer) -> Blame {
    Blame {
        schema: SCHEMA,
        event: "blame",
        time,
        verdict: a.verdict,
        reject_with: a.reject_with,
        evidence,
        confidence: a.confidence,
        unknowns: a.unknowns,
        packet,
        culprit: a.culprit,
        freed: None,
        alternatives: a.alternatives,
        path: a.path,
        why: a.why,
        fix: Vec::new(),
        advice: Vec::new(),
        near_misses: Vec::new(),
    }
}

/// Takes a doubt that comes from outside the walk into a blame.
pub fn doubt(blame: &mut Blame, what: impl Into<Cow<'static, str>>) {
    if blame.confidence == Confidence::Certain {
        blame.confidence = Confidence::Likely;
    }
    blame.unknowns.push(what.into().into_owned());
}
