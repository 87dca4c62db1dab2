//! `NB0307`: what containers publish does not pass the rules of the input hook.

use std::collections::BTreeSet;

use crate::evaluate::{Hook, Place};
use crate::explain::Explainer;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::forwards::Forward;
use crate::finding::probe;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::fix::{Change, NewRule, Trial};
use crate::listing::chains;
use crate::manager;
use crate::ruleset::Backend;
use crate::sys::Text;

pub(super) const CODE: Code = Code {
    id: "NB0307",
    title: "a published port is open although the rules for this host close it",
    severity: Severity::Note,
    meaning: "packets to containers are forwarded: the rules of INPUT, such as those of ufw, are never asked",
    page: include_str!("../../../docs/findings/NB0307.md"),
    check,
    why: None,
};

/// Who publishes ports of containers.
const PUBLISHERS: [&str; 2] = ["docker", "podman"];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let mut told = BTreeSet::new();
    for &Forward { at, to, ref witnesses } in &view.forwards().tried {
        let Some(publisher) = manager::of_rule(view.rules, at).filter(|m| PUBLISHERS.contains(&m.name)) else {
            continue;
        };
        let Some(w) = witnesses.iter().find(|w| !w.peer.on_link).or(witnesses.first()) else { continue };
        let passes = !w.explained.walked.incomplete && !w.explained.walked.runs.iter().any(probe::is_stopped);
        if !passes || told.contains(&w.service) {
            continue;
        }
        let Some(without) = Trial::new(view.rules, view.host).with(&Change::Remove { at }) else { continue };
        let Ok(closed) = Explainer::new(&without.rules, &without.host).brief().explain(&w.question) else { continue };
        let in_input = closed.walked.runs.iter().all(|r| r.hook == Hook::Input);
        let Some(by) = probe::stopped_at(&closed).filter(|_| in_input) else { continue };
        told.insert(w.service);
        let (protocol, port) = (if w.service.0 == probe::TCP { "tcp" } else { "udp" }, w.service.1);
        // One rule less: places behind it in its own chain have moved, and policies have not.
        let by = if by.chain == at.chain {
            None
        } else {
            Some(view.rule(by).label("would drop it, were it for this host").verdict())
        };
        let mut finding = CODE
            .finding(format!("{protocol} port {port} is published by {}, past the rules that close it", publisher.name))
            .rule(view.rule(at).label(format!("sends it on to {to}")).translation())
            .seen("simulation", w.words())
            .note("what is forwarded meets the rules of FORWARD only, and there those of the publisher come first");
        if let Some(by) = by {
            finding = finding.rule(by);
        }
        found.push(match publisher.name {
            "docker" => finding
                .fixes(closing(view, &w.peer.link, (protocol, port), to.is_ipv6()))
                .note(format!("or publish it for this host only: docker run -p 127.0.0.1:{port}:…")),
            _ => finding.note(format!("publish it for this host only: podman run -p 127.0.0.1:{port}:…")),
        });
    }
}

/// Closes it in the chain that Docker leaves to others. None: there is none.
fn closing(view: &View<'_>, link: &Text, (protocol, port): (&str, u16), v6: bool) -> Option<Fix> {
    let wanted = if v6 { "ip6" } else { "ip" };
    let tool = chains(view.rules).find_map(|chain| {
        let c = view.describer().culprit_of(Place { chain, position: None }, None);
        let here = c.chain_name.as_deref() == Some("DOCKER-USER") && c.family == Some(wanted);
        here.then(|| if c.backend == Some(Backend::Xtables) { "legacy" } else { "nft" })
    })?;
    let family = if v6 { "ip6tables" } else { "iptables" };
    let plain = NewRule { iif: Some(link.clone()), ..NewRule::default() }.is_plain();
    let from = if plain { format!(" -i {link}") } else { String::new() };
    let fix = Fix::new("close it in the chain that Docker leaves to others").command(format!(
        "{family}-{tool} -I DOCKER-USER{from} -p {protocol} -m conntrack --ctorigdstport {port} --ctdir ORIGINAL -j DROP"
    ));
    Some(fix)
}
