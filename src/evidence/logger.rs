//! Which logger a protocol family has: the legacy tables' TRACE records come to us only when it is nfnetlink_log.
//!
//! The setting (`net.netfilter.nf_log.2`, and `.10` for IPv6) belongs to the namespace, not to us, and the kernel does not put
//! it back when we die. So before it is changed, what stood there is written to a note under `/run/nfblame`, which
//! is locked for as long as we live: a note that nobody holds is a [`Leftover`], to be undone by whoever comes next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::sys::ns::{self, NetNs};
use crate::sys::{Error, Text};

/// Where the notes are.
pub const NOTES: &str = "/run/nfblame";
/// The logger that sends to NFLOG.
const NFNETLINK_LOG: &str = "nfnetlink_log";

/// A family that has legacy tables and so TRACE records: its number, and the file that lists its tables.
const FAMILIES: [(u8, &str); 2] = [(2, "ip_tables_names"), (10, "ip6_tables_names")];

type Result<T, E = Error> = std::result::Result<T, E>;

/// Which namespace a note is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Namespace {
    boot: String,
    device: u64,
    inode: u64,
    /// None on kernels before 5.14: then an inode number that was used again cannot be told.
    cookie: Option<u64>,
}

impl Namespace {
    fn current() -> Result<Self> {
        let id = ns::current_id()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        Ok(Self { boot, device: id.dev, inode: id.ino, cookie: ns::cookie().ok() })
    }
}

/// What stood there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    netns: Namespace,
    /// By family number: the name of the logger.
    loggers: Vec<(u8, String)>,
}

/// nfnetlink_log is the logger of the families that have legacy tables, in the namespace of the thread that made this.
/// Dropping it, **on a thread in that namespace**, puts back what stood there.
#[derive(Debug)]
pub struct Takeover {
    note: Note,
    held: Option<(Flock<File>, PathBuf)>,
}

impl Takeover {
    /// Makes nfnetlink_log the logger of the families that have legacy tables here.
    ///
    /// # Errors
    /// When what stood there cannot be noted down, or the setting is refused.
    pub fn begin() -> Result<Self> {
        Self::begin_with(Some(Path::new(NOTES)))
    }

    /// The same in a namespace that goes when we go, where there will be nothing to put back: without a note.
    ///
    /// # Errors
    /// When the setting is refused.
    pub fn begin_ephemeral() -> Result<Self> {
        Self::begin_with(None)
    }

    fn begin_with(notes: Option<&Path>) -> Result<Self> {
        let mut note = Note { netns: Namespace::current()?, loggers: Vec::new() };
        for (family, tables) in FAMILIES {
            let has_tables = fs::read_to_string(ns::proc_net(tables)).is_ok_and(|t| !t.trim().is_empty());
            if has_tables {
                let logger = logger(family)?;
                if logger != NFNETLINK_LOG {
                    note.loggers.push((family, logger));
                }
            }
        }
        if note.loggers.is_empty() {
            return Ok(Self { note, held: None });
        }
        let held = notes.map(|dir| write_note(dir, &note)).transpose()?;
        let takeover = Self { note, held };
        for (family, _) in &takeover.note.loggers {
            set_logger(*family, NFNETLINK_LOG)?; // what was set so far is put back by the drop
        }
        Ok(takeover)
    }

    /// The families whose logger was changed, and what it was.
    pub fn changed(&self) -> impl Iterator<Item = (u8, &str)> {
        self.note.loggers.iter().map(|(family, logger)| (*family, logger.as_str()))
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        match (put_back(&self.note), &self.held) {
            // While the lock is held: nobody else can take the note for a leftover.
            (Ok(()), Some((_lock, path))) => drop(fs::remove_file(path)),
            (Ok(()), None) => {}
            (Err(e), _) => tracing::warn!("{e}; the next run will try again"),
        }
    }
}

/// What a killed run left behind.
#[derive(Debug)]
pub struct Leftover {
    note: Note,
    path: PathBuf,
    /// Held so that only one of us undoes it.
    _lock: Flock<File>,
}

impl Leftover {
    /// The families whose logger is still to be put back, and what it was.
    pub fn loggers(&self) -> impl Iterator<Item = (u8, &str)> {
        self.note.loggers.iter().map(|(family, logger)| (*family, logger.as_str()))
    }

    /// The inode of the namespace.
    pub fn inode(&self) -> u64 {
        self.note.netns.inode
    }

    /// Is it about the calling thread's namespace?
    pub fn is_here(&self) -> bool {
        Namespace::current().is_ok_and(|here| here == self.note.netns)
    }

    /// Puts back what stood there. Where the namespace is gone there is nothing to put back, and the note goes.
    ///
    /// # Errors
    /// When the setting is refused. The note then stays.
    pub fn undo(self) -> Result<()> {
        if self.is_here() {
            put_back(&self.note)?;
        } else if let Some(ns) = find(&self.note.netns) {
            ns.run(|| if self.is_here() { put_back(&self.note) } else { Ok(()) })??;
        }
        fs::remove_file(&self.path).map_err(|e| Error::os("remove", self.path.display().to_string(), e))
    }
}

