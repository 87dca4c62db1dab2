//! What runs in the machines: linked statically, so that it needs nothing there.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// The programs.
pub struct Built {
    /// The first process.
    pub init: PathBuf,
    /// nfblame itself.
    pub nfblame: PathBuf,
    /// Test programs by name.
    pub suites: Vec<(String, PathBuf)>,
}

/// Builds everything.
///
/// # Errors
/// When the compiler refuses.
pub fn build(suites: &[&str]) -> Result<Built, String> {
    let programs = cargo(&["build", "--package", "nfblame", "--package", "nfblame-vm-tests", "--bins"])?;
    let find = |name: &str| {
        let found = programs.iter().find(|(n, _)| n == name).map(|(_, p)| p.clone());
        found.ok_or_else(|| format!("cargo built no {name}"))
    };
    let mut tests = vec!["test", "--no-run", "--package", "nfblame", "--package", "nfblame-sys"];
    for suite in suites {
        tests.extend(["--test", suite]);
    }
    let suites = if suites.is_empty() { Vec::new() } else { cargo(&tests)? };
    let suites = suites.into_iter().filter(|(n, _)| n != "nfblame").collect();
    Ok(Built { init: find("vm-init")?, nfblame: find("nfblame")?, suites })
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Names and paths of the programs that a cargo command makes.
fn cargo(args: &[&str]) -> Result<Vec<(String, PathBuf)>, String> {
    let triple = triple()?;
    let flags = format!("target.{triple}.rustflags=[\"-C\", \"target-feature=+crt-static\"]");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // These would take the place of the flags.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.args(args).args(["--quiet", "--profile", "vm", "--target", &triple, "--config", &flags]);
    command.args(["--message-format", "json-render-diagnostics"]);
    eprintln!("vm: cargo {}", args.join(" "));
    let out = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|e| format!("cargo: {e}"))?;
    if !out.status.success() {
        return Err(format!("cargo {}: {}", args.join(" "), out.status));
    }
    let lines = String::from_utf8_lossy(&out.stdout);
    let messages = lines.lines().filter_map(|l| serde_json::from_str::<Message>(l).ok());
    Ok(messages.filter_map(|m| Some((m.target?.name, m.executable?))).collect())
}

fn triple() -> Result<String, String> {
    let said = crate::shell::run(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|l| l.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say its host".into())
}
