//! Test programs of the repository.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use nfblame_vm_tests::{Outcome, Suite, suite_step};

use crate::cli;
use crate::out::Out;

/// Runs one, and tells of each test as it ends.
pub fn run(suite: &Suite, out: &mut Out) {
    out.step(&suite_step(&suite.name));
    let child = Command::new(&suite.path)
        .args(&suite.args)
        .args(["--test-threads", "2"])
        .env("PATH", cli::PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(e) => return out.test("starts", Outcome::Failed, e.to_string()),
    };
    let mut failures = String::new();
    let mut failed = Vec::new();
    let lines = child.stdout.take().map(|s| BufReader::new(s).lines());
    for line in lines.into_iter().flatten().map_while(Result::ok) {
        println!("{line}");
        // Also with what libtest-mimic puts behind the name of an ignored one: ` (no nft)`.
        let Some((name, word)) = line.strip_prefix("test ").and_then(|l| l.rsplit_once(" ... ")) else {
            failures.push_str(&line);
            failures.push('\n');
            continue;
        };
        match word.trim() {
            "ok" => out.test(name.trim(), Outcome::Passed, ""),
            "ignored" => {
                let (name, why) = name.split_once(" (").unwrap_or((name, "marked so)"));
                out.test(name.trim(), Outcome::Ignored, why.trim_end().trim_end_matches(')'));
            }
            _ => failed.push(name.trim().to_owned()),
        }
    }
    for name in &failed {
        let said = failures.split_once(&format!("---- {name} ----")).map_or(failures.as_str(), |(_, rest)| rest);
        let said = said.split("\n---- ").next().unwrap_or(said);
        out.test(name, Outcome::Failed, said.trim().chars().take(2000).collect::<String>());
    }
    match child.wait() {
        Ok(status) if status.success() || !failed.is_empty() => {}
        Ok(status) => out.test("ends", Outcome::Failed, status.to_string()),
        Err(e) => out.test("ends", Outcome::Failed, e.to_string()),
    }
}
