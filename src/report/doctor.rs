//! What works here, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::doctor::{Feature, Report, State};
use crate::sys::text::Escaped;

const DIM: Style = Style::new().dimmed();
/// The column behind state and name.
const INDENT: usize = 30;

/// The whole report; with `quiet` only what does not work.
pub fn report(r: &Report, quiet: bool) -> String {
    let mut s = String::new();
    if !quiet {
        let netns = r.netns.as_deref().unwrap_or("an unknown network namespace");
        let _ = writeln!(s, "Linux {}, {netns}, user {}\n", Escaped(r.kernel.as_bytes()), r.uid);
    }
    for f in r.features.iter().filter(|f| !quiet || f.state != State::Works) {
        feature(&mut s, f);
    }
    if !quiet {
        let missing = r.features.iter().filter(|f| f.needed && f.state != State::Works).count();
        let _ = match missing {
            0 => writeln!(s, "\neverything that nfblame needs here works"),
            n => writeln!(s, "\n{n} of what nfblame needs here does not work"),
        };
    }
    s
}

fn feature(s: &mut String, f: &Feature) {
    let (word, style) = match (f.state, f.needed) {
        (State::Works, _) => ("works", AnsiColor::Green.on_default()),
        (State::No, true) => ("NO", AnsiColor::Red.on_default().bold()),
        (State::No, false) => ("no", AnsiColor::Yellow.on_default()),
        (State::Unknown, _) => ("?", AnsiColor::Yellow.on_default()),
    };
    let _ = write!(s, "{style}{word:<7}{style:#}{:<23}", f.feature);
    let purpose =
        if f.needed || f.state == State::Works { f.purpose.to_owned() } else { format!("{} (optional)", f.purpose) };
    let _ = writeln!(s, "{DIM}{purpose}{DIM:#}");
    for detail in &f.detail {
        let _ = writeln!(s, "{:INDENT$}{detail}", "");
    }
    if let Some(reason) = &f.reason {
        let _ = writeln!(s, "{:INDENT$}{reason}", "");
    }
    if let Some(remedy) = &f.remedy {
        let _ = writeln!(s, "{:INDENT$}→ {remedy}", "");
    }
}
