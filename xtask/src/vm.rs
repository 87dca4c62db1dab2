//! Other kernels, in virtual machines: `vm-tests/`.

use std::process::{Command, Stdio};

/// The runner's exit code where no machine could be had.
const SKIPPED: i32 = 3;

/// How the run ended.
pub enum Ended {
    /// All passed.
    Passed,
    /// Nothing was run, for the reason that the runner printed.
    Skipped,
}

/// Runs the runner with these arguments.
///
/// # Errors
/// When something failed.
pub fn run(args: &[String]) -> Result<Ended, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "nfblame-vm-tests", "--bin", "vm", "--"]).args(args);
    let status = command.status().map_err(|e| format!("cargo: {e}"))?;
    match status.code() {
        Some(0) => Ok(Ended::Passed),
        Some(SKIPPED) => Ok(Ended::Skipped),
        _ => Err(format!("the tests on other kernels: {status}")),
    }
}

/// Has Vagrant check the machines of the Vagrantfile, where its package installs. None of them is started.
///
/// # Errors
/// When the file is wrong.
pub fn vagrantfile() -> Result<(), String> {
    let quiet = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("DEBIAN_FRONTEND", "noninteractive").status().is_ok_and(|s| s.success())
    };
    let found = || quiet("vagrant", &["--version"]);
    let install = || quiet("apt-get", &["install", "-qq", "-y", "--no-install-recommends", "vagrant"]);
    let there = found() || install() && found();
    if !there {
        println!("xtask: the Vagrantfile was NOT checked: vagrant cannot be installed here");
        return Ok(());
    }
    if quiet("vagrant", &["validate", "--ignore-provider"]) { Ok(()) } else { Err("vagrant validate failed".into()) }
}

/// The part of CI, where `NFBLAME_VM=1` asks for it: it takes minutes, and downloads kernels. Without machines it goes on,
/// saying so; with `NFBLAME_REQUIRE=1` it does not.
///
/// # Errors
/// When something failed, or is required and missing.
pub fn ci() -> Result<(), String> {
    if std::env::var_os("NFBLAME_VM").is_none_or(|v| v != "1") {
        println!("xtask: the tests on other kernels were SKIPPED, not passed: NFBLAME_VM=1 runs them");
        return Ok(());
    }
    let required = std::env::var_os("NFBLAME_REQUIRE").is_some_and(|v| v == "1");
    match run(&["--again".to_owned()])? {
        Ended::Passed => Ok(()),
        Ended::Skipped if required => Err("the tests on other kernels are required, and were skipped".into()),
        Ended::Skipped => {
            println!("xtask: the tests on other kernels were SKIPPED, not passed: see above");
            Ok(())
        }
    }
}
