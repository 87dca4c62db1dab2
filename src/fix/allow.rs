//! Rules that let a lost packet pass, as narrow as makes sense, and where they have to stand.

use crate::blame::PacketFields;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::Run;
use crate::evaluate::{ChainRef, Fact, Hook, Network, Place};
use crate::finding::act::{self, Act};
use crate::ruleset::Ruleset;
use crate::sys::Text;

use super::rule::NewRule;

/// The rule for the packet of a run, as it was when it was lost; `answer`: it answers another one.
pub(super) fn rule_for(run: &Run, answer: bool) -> Option<NewRule> {
    let p = &run.packet;
    let v6 = match p.network {
        Network::Ip4 => false,
        Network::Ip6 => true,
        _ => return None,
    };
    let known = matches!(p.ct.state, Fact::Is(CtState::Established | CtState::Related));
    if (known || answer) && run.hook != Hook::Ingress {
        return Some(NewRule { v6, established: true, ..NewRule::default() });
    }
    // What conntrack could not make sense of is not helped by a rule.
    if p.ct.state == Fact::Is(CtState::Invalid) {
        return None;
    }
    let f = PacketFields::of(p);
    let (iif, oif) = (device(&p.iif), device(&p.oif));
    let lo = |d: &Option<Text>| d.as_ref().is_some_and(|d| *d == "lo");
    if lo(&iif) || lo(&oif) {
        let (iif, oif) = (iif.filter(|_| run.hook != Hook::Output), oif.filter(|_| run.hook == Hook::Output));
        return Some(NewRule { v6, iif, oif, ..NewRule::default() });
    }
    let protocol = p.headers().protocol;
    let icmp = matches!(protocol, Some(1 | 58));
    let icmp_type = if icmp { f.icmp_type } else { None };
    // Neighbours are many, and so are those who listen for routers.
    let anybody = v6 && matches!(icmp_type, Some(130..=136 | 143));
    Some(NewRule {
        v6,
        iif: None,
        oif: None,
        src: f.source.filter(|_| !anybody && !matches!(run.hook, Hook::Output)),
        dst: f.destination.filter(|_| !anybody && run.hook != Hook::Input),
        protocol,
        dport: f.destination_port.filter(|_| matches!(protocol, Some(6 | 17))),
        icmp_type,
        ..NewRule::default()
    })
}

fn device(d: &Fact<crate::evaluate::Device>) -> Option<Text> {
    d.value()?.name.value().cloned()
}

/// Where a rule has to stand so that what ends the packet at `at` does not: places in the order in which they are to be tried.
pub(super) fn positions(rules: &Ruleset, at: Place, rule: &NewRule) -> Vec<(ChainRef, usize)> {
    let here = match at.position {
        Some(n) => n,
        None => before_logs(rules, at.chain),
    };
    let mut all = vec![(at.chain, here)];
    // Answers are most of all packets: they come first, unless somebody looks for invalid ones before.
    if rule.established {
        all.insert(0, (at.chain, 1));
    }
    all.push((at.chain, 1));
    all.dedup();
    all
}

/// Behind the last rule, but before rules at the end that only log what the policy will drop.
fn before_logs(rules: &Ruleset, chain: ChainRef) -> usize {
    let mut position = 1;
    act::each(rules, chain, |at, acts| {
        let logs = !acts.is_empty() && acts.iter().all(|a| matches!(a, Act::Log(_)));
        if !logs {
            position = at.position.unwrap_or(0) + 1;
        }
    });
    position
}

/// What a rule lets pass beside the packet, for people.
pub(super) fn also(rule: &NewRule, hook: Hook) -> String {
    if rule.established {
        return "packets of all connections that rules let begin, and what those announce".into();
    }
    if rule.iif.is_some() || rule.oif.is_some() {
        return "everything that this host sends to itself".into();
    }
    let here = match hook {
        Hook::Forward => "through this host",
        Hook::Output | Hook::Postrouting | Hook::Egress => "out of this host",
        Hook::Ingress | Hook::Prerouting if rule.dst.is_none() => "to every address, of this host or behind it",
        Hook::Ingress | Hook::Prerouting => return format!("{}, whatever its source port", rule.describe()),
        _ => "at every address of this host",
    };
    format!("{}, {here}, whatever its source port", rule.describe())
}

/// What comes through when an element or rule that is about this goes, for people.
pub(super) fn also_of(key: &str) -> String {
    format!("whatever else it stopped of {key}, as far as no other rule does")
}
