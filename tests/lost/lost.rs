//! Asking why, and doing what is proposed.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::Netns;

/// What `nfblame why` says of a packet in a namespace.
pub fn why(ns: &Netns, packet: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfblame"));
    command.arg("why").args(packet.split_whitespace()).args(["-j", "--netns", &ns.path()]);
    let out = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{packet}: {e}: {text:?} {}", String::from_utf8_lossy(&out.stderr)))
}

/// Who is blamed and how surely, in a line: `certain drop rule inet filter input 1`.
pub fn who(answer: &Value) -> String {
    let text =
        ["/confidence", "/verdict", "/culprit/kind", "/culprit/family", "/culprit/table_name", "/culprit/chain_name"];
    let mut words: Vec<String> = text.iter().filter_map(|p| answer.pointer(p)?.as_str().map(str::to_owned)).collect();
    let c = &answer["culprit"];
    words.extend(c["rule_position"].as_u64().map(|n| n.to_string()));
    words.extend(c["sysctl"]["key"].as_str().map(str::to_owned));
    words.extend(c["detail"].as_str().map(str::to_owned));
    words.join(" ")
}

/// Makes the first change that was proposed as tried, for real.
pub fn apply(ns: &Netns, answer: &Value) {
    let fixes = answer["fix"].as_array().unwrap();
    let fix = fixes.iter().find(|f| f["verified"] == true).unwrap_or_else(|| panic!("no fix: {answer:#}"));
    for command in fix["commands"].as_array().unwrap() {
        ns.cmd("sh", &["-ec", command.as_str().unwrap()], "");
    }
}
