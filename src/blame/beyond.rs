//! Who took a packet where no hook of netfilter sees it: a frame that came in and that no hook ever saw, a packet that
//! passed the last hook and whose frame no device ever sent.

use crate::evaluate::{Environment, Fact, Packet};
use crate::evidence::Tapped;
use crate::host::Host;

use super::answer::Answer;
use super::attributor::{Attributor, assemble};
use super::packet::PacketFields;
use super::{Blame, Confidence, Culprit, CulpritKind, EvidenceKind, Verdict, Why};

impl Attributor<'_> {
    /// Who took a packet whose frame came in by a device, and which did not reach the first hook. None: nothing that is
    /// known stands in between. `dropped`: how many packets queueing disciplines of the device have dropped meanwhile.
    pub fn unmet(&self, t: &Tapped, dropped: u64) -> Option<Blame> {
        let mut packet = Packet::new(t.network, t.payload.to_vec());
        packet.iif = self.device(Some(t.index));
        let Fact::Is(programs) = self.env.programs(t.index, false) else { return None };
        let mut culprits = programs
            .into_iter()
            .filter(|p| p.kind == CulpritKind::Tc)
            .map(|p| Culprit::new(p.kind).with_detail(p.name))
            .collect::<Vec<_>>()
            .into_iter();
        let culprit = culprits.next()?;
        let alternatives: Vec<Culprit> = culprits.collect();
        let device = packet.iif.value().map_or_else(String::new, super::packet::device_name);
        let mut why = vec![Why::plain(format!(
            "a packet socket saw it come in by {device}, and it did not reach the first hook: only traffic control stands in between"
        ))];
        let mut unknowns = Vec::new();
        if dropped > 0 {
            why.push(Why::plain(format!("qdiscs of {device} have dropped {dropped} packets since watching began")));
            unknowns.push("whether it is this packet that was counted".to_owned());
        } else {
            unknowns.push("whether it was dropped or sent elsewhere: no qdisc has counted a drop".to_owned());
        }
        if !alternatives.is_empty() {
            unknowns.push("which of the programs there took it".to_owned());
        }
        let verdict = if dropped > 0 { Verdict::Drop } else { Verdict::Stolen };
        let mut fields = PacketFields::of(&packet);
        fields.hook = Some("ingress");
        let answer = Answer {
            verdict,
            reject_with: None,
            culprit,
            alternatives,
            confidence: Confidence::Likely,
            unknowns,
            path: Vec::new(),
            why,
            ct_state: None,
        };
        Some(assemble(EvidenceKind::Trace, Some(t.received), fields, answer))
    }
}

/// Turns the blame of a packet that passed the last hook into that of whoever took it behind. True if there is
/// anybody. `dropped` as above.
pub fn vanished(blame: &mut Blame, host: &impl Host, index: u32, dropped: u64) -> bool {
    let device = match Host::link(host, index) {
        Fact::Is(l) => l.name.to_string(),
        _ => index.to_string(),
    };
    let programs = Environment::programs(host, index, true).known().unwrap_or_default();
    let mut culprits: Vec<_> = programs.into_iter().map(|p| Culprit::new(p.kind).with_detail(p.name)).collect();
    if culprits.is_empty() && dropped > 0 {
        culprits.push(Culprit::new(CulpritKind::Tc).with_detail(format!("queueing discipline of {device}")));
    }
    let groups = host.cgroup_programs().known();
    let groups = groups.iter().flat_map(|all| all.iter()).filter(|p| p.hook == "egress");
    let groups: Vec<_> = groups.map(|p| Culprit::new(CulpritKind::Bpf).with_detail(p.to_string())).collect();
    // A qdisc that drops counts; a program of a group does not.
    let at = if dropped > 0 { culprits.len() } else { 0 };
    culprits.splice(at..at, groups);
    let mut culprits = culprits.into_iter();
    let Some(first) = culprits.next() else { return false };
    blame.verdict = Verdict::Drop;
    blame.culprit = first;
    blame.alternatives = culprits.collect();
    blame.confidence = Confidence::Likely;
    blame.unknowns = vec!["which program behind the last hook took it, if several are there".to_owned()];
    blame.why = vec![Why::plain(format!(
        "it passed the last hook, its next hop is known, and {device} never sent it: something in between took it"
    ))];
    if dropped > 0 {
        blame.why.push(Why::plain(format!("qdiscs of {device} have dropped {dropped} packets since watching began")));
    }
    true
}

/// Turns the blame of a packet that waits for its next hop into that of the next hop, which has not answered.
pub fn unanswered(blame: &mut Blame) {
    if blame.culprit.kind != CulpritKind::Neighbour {
        let Some(at) = blame.alternatives.iter().position(|c| c.kind == CulpritKind::Neighbour) else { return };
        blame.culprit = blame.alternatives.remove(at);
        blame.verdict = Verdict::Drop;
    }
    blame.alternatives.clear();
    blame.confidence = Confidence::Likely;
    blame.unknowns.clear();
    blame.why =
        vec![Why::plain("its next hop was asked for, and has not answered in the time that the kernel gives it")];
}
