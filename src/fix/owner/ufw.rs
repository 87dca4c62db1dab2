//! ufw's words.

use std::net::IpAddr;

use crate::evaluate::{Hook, Place};
use crate::listing::len;
use crate::ruleset::Ruleset;

use super::super::allow;
use super::super::change::Change;
use super::super::rule::NewRule;
use super::{Way, bans, beside, ports, text};

/// ufw keeps the rules that it was told in chains of their own, one for each hook.
pub(super) fn ways(rules: &Ruleset, hook: Hook, at: Place, rule: &NewRule) -> Vec<Way> {
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
        let also = allow::also(rule, hook);
        Way {
            change: Change::Insert { chain, position, rule: rule.clone() },
            commands: vec![command],
            persistent: None,
            message,
            also,
        }
    };
    let denies = deny(rules, at, rule, words).filter(|_| at.chain == chain);
    denies.into_iter().chain([way(len(rules, chain) + 1, ""), way(1, "prepend")]).collect()
}

/// A rule of ufw that denies everything from this one address: it is taken back.
fn deny(rules: &Ruleset, at: Place, rule: &NewRule, allow: &str) -> Option<Way> {
    let address = bans(rules, at, rule)?;
    let verb = if text(rules, at)?.contains("REJECT") { "reject" } else { "deny" };
    let words = allow.replacen("allow", verb, 1);
    let command = match words.strip_prefix("route ") {
        Some(words) => format!("ufw route delete {words} from {address}"),
        None => format!("ufw delete {words} from {address}"),
    };
    let message = format!("delete ufw's rule that denies everything from {address}");
    Some(Way {
        change: Change::Remove { at },
        commands: vec![command],
        persistent: None,
        message,
        also: allow::also_of(&address.to_string()),
    })
}
