//! Starting and stopping the one monitor of the machine, without getting in anybody's way.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use byteorder::NativeEndian;
use nix::fcntl::{Flock, FlockArg};

use crate::error::{Error, Malformed, Result};
use crate::genl::{self, Handle};
use crate::ns::NetNs;
use crate::uapi::net_dropmon::*;

/// The version of the family's protocol.
const VERSION: u8 = 2;
const OBJECT: &str = "the drop monitor";

/// The family, as the kernel numbered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The message type.
    pub id: u16,
    /// The multicast group of its alerts.
    pub group: u32,
}

/// The namespace that the monitor reports to: that of the first process, as far as we see processes.
///
/// # Errors
/// When it cannot be opened, for lack of privilege.
pub fn initial_namespace() -> Result<NetNs> {
    NetNs::of_process(1)
}

/// Looks for the family in the calling thread's network namespace. None: the kernel has no drop monitor, or its module is
/// not loaded, which looking does not change; or this is not the initial namespace.
///
/// # Errors
/// When the kernel has no generic netlink, or its answer breaks its format.
pub fn find() -> Result<Option<Family>> {
    let family = genl::families()?.into_iter().find(|f| f.name == NET_DM);
    Ok(family.and_then(|f| {
        let group = f.groups.iter().find(|g| g.name == NET_DM_EVENTS)?.id;
        Some(Family { id: f.id, group })
    }))
}

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Numbers of drops by place.
    Summary,
    /// Each packet.
    Packets,
    /// A mode that this version does not know.
    Unknown(u8),
}

impl Mode {
    fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Summary,
            NET_DM_ALERT_MODE_PACKET => Self::Packets,
            n => Self::Unknown(n),
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Summary => 0,
            Self::Packets => NET_DM_ALERT_MODE_PACKET,
            Self::Unknown(n) => n,
        }
    }
}

/// How the monitor is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// What is reported.
    pub mode: Mode,
    /// So many bytes of each packet are copied, from the link layer header on; 0: all.
    pub length: u32,
    /// So many packets may wait on each CPU; what comes then is lost, and counted.
    pub queue: u32,
}

impl Config {
    /// Ours. The odd numbers are our signature: they tell a monitor that a killed process of ours left running from one
    /// that somebody else started.
    pub const OURS: Self = Self { mode: Mode::Packets, length: 2039, queue: 8209 };
    /// How the kernel begins.
    pub const INITIAL: Self = Self { mode: Mode::Summary, length: 0, queue: 1000 };
}

/// The monitor runs already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// A living process of ours started it.
    Ours,
    /// A process of ours that was killed left it running.
    Leftover,
    /// Somebody else did.
    Other(Config),
}

impl Occupied {
    /// How it is set, if it reports each packet to whoever listens.
    pub fn reports(self) -> Option<Config> {
        match self {
            Self::Ours | Self::Leftover => Some(Config::OURS),
            Self::Other(config) => Some(config).filter(|c| c.mode == Mode::Packets),
        }
    }
}

/// What starting came to.
#[derive(Debug)]
pub enum Started {
    /// It is ours.
    Session(Session),
    /// It runs already, and was left alone.
    Occupied(Occupied),
}

/// A running monitor that we started. Dropping it stops the monitor, and puts back how it was set.
#[derive(Debug)]
pub struct Session {
    control: Control,
    before: Config,
    /// Held for as long as we live.
    _lock: Flock<File>,
}

impl Session {
    /// Starts the monitor with [`Config::OURS`], if nobody uses it. One that a killed process of ours left running, as
    /// the lock file in `notes` tells, is stopped and started again. Call it in the initial network namespace.
    ///
    /// # Errors
    /// Without privilege, or when the lock file cannot be made.
    pub fn start(family: Family, notes: &Path) -> Result<Started> {
        let mut control = Control::open(family)?;
        let Some(lock) = lock(notes)? else { return Ok(Started::Occupied(Occupied::Ours)) };
        let mut before = control.config()?;
        if let Err(e) = control.configure(Config::OURS) {
            if e.errno() != Some(libc::EBUSY) {
                return Err(e);
            }
            if before != Config::OURS {
                return Ok(Started::Occupied(Occupied::Other(before)));
            }
            // Nobody of us lives who holds the lock.
            control.switch("stop", NET_DM_CMD_STOP)?;
            control.configure(Config::OURS)?;
        }
        if before == Config::OURS {
            before = Config::INITIAL; // what stood there before a killed process of ours is not known
        }
        match control.switch("start", NET_DM_CMD_START) {
            Ok(()) => Ok(Started::Session(Self { control, before, _lock: lock })),
            // Somebody was faster.
            Err(e) if e.errno() == Some(libc::EAGAIN) => {
                let now = control.config()?;
                Ok(Started::Occupied(Occupied::Other(now)))
            }
            Err(e) => Err(e),
        }
    }

