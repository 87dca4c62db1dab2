//! From a place in the ruleset to what people read: table, chain, position, handle, text, counters, comment.

use crate::evaluate::{ChainRef, Decision, Effect, Hook, LogTo, Place, TableRef};
use crate::manager::{self, Keepers};
use crate::ruleset::{Backend, Ruleset, classify, render};
use crate::sys::nft::{Expr, Verdict};
use crate::sys::xt;

use super::culprit::{Counters, Culprit, CulpritKind};
use super::generations::Generations;
use super::{Step, Verdict as Outcome};

/// A ruleset whose places are described, and the history that knows who added what.
#[derive(Clone, Copy)]
pub struct Describer<'a> {
    /// The ruleset.
    pub rules: &'a Ruleset,
    /// The history, where one is kept.
    pub history: Option<&'a Generations>,
    /// Whose its chains are, where many places are described.
    pub keepers: Option<&'a Keepers>,
}

impl<'a> Describer<'a> {
    /// The culprit that a rule or policy is.
    pub fn culprit(&self, at: Place) -> Culprit {
        self.culprit_of(at, self.text(at))
    }

    /// The same with a text that somebody has made already.
    pub fn culprit_of(&self, at: Place, text: Option<String>) -> Culprit {
        let mut c = self.named(at, text);
        c.counters = counters(self.rules, at);
        let keeper = match self.keepers {
            Some(keepers) => keepers.of_rule(self.rules, at),
            None => manager::of_rule(self.rules, at),
        };
        c.manager = keeper.map(|m| m.name.into());
        c
    }

    /// What it is called and what it says, but nothing that has to be looked for among other rules.
    fn named(&self, at: Place, text: Option<String>) -> Culprit {
        let mut c = Culprit::new(if at.position.is_some() { CulpritKind::Rule } else { CulpritKind::Policy });
        c.policy = at.position.is_none();
        c.rule_position = at.position.and_then(|p| u32::try_from(p).ok());
        c.backend = Some(self.backend(at));
        c.text = text;
        match at.chain.table {
            TableRef::Nft(t) => {
                c.generation = self.rules.generation;
                let Some(table) = self.rules.nft.get(t) else { return c };
                c.family = Some(family_name(table.def.family));
                c.table_name = Some(table.def.name.to_string());
                let Some(chain) = table.chains.get(at.chain.chain) else { return c };
                c.chain_name = Some(chain.def.name.to_string());
                if let Some(rule) = at.position.and_then(|p| chain.rule(p)) {
                    c.rule_handle = Some(rule.handle);
                    c.comment = rule_comment(rule);
                    c.changed_by =
                        self.history.and_then(|h| h.added_by(rule.family, &rule.table, rule.handle)).cloned();
                }
            }
            TableRef::Xt(t) => {
                let Some(table) = self.rules.xt.get(t) else { return c };
                c.family = Some(xt_family_name(table.family()));
                c.table_name = Some(table.name().to_string());
                let Some(chain) = table.nth_chain(at.chain.chain) else { return c };
                c.chain_name = Some(chain.name().to_string());
                if let Some(rule) = at.position.and_then(|p| chain.rule(p)) {
                    c.comment = legacy_comment(table.family(), &rule);
                }
            }
        }
        c
    }

    /// One step of a path.
    pub fn step(&self, hook: Hook, at: Place, action: String) -> Step {
        let c = self.named(at, self.text(at));
        Step {
            hook: hook.name(),
            backend: c.backend,
            family: c.family,
            table_name: c.table_name,
            chain_name: c.chain_name,
            rule_position: c.rule_position,
            rule_handle: c.rule_handle,
            action,
            text: c.text,
        }
    }

