//! Programs that do the same, in turns.

use std::ffi::OsString;
use std::time::Duration;

use nfblame_sys::ns::NetNs;

use super::measure::{Cost, measure};
use super::table::Table;

/// A program with a name for the table.
pub struct Contestant {
    name: String,
    command: Vec<OsString>,
}

impl Contestant {
    /// A program and its arguments.
    pub fn new(name: impl Into<String>, program: impl Into<OsString>, args: &[&str]) -> Self {
        let command = std::iter::once(program.into()).chain(args.iter().map(Into::into)).collect();
        Self { name: name.into(), command }
    }
}

/// What the rounds of one contestant come to.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The median of wall time.
    pub wall: Duration,
    /// The median of CPU time.
    pub cpu: Duration,
    /// The largest peak of memory, in KiB.
    pub peak: u64,
}

/// Lets each run once a round in that namespace, in turns.
pub fn outcomes(ns: &NetNs, rounds: usize, all: &[Contestant]) -> Result<Vec<Outcome>, String> {
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); all.len()];
    for _ in 0..rounds {
        for (contestant, costs) in all.iter().zip(&mut costs) {
            let command: Vec<_> = contestant.command.iter().map(OsString::as_os_str).collect();
            costs.push(ns.run(|| measure(&command)).map_err(|e| e.to_string())??);
        }
    }
    Ok(costs.iter().map(|c| outcome(c)).collect())
}

fn outcome(costs: &[Cost]) -> Outcome {
    let median = |of: fn(&Cost) -> Duration| {
        let mut all: Vec<_> = costs.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Outcome { wall: median(|c| c.wall), cpu: median(|c| c.cpu), peak: costs.iter().map(|c| c.peak).max().unwrap_or(0) }
}

/// The same as a table that compares: nfblame comes first, then what it is compared with.
pub fn table(ns: &NetNs, rounds: usize, all: &[Contestant]) -> Result<String, String> {
    let outcomes = outcomes(ns, rounds, all)?;
    let ours = outcomes.first().copied().ok_or("nobody takes part")?;
    let mut table = Table::new(&["", "wall ms", "CPU ms", "peak MB", "wall ratio", "CPU ratio", "memory ratio"]);
    for (contestant, o) in all.iter().zip(&outcomes) {
        let ratio = |theirs: f64, ours: f64| format!("{:.2}", theirs / ours);
        table.row([
            contestant.name.clone(),
            ms(o.wall),
            ms(o.cpu),
            mb(o.peak),
            ratio(o.wall.as_secs_f64(), ours.wall.as_secs_f64()),
            ratio(o.cpu.as_secs_f64(), ours.cpu.as_secs_f64()),
            ratio(o.peak as f64, ours.peak as f64),
        ]);
    }
    Ok(table.to_string())
}

/// Milliseconds.
pub fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

/// Megabytes, of KiB.
pub fn mb(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}
