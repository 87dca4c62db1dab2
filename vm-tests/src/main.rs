//! `cargo xtask vm`: boots other kernels and runs nfblame on them.
//!
//! Exit codes: 0 all passed; 1 something failed; 3 nothing was run, or (4) not all that was asked for, for the reason
//! that is printed.

mod apt;
mod build;
mod disk;
mod initramfs;
mod modules;
mod qemu;
mod report;
mod shell;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use nfblame_vm_tests::{BARE_STEPS, LOADED_STEPS, Plan, Suite, suite_step};
use nix::sys::resource::{UsageWho, getrusage};

use apt::{Apt, Kernel, Kernels, Wanted};
use modules::Unpacked;
use qemu::{Accelerator, Machine};
use report::Report;

const HELP: &str = "\
cargo xtask vm [OPTIONS]  boot Debian's kernels and run nfblame's tests on them

  --kernel V     only this one (repeatable): the version as vm-tests/kernels.toml has it
  --only WORD    only steps whose name holds the word (repeatable)
  --table FILE   write the table of kernels and features, as Markdown
  --jobs N       so many machines at a time (default: as many as there is memory for)
  --again        boot a machine a second time where something failed, and say so
  --suites       most test programs of the repository, not only those of broken hosts
  --scenarios DIR  also score.py of this directory, once for each directory of broken hosts in it
  --tcg          emulate, without trying the host's own processor
  --bundle DIR   only build: what runs in a machine, for one that is set up otherwise (`vm-init --here DIR`)
  --run PROGRAM  only run this program of the host, linked statically, in the machine
";

/// Test programs of the repository that always run: hosts that lose packets, what `why` says of them, and what mends them.
const BROKEN_HOSTS: &[(&str, &[&str])] = &[("lost", &[]), ("check", &["fix::a"])];

/// All that can run, with what they are told. What works long without a word is left out: a machine that is silent counts
/// as hanging.
const SUITES: &[(&str, &[&str])] = &[
    ("harness", &[]),
    ("read_nft", &[]),
    ("legacy_tables", &[]),
    ("dropmon", &[]),
    ("evidence", &[]),
    ("kept_state", &[]),
    ("trace", &[]),
    ("host", &[]),
    ("track", &[]),
    ("conntrack", &[]),
    ("watch", &[]),
    ("check", &[]),
    ("list", &[]),
    ("doctor", &[]),
    ("lost", &[]),
];

/// Nothing was run.
const SKIPPED: u8 = 3;
/// Some kernels could not be had; what was run has passed.
const PARTLY: u8 = 4;

/// A kernel that can be booted.
type Ready = (Kernel, Unpacked);
/// A kernel that cannot be had, and why.
type Missing = (Wanted, String);

#[derive(Default)]
struct Args {
    kernels: Vec<String>,
    only: Vec<String>,
    table: Option<PathBuf>,
    jobs: Option<usize>,
    tcg: bool,
    again: bool,
    suites: bool,
    scenarios: Option<PathBuf>,
    run: Option<String>,
    bundle: Option<PathBuf>,
}

impl Args {
    fn wants(&self, step: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|o| step.contains(o.as_str()))
    }

    /// Those of which `only` may choose.
    fn all_suites(&self) -> &'static [(&'static str, &'static [&'static str])] {
        if self.suites { SUITES } else { BROKEN_HOSTS }
    }

    /// The test programs to run.
    fn suites(&self) -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
        self.all_suites()
            .iter()
            .filter(|(name, _)| (self.run.is_none() || self.suites) && self.wants(&suite_step(name)))
    }
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprint!("vm: {e}\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(dir) = &args.bundle {
        return match bundle(dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("vm: {e}");
                ExitCode::FAILURE
            }
        };
    }
    let wanted = match wanted(&args) {
        Ok(wanted) => wanted,
        Err(e) => {
            eprintln!("vm: {e}");
            return ExitCode::FAILURE;
        }
    };
    // Two runs would boot each other's disks.
    let _alone = match shell::lock(&cache()) {
        Ok(lock) => lock,
        Err(e) => {
            eprintln!("vm: {e}");
            return ExitCode::FAILURE;
        }
    };
    let (kernels, missing) = match can_boot().and_then(|()| shell::install()).and_then(|()| fetch(&args, &wanted)) {
        Ok(found) => found,
        Err(e) => (Vec::new(), wanted.into_iter().map(|w| (w, e.clone())).collect()),
    };
    if kernels.is_empty() {
        let count = ignored(&args, &missing);
        println!("vm: 0 passed, 0 failed, {count} ignored: no kernel was booted");
        return ExitCode::from(SKIPPED);
    }
    match run(&args, &kernels, &missing) {
        Ok(true) if missing.is_empty() => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(PARTLY),
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("vm: {e}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut args = Args::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--kernel" => args.kernels.push(value()?),
            "--only" => args.only.push(value()?),
            "--table" => args.table = Some(value()?.into()),
            "--jobs" => args.jobs = Some(value()?.parse().map_err(|_| "--jobs needs a number")?),
            "--tcg" => args.tcg = true,
            "--again" => args.again = true,
            "--suites" => args.suites = true,
            "--scenarios" => args.scenarios = Some(value()?.into()),
            "--run" => args.run = Some(value()?),
            "--bundle" => args.bundle = Some(value()?.into()),
            "-h" | "--help" => return Ok(None),
            _ => return Err(format!("unknown option '{word}'")),
        }
    }
    let steps: Vec<String> = BARE_STEPS.iter().chain(&LOADED_STEPS).map(|s| (*s).to_owned()).collect();
    let suites = args.all_suites().iter().map(|(name, _)| suite_step(name));
    let steps: Vec<String> = steps.into_iter().chain(suites).chain(["scenarios".to_owned()]).collect();
    if let Some(word) = args.only.iter().find(|o| !steps.iter().any(|s| s.contains(o.as_str()))) {
        return Err(format!("no step has '{word}' in its name; there are: {}", steps.join(", ")));
    }
    Ok(Some(args))
}

