//! `nfblame check`.

use std::error::Error;
use std::io::Write;

use clap::ValueEnum;
use nfblame::finding::{self, Code, Severity, View};
use nfblame::host::KernelHost;
use nfblame::report::{finding as report, json};
use nfblame::ruleset::Ruleset;

use super::args::Global;
use super::exit::Exit;
use super::output;

/// `nfblame check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Take warnings for errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Vec<Deny>,
    /// Do not look for this (repeatable)
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = code)]
    allow: Vec<&'static Code>,
    /// Show the page that documents a code, and look for nothing
    #[arg(long, value_name = "CODE", value_parser = code)]
    code: Option<&'static Code>,
    /// Show all codes with their meaning, and look for nothing
    #[arg(long, conflicts_with = "code")]
    codes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings
    Warnings,
}

fn code(text: &str) -> Result<&'static Code, String> {
    finding::code(text).ok_or_else(|| "there is no such code; `nfblame check --codes` shows all".into())
}

/// Shows everything that is found.
pub fn run(global: &Global, args: &Args) -> Result<Exit, Box<dyn Error>> {
    let (host, rules) = (KernelHost::open()?, Ruleset::read()?);
    let view = View::new(&rules, &host);
    let mut found = finding::check(&view, |c| args.allow.iter().all(|a| a.id != c.id));
    if args.deny.contains(&Deny::Warnings) {
        for f in found.iter_mut().filter(|f| f.severity == Severity::Warning) {
            f.severity = Severity::Error;
        }
        found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    }
    for p in &rules.problems {
        eprintln!("nfblame: {}: {}", p.object, p.message);
    }
    let mut out = output::stdout(global.color);
    for f in &found {
        match global.json {
            true => json::line(&mut out, f)?,
            false => writeln!(out, "{}\n", report::finding(f))?,
        }
    }
    if !global.json && !global.quiet {
        writeln!(out, "{}", report::summary(&found))?;
    }
    out.flush()?;
    Ok(if found.iter().any(|f| f.severity > Severity::Note) { Exit::Something } else { Exit::Nothing })
}

/// Shows what is documented, where that is all that was asked. None: it is not.
pub fn document(global: &Global, args: &Args) -> Option<Result<Exit, Box<dyn Error>>> {
    let codes = match (args.code, args.codes) {
        (Some(code), _) => vec![code],
        (None, true) => finding::codes(),
        (None, false) => return None,
    };
    let mut out = output::stdout(global.color);
    let show = |code: &Code| match (global.json, args.codes) {
        (true, _) => json::line(&mut out, &report::document(code)),
        (false, true) => writeln!(out, "{}  {:<7}  {}: {}", code.id, code.severity.name(), code.title, code.meaning),
        (false, false) => out.write_all(code.page.as_bytes()),
    };
    let shown = codes.into_iter().try_for_each(show);
    Some(shown.map(|()| Exit::Nothing).map_err(Into::into))
}
