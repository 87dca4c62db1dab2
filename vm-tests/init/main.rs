//! The first and only process of the machine: sets it up, runs the plan, tells what came out, and switches off. Called
//! as `modprobe`, by the kernel, it loads a module and notes down that it was asked for.

mod cli;
mod modules;
mod nets;
mod out;
mod scenarios;
mod send;
mod steps;
mod suites;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use nfblame_vm_tests::{Line, PLAN, PROBE, Plan, SENTINEL, STARTED};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};

use out::Out;

fn main() -> ExitCode {
    let name = std::env::args().next().unwrap_or_default();
    if name.ends_with("modprobe") {
        return modules::modprobe();
    }
    if std::process::id() != 1 {
        return here(&std::env::args().skip(1).collect::<Vec<_>>());
    }
    println!("{STARTED}");
    if let Err(e) = run() {
        println!("vm-init: {e}");
    }
    println!("{SENTINEL}");
    let _ = std::io::stdout().flush();
    nix::unistd::sync();
    // Returns only if it is refused; a first process that ends is a panic, which is noticed.
    let _ = reboot(RebootMode::RB_POWER_OFF);
    ExitCode::FAILURE
}

/// In a machine that somebody else has set up: `vm-init --here DIRECTORY` runs what a bundle holds.
fn here(args: &[String]) -> ExitCode {
    let dir = match args {
        [flag, dir] if flag == "--here" => Path::new(dir),
        _ => {
            eprintln!(
                "usage: vm-init --here DIRECTORY   (changes the firewall of the machine: in a throw-away one only)"
            );
            return ExitCode::FAILURE;
        }
    };
    let path = dir.join("plan.json");
    let text = fs::read(&path).map_err(|e| e.to_string());
    let mut plan = match text.and_then(|t| serde_json::from_slice::<Plan>(&t).map_err(|e| e.to_string())) {
        Ok(plan) => plan,
        Err(e) => {
            eprintln!("vm-init: {}: {e}", path.display());
            return ExitCode::FAILURE;
        }
    };
    for suite in &mut plan.suites {
        suite.path = dir.join(&suite.name).display().to_string();
    }
    let built_at = Path::new(&plan.built_at);
    let made = built_at.parent().map_or(Ok(()), fs::create_dir_all);
    if let Err(e) = made.and_then(|()| fs::copy(dir.join("nfblame"), built_at).map(drop)) {
        eprintln!("vm-init: {}: {e}: the tests that call nfblame will fail", built_at.display());
    }
    let mut out = Out::stdout();
    steps::run_here(&plan, &mut out);
    println!("{} failed", out.failed);
    if out.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run() -> Result<(), String> {
    let mounts = [
        ("proc", "/proc", "proc"),
        ("sysfs", "/sys", "sysfs"),
        ("devtmpfs", "/dev", "devtmpfs"),
        ("tmpfs", "/run", "tmpfs"),
        ("tracefs", "/sys/kernel/tracing", "tracefs"),
        ("cgroup2", "/sys/fs/cgroup", "cgroup2"),
    ];
    for (what, at, kind) in mounts {
        let mounted = mount(Some(what), at, Some(kind), MsFlags::empty(), None::<&str>);
        if let Err(e) = mounted
            && ["proc", "sysfs", "devtmpfs"].contains(&what)
        {
            return Err(format!("mount {at}: {e}"));
        }
    }
    // Some programs are told to read these.
    for (at, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
        std::os::unix::fs::symlink(format!("/proc/self/fd/{at}"), format!("/dev/{name}"))
            .map_err(|e| format!("/dev/{name}: {e}"))?;
    }
    if fs::read_to_string("/proc/cmdline").is_ok_and(|c| c.contains(PROBE)) {
        return Ok(());
    }
    let mut out = Out::open()?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").map_err(|e| format!("osrelease: {e}"))?;
    out.line(&Line::Started { kernel: release.trim().into() });
    let plan = fs::read(PLAN).map_err(|e| format!("{PLAN}: {e}"))?;
    let plan: Plan = serde_json::from_slice(&plan).map_err(|e| format!("{PLAN}: {e}"))?;
    nets::loopback_up()?;
    steps::run(&plan, &mut out);
    out.line(&Line::End);
    Ok(())
}
