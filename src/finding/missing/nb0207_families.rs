//! `NB0207`: a door is shut for one family of addresses and open for the other.

use std::net::IpAddr;

use crate::evaluate::packet::CtState;
use crate::evaluate::{Fact, Place};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::sys::diag::Protocol;

pub(super) const CODE: Code = Code {
    id: "NB0207",
    title: "IPv4 and IPv6 are filtered differently",
    severity: Severity::Warning,
    meaning: "a port that the rules shut for one family of addresses is open for the other",
    page: include_str!("../../../docs/findings/NB0207.md"),
    check,
    why: None,
};

/// Nobody has a rule for this one: what happens to it is what happens to any port.
const ANY: u16 = 50123;

/// What becomes of new connections to a port, of one family.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Door {
    /// All get in.
    Open,
    /// None do; the first ends there.
    Shut(Place),
    /// Some do, or it is not known, or this host has no such address.
    Neither,
}

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if let Some((shut, open, at)) = differs(view, ANY, |_| true) {
        found.push(
            CODE.finding(format!(
                "new connections to a port that no rule names are stopped over {shut}, and get in over {open}"
            ))
            .rule(view.rule(at).label(format!("stops them over {shut}")).verdict())
            .seen("simulation", format!("tcp, new, to port {ANY}: {shut} dropped, {open} accepted"))
            .note(format!("whoever may not come over {shut} can come over {open}")),
        );
        return;
    }
    let Fact::Is(sockets) = view.host.listeners(Protocol::Tcp, 0) else { return };
    let mut ports: Vec<u16> = sockets.iter().map(|s| s.port).collect();
    ports.sort_unstable();
    ports.dedup();
    for port in ports {
        let takes = |own: IpAddr| sockets.iter().any(|s| s.port == port && s.takes(own) == Some(true));
        let Some((shut, open, at)) = differs(view, port, takes) else { continue };
        found.push(
            CODE.finding(format!("tcp port {port}, on which a socket waits, is shut for {shut} and open for {open}"))
                .severity(Severity::Note)
                .rule(view.rule(at).label(format!("stops new connections over {shut}")).verdict())
                .seen("simulation", format!("tcp, new, to port {port}: {shut} dropped, {open} accepted"))
                .seen("sock_diag: tcp", format!("a socket takes port {port} of both")),
        );
    }
}

/// The family for which a port is shut, the one for which it is open, and what shuts it.
fn differs(view: &View<'_>, port: u16, takes: impl Fn(IpAddr) -> bool) -> Option<(&'static str, &'static str, Place)> {
    let door = |v6: bool| {
        let peers = view.peers().iter().filter(|p| p.own.is_ipv6() == v6);
        let all: Vec<Door> = peers.map(|p| if takes(p.own) { door(view, p, port) } else { Door::Neither }).collect();
        match all.first() {
            Some(Door::Open) if all.iter().all(|d| *d == Door::Open) => Door::Open,
            Some(shut @ Door::Shut(_)) if all.iter().all(|d| matches!(d, Door::Shut(_))) => *shut,
            _ => Door::Neither,
        }
    };
    match (door(false), door(true)) {
        (Door::Shut(at), Door::Open) => Some(("IPv4", "IPv6", at)),
        (Door::Open, Door::Shut(at)) => Some(("IPv6", "IPv4", at)),
        _ => None,
    }
}

fn door(view: &View<'_>, peer: &Peer, port: u16) -> Door {
    let q = probe::arriving(peer, (TCP, 45678, port), CtState::New);
    let Some(e) = q.and_then(|q| view.ask(&q)) else { return Door::Neither };
    match probe::stopped_at(&e) {
        Some(at) => Door::Shut(at),
        // Where no socket waits, it is the missing socket that refuses: the rules let it in.
        None if probe::meets_socket(&e) => Door::Open,
        None => Door::Neither,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{BaseChain, Family, Hook, Verdict};

    #[test]
    fn a_filter_for_one_family_only_is_found() {
        let closed = |family| {
            let base = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(Hook::Input, 0) };
            testing::with(testing::table(family, "input", Some(base), Vec::new()))
        };
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &closed(Family::Ip), &host), [], "no IPv6 here");
        host.add_address(2, "2001:db8::1/64");
        let found = testing::find(&CODE, &closed(Family::Ip), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.ends_with("stopped over IPv4, and get in over IPv6"), "{}", found[0].message);
        assert_eq!(testing::find(&CODE, &closed(Family::Ip6), &host).len(), 1);
        assert_eq!(testing::find(&CODE, &closed(Family::Inet), &host), []);
    }
}
