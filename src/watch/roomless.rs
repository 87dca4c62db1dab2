//! Packets for whose connection there was no room. By the time its packet is judged connections have come and gone; the kernel's
//! own counter tells whether packets were lost so.

use crate::blame::{Blame, Confidence, CulpritKind, Verdict, Why};
use crate::host::Host;

/// Packets that were dropped because no connection could be made for them.
#[derive(Debug)]
pub(super) struct Roomless {
    /// How many the kernel had counted when watching began.
    began: u64,
    /// How many were told of since.
    told: u64,
}

impl Roomless {
    /// Counting begins now.
    pub fn begin(host: &impl Host) -> Self {
        Self { began: Self::counted(host), told: 0 }
    }

    /// What cannot be asked for stays 0, and tells nothing.
    fn counted(host: &impl Host) -> u64 {
        let stats = host.conntrack_stats().known();
        stats.iter().flat_map(|all| all.iter()).filter_map(|s| s.drop).map(u64::from).sum()
    }

    /// Decides about a packet whose trace ends where connection tracking stands.
    pub fn weigh(&mut self, blame: &mut Blame, host: &impl Host) {
        if blame.verdict != Verdict::Drop {
            return;
        }
        match blame.culprit.kind {
            CulpritKind::Conntrack => self.told += 1,
            CulpritKind::Unknown
                if blame.packet.ct_state.is_none() && matches!(blame.packet.hook, Some("prerouting" | "output")) =>
            {
                let lost = Self::counted(host).saturating_sub(self.began);
                if lost > self.told {
                    self.told += 1;
                    blame.culprit.kind = CulpritKind::Conntrack;
                    blame.culprit.detail = Some("table full".to_owned());
                    blame.confidence = Confidence::Likely;
                    blame.unknowns = vec!["which packets the kernel has counted".to_owned()];
                    blame.why.push(Why::plain(format!(
                        "the connection table has room now, and {lost} packets have found none since watching began \
                         (conntrack -S: drop)"
                    )));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::attributor::assemble;
    use crate::blame::{EvidenceKind, PacketFields, answer};
    use crate::host::FakeHost;
    use crate::sys::ct::CpuStats;

    #[test]
    fn a_trace_that_ends_before_tracking_is_laid_on_a_full_table_as_often_as_the_kernel_counted() {
        let stats = vec![CpuStats { drop: Some(7), ..CpuStats::default() }; 2];
        let mut host = FakeHost { conntrack_stats: stats, ..FakeHost::default() };
        let mut roomless = Roomless::begin(&host);
        let mut told = |host: &FakeHost, hook, kind| {
            let packet = PacketFields { hook: Some(hook), ..PacketFields::default() };
            let mut blame = assemble(EvidenceKind::Trace, None, packet, answer::unknown("its trace ends"));
            (blame.verdict, blame.culprit.kind) = (Verdict::Drop, kind);
            roomless.weigh(&mut blame, host);
            (blame.culprit.kind, blame.confidence)
        };
        let unknown = (CulpritKind::Unknown, Confidence::Unknown);
        assert_eq!(told(&host, "prerouting", CulpritKind::Unknown), unknown, "nothing since");
        host.conntrack_stats[1].drop = Some(9);
        assert_eq!(told(&host, "prerouting", CulpritKind::Conntrack).0, CulpritKind::Conntrack);
        assert_eq!(told(&host, "input", CulpritKind::Unknown), unknown, "that is behind it");
        assert_eq!(told(&host, "output", CulpritKind::Unknown), (CulpritKind::Conntrack, Confidence::Likely));
        assert_eq!(told(&host, "prerouting", CulpritKind::Unknown), unknown, "two were lost, and two were told");
    }
}
