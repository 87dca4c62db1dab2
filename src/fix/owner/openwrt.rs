//! OpenWrt's words: fw4 writes a chain for each zone and direction from its configuration.

use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{Hook, Place};
use crate::finding::act::{Act, acts};
use crate::listing::len;
use crate::ruleset::Ruleset;

use super::super::allow;
use super::super::change::Change;
use super::super::rule::{NewRule, is_plain};
use super::{Way, name, ports};

/// A rule that is added stands behind the others of its zone, before what the zone does with the rest.
pub(super) fn ways(rules: &Ruleset, run: &Run, rule: &NewRule) -> Vec<Way> {
    let Some((protocol, port)) = ports(rule) else { return Vec::new() };
    let (prefix, of_zone, other) = match run.hook {
        Hook::Input => ("input_", "src", None),
        Hook::Forward => ("forward_", "src", Some("dest='*'")),
        Hook::Output => ("output_", "dest", None),
        _ => return Vec::new(),
    };
    let zone_of = |step: &Step| match step {
        Step::Rule { tried, .. } if tried.matched => {
            let chain = name(rules, tried.at.chain)?.as_str()?.strip_prefix(prefix)?.to_owned();
            is_plain(&chain.as_str().into()).then_some((tried.at, chain))
        }
        _ => None,
    };
    let Some((at, zone)) = run.steps.iter().rev().find_map(zone_of) else { return Vec::new() };
    let Some(here) = at.position else { return Vec::new() };
    let option = |name: &str, value: &str| format!("uci set firewall.@rule[-1].{name}='{value}'");
    let addresses = [("src_ip", rule.src), ("dest_ip", rule.dst)];
    let way = |position, first: Option<&str>| Way {
        change: Change::Insert { chain: at.chain, position, rule: rule.clone() },
        commands: ["uci add firewall rule".to_owned(), option("name", &format!("Allow-{protocol}-{port}"))]
            .into_iter()
            .chain([option(of_zone, &zone)])
            .chain(other.map(|o| format!("uci set firewall.@rule[-1].{o}")))
            .chain(addresses.iter().filter_map(|(n, a)| Some(option(n, &a.as_ref()?.to_string()))))
            .chain([option("proto", protocol), option("dest_port", &port.to_string()), option("target", "ACCEPT")])
            .chain(first.map(str::to_owned))
            .chain(["uci commit firewall".to_owned(), "service firewall reload".to_owned()])
            .collect(),
        persistent: None,
        message: format!("have fw4 accept {} in the zone {zone}", rule.describe()),
        also: allow::also(rule, run.hook),
    };
    let logs = |position| {
        let all = acts(rules, Place { position: Some(position), ..at });
        all.is_some_and(|all| all.iter().all(|a| matches!(a, Act::Log(_))))
    };
    let last = (here + 1..=len(rules, at.chain)).all(logs);
    last.then(|| way(here, None)).into_iter().chain([way(1, Some("uci reorder firewall.@rule[-1]=0"))]).collect()
}
