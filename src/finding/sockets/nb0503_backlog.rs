//! `NB0503`: connections come faster than a service accepts them.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::counter::{self, counter};
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::diag::Protocol;

pub(super) const CODE: Code = Code {
    id: "NB0503",
    title: "the queue of a listening socket is or was full",
    severity: Severity::Error,
    meaning: "while more connections wait than the backlog holds, new ones are dropped without a word: clients time out",
    page: include_str!("../../../docs/findings/NB0503.md"),
    check,
    why: Some(why),
};

const SOMAXCONN: &str = "net.core.somaxconn";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let lost = |name| counter(view, "netstat", "TcpExt", name).unwrap_or(0);
    let (overflows, drops) = (lost("ListenOverflows"), lost("ListenDrops"));
    let mut told = false;
    for s in view.host.listeners(Protocol::Tcp, 0).known().iter().flat_map(|all| all.iter()) {
        if !s.is_overflowing() {
            continue;
        }
        let shown =
            format!("{}:{} has {} connections waiting, and a backlog of {}", s.addr, s.port, s.rqueue, s.wqueue);
        let mut finding = CODE
            .finding(format!(
                "the service on tcp port {} does not accept its connections: new ones are dropped",
                s.port
            ))
            .about([(Protocol::Tcp.number(), s.port)])
            .seen("sock_diag: tcp", shown);
        if overflows > 0 {
            finding = finding.seen(counter::source("netstat", "TcpExt", "ListenOverflows"), overflows.to_string());
        }
        let note = "if it hangs, a larger queue only fills later: look at the service itself first";
        found.push(finding.fix(larger(view, s.wqueue)).note(note));
        told = true;
    }
    if told || overflows == 0 {
        return;
    }
    found.push(
        CODE.finding("connections were dropped because the queue of a listening socket was full")
            .severity(Severity::Note)
            .seen(counter::source("netstat", "TcpExt", "ListenOverflows"), overflows.to_string())
            .seen(counter::source("netstat", "TcpExt", "ListenDrops"), drops.to_string())
            .note("no queue is full now; `nfblame check` while it happens names the socket"),
    );
}

/// What bounds the queue: the program's own number, and the system's.
fn larger(view: &View<'_>, backlog: u32) -> Fix {
    let most: Option<u32> = view.host.sysctl(SOMAXCONN).known().and_then(|v| v.trim().parse().ok());
    match most {
        Some(most) if most <= backlog => {
            let wanted = most.saturating_mul(4).max(1024).to_string();
            let why = "the backlog that programs ask for is cut to it; restart the service afterwards";
            Fix::sysctl(SOMAXCONN, &wanted, why)
        }
        _ => Fix::new("raise the backlog in the service's own configuration: the system would allow more"),
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    (c.kind == CulpritKind::Socket && c.detail.as_deref() == Some("listen overflow"))
        .then(|| "more connections wait than the service's backlog holds: the kernel drops new ones in silence".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn a_full_queue_is_an_error_and_a_count_is_a_note() {
        let mut host = testing::server();
        host.listen(Protocol::Tcp, [0; 4].into(), 80);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 0);
        host.proc_net.insert("netstat".into(), "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 4\n".into());
        if let Some((_, s)) = host.sockets.first_mut() {
            s.wqueue = 128;
        }
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host)[0].severity, Severity::Note);
        if let Some((_, s)) = host.sockets.first_mut() {
            s.rqueue = 129;
        }
        host.set(SOMAXCONN, 128);
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Error));
        assert_eq!(found[0].fix[0].commands, ["sysctl -w net.core.somaxconn=1024"]);
    }
}
