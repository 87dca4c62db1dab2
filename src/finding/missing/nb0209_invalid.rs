//! `NB0209`: nothing throws away what belongs to no connection.

use crate::evaluate::packet::CtState;
use crate::evaluate::{Hook, Place};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::{ESTABLISHED, INVALID, selects};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0209",
    title: "rules go by the state of connections, and let through what is invalid",
    severity: Severity::Note,
    meaning: "packets that conntrack cannot place reach services, and leave untranslated, as if they were new",
    page: include_str!("../../../docs/findings/NB0209.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for (family, v6) in [("ip", false), ("ip6", true)] {
        let (mut established, mut handled) = (None, false);
        for chain in view.chains_at(family, Hook::Input) {
            act::each(view.rules, chain, |at, acts| {
                let Some(states) = selects(view.rules, at).and_then(|s| s.states) else { return };
                if acts.contains(&Act::Accept) && states & ESTABLISHED != 0 && established.is_none() {
                    established = Some(at);
                }
                handled |= states & INVALID != 0 && acts.iter().any(|a| !matches!(a, Act::Log(_) | Act::Accept));
            });
        }
        let (Some(established), false) = (established, handled) else { continue };
        let through = view.peers().iter().filter(|p| p.own.is_ipv6() == v6).find_map(|peer| passing(view, peer));
        let Some((by, words)) = through else { continue };
        found.push(
            CODE.finding(format!("{family}: nothing throws away packets that are invalid, and some of them are let through"))
                .rule(view.rule(by).label("lets an invalid packet pass").verdict())
                .rule(view.rule(established).label("the rules go by state here").condition(&["ct state", "--ctstate", "--state"]))
                .seen("simulation", words)
                .note("a rule right behind the one for established connections: `ct state invalid drop`, `-m conntrack --ctstate INVALID -j DROP`"),
        );
        return; // the rules of both families are mostly written together
    }
}

/// An invalid packet to a service that a rule certainly lets pass.
fn passing(view: &View<'_>, peer: &Peer) -> Option<(Place, String)> {
    let services = view.host.listeners(crate::sys::diag::Protocol::Tcp, 0).known()?;
    services.iter().filter(|s| s.takes(peer.own) == Some(true)).find_map(|s| {
        let e = view.ask(&probe::arriving(peer, (TCP, 45678, s.port), CtState::Invalid)?)?;
        let by = probe::accepted_by(&e).into_iter().next()?;
        probe::stopped_at(&e)
            .is_none()
            .then(|| (by, format!("tcp {} > {} port {}, invalid, in {}", peer.remote, peer.own, s.port, peer.link)))
    })
}
