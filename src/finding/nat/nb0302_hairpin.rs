//! `NB0302`: the neighbours of a published server cannot use its published address.

use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::finding::witness::{self, Witness};
use crate::fix::{Change, NewRule, Trial, translations};

use super::forwards;

pub(super) const CODE: Code = Code {
    id: "NB0302",
    title: "a port forward does not work from the server's own network",
    severity: Severity::Warning,
    meaning: "packets of the server's neighbours come back to it with their own source address, so it answers them directly, and they do not know that answer",
    page: include_str!("../../../docs/findings/NB0302.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for (at, to) in forwards(view) {
        let Some(w) = witness::arriving(view, at).into_iter().find(turns_back) else { continue };
        let fix = mended(view, &w, to);
        found.push(
            CODE.finding(format!(
                "clients of the network of {} reach {to} by its published address only to get no answer that they know",
                w.peer.link
            ))
            .rule(view.rule(at).label("changes the destination, and nothing changes the source").translation())
            .seen("simulation", format!("{}: leaves by {} again, from {}", w.words(), w.peer.link, w.peer.remote))
            .note(format!(
                "masquerade what goes from that network to {to} and leaves by {}, or let names there resolve to {to}",
                w.peer.link
            ))
            .fixes(fix),
        );
    }
}

/// Gives what goes from that network to the server this host's address, so that the answers come back here. None: that is not
/// enough.
fn mended(view: &View<'_>, w: &Witness<'_>, to: IpAddr) -> Option<Fix> {
    let addresses = view.host.addresses().known()?;
    let own = addresses.iter().find(|a| a.local.addr == w.peer.own)?.local;
    let (_, _, port) = w.ends()?;
    let rule = NewRule {
        v6: to.is_ipv6(),
        oif: Some(w.peer.link.clone()),
        src: Some(own.addr),
        src_len: Some(own.len),
        dst: Some(to),
        protocol: Some(w.service.0),
        dport: port,
        masquerade: true,
        ..NewRule::default()
    };
    let passes = |change: &Change| {
        let after = Trial::new(view.rules, view.host).with(change)?.run(&w.question)?;
        (after.passes() && after.blame.culprit.kind == CulpritKind::None).then_some(())
    };
    let change = translations(view.rules, &rule).into_iter().find(|c| passes(c).is_some())?;
    let mut fix = Fix::new(format!("masquerade {}", rule.describe()));
    fix.commands = change.commands(view.rules)?;
    fix.persistent.extend(change.persistent(view.rules));
    fix.also_allows.push(format!("nothing more; {to} sees this host's address in place of those clients'"));
    fix.verified = true;
    Some(fix.change(change))
}

/// Does the packet leave where it came from, with its own source address?
fn turns_back(w: &Witness<'_>) -> bool {
    let Some(run) = w.explained.walked.runs.first() else { return false };
    let same = |d: &crate::evaluate::Fact<crate::evaluate::Device>| {
        d.value().and_then(|d| d.name.value()).is_some_and(|n| *n == w.peer.link)
    };
    w.explained.passes()
        && w.peer.on_link
        && same(&run.packet.oif)
        && w.ends().is_some_and(|(from, ..)| from == w.peer.remote)
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let run = case.explained.walked.runs.first()?;
    let name = |d: &crate::evaluate::Fact<crate::evaluate::Device>| Some(d.value()?.name.value()?.clone());
    let turned = name(&run.packet.iif).is_some_and(|i| name(&run.packet.oif).is_some_and(|o| i == o));
    (c.kind == CulpritKind::Nat && turned)
        .then(|| "it turns back into the network that it came from, so the server answers the client directly".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn a_server_beside_the_client_is_found() {
        assert_eq!(testing::find(&CODE, &testing::dnat([10, 0, 0, 2]), &testing::router()).len(), 1, "from lan");
        // Nobody is a neighbour of that one.
        assert_eq!(
            testing::find(&CODE, &testing::dnat([198, 51, 100, 9]), &testing::router()).len(),
            1,
            "by the default route"
        );
        let found = testing::find(&CODE, &testing::dnat([10, 0, 0, 2]), &testing::server());
        assert_eq!(found, [], "it goes nowhere");
    }
}
