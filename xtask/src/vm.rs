//! Other kernels, in virtual machines: `vm-tests/`.

use std::process::{Command, Stdio};

/// The runner's exit code where no machine could be had.
const SKIPPED: i32 = 3;
/// Its exit code where only some could be had.
const PARTLY: i32 = 4;

/// How the run ended.
pub enum Ended {
    /// All passed.
    Passed,
    /// Not all was run, or nothing, for the reason that the runner printed.
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
        Some(SKIPPED | PARTLY) => Ok(Ended::Skipped),
        _ => Err(format!("the tests on other kernels: {status}")),
    }
}

/// Has Vagrant check the machines of the Vagrantfile, where its package installs. None of them is started.
///
/// # Errors
/// When the file is wrong.
pub fn vagrantfile() -> Result<(), String> {
    // It leaves notes: among what is built, not at home.
    let target = std::env::current_dir().unwrap_or_default().join("target");
    // A slow mirror must not hold up everything else: `timeout` is of coreutils.
    let quiet = |program: &str, args: &[&str]| {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "240", program]).args(args).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("VAGRANT_HOME", target.join("vagrant-home")).env("VAGRANT_DOTFILE_PATH", target.join("vagrant"));
        command.env("DEBIAN_FRONTEND", "noninteractive").status().is_ok_and(|s| s.success())
    };
    let found = || quiet("vagrant", &["--version"]);
    let install = || quiet("apt-get", &["install", "-qq", "-y", "--no-install-recommends", "vagrant"]);
    let there = found() || install() && found();
    if !there {
        println!("xtask: the Vagrantfile was NOT checked: vagrant cannot be had here (package vagrant, within 240 s)");
        return Ok(());
    }
    if quiet("vagrant", &["validate", "--ignore-provider"]) { Ok(()) } else { Err("vagrant validate failed".into()) }
}

/// The part of the tests: `NFBLAME_VM=0` leaves it out. Without machines it goes on, and the runner has named what was not
/// run; with `NFBLAME_REQUIRE=1` it does not.
///
/// # Errors
/// When something failed, or is required and missing.
pub fn test() -> Result<(), String> {
    let set = |name: &str, value: &str| std::env::var_os(name).is_some_and(|v| v == value);
    if set("NFBLAME_VM", "0") {
        println!("xtask: the tests on other kernels were IGNORED, not passed: NFBLAME_VM is 0");
        return Ok(());
    }
    match run(&["--again".to_owned()])? {
        Ended::Passed => Ok(()),
        Ended::Skipped if set("NFBLAME_REQUIRE", "1") => {
            Err("the tests on other kernels are required, and could not all be run".into())
        }
        Ended::Skipped => {
            println!("xtask: tests on other kernels were IGNORED, not passed: see above");
            Ok(())
        }
    }
}
