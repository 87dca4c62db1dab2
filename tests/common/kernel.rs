//! Tests that need the running kernel, root, and the programs that they compare with.
//!
//! Such a test cannot run everywhere, and one that did not run must not look as if it had passed: it is reported as
//! ignored, with what is missing in its name. With `NFBLAME_REQUIRE=1` in the environment it fails instead.
//!
//! A file of them has `harness = false` in `Cargo.toml`, lists them in [`kernel_tests!`], and has
//! `fn main() { kernel::run(cases()) }`.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::thread;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

/// A test with what it needs beside root.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Module and function.
    pub name: &'static str,
    /// Programs, files of the kernel's by their whole path, or the oldest kernel (`linux 5.12`).
    pub needs: &'static [&'static str],
    /// Panics or returns an error where it fails.
    pub run: fn() -> Result<(), Failed>,
}

/// What a test may return.
pub trait Ended {
    /// As the runner takes it.
    fn ended(self) -> Result<(), Failed>;
}

impl Ended for () {
    fn ended(self) -> Result<(), Failed> {
        Ok(())
    }
}

impl<E: Display> Ended for Result<(), E> {
    fn ended(self) -> Result<(), Failed> {
        self.map_err(Failed::from)
    }
}

/// `kernel_tests! { name_of_function needs ["nft"]; … }` makes the functions of this module [`Case`]s, which its function
/// `cases` returns. One that is not listed is dead code, which the compiler tells.
macro_rules! kernel_tests {
    ($($name:ident needs [$($program:expr),* $(,)?]);+ $(;)?) => {
        /// The tests of this module.
        pub fn cases() -> Vec<$crate::kernel::Case> {
            vec![$($crate::kernel::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                needs: &[$($program),*],
                run: || $crate::kernel::Ended::ended($name()),
            }),+]
        }
    };
}
pub(crate) use kernel_tests;

/// Runs them as the usual harness would, by the usual arguments, and ends the program.
pub fn run(cases: impl IntoIterator<Item = Case>) {
    outcome(cases).exit();
}

/// Runs them as the usual harness would, by the usual arguments.
pub fn outcome(cases: impl IntoIterator<Item = Case>) -> Conclusion {
    let args = Arguments::from_args();
    let required = std::env::var_os("NFBLAME_REQUIRE").is_some_and(|v| v == "1");
    let trial = |case: Case| {
        // The crate's name says nothing that the runner does not.
        let name = case.name.split_once("::").map_or(case.name, |(_, name)| name);
        match missing(case.needs) {
            None => Trial::test(name, case.run),
            Some(missing) => {
                let failure = missing.clone();
                Trial::test(format!("{name} ({missing})"), || Err(failure.into())).with_ignored_flag(!required)
            }
        }
    };
    libtest_mimic::run(&args, cases.into_iter().map(trial).collect())
}

/// What keeps a test from running here, if anything does.
fn missing(programs: &[&str]) -> Option<String> {
    let namespaces = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET).is_ok()).join().unwrap_or(false);
    let privilege = if geteuid().is_root() { "CAP_SYS_ADMIN" } else { "root" };
    let there = |what: &str| what.strip_prefix("linux ").map_or_else(|| find_program(what).is_some(), is_reached);
    let programs = programs.iter().copied().filter(|p| !there(p));
    let missing: Vec<&str> = programs.chain((!namespaces).then_some(privilege)).collect();
    (!missing.is_empty()).then(|| format!("needs {}", missing.join(", ")))
}

/// Is the kernel of that version, such as `5.12`, or a later one?
fn is_reached(version: &str) -> bool {
    let numbers = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().ok());
        Some((parts.next()??, parts.next()??))
    };
    let release = nix::sys::utsname::uname().ok();
    let here = release.and_then(|u| numbers(u.release().to_str()?));
    here >= numbers(version)
}

/// Where a program is installed.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let dirs = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/local/sbin"]);
    dirs.map(|d| Path::new(d).join(name)).find(|p| p.is_file())
}
