//! `cargo xtask bench`: what reading, explaining and watching cost, beside the tools that people use for it today.
//!
//! Everything runs in network namespaces made here. A measurement is a module that returns its part of the report, as
//! Markdown, and has a line in [`MEASUREMENTS`].

mod bare;
mod batch;
mod check;
mod compat;
mod conntrack;
mod contest;
mod evaluate;
mod flood;
mod legacy;
mod measure;
mod nft;
mod programs;
mod report;
mod scaling;
mod table;

pub use measure::{MEASURE_ONE, measure_one};

use std::fs;
use std::process::Command;

use programs::Programs;
use report::Part;

use crate::load;

/// What a measurement needs.
pub struct Plan {
    /// Where the programs are.
    pub programs: Programs,
    /// How often each contestant runs.
    pub rounds: usize,
    /// Divides the sizes, to try things out.
    pub shrink: usize,
}

impl Plan {
    /// A size, as small as asked for.
    pub fn size(&self, full: usize) -> usize {
        (full / self.shrink).max(1)
    }
}

type Measurement = fn(&Plan) -> Result<String, String>;

/// The names by which `cargo xtask bench NAME…` calls them.
const MEASUREMENTS: &[(&str, Measurement)] = &[
    ("nft", nft::run),
    ("compat", compat::run),
    ("legacy", legacy::run),
    ("conntrack", conntrack::run),
    ("scaling", scaling::run),
    ("evaluate", evaluate::run),
    ("batch", batch::run),
    ("check", check::run),
    ("flood", flood::run),
];

const HELP: &str = "\
cargo xtask bench [NAME…] [--rounds N] [--shrink N] [--write FILE] [--as-built]
    measures (all, or those named) and prints the report as Markdown; --shrink divides the sizes, --as-built takes the
    programs as they are; of what is not measured, --write keeps what stands in the file
cargo xtask bench in nft|compat|legacy|conntrack COUNT PROGRAM [ARG…]
    runs a program (a profiler, a shell) in a namespace with that many things to read";

const ROUNDS: usize = 7;

/// Runs the chore.
pub fn run(args: &[String]) -> Result<(), String> {
    if let [word, kind, count, command @ ..] = args
        && word == "in"
    {
        return inside(kind, count, command);
    }
    let mut wanted = Vec::new();
    let (mut rounds, mut shrink, mut file, mut build) = (ROUNDS, 1, None, true);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value\n{HELP}"));
        let number = |text: &String| text.parse::<usize>().map_err(|e| format!("{arg} {text}: {e}")).map(|n| n.max(1));
        match arg.as_str() {
            "--rounds" => rounds = number(value()?)?,
            "--shrink" => shrink = number(value()?)?,
            "--as-built" => build = false,
            "--write" => file = Some(value()?),
            name => match MEASUREMENTS.iter().find(|(n, _)| *n == name) {
                Some(measurement) => wanted.push(measurement),
                None => {
                    let known: Vec<_> = MEASUREMENTS.iter().map(|(n, _)| *n).collect();
                    return Err(format!("no measurement '{name}': there are {}\n{HELP}", known.join(", ")));
                }
            },
        }
    }
    if wanted.is_empty() {
        wanted.extend(MEASUREMENTS);
    }
    if build {
        Programs::build()?;
    }
    let plan = Plan { programs: Programs::find()?, rounds, shrink };
    let mut now = Vec::new();
    for (name, measurement) in wanted {
        eprintln!("xtask: measuring {name}");
        now.push(Part { name: (*name).into(), how: how(&plan), text: measurement(&plan)? });
    }
    let earlier = match file {
        Some(file) => fs::read_to_string(file).unwrap_or_default(),
        None => String::new(),
    };
    let names: Vec<_> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
    let report = report::whole(&introduction(), &earlier, &now, &names);
    match file {
        Some(file) => fs::write(file, report).map_err(|e| format!("{file}: {e}")),
        None => {
            print!("{report}");
            Ok(())
        }
    }
}

/// Runs a program where there is something to read.
fn inside(kind: &str, count: &str, command: &[String]) -> Result<(), String> {
    let count: usize = count.parse().map_err(|e| format!("{count}: {e}"))?;
    let (program, args) = command.split_first().ok_or(HELP)?;
    let ns = load::namespace()?;
    match kind {
        "nft" => nft::fill(&ns, count, count / 10),
        "compat" => compat::fill(&ns, count),
        "legacy" => legacy::fill(&ns, count),
        "conntrack" => conntrack::fill(&ns, count),
        _ => Err(HELP.into()),
    }?;
    let done = ns.run(|| Command::new(program).args(args).status()).map_err(|e| e.to_string())?;
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(e) => Err(format!("{program}: {e}")),
    }
}

/// How often was measured, on what.
fn how(plan: &Plan) -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let sizes = if plan.shrink == 1 { String::new() } else { format!(", sizes divided by {}", plan.shrink) };
    // Whose build of a version it is matters to nobody else.
    let kernel: Vec<_> = first_line("uname", &["-r"]).split(['.', '-']).take(2).map(str::to_owned).collect();
    format!("rounds: {}{sizes}, Linux {}, {cpus} CPUs", plan.rounds, kernel.join("."))
}

fn introduction() -> String {
    format!(
        "# Performance\n\n\
         Made by `cargo xtask bench --write docs/performance.md`, or part by part by `cargo xtask bench NAME… --write \
         docs/performance.md`: not to be edited by hand. How a part was measured stands above it in this file's source.\n\n\
         {}; {}; {}.\n\n\
         The contestants of a table take turns, in rounds; output goes to `/dev/null`. Wall and CPU time (user and \
         system) are medians, memory is the largest peak (`ru_maxrss`). *Bare* is the same dump read from the kernel \
         with the bytes thrown away: the limit for everybody who asks over netlink.\n",
        first_line("nft", &["--version"]),
        first_line("iptables-nft-save", &["--version"]),
        first_line("conntrack", &["--version"]),
    )
}

/// The first line that a program prints.
fn first_line(program: &str, args: &[&str]) -> String {
    match Command::new(program).args(args).output() {
        Ok(out) => String::from_utf8_lossy(&out.stdout).lines().next().unwrap_or_default().trim().to_owned(),
        Err(_) => "unknown".into(),
    }
}