/// The notes that killed runs left, of all namespaces.
pub fn leftovers() -> Vec<Leftover> {
    leftovers_in(Path::new(NOTES))
}

/// The note that a killed run left about the calling thread's namespace.
pub fn leftover() -> Option<Leftover> {
    leftovers().into_iter().find(Leftover::is_here)
}

/// Undoes what a killed run left in the calling thread's namespace. Not being able to only delays it.
pub fn undo_leftover() {
    let Some(leftover) = leftover() else { return };
    match leftover.undo() {
        Ok(()) => tracing::info!("put back the loggers that a killed run had changed"),
        Err(e) => tracing::warn!("what a killed run left: {e}"),
    }
}

fn leftovers_in(notes: &Path) -> Vec<Leftover> {
    let Ok(files) = fs::read_dir(notes) else { return Vec::new() };
    files.flatten().filter_map(|f| read_leftover(f.path())).collect()
}

fn read_leftover(path: PathBuf) -> Option<Leftover> {
    let name = path.file_name()?.to_str()?;
    if !(name.starts_with("logger-") && name.ends_with(".json")) {
        return None;
    }
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW).open(&path).ok()?;
    // A lock that is held means that its writer lives.
    let mut lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    // It may have gone, or been written anew, between opening and locking.
    same_file(&lock, &path).ok().filter(|same| *same)?;
    match serde_json::from_str(&text) {
        Ok(note) => Some(Leftover { note, path, _lock: lock }),
        Err(_) => {
            // Killed before it was written, and so before anything was changed.
            let _ = fs::remove_file(&path);
            None
        }
    }
}

fn same_file(open: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (a, b) = (open.metadata()?, fs::symlink_metadata(path)?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

fn write_note(notes: &Path, note: &Note) -> Result<(Flock<File>, PathBuf)> {
    let name = note.netns.cookie.map_or(format!("ino{}", note.netns.inode), |c| c.to_string());
    let path = notes.join(format!("logger-{name}.json"));
    let fail = |e: io::Error| {
        Error::os("note down the loggers in", path.display().to_string(), e)
            .with_hint("legacy TRACE needs it, to put back what stood there if this process is killed")
    };
    fs::DirBuilder::new().recursive(true).mode(0o755).create(notes).map_err(fail)?;
    let text = serde_json::to_vec(note).map_err(|e| fail(e.into()))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o644).custom_flags(nix::libc::O_NOFOLLOW);
    loop {
        let file = options.open(&path).map_err(fail)?;
        // Somebody who looks for leftovers may hold it for a moment, and take away a note that is still empty.
        let mut lock = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| fail(e.into()))?;
        if same_file(&lock, &path).unwrap_or(false) {
            lock.set_len(0).and_then(|()| lock.write_all(&text)).and_then(|()| lock.flush()).map_err(fail)?;
            return Ok((lock, path));
        }
    }
}

/// Puts back what the note says, except where somebody has set something else since.
fn put_back(note: &Note) -> Result<()> {
    for (family, before) in &note.loggers {
        if logger(*family)? == NFNETLINK_LOG {
            set_logger(*family, before)?;
        }
    }
    Ok(())
}

fn sysctl(family: u8) -> PathBuf {
    // /proc/sys/net shows the namespace of the thread that opens it.
    PathBuf::from(format!("/proc/sys/net/netfilter/nf_log/{family}"))
}

fn logger(family: u8) -> Result<String> {
    let path = sysctl(family);
    let text = fs::read_to_string(&path).map_err(|e| Error::os("read", path.display().to_string(), e))?;
    Ok(text.trim().to_owned())
}

fn set_logger(family: u8, name: &str) -> Result<()> {
    let path = sysctl(family);
    fs::write(&path, name).map_err(|e| {
        let object = format!("{} to \"{}\"", path.display(), Text::new(name));
        let error = Error::os("set", object, e);
        if error.errno() == Some(nix::libc::ENOENT) {
            error.with_hint("this kernel has no such logger: it may lack nfnetlink_log (CONFIG_NETFILTER_NETLINK_LOG)")
        } else {
            error
        }
    })
}

/// The namespace of that identity, among the named ones and those of processes.
fn find(wanted: &Namespace) -> Option<NetNs> {
    let is_it = |ns: &NetNs| (ns.id().dev, ns.id().ino) == (wanted.device, wanted.inode);
    let named = fs::read_dir(ns::NAMED).into_iter().flatten().flatten().map(|f| f.path());
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|e| {
        let pid: u32 = e.file_name().to_str()?.parse().ok()?;
        Some(PathBuf::from(format!("/proc/{pid}/ns/net")))
    });
    named.chain(pids).find_map(|path| NetNs::at(&path).ok().filter(is_it))
}
