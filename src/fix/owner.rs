//! Changes as the program makes them that keeps the rules in the way: where it would put them, and the words it is told them with.

use std::net::IpAddr;

use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{ChainRef, Hook, Place, TableRef};
use crate::listing::len;
use crate::manager;
use crate::ruleset::Ruleset;
use crate::sys::Text;

use super::change::Change;
use super::rule::{NewRule, is_plain};

/// A change by a manager.
pub(super) struct Way {
    pub change: Change,
    /// What the manager is told.
    pub command: String,
    /// What makes it last, where that takes more.
    pub persistent: Option<String>,
    /// In a clause.
    pub message: String,
}

/// How the one who keeps the rule at `at`, which ended the packet of a run, would let it pass; the best first.
pub(super) fn ways(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Vec<Way> {
    match manager::of_rule(rules, at).map(|m| m.name) {
        Some("ufw") => ufw(rules, run.hook, at, rule),
        Some("firewalld") => firewalld(rules, run, at, rule).into_iter().collect(),
        Some("docker") => docker(rules, run.hook, at, rule).into_iter().collect(),
        Some("fail2ban") => fail2ban(rules, at, rule).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// ufw keeps the rules that it was told in chains of their own, one for each hook.
fn ufw(rules: &Ruleset, hook: Hook, at: Place, rule: &NewRule) -> Vec<Way> {
    let (name, words) = match hook {
        Hook::Input => ("input", "allow"),
        Hook::Output => ("output", "allow out"),
        Hook::Forward => ("forward", "route allow"),
        _ => return Vec::new(),
    };
    // It knows no ICMP, and lets in what belongs to connections anyway.
    let Some((protocol, port)) = ports(rule) else { return Vec::new() };
    let Some(chain) = beside(rules, at.chain, &format!("{}-user-{name}", if rule.v6 { "ufw6" } else { "ufw" })) else {
        return Vec::new();
    };
    let any = |a: Option<IpAddr>| a.map_or_else(|| "any".to_owned(), |a| a.to_string());
    let rest = format!("proto {protocol} from {} to {} port {port}", any(rule.src), any(rule.dst));
    let way = |position, first: &str| {
        let command = match (first, words.strip_prefix("route ")) {
            ("", _) => format!("ufw {words} {rest}"),
            (first, Some(words)) => format!("ufw route {first} {words} {rest}"),
            (first, None) => format!("ufw {first} {words} {rest}"),
        };
        let message = format!("let ufw allow {}", rule.describe());
        Way { change: Change::Insert { chain, position, rule: rule.clone() }, command, persistent: None, message }
    };
    vec![way(len(rules, chain) + 1, ""), way(1, "prepend")]
}

/// firewalld decides by zones, each with a chain for what is allowed.
fn firewalld(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Option<Way> {
    let (protocol, port) = ports(rule)?;
    if run.hook != Hook::Input {
        return None;
    }
    let zone = zone(rules, run, at)?;
    let chain = beside(rules, at.chain, &format!("filter_IN_{zone}_allow"))?;
    let family = if rule.v6 { "ipv6" } else { "ipv4" };
    let source = rule.src.map(|a| format!(" source address=\"{a}\"")).unwrap_or_default();
    let to = rule.dst.map(|a| format!(" destination address=\"{a}\"")).unwrap_or_default();
    let rich = format!("rule family=\"{family}\"{source}{to} port port=\"{port}\" protocol=\"{protocol}\" accept");
    Some(Way {
        change: Change::Insert { chain, position: len(rules, chain) + 1, rule: rule.clone() },
        command: format!("firewall-cmd --zone={zone} --add-rich-rule='{rich}'"),
        persistent: Some("firewall-cmd --runtime-to-permanent".into()),
        message: format!("let firewalld accept {} in the zone {zone}", rule.describe()),
    })
}

/// The zone in whose chain the packet came: `filter_IN_public` and those below it.
fn zone(rules: &Ruleset, run: &Run, at: Place) -> Option<String> {
    let of = |chain: ChainRef| -> Option<String> {
        let name = std::str::from_utf8(name(rules, chain)?.as_bytes()).ok()?;
        let zone = name.strip_prefix("filter_IN_")?;
        let parts = ["_pre", "_log", "_deny", "_allow", "_post"];
        let zone = parts.iter().find_map(|p| zone.strip_suffix(p)).unwrap_or(zone);
        (is_plain(&zone.into()) && !zone.starts_with("policy_")).then(|| zone.to_owned())
    };
    let met = run.steps.iter().rev().filter_map(|s| match s {
        Step::Rule { hook: Hook::Input, tried } => of(tried.at.chain).or_else(|| of(target(rules, tried.at)?)),
        _ => None,
    });
    of(at.chain).or_else(|| met.into_iter().next())
}

/// The chain that a rule leads to.
fn target(rules: &Ruleset, at: Place) -> Option<ChainRef> {
    use crate::finding::act::{Act, acts};
    acts(rules, at)?.into_iter().find_map(|a| match a {
        Act::Jump(to) | Act::Goto(to) => beside(rules, at.chain, std::str::from_utf8(to.as_bytes()).ok()?),
        _ => None,
    })
}

/// Docker leaves a chain to the administrator, which forwarded packets meet first.
fn docker(rules: &Ruleset, hook: Hook, at: Place, rule: &NewRule) -> Option<Way> {
    let chain = beside(rules, at.chain, "DOCKER-USER").filter(|_| hook == Hook::Forward)?;
    let change = Change::Insert { chain, position: 1, rule: rule.clone() };
    let command = change.commands(rules)?.join("; ");
    let message = format!("accept {} in DOCKER-USER, which Docker leaves alone", rule.describe());
    Some(Way { persistent: change.persistent(rules), change, command, message })
}

/// fail2ban bans addresses by jail, each with a chain that has a rule for each of them.
fn fail2ban(rules: &Ruleset, at: Place, rule: &NewRule) -> Option<Way> {
    let jail = std::str::from_utf8(name(rules, at.chain)?.as_bytes()).ok()?.strip_prefix("f2b-")?;
    let (address, position) = (rule.src?, at.position?);
    // Only what bans this one address: a rule for more than it is no ban of fail2ban's making.
    let bans = crate::blame::describe::Describer { rules, history: None, keepers: None }
        .culprit(Place { position: Some(position), ..at });
    let words: Vec<&str> = bans.text.as_deref()?.split_ascii_whitespace().collect();
    let source = words.iter().position(|w| matches!(*w, "-s" | "saddr")).and_then(|i| words.get(i + 1))?;
    let is_it = source.split('/').next()?.parse::<IpAddr>() == Ok(address);
    (is_it && is_plain(&jail.into())).then(|| Way {
        change: Change::Remove { at },
        command: format!("fail2ban-client set {jail} unbanip {address}"),
        persistent: None,
        message: format!("lift the ban of {address} in fail2ban's jail {jail}"),
    })
}

/// Protocol and port, of a rule for new packets to a port.
fn ports(rule: &NewRule) -> Option<(&'static str, u16)> {
    let protocol = match rule.protocol? {
        6 => "tcp",
        17 => "udp",
        _ => return None,
    };
    (!rule.established).then_some((protocol, rule.dport?))
}

/// Another chain of the same table.
fn beside(rules: &Ruleset, chain: ChainRef, name: &str) -> Option<ChainRef> {
    let at = match chain.table {
        TableRef::Nft(t) => rules.nft.get(t)?.chains.iter().position(|c| c.def.name == *name),
        TableRef::Xt(t) => rules.xt.get(t)?.chains().position(|c| *c.name() == *name),
    };
    Some(ChainRef { chain: at?, ..chain })
}

fn name(rules: &Ruleset, chain: ChainRef) -> Option<&Text> {
    match chain.table {
        TableRef::Nft(t) => Some(&rules.nft.get(t)?.chains.get(chain.chain)?.def.name),
        TableRef::Xt(t) => Some(rules.xt.get(t)?.chains().nth(chain.chain)?.name()),
    }
}
