//! What was said of a frame, held against what became of it.

use nfblame::blame::{Blame, Confidence};
use nfblame::evaluate::walk::{Fate, Run, Step as Walked};
use nfblame::evaluate::{Decision, Environment, Fact, Network, TableRef};
use nfblame::explain::{Explainer, Question, Side};
use nfblame::ruleset::Ruleset;

use crate::frames::Frame;
use crate::world::{Seen, Step, is_egress};

/// What came of one frame.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The way that was said, and no other was.
    Same,
    /// One of several that were said.
    Possible,
    /// The way up to where nothing was said.
    Open,
    /// Another one.
    Differs(String),
}

impl Outcome {
    pub const DIFFERS: &str = "differ";

    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "the same",
            Self::Possible => "among the possible",
            Self::Open => "as far as was said",
            Self::Differs(_) => Self::DIFFERS,
        }
    }
}

/// One way that was said to be possible.
#[derive(Debug)]
struct Way {
    steps: Vec<Step>,
    end: End,
    assumed: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// By this device; none: by ports that are not known.
    Leaves(Option<String>),
    /// Who takes it.
    Taken(String),
    Lost(String),
    Open(String),
}

/// An answer, before the frame is sent.
pub struct Answer {
    blame: Option<Blame>,
    ways: Vec<Way>,
    /// Is it sent to many?
    many: bool,
}

pub fn ask(rules: &Ruleset, host: &dyn Environment, frame: &Frame) -> Answer {
    let network = match frame.kind() {
        0x0800 => Network::Ip4,
        0x86dd => Network::Ip6,
        0x0806 => Network::Arp,
        other => Network::Other(other),
    };
    let mut q = Question::new(network, frame.bytes.clone());
    q.length = Some(frame.bytes.len());
    match frame.from {
        Some(device) => {
            q.side = Side::In(device.into());
            q.link = Some(frame.link.clone());
            if let [a, b, c, d, ..] = frame.link[12..]
                && frame.link.len() == 18
            {
                q.vlan = Some((u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b])));
            }
        }
        None => {
            q.side = Side::Out;
            (q.uid, q.gid) = (Some(0), Some(0));
        }
    }
    let many = frame.link[0] & 1 != 0;
    match Explainer::new(rules, host).brief().explain(&q) {
        Ok(e) => Answer {
            many,
            blame: Some(e.blame),
            ways: e.walked.runs.iter().map(|run| way(rules, run, frame)).collect(),
        },
        Err(_) => Answer { many, blame: None, ways: Vec::new() },
    }
}

fn way(rules: &Ruleset, run: &Run, frame: &Frame) -> Way {
    let mut steps = Vec::new();
    for step in &run.steps {
        let Walked::Rule { tried, .. } = step else { continue };
        let TableRef::Nft(t) = tried.at.chain.table else { continue };
        let (table, n) = (&rules.nft[t], tried.at.chain.chain);
        let silent = frame.link.len() == 18 && is_egress(&table.chains[n].def.name.to_string());
        if table.def.name == "tracer" || silent || tried.at.position.is_some() && !tried.matched {
            continue;
        }
        let chain = &table.chains[n];
        let word = match &tried.decision {
            Decision::Next => "continue".into(),
            Decision::Accept => "accept".into(),
            Decision::Drop | Decision::Reject(_) => "drop".into(),
            Decision::Return => "return".into(),
            other => format!("{other:?}"),
        };
        steps.push(match tried.at.position {
            None => (table.def.family, chain.def.name.to_string(), None, format!("policy {word}")),
            Some(n) => (table.def.family, chain.def.name.to_string(), Some(chain.rules[n - 1].handle), word),
        });
    }
    let end = match &run.fate {
        Fate::Left => End::Leaves(match &run.packet.oif {
            Fact::Is(d) => d.name.value().map(ToString::to_string),
            _ => None,
        }),
        Fate::Delivered(who) => End::Taken(who.clone()),
        Fate::Passed => End::Taken("the kernel".into()),
        Fate::Decided { decision: Decision::Unknown(what), .. } => End::Open(what.to_string()),
        Fate::Decided { decision, .. } => End::Lost(format!("{decision:?}")),
        Fate::Lost(o) => End::Lost(o.detail.clone().unwrap_or_default()),
        Fate::Unknown(what) => End::Open(what.to_string()),
    };
    Way { steps, end, assumed: run.assumed.iter().map(|a| format!("{}: {}", a.what, a.answer)).collect() }
}

