//! Broken hosts that somebody else described, and who is to blame for each: their own program keeps the score.

use std::fs;
use std::time::Duration;

use nfblame_vm_tests::{Outcome, SCENARIOS};

use crate::cli::{call_within, feature};
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
    // Without tracing, some drops leave nothing for `watch` to tell of.
    let untraced = feature("nf_tables trace").ok().filter(|f| f["state"] != "works");
    for name in names {
        match (scored(&name), &untraced) {
            (Ok(None), _) => out.test(&name, Outcome::Passed, ""),
            (Ok(Some(_)), Some(f)) => {
                let why = format!("watch did not name the culprit, and cannot trace here: {}", f["reason"]);
                out.test(&name, Outcome::Ignored, why);
            }
            (Ok(Some(said)) | Err(said), _) => out.test(&name, Outcome::Failed, said),
        }
    }
}

/// The directories that expect something.
fn names() -> std::io::Result<Vec<String>> {
    let all = fs::read_dir(SCENARIOS)?.flatten().filter(|e| e.path().join("expected.json").exists());
    let mut names: Vec<String> = all.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// What its program says where `watch` was to name the culprit and did not; none: all is right. An error where `why` did not,
/// or somebody was blamed falsely.
fn scored(name: &str) -> Result<Option<String>, String> {
    let said = call_within(PYTHON, &[&format!("{SCENARIOS}/score.py"), name], "", LIMIT)?;
    let line = said.out.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    let told = format!("{}\n{}", said.out, said.err);
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [_, live, asked, "0", _] if *asked != "NO" => Ok((*live == "NO").then_some(told)),
        _ => Err(told),
    }
}
