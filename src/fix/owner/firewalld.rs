//! firewalld's words: it decides by zones, and between them by policies.

use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{ChainRef, Hook, Place, TableRef};
use crate::listing::len;
use crate::ruleset::Ruleset;
use crate::sys::Text;

use super::super::allow;
use super::super::change::Change;
use super::super::rule::{NewRule, is_plain};
use super::{Way, beside, name, ports, target};

/// Its sets have names of their own, and permanent entries beside those at runtime.
pub(super) fn set(set: &str, key: &str) -> Option<(String, Option<String>, String)> {
    let command = format!("firewall-cmd --ipset={set} --remove-entry={}", key.replace(" . ", ","));
    Some((command, to_permanent(), format!("take {key} out of firewalld's ipset {set}")))
}

fn to_permanent() -> Option<String> {
    Some("firewall-cmd --runtime-to-permanent".into())
}

pub(super) fn ways(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Vec<Way> {
    // It leaves policies alone but for that.
    if at.position.is_none() || table(rules, at.chain).is_some_and(|name| *name == "firewalld_policy_drop") {
        return vec![panic_off(rules, at, rule)];
    }
    match run.hook {
        Hook::Input => in_zone(rules, run, at, rule).unwrap_or_default(),
        Hook::Forward => policy(rules, at, rule).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// In panic mode a table of its own stops everything, which goes then, or policies of iptables.
fn panic_off(rules: &Ruleset, at: Place, rule: &NewRule) -> Way {
    let everything = NewRule { v6: rule.v6, ..NewRule::default() };
    Way {
        change: Change::Insert { chain: at.chain, position: len(rules, at.chain) + 1, rule: everything },
        commands: vec!["firewall-cmd --panic-off".into()],
        persistent: None,
        message: "end firewalld's panic mode, which stops all packets".into(),
        also: "everything that firewalld's zones let pass".into(),
    }
}

/// The priority before all others.
const FIRST: &str = " priority=\"-32768\"";

/// A rich rule. Those that accept stand behind those that deny, unless they have a priority.
fn in_zone(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Option<Vec<Way>> {
    let zone = zone(rules, run, at)?;
    let way = |part: &str, priority: &str| {
        let rich = rich(rule, priority)?;
        let chain = beside(rules, at.chain, &format!("{}IN_{zone}_{part}", prefix(rules, at.chain)))?;
        let position = if priority == FIRST { 1 } else { len(rules, chain) + 1 };
        Some(Way {
            change: Change::Insert { chain, position, rule: rule.clone() },
            commands: vec![format!("firewall-cmd --zone={zone} --add-rich-rule='{rich}'")],
            persistent: to_permanent(),
            message: format!("let firewalld accept {} in the zone {zone}", rule.describe()),
            also: allow::also(rule, run.hook),
        })
    };
    let priorities = [way("allow", ""), way("pre", " priority=\"-1\""), way("pre", FIRST)];
    Some(priorities.into_iter().flatten().collect())
}

/// A policy for packets that are forwarded, from any zone to any: policies come before the zones.
fn policy(rules: &Ruleset, at: Place, rule: &NewRule) -> Option<Way> {
    let (_, port) = ports(rule)?;
    let prefix = prefix(rules, at.chain);
    let at_once = ["FORWARD_POLICIES_pre", "FORWARD_POLICIES"];
    let chain = at_once.iter().find_map(|n| beside(rules, at.chain, &format!("{prefix}{n}")))?;
    let (name, rich) = (format!("forward-{port}"), rich(rule, "")?);
    let set = format!("firewall-cmd --permanent --policy={name}");
    Some(Way {
        change: Change::Insert { chain, position: 1, rule: rule.clone() },
        commands: vec![
            format!("firewall-cmd --permanent --new-policy={name}"),
            format!("{set} --add-ingress-zone=ANY"),
            format!("{set} --add-egress-zone=ANY"),
            format!("{set} --add-rich-rule='{rich}'"),
            "firewall-cmd --reload".into(),
        ],
        persistent: None,
        message: format!(
            "let firewalld accept {} by a policy (the reload forgets what was told it for the runtime only)",
            rule.describe()
        ),
        also: allow::also(rule, Hook::Forward),
    })
}

fn rich(rule: &NewRule, priority: &str) -> Option<String> {
    let what = match (ports(rule), rule.icmp_type) {
        (Some((protocol, port)), _) => format!("port port=\"{port}\" protocol=\"{protocol}\""),
        (None, Some(8 | 128)) if !rule.established => "icmp-type name=\"echo-request\"".into(),
        _ => return None,
    };
    let family = if rule.v6 { "ipv6" } else { "ipv4" };
    let source = rule.src.map(|a| format!(" source address=\"{a}\"")).unwrap_or_default();
    let to = rule.dst.map(|a| format!(" destination address=\"{a}\"")).unwrap_or_default();
    Some(format!("rule{priority} family=\"{family}\"{source}{to} {what} accept"))
}

/// What stands before the names of chains: with its iptables backend, nothing.
fn prefix(rules: &Ruleset, chain: ChainRef) -> &'static str {
    if table(rules, chain).is_some_and(|name| *name == "firewalld") { "filter_" } else { "" }
}

fn table(rules: &Ruleset, chain: ChainRef) -> Option<&Text> {
    match chain.table {
        TableRef::Nft(t) => Some(&rules.nft.get(t)?.def.name),
        TableRef::Xt(t) => Some(rules.xt.get(t)?.name()),
    }
}

/// The zone in whose chain the packet came: `filter_IN_public` and those below it.
fn zone(rules: &Ruleset, run: &Run, at: Place) -> Option<String> {
    let of = |chain: ChainRef| -> Option<String> {
        let name = std::str::from_utf8(name(rules, chain)?.as_bytes()).ok()?;
        let zone = name.strip_prefix(prefix(rules, chain))?.strip_prefix("IN_")?;
        let parts = ["_pre", "_log", "_deny", "_allow", "_post"];
        let zone = parts.iter().find_map(|p| zone.strip_suffix(p)).unwrap_or(zone);
        (is_plain(&zone.into()) && !zone.starts_with("policy_")).then(|| zone.to_owned())
    };
    let met = run.steps.iter().rev().filter_map(|s| match s {
        Step::Rule { hook: Hook::Input, tried } => {
            of(tried.at.chain).or_else(|| of(target(rules, tried.at).filter(|_| tried.matched)?))
        }
        _ => None,
    });
    of(at.chain).or_else(|| met.into_iter().next())
}