/// Outside the repository, so that a fresh clone need not fetch again.
fn cache() -> PathBuf {
    let dir = std::env::var_os("NFBLAME_VM_CACHE").map(PathBuf::from);
    let xdg = || std::env::var_os("XDG_CACHE_HOME").map(|d| Path::new(&d).join("nfblame-vm"));
    let home = || std::env::var_os("HOME").map(|d| Path::new(&d).join(".cache/nfblame-vm"));
    dir.or_else(xdg).or_else(home).unwrap_or_else(|| std::env::temp_dir().join("nfblame-vm"))
}

fn wanted(args: &Args) -> Result<Vec<Wanted>, String> {
    let text = include_str!("../kernels.toml");
    let Kernels { kernel: mut wanted } = toml::from_str(text).map_err(|e| format!("kernels.toml: {e}"))?;
    if !args.kernels.is_empty() {
        wanted.retain(|w| args.kernels.contains(&w.version));
        if wanted.len() < args.kernels.len() {
            return Err(format!("kernels.toml lacks one of {}", args.kernels.join(", ")));
        }
    }
    Ok(wanted)
}

/// The kernels are those of one architecture, and what runs on them is built for this machine's.
fn can_boot() -> Result<(), String> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(()),
        other => Err(format!("the kernels are for x86_64, and this machine is {other}")),
    }
}

/// The kernels that can be had, and the others. A suite that the mirror lacks costs its own kernel alone.
fn fetch(args: &Args, wanted: &[Wanted]) -> Result<(Vec<Ready>, Vec<Missing>), String> {
    let cache = cache();
    let apt = Apt::new(&cache, wanted)?;
    let (mut kernels, mut missing) = (Vec::new(), Vec::new());
    for w in wanted {
        match apt.resolve(w) {
            Ok(kernel) => kernels.push((w, kernel)),
            Err(e) => missing.push((w.clone(), e)),
        }
    }
    if args.kernels.is_empty() && missing.is_empty() {
        let releases: Vec<&str> = kernels.iter().map(|(_, k)| k.release.as_str()).collect();
        modules::forget_all_but(&cache, &releases);
    }
    let mut unpacked = Vec::new();
    for (w, kernel) in kernels {
        match Unpacked::new(&apt, &kernel, &cache) {
            Ok(u) => unpacked.push((kernel, u)),
            Err(e) => missing.push((w.clone(), e)),
        }
    }
    Ok((unpacked, missing))
}

/// Names all that was not run, with the reason, and counts it.
fn ignored(args: &Args, missing: &[Missing]) -> usize {
    let mut count = 0;
    for (kernel, why) in missing {
        let why = why.lines().collect::<Vec<_>>().join("; ");
        let steps = BARE_STEPS.iter().chain(&LOADED_STEPS).map(|s| (*s).to_owned()).filter(|s| args.wants(s));
        for step in steps.chain(args.suites().map(|(name, _)| suite_step(name))) {
            println!("test vm {}: {step} ... ignored ({why})", kernel.version);
            count += 1;
        }
    }
    count
}

fn plan(args: &Args, built: &build::Built) -> Plan {
    let suite = |(name, words): &(&str, &[&str])| Suite {
        name: (*name).to_owned(),
        path: String::new(),
        args: words.iter().map(|a| (*a).to_owned()).collect(),
    };
    Plan {
        modules: disk::LOADED.iter().map(|m| (*m).to_owned()).collect(),
        built_at: built.nfblame.display().to_string(),
        suites: args.suites().map(suite).collect(),
        scenarios: args.scenarios.is_some(),
        only: args.only.clone(),
        run: args.run.clone(),
    }
}

