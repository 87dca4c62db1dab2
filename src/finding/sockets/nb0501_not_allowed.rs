//! `NB0501`: a service listens, and the rules let nobody reach it.

use std::collections::BTreeMap;

use super::{ephemeral, name};
use crate::blame::{Blame, CulpritKind};
use crate::evaluate::Fact;
use crate::evaluate::Place;
use crate::evaluate::packet::CtState;
use crate::finding::code::Code;
use crate::finding::probe::{self, TCP, UDP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::diag::{InetSocket, Protocol};

pub(super) const CODE: Code = Code {
    id: "NB0501",
    title: "a service listens and the rules let nobody reach it",
    severity: Severity::Note,
    meaning: "a socket waits for connections from other hosts, and rules or policies stop all that could come",
    page: include_str!("../../../docs/findings/NB0501.md"),
    check,
    why: Some(why),
};

/// The port that a client may have.
const THEIRS: u16 = 45678;

/// What became of the packets to one service: the rules that stopped them, and from where they came.
#[derive(Default)]
struct Service {
    stopped: Vec<(Place, String)>,
    passed: bool,
}

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut services: BTreeMap<(u8, u16), Service> = BTreeMap::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let Fact::Is(sockets) = view.host.listeners(protocol, 0) else { continue };
        let ephemeral = ephemeral(view);
        // Clients have UDP sockets on ports of that range, which wait for answers only.
        for s in sockets.iter().filter(|s| protocol == Protocol::Tcp || s.port < ephemeral) {
            let service = services.entry((protocol.number(), s.port)).or_default();
            probe_service(view, s, protocol.number(), service);
        }
    }
    for ((protocol, port), service) in services.into_iter().filter(|(_, s)| !s.passed) {
        let Some((at, _)) = service.stopped.first() else { continue };
        let name = name(protocol);
        let mut from: Vec<&str> = service.stopped.iter().map(|(_, from)| from.as_str()).collect();
        from.sort_unstable();
        from.dedup();
        found.push(
            CODE.finding(format!("a socket takes {name} port {port}, and no packet to it gets through"))
                .about([(protocol, port)])
                .rule(view.rule(*at).label(format!("new connections to port {port} end here")).verdict())
                .seen(format!("sock_diag: {name}"), format!("listens on port {port}"))
                .seen("simulation", format!("dropped from {}", from.join(", ")))
                .note("if nobody is meant to reach it, let it listen on 127.0.0.1 and ::1 only"),
        );
    }
}

fn probe_service(view: &View<'_>, socket: &InetSocket, protocol: u8, service: &mut Service) {
    for peer in view.peers().iter().filter(|p| socket.takes(p.own) == Some(true)) {
        let question = probe::arriving(peer, (protocol, THEIRS, socket.port), CtState::New);
        let Some(answer) = question.and_then(|q| view.ask(&q)) else { continue };
        match probe::stopped_at(&answer) {
            Some(at) => service.stopped.push((at, peer.place())),
            None => service.passed = true,
        }
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let Blame { culprit, packet, .. } = &case.explained.blame;
    if !matches!(culprit.kind, CulpritKind::Rule | CulpritKind::Policy) || packet.hook != Some("input") {
        return None;
    }
    let (to, port) = (packet.destination?, packet.destination_port?);
    let protocol = match packet.transport.as_deref() {
        Some("tcp") => TCP,
        Some("udp") => UDP,
        _ => return None,
    };
    let sockets = case.view.host.listeners(Protocol::from_number(protocol)?, port).known()?;
    sockets
        .iter()
        .any(|s| s.takes(to) == Some(true))
        .then(|| format!("a socket waits on port {port}: only the rules are in the way"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_listener_behind_a_closed_port_is_found_and_an_open_one_is_not() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &testing::input("drop", "established"), &host), []);
        host.listen(Protocol::Tcp, [0; 4].into(), 8080);
        let found = testing::find(&CODE, &testing::input("drop", "established"), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("tcp port 8080") && found[0].rules[0].entry.policy);
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), []);
        let mut local = testing::server();
        local.listen(Protocol::Tcp, [127, 0, 0, 1].into(), 8080);
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &local), [], "nobody is to reach it");
    }
}
