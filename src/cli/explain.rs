//! `nfblame explain` and `nfblame why`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use nfblame::explain::{Explained, Explainer, complain};
use nfblame::host::KernelHost;
use nfblame::report::{journey, json, text};
use nfblame::ruleset::Ruleset;

use super::args::Global;
use super::exit::Exit;
use super::output;
use super::packet::{Packet, question};

/// `nfblame explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub packet: Packet,
    /// Every packet of a capture (pcap or pcapng; `-` is standard input)
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
}

/// Explains one packet, a capture, or a batch.
pub fn run(global: &Global, args: &Args) -> Result<Exit, Box<dyn Error>> {
    let question = question(&args.packet)?;
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
    let question = question(&args.packet)?;
    let (host, rules) = (KernelHost::open()?, Ruleset::read()?);
    let explainer = Explainer::new(&rules, &host);
    let answer = complain(&explainer, &question)?;
    let mut out = output::stdout(global.color);
    if global.json {
        json::line(&mut out, &answer.blame)?;
    } else {
        write!(out, "{}", text::block(&answer.blame))?;
        out.flush()?;
    }
    Ok(exit(&answer))
}

fn exit(answer: &Explained) -> Exit {
    if answer.passes() { Exit::Nothing } else { Exit::Something }
}
