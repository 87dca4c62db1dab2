//! Shorewall's words: addresses that it was told to stop, and its file of rules.

use std::net::IpAddr;

use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{Hook, Place};
use crate::listing::len;
use crate::ruleset::Ruleset;

use super::super::allow;
use super::super::change::Change;
use super::super::rule::NewRule;
use super::{Way, bans, name, ports};

/// The rule that ends a packet may stand in a chain that says how: what led there decided.
pub(super) fn ways(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Vec<Way> {
    let led = run.steps.iter().rev().filter_map(|s| match s {
        Step::Rule { tried, .. } if tried.matched && tried.at.chain.table == at.chain.table => Some(tried.at),
        _ => None,
    });
    let met: Vec<Place> = [at].into_iter().chain(led).collect();
    let forgotten = met.iter().find_map(|at| forgotten(rules, *at, rule));
    forgotten.into_iter().chain(met.iter().find_map(|at| written(rules, run.hook, *at, rule))).collect()
}

fn tool(rule: &NewRule) -> &'static str {
    if rule.v6 { "shorewall6" } else { "shorewall" }
}

/// Addresses that it was told to drop or reject have a chain of their own.
fn forgotten(rules: &Ruleset, at: Place, rule: &NewRule) -> Option<Way> {
    let (address, _) = (bans(rules, at, rule)?, Some(name(rules, at.chain)?).filter(|n| **n == "dynamic")?);
    Some(Way {
        change: Change::Remove { at },
        commands: vec![format!("{} allow {address}", tool(rule))],
        persistent: None,
        message: format!("have Shorewall forget that {address} is to be stopped"),
        also: allow::also_of(&address.to_string()),
    })
}

/// A line at the end of its file of rules stands before the policy of two zones, which is the last rule of their chain.
fn written(rules: &Ruleset, hook: Hook, at: Place, rule: &NewRule) -> Option<Way> {
    let (protocol, port) = ports(rule)?;
    let position = at.position.filter(|p| *p == len(rules, at.chain))?;
    let (from, to) = name(rules, at.chain)?.as_str()?.split_once('-')?;
    let is_zone = |z: &str| !z.is_empty() && z.len() <= 5 && z.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_zone(from) || !is_zone(to) || (to == "all" && hook != Hook::Input) {
        return None;
    }
    let with = |zone: &str, address: Option<IpAddr>| match address {
        Some(a @ IpAddr::V6(_)) => format!("{zone}:[{a}]"),
        Some(a) => format!("{zone}:{a}"),
        None => zone.to_owned(),
    };
    // The firewall's own zone is $FW, whatever its name.
    let (from, to) = match hook {
        Hook::Input => (with(from, rule.src), with("$FW", rule.dst)),
        Hook::Output => (with("$FW", rule.src), with(to, rule.dst)),
        Hook::Forward => (with(from, rule.src), with(to, rule.dst)),
        _ => return None,
    };
    let tool = tool(rule);
    Some(Way {
        change: Change::Insert { chain: at.chain, position, rule: rule.clone() },
        commands: vec![
            format!("echo 'ACCEPT {from} {to} {protocol} {port}' >> /etc/{tool}/rules"),
            format!("{tool} reload"),
        ],
        persistent: None,
        message: format!("have Shorewall accept {}", rule.describe()),
        also: allow::also(rule, hook),
    })
}
