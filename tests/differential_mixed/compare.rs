//! What was explained of a packet, held against what the kernel told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use nfblame::blame::{Blame, Confidence, Verdict};
use nfblame::evaluate::walk::{Fate, Run, Step};
use nfblame::evaluate::{Decision, Environment, TableRef};
use nfblame::explain::{Explainer, Question, Side};
use nfblame::ruleset::Ruleset;

use crate::packets::Shot;
use crate::record::hex;
use crate::world::{NftStep, Seen, XtStep, network};

/// What came of one packet.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The same way, and it was the only one that was said.
    Same,
    /// Several ways were said; the kernel's was among them.
    Possible,
    /// The way up to a point, from where on nothing was said.
    Part,
    /// Another way.
    Differs(String),
}

/// Counts.
#[derive(Debug, Default)]
pub struct Tally {
    pub rulesets: usize,
    pub refused: usize,
    pub rules: usize,
    pub packets: usize,
    pub same: usize,
    pub possible: usize,
    pub part: usize,
    pub differ: usize,
    /// Of all packets: those that left, that a socket took, and records of rules.
    pub left: usize,
    pub taken: usize,
    pub steps: usize,
    /// What was not known, how often it kept an answer from being certain.
    pub unknown: BTreeMap<String, usize>,
}

impl Tally {
    pub fn add(&mut self, outcome: &Outcome, answer: &Answer, seen: &Seen) {
        if !matches!(outcome, Outcome::Same) {
            for what in answer.unknown() {
                *self.unknown.entry(what).or_default() += 1;
            }
        }
        self.packets += 1;
        match outcome {
            Outcome::Same => self.same += 1,
            Outcome::Possible => self.possible += 1,
            Outcome::Part => self.part += 1,
            Outcome::Differs(_) => self.differ += 1,
        }
        self.left += usize::from(seen.left.is_some());
        self.taken += usize::from(seen.taken);
        self.steps += seen.nft.len() + seen.xt.len();
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rulesets ({} rules; {} more refused), {} packets ({} left, {} taken, {} trace records): {} the same, {} \
             among the possible, {} as far as was said, {} differ",
            self.rulesets,
            self.rules,
            self.refused,
            self.packets,
            self.left,
            self.taken,
            self.steps,
            self.same,
            self.possible,
            self.part,
            self.differ
        )?;
        let mut unknown: Vec<_> = self.unknown.iter().collect();
        unknown.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        unknown.iter().take(12).try_for_each(|(what, n)| write!(f, "\n    {n} not certain for: {what}"))
    }
}

/// An answer, before the packet is sent.
pub struct Answer {
    blame: Option<Blame>,
    ways: Vec<Way>,
    incomplete: bool,
    /// The ends of user chains of legacy tables: the kernel tells when a packet comes there.
    ends: Vec<XtStep>,
}

/// One way that was said to be possible.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    nft: Vec<NftStep>,
    xt: Vec<XtStep>,
    end: End,
    assumed: Vec<String>,
    /// Is it of TCP? What its sockets take may reach a program later, or never.
    tcp: bool,
}

/// How it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// These bytes leave; nothing where a byte is not known.
    Leaves(Vec<Option<u8>>),
    /// This host takes it.
    Taken(String),
    /// It is lost.
    Lost(String),
    /// From here on nothing is said.
    Open(String),
}

/// Explains a packet.
pub fn ask(rules: &Ruleset, host: &dyn Environment, shot: &Shot) -> Answer {
    let mut q = Question::new(network(shot), shot.bytes.clone());
    match &shot.from {
        Some((device, link)) => {
            q.side = Side::In((*device).into());
            q.link = Some(link.clone());
        }
        None => {
            q.side = Side::Out;
            (q.uid, q.gid) = (Some(0), Some(0));
        }
    }
    let mut ends = Vec::new();
    for table in &rules.xt {
        for chain in table.chains().filter(|c| c.hook().is_none()) {
            let number = chain.len() as u32 + 1;
            ends.push((table.family().nfproto(), table.name().to_string(), chain.name().to_string(), number));
        }
    }
    match Explainer::new(rules, host).brief().explain(&q) {
        Ok(explained) => {
            let ways = explained.walked.runs.iter().map(|run| way(rules, run)).collect();
            Answer { blame: Some(explained.blame), ways, incomplete: explained.walked.incomplete, ends }
        }
        Err(invalid) => {
            let end = End::Open(invalid.to_string());
            let way = Way { nft: Vec::new(), xt: Vec::new(), end, assumed: Vec::new(), tcp: false };
            Answer { blame: None, ways: vec![way], incomplete: false, ends }
        }
    }
}

