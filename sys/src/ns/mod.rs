//! Network namespaces.
//!
//! A network namespace belongs to a *thread*: sockets keep the one they were opened in, files under
//! `/proc/thread-self/net` and `/proc/sys/net` show the one of the thread that opens them. `/proc/net` is a trap: it is
//! `/proc/self/net`, the main thread's.

mod cookie;
mod unshare;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fmt, io, thread};

use nix::sched::{CloneFlags, setns};

use crate::error::{Error, Result};

pub use cookie::cookie;
pub use unshare::{unshare_net, unshare_user};

/// Where `ip netns` keeps its names.
pub const NAMED: &str = "/run/netns";

/// Which namespace it is: what two names of one namespace have in common (the device and inode of its nsfs file).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Id {
    /// `st_dev` of nsfs.
    pub dev: u64,
    /// `st_ino`, the number in `net:[4026531840]`.
    pub ino: u64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net:[{}]", self.ino)
    }
}

/// A network namespace, held open: it lives at least as long as this does.
#[derive(Debug)]
pub struct NetNs {
    fd: OwnedFd,
    id: Id,
    path: PathBuf,
}

impl NetNs {
    /// The calling thread's namespace.
    pub fn current() -> Result<Self> {
        Self::at(Path::new("/proc/thread-self/ns/net"))
    }

    /// The namespace that the user calls `spec`: a path if it has a slash, else a name under `/run/netns`, else the
    /// id of a process that is in it.
    ///
    /// # Errors
    /// When there is no such namespace: which places were looked at.
    pub fn open(spec: &str) -> Result<Self> {
        if spec.contains('/') {
            return Self::at(Path::new(spec));
        }
        let named = Path::new(NAMED).join(spec);
        let is_name = !matches!(spec, "" | "." | "..");
        match Self::at(&named) {
            Ok(ns) if is_name => Ok(ns),
            Err(e) if is_name && e.errno() != Some(libc::ENOENT) => Err(e),
            _ => match spec.parse::<u32>() {
                Ok(pid) => Self::of_process(pid).map_err(|e| {
                    if e.errno() == Some(libc::ENOENT) { unknown(spec, &[named, pid_path(pid)]) } else { e }
                }),
                Err(_) => Err(unknown(spec, &[named])),
            },
        }
    }

    /// The namespace of a process.
    pub fn of_process(pid: u32) -> Result<Self> {
        Self::at(&pid_path(pid))
    }

    /// The namespace that a file stands for (`/run/netns/x`, `/proc/7/ns/net`).
    pub fn at(path: &Path) -> Result<Self> {
        let fail = |e: io::Error| Error::os("open network namespace", path.display().to_string(), e);
        let file = File::open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        Ok(Self { fd: file.into(), id: Id { dev: meta.dev(), ino: meta.ino() }, path: path.to_owned() })
    }

    /// Which one it is.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The same namespace, held open once more.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|e| Error::os("hold open", self.path.display().to_string(), e))?;
        Ok(Self { fd, id: self.id, path: self.path.clone() })
    }

    /// The path that it was opened by; one that begins with `/proc/thread-self` means another namespace by now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the calling thread into it. Threads started afterwards by this one are in it too, others are not.
    ///
    /// # Errors
    /// `EINVAL` for a file that is no network namespace, `EPERM` without `CAP_SYS_ADMIN` over it.
    pub fn enter(&self) -> Result<()> {
        setns(&self.fd, CloneFlags::CLONE_NEWNET).map_err(|e| {
            let error = Error::os("enter network namespace", self.path.display().to_string(), e);
            match e {
                nix::Error::EINVAL => error.with_hint("this file is not a network namespace"),
                nix::Error::EPERM => error.with_hint("this needs CAP_SYS_ADMIN over that namespace: run as root"),
                _ => error,
            }
        })
    }

    /// Runs `f` inside it, on a fresh thread, so that the caller stays where it is.
    ///
    /// # Errors
    /// When the namespace cannot be entered. A panic of `f` goes on in the caller.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|s| {
            let inside = thread::Builder::new().name("netns".into()).spawn_scoped(s, || {
                self.enter()?;
                Ok(f())
            });
            match inside.map_err(|e| Error::os("start", "a thread in a network namespace", e))?.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The file under `/proc/net` of that name *in the calling thread's namespace*: `proc_net("ip_tables_names")`.
pub fn proc_net(name: impl AsRef<Path>) -> PathBuf {
    // An absolute name would replace the whole path.
    let name = name.as_ref();
    Path::new("/proc/thread-self/net").join(name.strip_prefix("/").unwrap_or(name))
}

/// The identity of the calling thread's namespace.
pub fn current_id() -> Result<Id> {
    const PATH: &str = "/proc/thread-self/ns/net";
    let meta = std::fs::metadata(PATH).map_err(|e| Error::os("identify", PATH, e))?;
    Ok(Id { dev: meta.dev(), ino: meta.ino() })
}

fn pid_path(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/ns/net"))
}

fn unknown(spec: &str, looked: &[PathBuf]) -> Error {
    let places: Vec<_> = looked.iter().map(|p| p.display().to_string()).collect();
    Error::os(
        "find network namespace",
        format!("\"{}\" ({})", crate::text::Escaped(spec.as_bytes()), places.join(", ")),
        io::Error::from_raw_os_error(libc::ENOENT),
    )
    .with_hint("give a name that `ip netns` lists, a process id, or a path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_says_where_it_was_looked_for() {
        let e = NetNs::open("no-such\x1bns").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(e.contains("no-such\\x1bns") && e.contains("/run/netns/"), "{e}");
        let e = NetNs::open("4294967295").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(e.contains("/run/netns/4294967295, /proc/4294967295/ns/net"), "{e}");
    }

    #[test]
    fn a_process_a_path_and_the_thread_name_the_same_namespace() -> Result<()> {
        let pid = std::process::id().to_string();
        let id = NetNs::open(&pid)?.id();
        assert_eq!(NetNs::open("/proc/self/ns/net")?.id(), id);
        assert_eq!(NetNs::current()?.id(), id);
        assert_eq!(current_id()?, id);
        assert!(id.to_string().starts_with("net:["));
        Ok(())
    }

    #[test]
    fn proc_net_is_the_threads_own() {
        assert_eq!(proc_net("arp"), Path::new("/proc/thread-self/net/arp"));
        assert_eq!(proc_net("/arp"), Path::new("/proc/thread-self/net/arp"));
    }
}
