//! Kernel modules: loading them, and noting down who asks.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nix::kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module};

/// What the kernel asked for by itself.
const ASKED: &str = "/run/modprobe.log";

fn dir() -> PathBuf {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    PathBuf::from("/lib/modules").join(release.trim())
}

/// The kernel's `/sbin/modprobe -q -- NAME`: an alias or a module's name.
pub fn modprobe() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    for name in &wanted {
        let log = OpenOptions::new().create(true).append(true).open(ASKED);
        let _ = log.and_then(|mut f| writeln!(f, "{name}"));
        if !load(name) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What the kernel has asked for since this was last called.
pub fn asked() -> Vec<String> {
    let text = fs::read_to_string(ASKED).unwrap_or_default();
    let _ = fs::remove_file(ASKED);
    text.lines().map(str::to_owned).collect()
}

/// The modules that are there now.
pub fn loaded() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/modules").unwrap_or_default();
    text.lines().filter_map(|l| l.split(' ').next()).map(str::to_owned).collect()
}

/// Loads a module by its name or alias, with all that it needs. False: there is none, or it refused.
pub fn load(name: &str) -> bool {
    let same = |a: &str| a.bytes().map(plain).eq(name.bytes().map(plain));
    let aliases = fs::read_to_string(dir().join("modules.alias")).unwrap_or_default();
    let alias = |l: &str| {
        let (alias, module) = l.strip_prefix("alias ")?.split_once(' ')?;
        same(alias).then(|| module.to_owned())
    };
    let modules: Vec<String> = aliases.lines().filter_map(alias).collect();
    let modules = if modules.is_empty() { vec![name.replace('-', "_")] } else { modules };
    let mut any = false;
    for module in modules {
        any |= load_module(&module);
    }
    any
}

/// Names of modules mean the same with either.
fn plain(b: u8) -> u8 {
    if b == b'-' { b'_' } else { b }
}

/// Unloads a module, when nobody holds it any more; that it is not there is no harm.
pub fn unload(name: &str) -> Result<(), String> {
    let c_name = CString::new(name).map_err(|e| e.to_string())?;
    let begun = Instant::now();
    loop {
        match delete_module(&c_name, DeleteModuleFlags::O_NONBLOCK) {
            Ok(()) | Err(nix::Error::ENOENT) => return Ok(()),
            // Rules are destroyed some time after they were deleted.
            Err(nix::Error::EAGAIN) if begun.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(e) => return Err(format!("unload {name}: {e}")),
        }
    }
}

fn load_module(module: &str) -> bool {
    // The kernel checks a module's signature before it finds that it has it, which takes a while under emulation.
    let text = fs::read_to_string("/proc/modules").unwrap_or_default();
    // One that somebody else is loading is waited for.
    let live = text.lines().filter(|l| l.contains(" Live "));
    let mut there: BTreeSet<String> = live.filter_map(|l| l.split(' ').next()).map(str::to_owned).collect();
    if there.contains(module) {
        return true;
    }
    let dep = fs::read_to_string(dir().join("modules.dep")).unwrap_or_default();
    let stem = |path: &str| path.rsplit('/').next().unwrap_or(path).trim_end_matches(".ko").replace('-', "_");
    let is_it = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".ko");
        name.bytes().map(plain).eq(module.bytes())
    };
    let Some((path, needs)) = dep.lines().filter_map(|l| l.split_once(':')).find(|(p, _)| is_it(p)) else {
        return false;
    };
    // The last one needs none of the others.
    for file in needs.split_whitespace().rev().chain([path]) {
        if !there.insert(stem(file)) {
            continue;
        }
        let opened = File::open(dir().join(file));
        let done =
            opened.map_err(|e| e.to_string()).and_then(|f| match finit_module(&f, c"", ModuleInitFlags::empty()) {
                Ok(()) | Err(nix::Error::EEXIST) => Ok(()),
                Err(e) => Err(e.to_string()),
            });
        if let Err(e) = done {
            println!("vm-init: module {file}: {e}");
            return false;
        }
    }
    true
}
