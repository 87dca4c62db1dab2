//! `nfblame explain` and `nfblame why`.

use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nfblame::blame::{Blame, Culprit, CulpritKind, Verdict};
use nfblame::capture::{Capture, Captured, frame};
use nfblame::explain::{Explained, Explainer, Next, Parting, Question, Side, batch, complain_of, parting, session};
use nfblame::finding::symptom::{Symptom, diagnose};
use nfblame::finding::{self, View};
use nfblame::host::KernelHost;
use nfblame::report::{journey, json, text};
use nfblame::ruleset::Ruleset;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use super::args::Global;
use super::exit::Exit;
use super::output;
use super::packet::Packet;

/// `nfblame explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub packet: Packet,
    /// Every packet of a capture (pcap or pcapng; `-` is standard input). -i, --out, --hook, --ct and --mark apply to all
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["packet", "batch"])]
    pub read: Option<PathBuf>,
    /// Packets as JSON lines on standard input, one answer line for each
    #[arg(long, conflicts_with = "packet")]
    pub batch: bool,
}

/// `nfblame why`.
#[derive(Debug, clap::Args)]
pub struct WhyArgs {
    #[command(flatten)]
    pub packet: Packet,
    /// What the one who complains sees: refused, timeout, host-unreachable, net-unreachable, eperm (operation not
    /// permitted), stalls (after it connected), too-many-open-files
    #[arg(long, value_name = "WHAT", value_parser = symptom)]
    pub symptom: Option<Symptom>,
    /// Another source, to which it works (or should): say where the ways of the two part
    #[arg(long, value_name = "SRC[:PORT]")]
    pub unlike: Option<String>,
}

fn symptom(text: &str) -> Result<Symptom, String> {
    let names = || Symptom::ALL.map(Symptom::name).join(", ");
    Symptom::named(text).ok_or_else(|| format!("what is seen is one of {}", names()))
}

/// Explains one packet, a capture, or a batch.
pub fn run(global: &Global, args: &Args) -> Result<Exit, Box<dyn Error>> {
    if args.batch {
        return lines();
    }
    if let Some(path) = &args.read {
        return capture(global, args, path);
    }
    let question = args.packet.question()?;
    let (host, rules) = (KernelHost::open()?, Ruleset::read()?);
    let explainer = Explainer::new(&rules, &host);
    let answer = explainer.explain(&question)?;
    let mut out = output::stdout(global.color);
    if global.json {
        json::line(&mut out, &answer.blame)?;
        return Ok(exit(&answer));
    }
    if let Some(run) = answer.walked.runs.first().filter(|_| !global.quiet) {
        writeln!(out, "{}", journey::journey(&explainer.describer(), run, global.verbose > 0))?;
    }
    write!(out, "{}", text::block(&answer.blame))?;
    out.flush()?;
    Ok(exit(&answer))
}

/// Answers one complaint.
pub fn why(global: &Global, args: &WhyArgs) -> Result<Exit, Box<dyn Error>> {
    let question = args.packet.question()?;
    let (host, rules) = (KernelHost::open()?, Ruleset::read()?);
    let explainer = Explainer::new(&rules, &host);
    let looks_like_it = |e: &Explained| args.symptom.is_none_or(|s| s.fits(&question, e));
    let mut answer = complain_of(&explainer, &question, looks_like_it)?;
    let mut diagnosis = None;
    if let Some(symptom) = args.symptom {
        let view = View::new(&rules, &host);
        let found = finding::all(&view);
        if !answer.passes() || answer.blame.culprit.kind != CulpritKind::None {
            finding::explain(&view, &question, &mut answer, &found);
        }
        diagnosis = Some(diagnose(&view, symptom, &question, &mut answer, &found));
    } else if !answer.passes() || answer.blame.culprit.kind != CulpritKind::None {
        let view = View::new(&rules, &host);
        finding::explain(&view, &question, &mut answer, &finding::all(&view));
    }
    let unlike = match &args.unlike {
        Some(src) => Some(unlike(&explainer, &args.packet.question_from(src)?, &answer)?),
        None => None,
    };
    let mut out = output::stdout(global.color);
    if global.json {
        let mut extra = serde_json::json!({ "sentence": text::sentence(&answer.blame) });
        if let Some(d) = &diagnosis {
            extra["diagnosis"] = serde_json::json!(d);
        }
        if let Some(u) = &unlike {
            extra["unlike"] = serde_json::json!(u);
        }
        json::line(&mut out, &With { extra, blame: &answer.blame })?;
        return Ok(exit_of_complaint(&answer));
    }
    writeln!(out, "{}\n", text::sentence(&answer.blame))?;
    write!(out, "{}", text::block(&answer.blame))?;
    if let Some(u) = unlike {
        writeln!(out, "\n{}", u.message)?;
    }
    if let Some(d) = diagnosis.filter(|d| !d.causes.is_empty()) {
        writeln!(out, "\nwhat looks like {:?}, the likeliest here first:", d.symptom.name())?;
        for c in &d.causes {
            let codes = if c.codes.is_empty() { String::new() } else { format!(" [{}]", c.codes.join(", ")) };
            let here = if c.answer { ": as said above" } else { "" };
            writeln!(out, "  - {}{codes}{here}", c.message)?;
        }
    }
    if let Some(run) = answer.walked.runs.first().filter(|_| global.verbose > 0) {
        writeln!(out, "\n{}", journey::journey(&explainer.describer(), run, global.verbose > 1))?;
    }
    out.flush()?;
    Ok(exit_of_complaint(&answer))
}

