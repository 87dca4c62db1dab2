//! What came out.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::PathBuf;

use nfblame_vm_tests::{Line, Outcome};

use crate::qemu::{End, Machine};

/// What came out of one machine.
pub struct Report {
    version: String,
    release: String,
    tests: Vec<(String, String, Outcome, String)>,
    features: Vec<(String, bool, String)>,
    /// What went wrong with the machine as a whole.
    broken: Option<String>,
    console: PathBuf,
}

impl Report {
    /// Reads the result file of a machine that ended so.
    pub fn read(version: &str, release: &str, machine: &Machine, end: End) -> Self {
        let text = std::fs::read(machine.results()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let (mut tests, mut features, mut ended, mut kernel) = (Vec::new(), Vec::new(), false, None);
        for line in text.lines().filter_map(|l| serde_json::from_str(l).ok()) {
            match line {
                Line::Started { kernel: k } => kernel = Some(k),
                Line::Test { step, name, outcome, detail } => tests.push((step, name, outcome, detail)),
                Line::Feature { name, works, reason } => features.push((name, works, reason)),
                Line::End => ended = true,
            }
        }
        let broken = match end {
            End::Broken(why) => Some(why),
            End::Orderly if !ended => Some("its result file is not complete".into()),
            End::Orderly if kernel.as_deref() != Some(release) => Some(format!("it ran {kernel:?}, not {release}")),
            End::Orderly => None,
        };
        let (version, release) = (version.to_owned(), release.to_owned());
        Self { version, release, tests, features, broken, console: machine.console() }
    }

    /// Passed, failed, ignored.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |o| self.tests.iter().filter(|t| t.2 == o).count();
        let failed = count(Outcome::Failed) + usize::from(self.broken.is_some());
        (count(Outcome::Passed), failed, count(Outcome::Ignored))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, failed, ignored) = self.counts();
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        writeln!(f, "vm {}: {verdict}: {passed} passed, {failed} failed, {ignored} ignored", self.release)?;
        for (step, name, outcome, detail) in &self.tests {
            match outcome {
                Outcome::Failed => writeln!(f, "  FAILED {step}: {name}\n      {}", detail.replace('\n', "\n      "))?,
                Outcome::Ignored => writeln!(f, "  ignored {step}: {name}: {detail}")?,
                Outcome::Passed => {}
            }
        }
        if let Some(why) = &self.broken {
            writeln!(f, "  FAILED machine: {why}")?;
        }
        if failed > 0 {
            writeln!(f, "  console: {}", self.console.display())?;
        }
        Ok(())
    }
}

/// The table of kernels and features, as Markdown.
pub fn table(reports: &[Report]) -> String {
    let mut out = String::from(HEAD);
    let mut names: Vec<&str> = Vec::new();
    for (name, ..) in reports.iter().flat_map(|r| &r.features) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let versions: Vec<&str> = reports.iter().map(|r| r.version.as_str()).collect();
    let _ = writeln!(out, "| feature | {} |\n|---|{}", versions.join(" | "), "---|".repeat(versions.len()));
    let mut notes: Vec<String> = Vec::new();
    for name in names {
        let cells: Vec<String> = reports
            .iter()
            .map(|r| match r.features.iter().find(|f| f.0 == name) {
                Some((_, true, _)) => "yes".into(),
                Some((_, false, reason)) => {
                    let at = notes.iter().position(|n| n == reason).unwrap_or_else(|| {
                        notes.push(reason.clone());
                        notes.len() - 1
                    });
                    format!("no [{}]", at + 1)
                }
                None => "not run".into(),
            })
            .collect();
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    }
    for (i, note) in notes.iter().enumerate() {
        let _ = writeln!(out, "\n[{}] {note}", i + 1);
    }
    let _ = writeln!(out, "\n## What ran\n\n| kernel | passed | failed | ignored |\n|---|---|---|---|");
    for r in reports {
        let (passed, failed, ignored) = r.counts();
        let _ = writeln!(out, "| {} | {passed} | {failed} | {ignored} |", r.release);
    }
    let mut skipped: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for r in reports {
        for (step, name, _, detail) in r.tests.iter().filter(|t| t.2 == Outcome::Ignored) {
            skipped.entry((step, name, detail)).or_default().push(&r.version);
        }
    }
    if !skipped.is_empty() {
        let _ = writeln!(out, "\nIgnored, with the reason:\n");
    }
    for ((step, name, why), on) in skipped {
        let _ = writeln!(out, "- {step}: {name} ({}): {why}", on.join(", "));
    }
    out
}

const HEAD: &str = "\
# What works on which kernel

Written by `cargo xtask vm --table docs/kernel-support.md`, which boots these kernels of Debian under qemu with all
their modules at hand; not by hand. `nfblame doctor` says the same of the machine that it runs on.

";
