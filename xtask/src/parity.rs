//! The table of how many lines of the real tools come out the same: `docs/parity.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

const FILE: &str = "docs/parity.md";
const TESTS: [&str; 3] = ["parity_nft", "parity_iptables", "parity_ipset"];

const HEAD: &str = "\
# Parity with the tools

Each line of `tests/corpus` is given to the real tool; what the kernel then holds is read by nfblame and listed, and
compared with the tool's own listing byte for byte. Made by `cargo xtask parity`, with the tools of Debian 12 (nftables
1.0.6, iptables 1.8.9, arptables 0.0.5, ipset 7.17); the same tests run with all others.

*Lines* were compared; *refused* ones were not accepted by the tool for that family, or not held by the kernel here,
which lacks modules. A *known difference* is explained in [parity-differences.md](parity-differences.md).
";

/// What came out for one part of the corpus.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    tried: u64,
    equal: u64,
    known: u64,
    refused: u64,
}

/// Runs the parity tests and writes the table.
pub fn run() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("test").stderr(Stdio::inherit());
    for test in TESTS {
        command.args(["--test", test]);
    }
    let out = command.args(["--", "--nocapture", "--test-threads=1"]).output().map_err(|e| format!("cargo: {e}"))?;
    let text = String::from_utf8_lossy(&out.stdout);
    if !out.status.success() {
        return Err(format!("{text}\nthe parity tests failed: {}", out.status));
    }
    let counts: BTreeMap<(&str, &str), Count> = text.lines().filter_map(parse).collect();
    if counts.is_empty() {
        return Err("the parity tests reported nothing; are the tools installed?".into());
    }
    let table = table(&counts).map_err(|e| e.to_string())?;
    print!("{table}");
    fs::write(FILE, format!("{HEAD}\n{table}")).map_err(|e| format!("{FILE}: {e}"))
}

/// `parity: TOOL: PART: 3 tried, 2 equal, 1 known differences, 0 refused`, behind anything.
fn parse(line: &str) -> Option<((&str, &str), Count)> {
    let (_, report) = line.split_once("parity: ")?;
    let (names, numbers) = report.rsplit_once(": ")?;
    let (tool, part) = names.split_once(": ")?;
    let mut numbers = numbers.split(", ").map(|n| n.split(' ').next().and_then(|n| n.parse().ok()));
    let mut next = || numbers.next().flatten();
    Some(((tool, part), Count { tried: next()?, equal: next()?, known: next()?, refused: next()? }))
}

fn table(counts: &BTreeMap<(&str, &str), Count>) -> Result<String, std::fmt::Error> {
    let mut out =
        String::from("| listing | corpus | lines | equal | known differences | refused |\n|---|---|--:|--:|--:|--:|\n");
    let mut all = Count::default();
    for ((tool, part), c) in counts {
        let Count { tried, equal, known, refused } = *c;
        writeln!(out, "| `{tool}` | {part} | {tried} | {equal} | {known} | {refused} |")?;
        all = Count {
            tried: all.tried + tried,
            equal: all.equal + equal,
            known: all.known + known,
            refused: all.refused + refused,
        };
    }
    let Count { tried, equal, known, refused } = all;
    writeln!(out, "| **all** | | **{tried}** | **{equal}** | **{known}** | **{refused}** |")?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_found_behind_what_the_runner_prints() {
        let line = "test x ... parity: ipset save: save.txt: 9 tried, 7 equal, 2 known differences, 1 refused";
        let count = Count { tried: 9, equal: 7, known: 2, refused: 1 };
        assert_eq!(parse(line), Some((("ipset save", "save.txt"), count)));
        assert_eq!(parse("skipped: parity"), None);
    }
}