/// What becomes of a packet of another source, and where its way parts from the one that is complained of.
#[derive(Serialize)]
struct Unlike {
    verdict: Verdict,
    culprit: Culprit,
    parting: Option<Parting>,
    message: String,
}

fn unlike(explainer: &Explainer<'_>, other: &Question, answer: &Explained) -> Result<Unlike, Box<dyn Error>> {
    let other = complain_of(explainer, other, |_| true)?;
    let parting = parting(explainer, answer, &other);
    let fares = text::sentence(&other.blame);
    let message = match &parting {
        None if other.blame.verdict == answer.blame.verdict => {
            format!("{fares} No rule makes a difference between the two.")
        }
        None => format!("{fares} The same rules match both: something else makes the difference."),
        Some(p) => {
            let whom = if p.matches_this { "the first one only" } else { "the other one only" };
            let why = p.missed.as_ref().map_or_else(String::new, |m| format!(" ({m})"));
            format!("{fares} Their ways part at {}, which matches {whom}{why}.", p.rule.place())
        }
    };
    let Blame { verdict, culprit, .. } = other.blame;
    Ok(Unlike { verdict, culprit, parting, message })
}

/// A packet that passes may be led astray all the same.
fn exit_of_complaint(answer: &Explained) -> Exit {
    if answer.blame.culprit.kind == CulpritKind::None { exit(answer) } else { Exit::Something }
}

/// A blame with something beside it.
#[derive(Serialize)]
struct With<'a> {
    #[serde(flatten)]
    extra: serde_json::Value,
    #[serde(flatten)]
    blame: &'a Blame,
}

fn exit(answer: &Explained) -> Exit {
    if answer.passes() { Exit::Nothing } else { Exit::Something }
}

/// Questions on standard input.
fn lines() -> Result<Exit, Box<dyn Error>> {
    let host = KernelHost::open()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let waited = Cell::new(false);
    // More than the standard input's own buffer, which is left out then: whatever is there is in the file, or here.
    let input = BufReader::with_capacity(1 << 16, Patient { input: io::stdin().lock(), waited: &waited });
    let all_pass = batch::run(&host, input, || waited.take(), |answer| json::line(&mut out, answer))?;
    Ok(if all_pass { Exit::Nothing } else { Exit::Something })
}

/// A reader that notes when it has to wait.
struct Patient<'a> {
    input: io::StdinLock<'a>,
    waited: &'a Cell<bool>,
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut there = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
        if poll(&mut there, PollTimeout::ZERO) == Ok(0) {
            self.waited.set(true);
        }
        self.input.read(buffer)
    }
}

/// Every packet of a file.
fn capture(global: &Global, args: &Args, path: &Path) -> Result<Exit, Box<dyn Error>> {
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|e| named(&e))?)
    };
    let mut file = Capture::new(BufReader::new(input)).map_err(|e| named(&e))?;
    let common = args.packet.common()?;
    let host = KernelHost::open()?;
    let mut out = output::stdout(global.color);
    let (mut number, mut all_pass, mut broken, mut failed) = (0u64, true, None, None);
    let next = || match file.packet() {
        Ok(packet) => packet.map(|packet| Next { item: Ok(packet), waited: false }),
        Err(e) if e.is_of_packet() => Some(Next { item: Err(e.to_string()), waited: false }),
        Err(e) => {
            broken = Some(e);
            None
        }
    };
    session(&host, next, |explainer, packet| {
        number += 1;
        let question = packet.and_then(|p| question(&common, explainer, &p));
        let answer = question.and_then(|q| explainer.explain(&q).map_err(|e| e.to_string()));
        all_pass &= answer.as_ref().is_ok_and(Explained::passes);
        match print(&mut out, global, number, answer.as_ref().map(|a| &a.blame)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                failed = Some(e);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(e) = failed {
        return Err(e.into());
    }
    if let Some(e) = broken {
        if global.json {
            json::line(&mut out, &serde_json::json!({ "frame": number + 1, "error": e.to_string() }))?;
        }
        return Err(named(&e).into());
    }
    Ok(if all_pass { Exit::Nothing } else { Exit::Something })
}

/// What is asked about a captured packet: what the arguments say comes first, then what the file says.
fn question(common: &Question, explainer: &Explainer<'_>, packet: &Captured) -> Result<Question, String> {
    let found = frame(packet)?;
    let mut q = found.question;
    let here = |name: &str| matches!(explainer.env().link_index(name.as_bytes()), nfblame::evaluate::Fact::Is(_));
    q.side = match (&common.side, &packet.interface) {
        _ if found.outgoing == Some(true) => Side::Out,
        (Side::Unsaid, Some(name)) if here(name) => Side::In(name.as_str().into()),
        (side, _) => side.clone(),
    };
    q.hook = common.hook.or(q.hook);
    q.oif.clone_from(&common.oif);
    q.ct = common.ct;
    if common.mark != 0 {
        q.mark = common.mark;
    }
    if q.side == Side::Out {
        q.uid = common.uid.or(q.uid);
        q.gid = common.gid;
        q.cgroup.clone_from(&common.cgroup);
    }
    Ok(q)
}

fn print(out: &mut impl Write, global: &Global, number: u64, answer: Result<&Blame, &String>) -> io::Result<()> {
    match answer {
        Ok(blame) if global.json => json::line(out, &With { extra: serde_json::json!({ "frame": number }), blame }),
        Err(e) if global.json => json::line(out, &serde_json::json!({ "frame": number, "error": e })),
        Ok(blame) if global.verbose > 0 => writeln!(out, "{}", text::block(blame)),
        Ok(blame) => write!(out, "{number:>4} {}", text::brief(blame)),
        Err(e) => writeln!(out, "{number:>4} not explained: {e}"),
    }
}
