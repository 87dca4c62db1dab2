//! `NB0506`: a UDP service does not read as fast as packets come.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::counter::{self, counter};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::diag::Protocol;

pub(super) const CODE: Code = Code {
    id: "NB0506",
    title: "a UDP socket lost packets because its buffer was full",
    severity: Severity::Note,
    meaning: "packets that passed every rule were thrown away at the socket, since its program did not read them in time",
    page: include_str!("../../../docs/findings/NB0506.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(sockets) = view.host.listeners(Protocol::Udp, 0).known() else { return };
    for s in sockets.iter() {
        let Some(memory) = s.memory.filter(|m| m.drops > 0) else { continue };
        let shown =
            format!("{}:{}: {} of {} bytes used, {} drops", s.addr, s.port, memory.used, memory.limit, memory.drops);
        let full = memory.used >= memory.limit;
        let mut finding = CODE
            .finding(format!("the socket on udp port {} has lost {} packets since it was made", s.port, memory.drops))
            .severity(if full { Severity::Warning } else { Severity::Note })
            .seen("sock_diag: udp", shown);
        if let Some(n) = counter(view, "snmp", "Udp", "RcvbufErrors").filter(|n| *n > 0) {
            finding = finding.seen(counter::source("snmp", "Udp", "RcvbufErrors"), n.to_string());
        }
        found.push(finding.note(
            "the program has to read faster, or ask for a larger buffer (SO_RCVBUF, up to net.core.rmem_max); \
             a queue that is full now usually means that it hangs",
        ));
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    (c.kind == CulpritKind::Socket && c.detail.as_deref() == Some("receive buffer full"))
        .then(|| "the program does not read its socket fast enough: the kernel has no room left for it".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::diag::SocketMemory;

    #[test]
    fn lost_packets_are_a_note_and_a_full_buffer_is_worse() {
        let mut host = testing::server();
        host.listen(Protocol::Udp, [0; 4].into(), 53);
        let mut with = |used, drops| {
            if let Some((_, s)) = host.sockets.first_mut() {
                s.memory = Some(SocketMemory { used, limit: 1000, drops });
            }
            testing::find(&CODE, &Ruleset::default(), &host).first().map(|f| f.severity)
        };
        assert_eq!((with(0, 0), with(0, 7), with(1000, 7)), (None, Some(Severity::Note), Some(Severity::Warning)));
    }
}