/// What only the copy for the host passes, and what each frame passes once.
const ONCE: [&str; 10] = ["p1in", "p2in", "v4in", "iing", "bpre", "bpre2", "bin", "brin", "iin", "ain"];

/// Are these among those, in that order?
fn is_among(some: &[Step], all: &[Step]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|s| rest.any(|a| a == s))
}

fn of<'a>(steps: &'a [Step], chain: &'a str) -> impl Iterator<Item = &'a Step> {
    steps.iter().filter(move |s| s.1 == chain)
}

impl Answer {
    pub fn judge(&self, seen: &Seen) -> Outcome {
        let Some(blame) = &self.blame else { return Outcome::Open };
        let certain = blame.confidence == Confidence::Certain;
        let fits: Vec<Option<bool>> = self.ways.iter().map(|way| way.fits(seen, self.many)).collect();
        if fits.contains(&Some(true)) {
            return if certain || self.ways.len() == 1 { Outcome::Same } else { Outcome::Possible };
        }
        if fits.contains(&None) {
            return Outcome::Open;
        }
        Outcome::Differs(self.tell(seen, if certain { "certain, and wrong" } else { "no way that was said" }))
    }

    pub fn label(&self) -> String {
        let Some(way) = self.ways.first() else { return "not to be asked".into() };
        match &way.end {
            End::Leaves(Some(_)) => "leaves".into(),
            End::Leaves(None) => "leaves by some ports".into(),
            end => format!("{end:?}"),
        }
    }

    fn tell(&self, seen: &Seen, what: &str) -> String {
        let mut s = format!("{what}\n  seen: left {:?}, taken {:?}; out: {:?}\n", seen.left, seen.taken, seen.frames);
        s += &format!("    {}\n", line(&seen.steps));
        if let Some(b) = &self.blame {
            s += &format!("  said: {} {} {:?}\n", b.verdict.name(), b.confidence.name(), b.unknowns);
        }
        for way in self.ways.iter().take(6) {
            s += &format!("    {:?}, assuming {:?}\n      {}\n", way.end, way.assumed, line(&way.steps));
        }
        s
    }
}

fn line(steps: &[Step]) -> String {
    let one = |s: &Step| match s.2 {
        Some(n) => format!("{} #{n} {}", s.1, s.3),
        None => format!("{} {}", s.1, s.3),
    };
    steps.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Way {
    /// Is it what the frame did, or one of its copies? None: as far as it goes.
    fn fits(&self, seen: &Seen, many: bool) -> Option<bool> {
        if let End::Open(_) = self.end {
            return if is_among(&self.steps, &seen.steps) { None } else { Some(false) };
        }
        // What leaves by several ports, or by one and to the host, is told of copy after copy.
        let several = seen.left.len() > 1 || (seen.left.len() == 1 && of(&seen.steps, "bin").next().is_some());
        let host =
            matches!(self.end, End::Taken(_)) || self.steps.iter().any(|s| matches!(s.1.as_str(), "bin" | "brin"));
        let steps = if several || seen.steps.len() > self.steps.len() {
            // Another copy may have been dropped: what is passed once has to be all there.
            let once = ONCE.iter().take(if host { ONCE.len() } else { 6 });
            is_among(&self.steps, &seen.steps) && once.clone().all(|c| of(&self.steps, c).eq(of(&seen.steps, c)))
        } else {
            self.steps == seen.steps
        };
        Some(
            steps
                && match &self.end {
                    End::Leaves(Some(device)) if device == "br0" => true,
                    End::Leaves(Some(device)) => seen.left.contains(&device.as_str()),
                    End::Leaves(None) => !seen.left.is_empty(),
                    End::Taken(who) => !who.starts_with("socket") || seen.taken || who.contains(":80 "),
                    End::Lost(_) => {
                        !seen.taken && (seen.left.is_empty() || host || many || seen.steps.len() > self.steps.len())
                    }
                    End::Open(_) => true,
                },
        )
    }
}