    /// A chain as people call it: `inet filter input`.
    pub fn chain_name(&self, chain: ChainRef) -> String {
        let c = self.named(Place { chain, position: None }, None);
        [c.family.map(str::to_owned), c.table_name, c.chain_name].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whose words describe a rule or policy.
    pub fn backend(&self, at: Place) -> Backend {
        match at.chain.table {
            TableRef::Xt(_) => Backend::Xtables,
            TableRef::Nft(t) => match self.rules.nft.get(t).and_then(|t| t.chains.get(at.chain.chain)) {
                None => Backend::Nft,
                Some(chain) => match at.position.and_then(|p| chain.rule(p)) {
                    Some(rule) => classify::of_rule(chain, rule),
                    None => chain.backend,
                },
            },
        }
    }

    /// The text of a rule in its owner's syntax, or of a policy; what is not decoded stands in it raw and marked.
    pub fn text(&self, at: Place) -> Option<String> {
        match at.position {
            Some(_) => render::rule(self.rules, at, self.backend(at)),
            None => self.policy_text(at.chain),
        }
    }

    fn policy_text(&self, chain: ChainRef) -> Option<String> {
        match chain.table {
            TableRef::Xt(t) => {
                let table = self.rules.xt.get(t)?;
                let chain = table.nth_chain(chain.chain)?;
                let policy = match chain.policy()? {
                    xt::Verdict::Accept => "ACCEPT".to_owned(),
                    xt::Verdict::Drop => "DROP".to_owned(),
                    other => format!("{other:?}"),
                };
                Some(format!("-P {} {policy}", chain.name()))
            }
            TableRef::Nft(t) => {
                let chain = self.rules.nft.get(t)?.chains.get(chain.chain)?;
                let base = chain.def.base.as_ref()?;
                let policy = match &base.policy {
                    Verdict::Accept => "accept",
                    Verdict::Drop => "drop",
                    _ => "?",
                };
                Some(match chain.backend {
                    Backend::Nft => {
                        format!("type {} hook {} priority {}; policy {policy};", base.kind, base.hook, base.priority)
                    }
                    _ => format!("-P {} {}", chain.def.name, policy.to_uppercase()),
                })
            }
        }
    }
}

/// What a rule or policy has counted; none where it does not count.
pub fn counters(rules: &Ruleset, at: Place) -> Option<Counters> {
    let (packets, bytes) = match at.chain.table {
        TableRef::Nft(t) => {
            let chain = rules.nft.get(t)?.chains.get(at.chain.chain)?;
            let counter = match at.position {
                Some(p) => chain.rule(p)?.exprs.iter().find_map(|e| match e {
                    Expr::Counter(n) => Some(n),
                    _ => None,
                }),
                None => chain.def.base.as_ref()?.counters.as_ref(),
            }?;
            (counter.packets, counter.bytes)
        }
        TableRef::Xt(t) => {
            let chain = rules.xt.get(t)?.nth_chain(at.chain.chain)?;
            let counters = match at.position {
                Some(p) => chain.rule(p)?.entry.counters,
                None => chain.counters(),
            };
            (counters.packets, counters.bytes)
        }
    };
    Some(Counters { packets, bytes })
}

/// The name of a table's family.
pub fn family_name(family: crate::sys::nft::Family) -> &'static str {
    use crate::sys::nft::Family as F;
    match family {
        F::Ip => "ip",
        F::Ip6 => "ip6",
        F::Inet => "inet",
        F::Arp => "arp",
        F::Bridge => "bridge",
        F::Netdev => "netdev",
        _ => "unknown",
    }
}

/// The name of a legacy table's family.
pub fn xt_family_name(family: xt::Family) -> &'static str {
    match family {
        xt::Family::Ip => "ip",
        xt::Family::Ip6 => "ip6",
        xt::Family::Arp => "arp",
        xt::Family::Bridge => "bridge",
    }
}

fn rule_comment(rule: &crate::sys::nft::Rule) -> Option<String> {
    let stored = rule.comment().map(|c| c.defanged());
    stored.or_else(|| {
        rule.exprs.iter().find_map(|e| match e {
            Expr::Match(m) if m.name == "comment" => Some(crate::sys::Text::from_c(&m.data).defanged()),
            _ => None,
        })
    })
}

fn legacy_comment(family: xt::Family, rule: &xt::Rule<'_>) -> Option<String> {
    rule.entry.matches().flatten().find_map(|m| {
        match xt::matches::decode(family, m.name.as_bytes(), m.revision, m.data.0) {
            xt::Match::Comment(c) => Some(c.comment.to_text().defanged()),
            _ => None,
        }
    })
}

/// What a rule did, in a word or two.
pub fn action(decision: &Decision, effects: &[Effect], policy: bool) -> String {
    let verdict = match decision {
        Decision::Next => None,
        Decision::Accept => Some("accept".to_owned()),
        Decision::Drop => Some("drop".to_owned()),
        Decision::Reject(with) => Some(format!("reject with {}", with.name())),
        Decision::Jump(to) => Some(format!("jump {to}")),
        Decision::Goto(to) => Some(format!("goto {to}")),
        Decision::Return => Some("return".to_owned()),
        Decision::Queue { queue, .. } => Some(format!("queue {queue}")),
        Decision::Stolen(what) => Some(format!("stolen: {what}")),
        Decision::Unknown(what) => Some(format!("unknown: {what}")),
    };
    let mut parts: Vec<String> = effects
        .iter()
        .map(|e| match e {
            Effect::Log { to: LogTo::Nflog { group }, .. } => format!("log (group {group})"),
            Effect::Log { .. } => "log".to_owned(),
            Effect::Trace => "trace".to_owned(),
            Effect::Copy { .. } => "copy".to_owned(),
            Effect::Mark(mark) => format!("mark {mark:#x}"),
            Effect::State(what) => what.to_string(),
        })
        .collect();
    parts.extend(verdict);
    if parts.is_empty() {
        parts.push("continue".to_owned());
    }
    let text = parts.join(", ");
    if policy { format!("policy {text}") } else { text }
}

/// What became of a packet that a rule decided about.
pub fn outcome(decision: &Decision) -> Outcome {
    match decision {
        Decision::Drop => Outcome::Drop,
        Decision::Reject(_) => Outcome::Reject,
        Decision::Accept | Decision::Next | Decision::Return => Outcome::Accept,
        Decision::Queue { .. } => Outcome::Queue,
        Decision::Stolen(_) => Outcome::Stolen,
        Decision::Jump(_) | Decision::Goto(_) | Decision::Unknown(_) => Outcome::Unknown,
    }
}

/// A step's place as people call it: `ip filter INPUT rule 2`.
pub fn place_words(s: &Step) -> String {
    let mut words: Vec<String> = s.family.map(str::to_owned).into_iter().collect();
    words.extend(s.table_name.clone());
    words.extend(s.chain_name.clone());
    words.push(s.rule_position.map_or_else(|| "policy".to_owned(), |p| format!("rule {p}")));
    words.join(" ")
}