/// Writes the programs and the plan into a directory.
fn bundle(dir: &Path) -> Result<(), String> {
    let args = Args { suites: true, ..Args::default() };
    let built = build::build(&args.suites().map(|(name, _)| *name).collect::<Vec<_>>())?;
    shell::make_dir(dir)?;
    let copy = |from: &Path, name: &str| {
        let to = dir.join(name);
        std::fs::copy(from, &to).map(drop).map_err(|e| format!("{}: {e}", to.display()))
    };
    copy(&built.init, "vm-init")?;
    copy(&built.nfblame, "nfblame")?;
    for (name, path) in &built.suites {
        copy(path, name)?;
    }
    let text = serde_json::to_vec(&plan(&args, &built)).map_err(|e| format!("the plan: {e}"))?;
    std::fs::write(dir.join("plan.json"), text).map_err(|e| format!("{}: {e}", dir.display()))
}

fn run(args: &Args, kernels: &[Ready], missing: &[Missing]) -> Result<bool, String> {
    let built = build::build(&args.suites().map(|(name, _)| *name).collect::<Vec<_>>())?;
    let plan = plan(args, &built);
    let dir = cache().join("run");
    let jobs = args.jobs.unwrap_or_else(fit).clamp(1, kernels.len().max(1));
    // Processors that wait for each other waste what machines side by side have little of.
    let here = thread::available_parallelism().map_or(1, usize::from);
    let processors = (2 * here / jobs).clamp(1, 2);
    let mut machines = Vec::new();
    for (kernel, unpacked) in kernels {
        let dir = dir.join(&kernel.release);
        shell::make_dir(&dir)?;
        let more =
            disk::More { modules: args.suites || args.scenarios.is_some(), scenarios: args.scenarios.as_deref() };
        let initramfs = disk::write(unpacked, &kernel.release, &built, &plan, &more, &dir)?;
        machines.push((kernel, Machine { image: unpacked.image.clone(), initramfs, dir, processors }));
    }
    let Some((_, first)) = machines.first() else { return Err("no kernel is asked for".into()) };
    let accelerator = if args.tcg { Accelerator::Tcg } else { qemu::accelerator(first) };
    eprintln!("vm: booting {} with {accelerator:?}", list(&machines));
    let long = args.suites || args.scenarios.is_some();
    let limit = if long { qemu::LIMIT_WHEN_ASKED } else { qemu::LIMIT };
    let (begun, spent) = (Instant::now(), processor_time());
    let mut reports = Vec::new();
    for some in machines.chunks(jobs) {
        thread::scope(|s| {
            let running: Vec<_> =
                some.iter().map(|(k, m)| (k, m, s.spawn(move || m.run(accelerator, limit)))).collect();
            for (kernel, machine, end) in running {
                let end = end.join().unwrap_or_else(|_| qemu::End::Broken("the runner panicked".into()));
                reports.push(Report::read(&kernel.version, &kernel.release, machine, end));
            }
        });
    }
    let mut twice = Vec::new();
    for (report, (kernel, machine)) in reports.iter_mut().zip(&machines) {
        print!("{report}");
        if report.counts().1 > 0 && args.again {
            twice.push(kernel.release.as_str());
            println!("vm {}: once more, alone", kernel.release);
            let end = machine.run(accelerator, limit);
            *report = Report::read(&kernel.version, &kernel.release, machine, end);
            print!("{report}");
        }
    }
    if args.run.is_some() {
        for (_, m) in &machines {
            println!("{}", std::fs::read_to_string(m.results()).unwrap_or_default());
        }
    }
    if let Some(path) = &args.table {
        std::fs::write(path, report::table(&reports)).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let (mut passed, mut failed, mut ignored) = (0, 0, ignored(args, missing));
    for r in &reports {
        let (p, f, i) = r.counts();
        (passed, failed, ignored) = (passed + p, failed + f, ignored + i);
    }
    let (seconds, spent) = (begun.elapsed().as_secs_f32(), processor_time() - spent);
    println!("vm: {} kernels in {seconds:.0} s, with {spent} s of processor time", reports.len());
    println!("vm: {passed} passed, {failed} failed, {ignored} ignored");
    if !twice.is_empty() {
        println!("vm: counted as of the second time, after failures told above: {}", twice.join(", "));
    }
    // What it said is kept where something failed.
    for (report, (_, machine)) in reports.iter().zip(&machines) {
        if report.counts().1 == 0 {
            let _ = std::fs::remove_dir_all(&machine.dir);
        }
    }
    Ok(failed == 0)
}

/// What the machines that have ended used up, in seconds.
fn processor_time() -> i64 {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN);
    used.map_or(0, |u| u.user_time().tv_sec() + u.system_time().tv_sec())
}

/// So many machines fit into the memory that is free now.
fn fit() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = text.lines().find_map(|l| l.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    free.map_or(1, |kib: usize| kib / 1024 / qemu::MEMORY_MIB)
}

fn list(machines: &[(&Kernel, Machine)]) -> String {
    machines.iter().map(|(k, _)| k.release.as_str()).collect::<Vec<_>>().join(", ")
}
