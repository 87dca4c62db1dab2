//! First packets of connections that got no entry in conntrack's table: the kernel drops them behind the last hook
//! (`__nf_conntrack_confirm`), where no rule sees it. Its counter does.

use crate::blame::{Blame, Confidence, Culprit, CulpritKind, Verdict, Why};
use crate::evaluate::nat::{self, tuple_of};
use crate::evaluate::{Fact, Hook, Packet};
use crate::evidence::Journey;
use crate::evidence::trace::{End, View};
use crate::host::{Host, KernelHost};
use crate::sys::ct::{Tuple, Zone};

/// What the kernel had counted when watching began, and how many of such packets were told of since.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    began: u64,
    told: u64,
}

impl Unconfirmed {
    /// Counting begins now.
    pub fn begin() -> Self {
        Self { began: failed(), told: 0 }
    }

    /// A journey through the last hook was judged. Its packet began a connection that is not in the table, whose answers
    /// would be those of another one that is, and the kernel has counted more of such than were told of: it was dropped.
    pub fn weigh(&mut self, j: &Journey, blame: &mut Blame, host: &KernelHost) {
        let through = matches!(j.end, End::Passed(Hook::Postrouting | Hook::Input));
        if !through || blame.verdict != Verdict::Accept || !matches!(blame.packet.ct_state, Some("new" | "related")) {
            return;
        }
        let (Some(first), Some(last)) = (j.first_view().and_then(tuple), j.last_view().and_then(tuple)) else { return };
        let Some(answers) = last.inverted() else { return };
        let absent = |t: &Tuple| host.flow(t, Zone::default()) == Fact::Absent;
        if !absent(&first) || absent(&answers) {
            return;
        }
        let counted = failed().saturating_sub(self.began);
        if counted <= self.told {
            return;
        }
        self.told += 1;
        let (kind, detail) = nat::clash(&first, &answers);
        blame.verdict = Verdict::Drop;
        // People know it as it came.
        let fields = &mut blame.packet;
        (fields.source, fields.destination) = (Some(first.src), Some(first.dst));
        (fields.source_port, fields.destination_port) = (first.src_port(), first.dst_port());
        blame.culprit = Culprit::new(kind).with_detail(detail);
        // Its entry may also have been taken away since, and another packet counted.
        blame.confidence = Confidence::Likely;
        blame.alternatives.clear();
        blame.unknowns = vec!["whether it is this packet that was counted".to_owned()];
        blame.why = vec![
            Why::plain(
                "all rules let it pass, and its connection is not in conntrack's table: another one is there whose answers would look the same",
            ),
            Why::plain(format!(
                "{counted} such packets have been dropped since watching began (conntrack's counter insert_failed)"
            )),
        ];
        if kind == CulpritKind::Nat {
            blame.why.push(Why::plain(format!("it was to leave from {}, which that connection has", source(&last))));
        }
    }
}

/// The ends of a packet as a record shows it.
fn tuple(view: View<'_>) -> Option<Tuple> {
    tuple_of(&Packet::new(view.network, view.bytes()))
}

fn source(t: &Tuple) -> String {
    t.src_port().map_or_else(|| t.src.to_string(), |port| std::net::SocketAddr::new(t.src, port).to_string())
}

/// How many entries could not be added in this network namespace. What cannot be read stays 0, and tells nothing.
fn failed() -> u64 {
    let stats = KernelHost::open().ok().and_then(|host| host.conntrack_stats().known());
    stats.iter().flat_map(|cpus| cpus.iter()).filter_map(|s| s.insert_failed).map(u64::from).sum()
}
