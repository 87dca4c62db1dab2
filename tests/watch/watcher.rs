//! A watch on a thread inside a namespace, and blames as one line of text each, to be compared whole.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nfblame::blame::{Backend, Blame, CulpritKind};
use nfblame::evidence::{Loss, Selection, StartError, Stop, TraceConfig};
use nfblame::filter::Filter;
use nfblame::host::KernelHost;
use nfblame::watch::{Options, Output, Summary, Watch};

use crate::common::lab::Lab;
use crate::common::{DEADLINE, Netns};

/// What a watch has to say.
#[derive(Debug)]
#[allow(dead_code, reason = "each test reads its own part")]
pub enum Said {
    /// Who is to blame.
    Blame(Box<Blame>),
    /// What is missing.
    Lost(Loss),
    /// A word to people.
    Note(String),
}

/// A watch under way.
#[allow(dead_code, reason = "each test reads its own part")]
pub struct Watcher {
    said: Receiver<Said>,
    stop: Stop,
    /// What cannot be had here.
    pub gaps: Vec<String>,
    thread: Option<JoinHandle<Summary>>,
}

/// Every group that the rules name; `all` also tells of packets that got through.
pub fn logged(all: bool) -> Options {
    Options { all, ..Options::default() }
}

/// What matches the filter is traced, what is logged is left alone.
#[allow(dead_code, reason = "each test uses its own part")]
pub fn traced(filter: &str) -> Options {
    let selection = Selection { filter: Some(Filter::parse(filter).unwrap()), interface: None };
    let trace = Some(TraceConfig { rate: None, ephemeral: true });
    Options { groups: Some(Vec::new()), selection, trace, drop_monitor: false, all: false }
}

impl Watcher {
    /// Starts one in a namespace. When this returns, it watches.
    pub fn start(ns: &Netns, options: Options) -> Self {
        Self::try_start(ns, options).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The same, where it may be refused.
    pub fn try_start(ns: &Netns, options: Options) -> Result<Self, StartError> {
        let (say, said) = channel();
        let (ready_in, ready) = channel();
        let ns = ns.ns().try_clone().unwrap();
        let thread = thread::spawn(move || {
            ns.enter().unwrap();
            let watch = match Watch::start(options) {
                Ok(w) => w,
                Err(e) => {
                    ready_in.send(Err(e)).unwrap();
                    return Summary::default();
                }
            };
            let gaps = watch.evidence().gaps().iter().map(ToString::to_string).collect();
            ready_in.send(Ok((watch.evidence().stopper(), gaps))).unwrap();
            let host = KernelHost::open().unwrap();
            watch.run(&host, &mut |o| {
                let _ = say.send(match o {
                    Output::Idle => return ControlFlow::Continue(()),
                    Output::Blame(b, _) => Said::Blame(Box::new(b.clone())),
                    Output::Lost(l) => Said::Lost(l),
                    Output::Note(n) => Said::Note(n),
                });
                ControlFlow::Continue(())
            })
        });
        let (stop, gaps) = ready.recv().unwrap()?;
        Ok(Self { said, stop, gaps, thread: Some(thread) })
    }

    /// What it says next.
    pub fn next(&self) -> Said {
        self.said.recv_timeout(DEADLINE).unwrap_or_else(|e| panic!("nothing was said: {e}"))
    }

    /// The next blame; anything else fails the test.
    pub fn blame(&self) -> Blame {
        match self.next() {
            Said::Blame(b) => *b,
            other => panic!("expected a blame, got {other:?}"),
        }
    }

    /// What it says next, if it does in time.
    pub fn next_within(&self, time: Duration) -> Option<Said> {
        self.said.recv_timeout(time).ok()
    }

    /// The next blame, if one comes in time.
    pub fn blame_within(&self, time: Duration) -> Option<Blame> {
        match self.next_within(time) {
            Some(Said::Blame(b)) => Some(*b),
            _ => None,
        }
    }

    /// The next blame as a line.
    pub fn line(&self) -> String {
        line(&self.blame())
    }

    /// Stops it: what it had still to say, and the account.
    pub fn finish(mut self) -> (Vec<Said>, Summary) {
        self.stop.stop();
        let summary = self.thread.take().unwrap().join().unwrap();
        (self.said.try_iter().collect(), summary)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

impl Watcher {
    /// Fails unless the next thing said is this: verdict, evidence and confidence; the culprit as [`rule`] takes it; its text.
    #[track_caller]
    pub fn expect(&self, lab: &Lab, how: &str, place: &str, text: &str) -> Blame {
        let b = self.blame();
        assert_eq!(line(&b), format!("{how} | {} | {text}", rule(lab, place)), "{}", more(&b));
        b
    }
}

/// `rule nft inet t forw 2 "comment"` with the handle that nft says the second rule of that chain has: legacy tables have none.
pub fn rule(lab: &Lab, place: &str) -> String {
    let mut words: Vec<String> = place.split(' ').map(str::to_owned).collect();
    if words[0] == "rule" && words[1] != "xtables" {
        let position: usize = words[5].parse().unwrap();
        let handle = lab.handle_at(&words[2], &words[3], &words[4], position);
        words.insert(6, format!("#{handle}"));
    }
    words.join(" ")
}

/// What else a blame says, where a test has failed.
pub fn more(b: &Blame) -> String {
    let why: Vec<_> = b.why.iter().map(|w| w.message.as_str()).collect();
    let place = |s: &nfblame::blame::Step| {
        let words = [s.table_name.as_deref(), s.chain_name.as_deref()].into_iter().flatten();
        format!("{} {} {:?}: {}", s.hook, words.collect::<Vec<_>>().join(" "), s.rule_position, s.action)
    };
    let path: Vec<_> = b.path.iter().map(place).collect();
    format!("why {why:#?} unknown {:#?} path {path:#?} or {:#?} {:?}", b.unknowns, b.alternatives, b.packet)
}

/// A blame as one line, everything that a test has to assert in a fixed order:
/// `drop nflog certain | rule nft inet t forw 2 #7 "comment" | udp dport 53 drop`.
pub fn line(b: &Blame) -> String {
    let mut s = b.verdict.name().to_owned();
    if let Some(told) = &b.reject_with {
        let _ = write!(s, " {told}");
    }
    let evidence = serde_json::to_value(b.evidence).unwrap();
    let _ = write!(s, " {} {}", evidence.as_str().unwrap(), b.confidence.name());
    let c = &b.culprit;
    let _ = write!(s, " | {}", c.kind.name());
    if let Some(backend) = c.backend {
        let backend = match backend {
            Backend::Nft => "nft",
            Backend::NftCompat => "nft-compat",
            Backend::Xtables => "xtables",
        };
        let _ = write!(s, " {backend}");
    }
    for part in [c.family, c.table_name.as_deref(), c.chain_name.as_deref()].into_iter().flatten() {
        let _ = write!(s, " {part}");
    }
    if let Some(n) = c.rule_position {
        let _ = write!(s, " {n}");
    }
    if let Some(h) = c.rule_handle {
        let _ = write!(s, " #{h}");
    }
    if let Some(comment) = &c.comment {
        let _ = write!(s, " {comment:?}");
    }
    if let Some(v) = &c.sysctl {
        let _ = write!(s, " {}={} wanted {}", v.key, v.value, v.wanted);
    }
    if let Some(d) = &c.detail {
        let _ = write!(s, " {d}");
    }
    assert_eq!(c.policy, c.kind == CulpritKind::Policy, "{b:#?}");
    if let Some(text) = &c.text {
        let _ = write!(s, " | {text}");
    }
    s
}
