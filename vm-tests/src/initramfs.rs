//! The machine's disk: an archive in cpio's "newc" format, which the kernel unpacks into memory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::run;

/// An archive that is being written.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    dirs: BTreeSet<String>,
    files: BTreeSet<String>,
    inode: u32,
}

impl Archive {
    /// Adds a file with all directories above it, once.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        let path = path.trim_start_matches('/');
        if self.files.insert(path.to_owned()) {
            self.parents(path);
            self.entry(path, 0o100_000 | mode, content);
        }
    }

    /// Adds a file of the host at the same path, its own or another.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn copy(&mut self, from: &Path, to: &str) -> Result<(), String> {
        let fail = |e: std::io::Error| format!("{}: {e}", from.display());
        let mode = fs::metadata(from).map_err(fail)?.permissions().mode() & 0o777;
        self.file(to, mode, &fs::read(from).map_err(fail)?);
        Ok(())
    }

    /// Adds a directory of the host with all below it, but for what is called like one of `without`.
    ///
    /// # Errors
    /// When something in it cannot be read.
    pub fn tree(&mut self, from: &Path, to: &str, without: &[&str]) -> Result<(), String> {
        let fail = |e: std::io::Error| format!("{}: {e}", from.display());
        for entry in fs::read_dir(from).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| !without.contains(n)) else {
                continue;
            };
            let to = format!("{to}/{name}");
            if path.is_dir() {
                self.tree(&path, &to, without)?;
            } else if path.extension().is_some_and(|e| e == "so") {
                self.program_at(&path, &to)?;
            } else {
                self.copy(&path, &to)?;
            }
        }
        Ok(())
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        let path = path.trim_start_matches('/');
        if self.files.insert(path.to_owned()) {
            self.parents(path);
            self.entry(path, 0o120_777, target.as_bytes());
        }
    }

    /// Adds an empty directory.
    pub fn dir(&mut self, path: &str) {
        self.parents(&format!("{}/x", path.trim_start_matches('/')));
    }

    /// Adds a program of the host with the libraries that its dynamic linker would load.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn program(&mut self, path: &Path) -> Result<(), String> {
        self.program_at(path, &path.display().to_string())
    }

    fn program_at(&mut self, path: &Path, to: &str) -> Result<(), String> {
        let real = fs::canonicalize(path).map_err(|e| format!("{}: {e}", path.display()))?;
        self.copy(&real, to)?;
        for library in libraries(&real) {
            self.copy(&library, &library.display().to_string())?;
        }
        Ok(())
    }

    /// The archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            let dir = path.get(..at).unwrap_or_default();
            if self.dirs.insert(dir.to_owned()) {
                self.entry(dir, 0o040_755, &[]);
            }
        }
    }

    /// Documentation/driver-api/early-userspace/buffer-format.rst.
    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.inode += 1;
        let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
        let fields = [self.inode, mode, 0, 0, links, 0, content.len() as u32, 0, 0, 0, 0, path.len() as u32 + 1, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }
}

fn libraries(program: &Path) -> Vec<PathBuf> {
    // A program that is linked statically has none, which ldd calls a failure.
    let said = run(Command::new("ldd").arg(program)).unwrap_or_default();
    said.split_whitespace().filter(|w| w.starts_with('/')).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_the_directories_before_the_files() {
        let mut a = Archive::default();
        a.file("/a/b/c", 0o644, b"12345");
        a.file("/a/b/c", 0o644, b"again");
        let bytes = a.finish();
        let text = String::from_utf8_lossy(&bytes);
        let places: Vec<_> = ["a\0", "a/b\0", "a/b/c\0", "12345", "TRAILER!!!"].iter().map(|w| text.find(w)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        assert!(!text.contains("again") && bytes.len().is_multiple_of(4));
    }
}