fn way(rules: &Ruleset, run: &Run) -> Way {
    let (mut nft, mut xt) = (Vec::new(), Vec::new());
    for step in &run.steps {
        let Step::Rule { tried, .. } = step else { continue };
        let (at, n) = (tried.at, tried.at.chain.chain);
        match at.chain.table {
            TableRef::Nft(t) => {
                let table = &rules.nft[t];
                let chain = &table.chains[n];
                if table.def.name == "tracer" {
                    continue;
                }
                let (rule, word) = match at.position {
                    None => (None, format!("policy {}", word(&tried.decision))),
                    Some(_) if !tried.matched => continue,
                    Some(n) => (Some(chain.rules[n - 1].handle), word(&tried.decision)),
                };
                nft.push((table.def.family, table.def.name.to_string(), chain.def.name.to_string(), rule, word));
            }
            TableRef::Xt(t) => {
                let table = &rules.xt[t];
                let chain = table.chains().nth(n).unwrap();
                if !tried.matched && at.position.is_some() {
                    continue;
                }
                let number = at.position.unwrap_or(chain.len() + 1) as u32;
                // The end of a user chain is told nowhere here.
                if at.position.is_some() || chain.hook().is_some() {
                    xt.push((table.family().nfproto(), table.name().to_string(), chain.name().to_string(), number));
                }
            }
        }
    }
    let assumed = run.assumed.iter().map(|a| format!("{}: {}", a.what, a.answer)).collect();
    let end = match &run.fate {
        Fate::Left => {
            let p = &run.packet;
            End::Leaves((0..p.bytes.len()).map(|i| p.read(i, 1).known().map(|b| b[0])).collect())
        }
        Fate::Delivered(who) => End::Taken(who.clone()),
        Fate::Decided { decision: Decision::Unknown(what), .. } => End::Open(what.to_string()),
        Fate::Decided { decision, .. } => End::Lost(format!("{decision:?}")),
        Fate::Lost(o) => End::Lost(format!("{o:?}")),
        Fate::Passed => End::Open("passed".into()),
        Fate::Unknown(what) => End::Open(what.to_string()),
    };
    Way { nft, xt, end, assumed, tcp: run.packet.headers().protocol == Some(6) }
}

fn word(d: &Decision) -> String {
    match d {
        Decision::Next => "continue".into(),
        Decision::Accept => "accept".into(),
        Decision::Drop | Decision::Reject(_) => "drop".into(),
        Decision::Jump(c) => format!("jump {c}"),
        Decision::Goto(c) => format!("goto {c}"),
        Decision::Return => "return".into(),
        Decision::Queue { queue, bypass, .. } => {
            format!("queue to {queue}{}", if *bypass { " bypass" } else { "" })
        }
        other => format!("{other:?}"),
    }
}

/// How a way and what was seen compare.
#[derive(PartialEq, Eq)]
enum Fit {
    Same,
    Part,
    Not,
}

impl Way {
    fn fits(&self, seen: &Seen, xt: &[XtStep]) -> Fit {
        let end = match &self.end {
            End::Open(_) => {
                let begins = seen.nft.starts_with(&self.nft) && xt.starts_with(&self.xt);
                return if begins { Fit::Part } else { Fit::Not };
            }
            End::Leaves(bytes) => seen.left.as_ref().is_some_and(|(_, left)| {
                left.len() == bytes.len() && left.iter().zip(bytes).all(|(a, b)| b.is_none_or(|b| *a == b))
            }),
            End::Taken(who) => seen.left.is_none() && (who.starts_with("socket") == seen.taken || self.tcp),
            End::Lost(_) => seen.left.is_none() && !seen.taken,
        };
        if end && self.nft == seen.nft && self.xt == xt { Fit::Same } else { Fit::Not }
    }
}

