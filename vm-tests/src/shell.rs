//! Running the programs that this needs, and getting them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

/// Programs, and the packages that have them.
const TOOLS: &[(&str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("depmod", "kmod"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
    ("dpkg-deb", "dpkg"),
    ("setpriv", "util-linux"),
];

/// Installs what is missing.
///
/// # Errors
/// What cannot be had.
pub fn install() -> Result<(), String> {
    let missing: Vec<_> = TOOLS.iter().filter(|(t, _)| find(t).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, p)| *p).collect();
    eprintln!("vm: installing {}", packages.join(" "));
    let apt = |args: &[&str]| {
        let done = Command::new("apt-get")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        done.is_ok_and(|s| s.success())
    };
    apt(&["update", "-qq"]);
    apt(&[&["install", "-qq", "-y", "--no-install-recommends"], packages.as_slice()].concat());
    let still: Vec<&str> = missing.iter().filter(|(t, _)| find(t).is_none()).map(|(t, _)| *t).collect();
    if still.is_empty() { Ok(()) } else { Err(format!("{} cannot be had here", still.join(", "))) }
}

/// The directory is ours alone until what is returned is dropped: others are waited for.
///
/// # Errors
/// When the lock cannot be made.
pub fn lock(dir: &Path) -> Result<Flock<File>, String> {
    make_dir(dir)?;
    let path = dir.join("lock");
    let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let file = File::create(&path).map_err(|e| fail(&e))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(locked) => return Ok(locked),
        Err((file, nix::Error::EWOULDBLOCK)) => file,
        Err((_, e)) => return Err(fail(&e)),
    };
    eprintln!("vm: another run uses {}: waiting for its end", dir.display());
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| fail(&e))
}

/// Where a program is.
pub fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), "/usr/bin".into()]);
    dirs.map(|d| d.join(program)).find(|p| p.exists())
}

/// Runs a command, which must succeed; what it printed.
///
/// # Errors
/// Which command failed, and what it said.
pub fn run(command: &mut Command) -> Result<String, String> {
    run_within(command, Duration::MAX)
}

/// Runs a command that depends on others (the network), which must succeed within that time; what it printed, which must
/// fit into a pipe.
///
/// # Errors
/// Which command failed, and what it said.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<String, String> {
    let name = format!("{} {}", command.get_program().display(), args(command));
    let fail = |e: std::io::Error| format!("{name}: {e}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().map_err(fail)?;
    while limit != Duration::MAX && child.try_wait().map_err(fail)?.is_none() {
        if begun.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{name}: not done within {limit:?}"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    let out = child.wait_with_output().map_err(fail)?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!("{name}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr).trim()))
}

fn args(command: &Command) -> String {
    command.get_args().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// `fs::create_dir_all` with the path in the error.
///
/// # Errors
/// When the system refuses.
pub fn make_dir(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|e| format!("create {}: {e}", path.display()))
}
