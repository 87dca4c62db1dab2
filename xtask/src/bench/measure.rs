//! Running a program once and saying what it took.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// User and system time.
    pub cpu: Duration,
    /// The most memory that was resident at once, in KiB.
    pub peak: u64,
}

/// The hidden chore that [`measure`] calls: the peak of a process's children is one number for all of them, so each run
/// needs a parent of its own.
pub const MEASURE_ONE: &str = "measure-one";

/// Runs a program in the calling thread's network namespace.
pub fn measure(command: &[&OsStr]) -> Result<Cost, String> {
    let here = std::env::current_exe().map_err(|e| format!("where is this program? {e}"))?;
    let out = Command::new(here)
        .arg(MEASURE_ONE)
        .args(command)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&out.stdout);
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    match numbers[..] {
        [wall, cpu, peak] if out.status.success() => {
            Ok(Cost { wall: Duration::from_micros(wall), cpu: Duration::from_micros(cpu), peak })
        }
        _ => Err(format!("{command:?} could not be measured")),
    }
}

/// A program that starts another and says what it took, with little memory of its own.
const TIME: &str = "/usr/bin/time";

/// Runs the program, and prints wall time and CPU time in microseconds and the peak of resident memory in KiB.
///
/// What a process had before it became the program counts as the program's peak: more than a small program has, if this
/// one is its parent. Where GNU time is installed, it is.
pub fn measure_one(command: &[String]) -> Result<(), String> {
    let (program, args) = command.split_first().ok_or("which program?")?;
    let peak_file = std::env::temp_dir().join(format!("xtask-peak-{}", std::process::id()));
    let mut child = Command::new(program);
    if Path::new(TIME).exists() {
        child = Command::new(TIME);
        child.args(["-q", "-f", "%M", "-o"]).arg(&peak_file).arg(program);
    }
    child.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = child.status().map_err(|e| format!("{program}: {e}"))?;
    let wall = start.elapsed();
    let peak = fs::read_to_string(&peak_file).ok().and_then(|text| text.trim().parse().ok());
    let _ = fs::remove_file(&peak_file);
    if !status.success() {
        return Err(format!("{}: {status}", command.join(" ")));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| format!("getrusage: {e}"))?;
    println!("{} {} {}", wall.as_micros(), cpu(&usage), peak.unwrap_or(usage.max_rss()));
    Ok(())
}

fn cpu(usage: &Usage) -> i64 {
    usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
}
