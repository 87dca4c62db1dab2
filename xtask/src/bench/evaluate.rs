//! Deciding about packets: the benchmark of the library, which measures the kernel beside it.

use std::process::{Command, Stdio};

use super::Plan;

pub fn run(_: &Plan) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args(["bench", "--quiet", "--package", "nfblame", "--bench", "evaluate"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cargo bench: {e}"))?;
    if !out.status.success() {
        return Err(format!("cargo bench --bench evaluate: {}", out.status));
    }
    Ok(format!(
        "## Deciding about a packet that no rule matches\n\n{}\n\
         Ours is one base chain over one packet; the kernel's is what a datagram over loopback takes longer with the rules \
         than without.\n",
        String::from_utf8_lossy(&out.stdout)
    ))
}
