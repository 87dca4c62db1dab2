//! Control groups by their ids.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::facts::{CgroupProgram, Program};
use crate::evaluate::Fact;
use crate::sys::Text;
use crate::sys::bpf;

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

/// So many groups are asked for programs.
const ASKED: usize = 4096;

/// A program and its name.
pub(super) fn program(id: u32) -> Program {
    Program { id, name: bpf::name(id).unwrap_or_default() }
}

/// The programs that are attached to groups and see packets or sockets. Absent: cgroup2 is not mounted.
pub(super) fn programs() -> Fact<Rc<[CgroupProgram]>> {
    let Some(root) = mount_point() else { return Fact::Absent };
    let (mut all, mut open) = (Vec::new(), vec![root.clone()]);
    for _ in 0..ASKED {
        let Some(dir) = open.pop() else { break };
        let Ok(file) = fs::File::open(&dir) else { continue };
        for (kind, hook) in bpf::CGROUP_HOOKS {
            match bpf::at_cgroup(file.as_fd(), kind) {
                Ok(ids) => {
                    let below = dir.strip_prefix(&root).unwrap_or(&dir).as_os_str().as_bytes();
                    let cgroup = Text::new([b"/", below].concat());
                    let at = |id| CgroupProgram { cgroup: cgroup.clone(), hook, program: program(id) };
                    all.extend(ids.into_iter().map(at));
                }
                // A hook that this kernel does not have.
                Err(e) if e.raw_os_error() == Some(nix::libc::EINVAL) => {}
                Err(e) => return Fact::unknown(format!("BPF programs at control groups: {e}")),
            }
        }
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        open.extend(entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
    }
    Fact::Is(all.into())
}