    /// Who runs the monitor; none: nobody does. Tells without changing anything.
    ///
    /// # Errors
    /// Without privilege.
    pub fn look(family: Family, notes: &Path) -> Result<Option<Occupied>> {
        let mut control = Control::open(family)?;
        let config = control.config()?;
        if !control.runs()? {
            return Ok(None);
        }
        Ok(Some(match config {
            Config::OURS if lock(notes)?.is_some() => Occupied::Leftover,
            Config::OURS => Occupied::Ours,
            other => Occupied::Other(other),
        }))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Nothing can be done about a refusal; whoever comes next finds the signature and the free lock.
        if self.control.switch("stop", NET_DM_CMD_STOP).is_ok() {
            let _ = self.control.configure(self.before);
        }
    }
}

/// Questions and commands to the monitor.
#[derive(Debug)]
pub struct Control {
    handle: Handle,
}

impl Control {
    /// Opens a socket to it. Call it in the initial network namespace.
    ///
    /// # Errors
    /// When netlink sockets cannot be made.
    pub fn open(family: Family) -> Result<Self> {
        Ok(Self { handle: Handle::open(family.id, VERSION)? })
    }

    /// Does it run? The kernel refuses to configure one that does; none of the settings is touched.
    ///
    /// # Errors
    /// Without privilege.
    pub fn runs(&mut self) -> Result<bool> {
        match self.handle.request("ask for the state of", OBJECT, NET_DM_CMD_CONFIG, |_| {}, |_| Ok(())) {
            Ok(()) => Ok(false),
            Err(e) if e.errno() == Some(libc::EBUSY) => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// How it is set.
    ///
    /// # Errors
    /// When the answer breaks its format.
    pub fn config(&mut self) -> Result<Config> {
        let mut config = None;
        self.handle.request(
            "ask for the settings of",
            OBJECT,
            NET_DM_CMD_CONFIG_GET,
            |_| {},
            |attrs| {
                let find = |kind, name| attrs.find(kind).ok_or(Malformed::Missing(name));
                config = Some(Config {
                    mode: Mode::from_code(find(NET_DM_ATTR_ALERT_MODE, "NET_DM_ATTR_ALERT_MODE")?.u8()?),
                    length: find(NET_DM_ATTR_TRUNC_LEN, "NET_DM_ATTR_TRUNC_LEN")?.u32::<NativeEndian>()?,
                    queue: find(NET_DM_ATTR_QUEUE_LEN, "NET_DM_ATTR_QUEUE_LEN")?.u32::<NativeEndian>()?,
                });
                Ok(())
            },
        )?;
        config.ok_or_else(|| Malformed::Missing("the settings").of("ask for the settings of the drop monitor"))
    }

    fn configure(&mut self, c: Config) -> Result<()> {
        let write = |b: &mut crate::netlink::Builder| {
            b.u8(NET_DM_ATTR_ALERT_MODE, c.mode.code())
                .u32::<NativeEndian>(NET_DM_ATTR_TRUNC_LEN, c.length)
                .u32::<NativeEndian>(NET_DM_ATTR_QUEUE_LEN, c.queue);
        };
        self.handle.request("configure", OBJECT, NET_DM_CMD_CONFIG, write, |_| Ok(()))
    }

    fn switch(&mut self, op: &'static str, command: u8) -> Result<()> {
        let write = |b: &mut crate::netlink::Builder| {
            b.flag(NET_DM_ATTR_SW_DROPS);
        };
        self.handle.request(op, OBJECT, command, write, |_| Ok(()))
    }

    /// How many dropped packets it could not report since the machine started: its queues were full.
    ///
    /// # Errors
    /// When the answer breaks its format.
    pub fn lost(&mut self) -> Result<u64> {
        let mut lost = 0u64;
        self.handle.request(
            "ask for the losses of",
            OBJECT,
            NET_DM_CMD_STATS_GET,
            |_| {},
            |attrs| {
                for kind in [NET_DM_ATTR_STATS, NET_DM_ATTR_HW_STATS] {
                    if let Some(n) = attrs.find(kind).and_then(|a| a.nested().find(NET_DM_ATTR_STATS_DROPPED)) {
                        lost = lost.saturating_add(n.u64::<NativeEndian>()?);
                    }
                }
                Ok(())
            },
        )?;
        Ok(lost)
    }
}

/// Takes the lock, which its holder's death frees. None: somebody has it.
fn lock(notes: &Path) -> Result<Option<Flock<File>>> {
    let path = notes.join("drop-monitor.lock");
    let fail = |e: io::Error| Error::os("lock", path.display().to_string(), e);
    fs::DirBuilder::new().recursive(true).mode(0o755).create(notes).map_err(fail)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    match Flock::lock(options.open(&path).map_err(fail)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::Error::EWOULDBLOCK)) => Ok(None),
        Err((_, e)) => Err(fail(e.into())),
    }
}
