//! What the documents name in the repository is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};

/// The folders whose files are named by their path from the top.
const TOP: [&str; 8] = ["src/", "sys/", "tests/", "docs/", "vm-tests/", "xtask/", "benches/", "examples/"];

/// The documents below a folder.
fn documents(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            out.push(path);
        }
    }
}

/// The paths that a text names in backticks or as the target of a link, up to the first word that stands for others (`NAME`), and without
/// braces of alternatives.
fn named(text: &str) -> Vec<&str> {
    let stops = |c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c));
    let begins = text.match_indices(['`', '(']).map(|(at, mark)| &text[at + mark.len()..]);
    let paths = begins.filter(|rest| TOP.iter().any(|top| rest.starts_with(top)));
    let whole = paths.map(|rest| rest.split(stops).next().unwrap_or_default());
    whole
        .map(|path| {
            let placeholder =
                path.split('/').find(|part| part.len() > 1 && part.starts_with(|c: char| c.is_ascii_uppercase()));
            match placeholder {
                Some(part) if part != "README.md" => path.split(part).next().unwrap_or_default(),
                _ => path,
            }
        })
        .collect()
}

#[test]
fn every_path_is_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["", "docs", "docs/findings", "fuzz"] {
        documents(&top.join(dir), &mut files);
    }
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let beside = file.parent().unwrap();
        for path in named(&text) {
            seen += 1;
            if !top.join(path).exists() && !beside.join(path).exists() {
                missing.push(format!("{}: {path}", file.display()));
            }
        }
    }
    assert!(seen > 60, "only {seen} paths found in {} documents", files.len());
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_placeholder_ends_a_path() {
    let text = "`sys/src/nft/expr/NAME.rs`, [a](docs/findings/README.md), `sys/src/{rt,diag}/`, /sys/module/x";
    assert_eq!(named(text), ["sys/src/nft/expr/", "docs/findings/README.md", "sys/src/"]);
}
