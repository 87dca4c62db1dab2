//! Links the program statically where the C library's archives are installed, as they are with every compiler of Debian,
//! and dynamically elsewhere.
//!
//! A diagnosis should run on any host it is copied to. And a command that lists things for a moment consists, in memory,
//! mostly of the libraries that are mapped and relocated for it: this halves it. rustc's own `+crt-static` cannot be set
//! for one program without a `--target`, which would move it to another directory; so each library that rustc names is
//! found here first, as a linker script that names the archive.
//!
//! `NFBLAME_DYNAMIC=1` in the environment leaves it as rustc has it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What the standard library is linked with, and the archives that have it.
const LIBRARIES: [(&str, &str); 7] =
    [("c", "c"), ("dl", "dl"), ("gcc_s", "gcc_eh"), ("m", "m"), ("pthread", "pthread"), ("rt", "rt"), ("util", "util")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=listing.ld");
    println!("cargo::rerun-if-env-changed=NFBLAME_DYNAMIC");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    let native = env::var("HOST").ok() == env::var("TARGET").ok();
    let has_crt_static = env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|f| f.split(',').any(|f| f == "crt-static"));
    if !native || !is("CARGO_CFG_TARGET_ENV", "gnu") || has_crt_static || env::var_os("NFBLAME_DYNAMIC").is_some() {
        return;
    }
    if let Some(scripts) = env::var_os("OUT_DIR").map(PathBuf::from).and_then(|out| write_scripts(&out.join("static")))
    {
        println!("cargo::rustc-link-arg-bins=-L{}", scripts.display());
        println!("cargo::rustc-link-arg-bins=-static-pie");
        println!("cargo::rustc-link-arg-bins=-Wl,--script={}/listing.ld", env!("CARGO_MANIFEST_DIR"));
        // The table of relocations is read from end to end at every start: packed, nearly nothing is left of it.
        if glibc_minor().is_some_and(|minor| minor >= 36) {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
    }
}

/// The C library's version, behind its `2.`: from 36 on it relocates itself by packed tables.
fn glibc_minor() -> Option<u32> {
    let macros =
        Command::new("cc").args(["-E", "-dM", "-include", "features.h", "-x", "c", "/dev/null"]).output().ok()?;
    let macros = String::from_utf8(macros.stdout).ok()?;
    macros.lines().find_map(|l| l.strip_prefix("#define __GLIBC_MINOR__ "))?.trim().parse().ok()
}

/// Writes a linker script for each library; none if one has no archive here.
fn write_scripts(dir: &Path) -> Option<PathBuf> {
    fs::create_dir_all(dir).ok()?;
    for (library, archive) in LIBRARIES {
        let found = Command::new("cc").arg(format!("-print-file-name=lib{archive}.a")).output().ok()?;
        // What is not found is printed as it was asked for.
        let path = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
        if !path.is_absolute() {
            return None;
        }
        fs::write(dir.join(format!("lib{library}.so")), format!("INPUT({})\n", path.display())).ok()?;
    }
    Some(dir.to_owned())
}
