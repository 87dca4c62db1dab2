//! What is measured, built as people get it.

use std::path::PathBuf;

use crate::cargo;

/// Where the programs are.
pub struct Programs {
    /// The program.
    pub nfblame: PathBuf,
    /// `sys/examples/bare_dump.rs`.
    pub bare: PathBuf,
    /// `sys/examples/bare_nflog.rs`.
    pub bare_nflog: PathBuf,
}

impl Programs {
    /// Builds them.
    pub fn build() -> Result<(), String> {
        cargo::run(&["build", "--release", "--package", "nfblame", "--bin", "nfblame"])?;
        cargo::run(&["build", "--release", "--package", "nfblame-sys", "--example", "bare_dump"])?;
        cargo::run(&["build", "--release", "--package", "nfblame-sys", "--example", "bare_nflog"])
    }

    /// Finds them where cargo puts them.
    pub fn find() -> Result<Self, String> {
        // This program is in target/debug or the like.
        let here = std::env::current_exe().map_err(|e| format!("where is this program? {e}"))?;
        let target = here.ancestors().nth(2).ok_or("this program is in no target directory")?;
        let release = target.join("release");
        let example = |name: &str| release.join("examples").join(name);
        Ok(Self { nfblame: release.join("nfblame"), bare: example("bare_dump"), bare_nflog: example("bare_nflog") })
    }
}
