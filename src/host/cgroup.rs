//! Control groups by their ids.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::evaluate::Fact;
use crate::sys::Text;

/// So many directories are looked at, at the most.
const MOST: usize = 100_000;

/// The path of the control group (version 2) of that id, from the mount point. Its id is the inode of its directory.
pub(super) fn path_of(id: u64) -> Fact<Text> {
    match mount_point() {
        Some(root) => find(&root, id),
        None => Fact::unknown("cgroup of the socket (cgroup2 is not mounted)"),
    }
}

fn mount_point() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let path = head.split(' ').nth(4)?;
        tail.starts_with("cgroup2 ").then(|| PathBuf::from(path))
    })
}

fn find(root: &Path, id: u64) -> Fact<Text> {
    let mut open = vec![root.to_owned()];
    for _ in 0..MOST {
        let Some(dir) = open.pop() else { return Fact::unknown("cgroup of the socket (it has gone)") };
        if fs::metadata(&dir).is_ok_and(|m| m.ino() == id) {
            let below = dir.strip_prefix(root).unwrap_or(&dir).as_os_str().as_bytes();
            return Fact::Is(Text::new([b"/", below].concat()));
        }
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        open.extend(entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
    }
    Fact::unknown("cgroup of the socket")
}
