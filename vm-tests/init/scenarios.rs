//! Broken hosts that somebody else described, and who is to blame for each: their own program keeps the score.

use std::fs;
use std::time::Duration;

use nfblame_vm_tests::{Outcome, SCENARIOS};

use crate::cli::call_within;
use crate::out::Out;

const PYTHON: &str = "/usr/bin/python3";
/// Each has waits of its own.
const LIMIT: Duration = Duration::from_secs(110);

/// Runs them one after another.
pub fn run(out: &mut Out) {
    out.step("scenarios");
    let names = match names() {
        Ok(names) => names,
        Err(e) => return out.test("all", Outcome::Failed, format!("{SCENARIOS}: {e}")),
    };
    for name in names {
        out.result(&name, scored(&name));
    }
}

/// The directories that expect something.
fn names() -> std::io::Result<Vec<String>> {
    let all = fs::read_dir(SCENARIOS)?.flatten().filter(|e| e.path().join("expected.json").exists());
    let mut names: Vec<String> = all.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Its line of the table has no `NO`, and none was blamed falsely.
fn scored(name: &str) -> Result<(), String> {
    let said = call_within(PYTHON, &[&format!("{SCENARIOS}/score.py"), name], "", LIMIT)?;
    let line = said.out.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [_, live, asked, "0", _] if ![live, asked].contains(&&"NO") => Ok(()),
        _ => Err(format!("{}\n{}", said.out, said.err)),
    }
}
