//! `NB0302`: the neighbours of a published server cannot use its published address.

use crate::blame::CulpritKind;
use crate::evaluate::walk::{Run, tracks_neighbours};
use crate::evaluate::{Device, Fact};
use crate::explain::Explained;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::finding::witness::Witness;
use crate::fix::{Change, NewRule, Trial, translations};

use super::{FIXES, MOST_RULES, one_of_each, some_of};

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
    for of_rule in view.forwards().tried.chunk_by(|a, b| a.at == b.at) {
        let all = || of_rule.iter().flat_map(|f| &f.witnesses).filter(|w| turns_back(view, w));
        let Some(w) = all().next() else { continue };
        let link = &w.peer.link;
        let mut servers: Vec<String> = all().flat_map(Witness::ends).map(|(_, to, _)| to.to_string()).collect();
        servers.dedup();
        let to = some_of(&servers);
        let tried = found.iter().filter(|f| f.code == CODE.id).count() < FIXES;
        let fix = tried.then(|| mended(view, &one_of_each(&all().collect::<Vec<_>>()))).flatten();
        found.push(
            CODE.finding(format!(
                "clients of the network of {link} reach {to} by its published address only to get no answer that they know",
            ))
            .rule(view.rule(w.at()).label("changes the destination, and nothing changes the source").translation())
            .about(all().map(|w| w.service))
            .seen("simulation", format!("{}: leaves by {link} again, from {}", w.words(), w.peer.remote))
            .note(format!(
                "masquerade what goes from that network to {to} and leaves by {link}, or let names there resolve to {to}"
            ))
            .fixes(fix),
        );
    }
}

/// Gives what goes from those networks to the servers this host's address, so that the answers come back here. None: that is
/// not enough, or it takes too many rules.
fn mended(view: &View<'_>, turned: &[&Witness]) -> Option<Fix> {
    let addresses = view.host.addresses().known()?;
    let mut after = Trial::new(view.rules, view.host);
    let (mut fix, mut masqueraded) = (Fix::new(""), Vec::new());
    for w in turned {
        if passes(&after, w) {
            continue;
        }
        let own = addresses.iter().find(|a| a.local.addr == w.peer.own)?.local;
        let (_, to, port) = *w.ends().first()?;
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
        let ways = translations(&after.rules, &rule);
        let with = |change: Change| Some((after.with(&change)?, change));
        let (with, change) = ways.into_iter().filter_map(with).find(|(with, _)| passes(with, w))?;
        if masqueraded.len() == MOST_RULES {
            return None;
        }
        fix.commands.extend(change.commands(&after.rules)?);
        fix.also_allows.push(format!("nothing more; {to} sees this host's address in place of those clients'"));
        masqueraded.push(rule.describe());
        fix = fix.change(change);
        after = with;
    }
    fix.message = format!("masquerade {}", masqueraded.join(", "));
    fix.also_allows.dedup();
    fix.persistent.extend(fix.changes.first()?.persistent(view.rules));
    Some(Fix { verified: true, ..fix })
}

/// Would the packet arrive then, and its answer?
fn passes(after: &Trial<'_>, w: &Witness) -> bool {
    let arrives = |e: Explained| e.passes() && e.blame.culprit.kind == CulpritKind::None;
    after.run(&w.question).is_some_and(arrives)
}

/// Does the packet leave where it came from, with its own source address?
fn turns_back(view: &View<'_>, w: &Witness) -> bool {
    let tracked = |r: &Run| match r.packet.oif.value() {
        Some(oif) => tracks_neighbours(view.env, r.packet.network, oif.index),
        None => false,
    };
    let same = |d: &Fact<Device>| d.value().and_then(|d| d.name.value()).is_some_and(|n| *n == w.peer.link);
    w.explained.passes()
        && w.peer.on_link
        && w.runs().all(|r| same(&r.packet.oif) && !tracked(r))
        && w.ends().iter().all(|(from, ..)| *from == w.peer.remote)
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let run = case.explained.walked.runs.first()?;
    let name = |d: &Fact<Device>| Some(d.value()?.name.value()?.clone());
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
