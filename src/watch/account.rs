//! Handing blames out, and the account of them at the end.

use std::ops::ControlFlow;

use crate::blame::{Blame, Confidence, CulpritKind, Verdict};
use crate::evidence::Source;

use super::engine::{Out, Watch};
use super::report::{Output, Seen, Summary};

impl Watch {
    pub(super) fn hand_out(
        &mut self,
        blame: &mut Blame,
        seen: Seen<'_>,
        source: Source,
        out: Out<'_>,
    ) -> ControlFlow<()> {
        if blame.verdict != Verdict::Accept || self.options.all {
            self.fresh.update(blame);
        }
        self.tell(blame, seen, source, out)
    }

    pub(super) fn tell(&mut self, blame: &Blame, seen: Seen<'_>, source: Source, out: Out<'_>) -> ControlFlow<()> {
        if source != Source::DropMonitor && blame.verdict.is_loss() && self.evidence.monitors_drops() {
            self.drops.told(seen.bytes);
        }
        let noise = blame.freed.as_ref().is_some_and(|f| f.noise.is_some());
        let (summary, count) = (&mut self.summary, seen.count);
        self.ledger.saw_many(source, count);
        summary.seen += count;
        match blame.verdict {
            _ if noise => summary.noise += count,
            Verdict::Accept => summary.accepted += count,
            Verdict::Unknown => summary.unknown += count,
            _ => {
                summary.drops += count;
                if blame.culprit.kind != CulpritKind::Unknown {
                    summary.attributed += count;
                    if blame.confidence == Confidence::Certain {
                        summary.certain += count;
                    }
                }
            }
        }
        if (blame.verdict == Verdict::Accept || noise) && !self.options.all {
            return ControlFlow::Continue(());
        }
        out(Output::Blame(blame, seen))
    }

    pub(super) fn close(mut self) -> Summary {
        self.take_updates();
        self.apply_updates();
        let total = self.ledger.total();
        self.summary.lost = total.lost;
        self.summary.lost_at_least = total.or_more;
        for (source, cause, n) in self.ledger.causes() {
            self.summary.losses.insert(format!("{source}: {cause}"), n);
        }
        self.summary
    }
}
