//! Changes as the program makes them that keeps the rules in the way: where it would put them, and the words it is told them with.

mod firewalld;
mod openwrt;
mod shorewall;
mod ufw;

use std::net::IpAddr;

use crate::blame::describe::Describer;
use crate::evaluate::walk::Run;
use crate::evaluate::{ChainRef, Hook, Place, TableRef};
use crate::manager;
use crate::ruleset::Ruleset;
use crate::sys::Text;

use super::change::Change;
use super::rule::{NewRule, is_plain};
use super::{allow, listed};

/// A change by a manager.
pub(super) struct Way {
    pub change: Change,
    /// What the manager is told.
    pub commands: Vec<String>,
    /// What makes it last, where that takes more.
    pub persistent: Option<String>,
    /// In a clause.
    pub message: String,
    /// What it lets pass beside.
    pub also: String,
}

/// How the one who keeps the rule at `at`, which ended the packet of a run, would let it pass; the best first.
pub(super) fn ways(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Vec<Way> {
    match manager::of_rule(rules, at).map(|m| m.name) {
        Some("ufw") => ufw::ways(rules, run.hook, at, rule),
        Some("firewalld") => {
            delisted(rules, run, at, firewalld::set).chain(firewalld::ways(rules, run, at, rule)).collect()
        }
        Some("docker") => docker(rules, run.hook, at, rule).into_iter().collect(),
        Some("fail2ban") => delisted(rules, run, at, fail2ban_set).chain(fail2ban(rules, at, rule)).collect(),
        Some("crowdsec") => delisted(rules, run, at, crowdsec_set).collect(),
        Some("sshguard") => sshguard(rules, run, at, rule),
        Some("shorewall") => shorewall::ways(rules, run, at, rule),
        Some("openwrt") => openwrt::ways(rules, run, rule),
        Some("csf") => delisted(rules, run, at, csf_set).chain(csf(rules, at, rule)).collect(),
        _ => Vec::new(),
    }
}

/// What is said about an element: the set, its key, and the command, what makes it last, and the message.
type Words = fn(&str, &str) -> Option<(String, Option<String>, String)>;

/// Elements that a manager is told to take out.
fn delisted<'r>(rules: &'r Ruleset, run: &Run, at: Place, words: Words) -> impl Iterator<Item = Way> + use<'r> {
    listed::suspects(rules, run, at).into_iter().filter_map(move |listed| {
        let (key, set) = (listed.key(rules)?, listed.set(rules)?);
        let (command, persistent, message) = words(set.as_str().filter(|_| is_plain(set))?, &key)?;
        let commands = vec![command];
        Some(Way { change: Change::Unlist(listed), commands, persistent, message, also: allow::also_of(&key) })
    })
}

/// fail2ban keeps a set for each jail and family.
fn fail2ban_set(set: &str, key: &str) -> Option<(String, Option<String>, String)> {
    let jail = match set.strip_prefix("f2b-") {
        Some(jail) if key.contains(':') => jail.strip_suffix('6').unwrap_or(jail),
        Some(jail) => jail,
        None => set.strip_prefix("addr-set-").or_else(|| set.strip_prefix("addr6-set-"))?,
    };
    let command = format!("fail2ban-client set {jail} unbanip {key}");
    Some((command, None, format!("lift the ban of {key} in fail2ban's jail {jail}")))
}

/// CrowdSec's bouncer fills sets from decisions.
fn crowdsec_set(_: &str, key: &str) -> Option<(String, Option<String>, String)> {
    let option = if key.contains(['/', '-']) { "--range" } else { "--ip" };
    Some((format!("cscli decisions delete {option} {key}"), None, format!("take back CrowdSec's decision about {key}")))
}

/// csf keeps a set for each of its lists: those for good, and those for a time.
fn csf_set(_: &str, key: &str) -> Option<(String, Option<String>, String)> {
    Some((format!("csf -dr {key}; csf -tr {key}"), None, format!("take {key} from what csf denies")))
}

/// ... or a rule for each address.
fn csf(rules: &Ruleset, at: Place, rule: &NewRule) -> Option<Way> {
    let address = bans(rules, at, rule)?.to_string();
    let (command, persistent, message) = csf_set("", &address)?;
    let also = allow::also_of(&address);
    Some(Way { change: Change::Remove { at }, commands: vec![command], persistent, message, also })
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
    let commands = change.commands(rules)?;
    let message = format!("accept {} in DOCKER-USER, which Docker leaves alone", rule.describe());
    let also = allow::also(rule, hook);
    Some(Way { persistent: change.persistent(rules), change, commands, message, also })
}

/// fail2ban bans addresses by jail, each with a chain that has a rule for each of them.
fn fail2ban(rules: &Ruleset, at: Place, rule: &NewRule) -> Option<Way> {
    let jail = std::str::from_utf8(name(rules, at.chain)?.as_bytes()).ok()?.strip_prefix("f2b-")?;
    let address = bans(rules, at, rule).filter(|_| is_plain(&jail.into()))?;
    Some(Way {
        change: Change::Remove { at },
        commands: vec![format!("fail2ban-client set {jail} unbanip {address}")],
        persistent: None,
        message: format!("lift the ban of {address} in fail2ban's jail {jail}"),
        also: allow::also_of(&address.to_string()),
    })
}

/// sshguard takes no orders: what it has blocked is taken out, and its whitelist keeps it from blocking that again.
fn sshguard(rules: &Ruleset, run: &Run, at: Place, rule: &NewRule) -> Vec<Way> {
    let way = |change: Change, key: String| {
        Some(Way {
            commands: change.commands(rules)?,
            change,
            persistent: Some(format!("echo {key} >> /etc/sshguard/whitelist")),
            message: format!("take back that sshguard blocks {key}"),
            also: allow::also_of(&key),
        })
    };
    let listed = listed::suspects(rules, run, at).into_iter().filter_map(|l| Some((l.key(rules)?, Change::Unlist(l))));
    let banned = bans(rules, at, rule).map(|a| (a.to_string(), Change::Remove { at }));
    listed.chain(banned).filter_map(|(key, change)| way(change, key)).collect()
}

/// The address that the rule is about, and nothing else: a rule for more than one is no ban.
fn bans(rules: &Ruleset, at: Place, rule: &NewRule) -> Option<IpAddr> {
    // That it leaves loopback out narrows nothing.
    let (address, text) = (rule.src?, text(rules, at)?.replace("! -i lo ", ""));
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let source = words.iter().position(|w| matches!(*w, "-s" | "saddr")).and_then(|i| words.get(i + 1))?;
    let narrows = ["-d", "-p", "-i", "-o", "--dport", "--dports", "daddr", "dport", "!"];
    let (host, len) = source.split_once('/').unwrap_or((source, ""));
    let one = len.is_empty() || len == if address.is_ipv4() { "32" } else { "128" };
    (one && host.parse() == Ok(address) && !words.iter().any(|w| narrows.contains(w))).then_some(address)
}

fn text(rules: &Ruleset, at: Place) -> Option<String> {
    Describer { rules, history: None, keepers: None }.text(at)
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
        TableRef::Xt(t) => Some(rules.xt.get(t)?.nth_chain(chain.chain)?.name()),
    }
}
