//! `NB0009`: sources from which no packet may come by a network.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::report::Severity;
use crate::finding::why::Case;
use crate::host::sysctl;

pub(super) const CODE: Code = Code {
    id: "NB0009",
    title: "a martian: no packet may come by a network from that source, or to that destination",
    severity: Severity::Warning,
    meaning: "a packet from a network with an own, loopback, multicast or broadcast source is dropped in silence",
    page: include_str!("../../../docs/findings/NB0009.md"),
    // The kernel counts martians for all namespaces together, and keeps none: only a packet that is asked about can be one.
    check: |_, _| {},
    why: Some(why),
};

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let martian = c.kind == CulpritKind::Route && c.detail.as_deref().is_some_and(|d| d.starts_with("martian"));
    martian.then(|| {
        let logged = sysctl::number(case.view.host, "net.ipv4.conf.all.log_martians".into()).is_ok_and(|s| s.is_on());
        let log = if logged {
            "the kernel's log has a line \"martian source\""
        } else {
            "net.ipv4.conf.all.log_martians=1 has the kernel log such packets"
        };
        format!(
            "no host may send that by a network, so that the kernel drops it before the input and forward hooks; {log}"
        )
    })
}