impl Answer {
    /// What was not known, and mattered or may have.
    fn unknown(&self) -> BTreeSet<String> {
        let open = self.ways.iter().filter_map(|w| match &w.end {
            End::Open(what) => Some(what.clone()),
            _ => None,
        });
        let strip = |a: &String| a.trim_end_matches(": true").trim_end_matches(": false").to_owned();
        self.ways.iter().flat_map(|w| w.assumed.iter().map(strip)).chain(open).collect()
    }

    /// The answer as the command prints it.
    pub fn json(&self) -> String {
        self.blame.as_ref().map(|b| serde_json::to_string(b).unwrap()).unwrap_or_default()
    }

    /// Was it that?
    pub fn judge(&self, seen: &Seen) -> Outcome {
        let xt: Vec<XtStep> = seen.xt.iter().filter(|s| !self.ends.contains(s)).cloned().collect();
        let fits: Vec<Fit> = self.ways.iter().map(|way| way.fits(seen, &xt)).collect();
        if let Some(blame) = &self.blame
            && let Some(wrong) = contradiction(blame, seen)
        {
            return Outcome::Differs(self.tell(seen, &wrong));
        }
        if fits.contains(&Fit::Same) {
            let one = self.ways.iter().all(|w| {
                let first = &self.ways[0];
                (&w.nft, &w.xt, &w.end) == (&first.nft, &first.xt, &first.end)
            });
            return if one { Outcome::Same } else { Outcome::Possible };
        }
        if fits.contains(&Fit::Part) {
            return Outcome::Part;
        }
        if self.incomplete {
            return Outcome::Possible;
        }
        Outcome::Differs(self.tell(seen, "no way that was said is the kernel's"))
    }

    fn tell(&self, seen: &Seen, what: &str) -> String {
        let mut s = format!("{what}\nkernel:\n");
        for step in &seen.nft {
            s += &format!("    {step:?}\n");
        }
        for step in &seen.xt {
            s += &format!("    {step:?}\n");
        }
        s += &match &seen.left {
            Some((device, bytes)) => format!("    left by {device}: {}\n", hex(bytes)),
            None => format!("    taken by a socket: {}\n", seen.taken),
        };
        for way in self.ways.iter().take(4) {
            s += &format!("said, assuming {:?}:\n", way.assumed);
            for step in &way.nft {
                s += &format!("    {step:?}\n");
            }
            for step in &way.xt {
                s += &format!("    {step:?}\n");
            }
            s += &match &way.end {
                End::Leaves(bytes) => {
                    format!("    leaves: {}\n", hex(&bytes.iter().map(|b| b.unwrap_or(0xee)).collect::<Vec<_>>()))
                }
                end => format!("    {end:?}\n"),
            };
        }
        s
    }
}

/// A certain answer that is wrong, whatever the ways behind it.
fn contradiction(blame: &Blame, seen: &Seen) -> Option<String> {
    if blame.confidence != Confidence::Certain {
        return None;
    }
    let arrived = seen.left.is_some() || seen.taken;
    if blame.verdict.is_loss() && blame.verdict != Verdict::Queue && arrived {
        return Some(format!("certainly {}, and it arrived", blame.verdict.name()));
    }
    let dropped = seen.nft.last().filter(|last| last.4.ends_with("drop"));
    match dropped {
        Some(_) if blame.verdict == Verdict::Accept => Some("certainly accepted, and a rule dropped it".into()),
        Some((_, table, chain, rule, _))
            if (
                blame.culprit.table_name.as_deref(),
                blame.culprit.chain_name.as_deref(),
                blame.culprit.rule_handle,
            ) != (Some(table), Some(chain), *rule) =>
        {
            Some(format!("certainly by {:?}", blame.culprit))
        }
        _ => None,
    }
}
