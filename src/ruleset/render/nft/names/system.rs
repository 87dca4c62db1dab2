//! Names that this system knows.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::Path;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nfblame_sys::Text;

use super::Names;

/// Names from this system's files and, for devices, from the calling thread's network namespace. Each is looked up when
/// it is first asked for, and then kept.
#[derive(Debug, Default)]
pub struct System {
    interfaces: OnceLock<HashMap<u32, Text>>,
    protocols: OnceLock<HashMap<u32, String>>,
    marks: OnceLock<HashMap<u32, String>>,
    groups: OnceLock<HashMap<u32, String>>,
    realms: OnceLock<HashMap<u32, String>>,
    labels: OnceLock<HashMap<u32, String>>,
    cgroups: OnceLock<HashMap<u64, Text>>,
    zone: OnceLock<TimeZone>,
}

/// Where control groups are mounted.
const CGROUPS: &str = "/sys/fs/cgroup";

impl System {
    /// Nothing is looked up yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Names for System {
    fn interface(&self, index: u32) -> Option<Text> {
        self.interfaces.get_or_init(interfaces).get(&index).cloned()
    }

    fn protocol(&self, number: u8) -> Option<&str> {
        self.protocols.get_or_init(|| protocols("/etc/protocols")).get(&number.into()).map(String::as_str)
    }

    fn mark(&self, mark: u32) -> Option<&str> {
        self.marks.get_or_init(|| numbered("/etc/iproute2/rt_marks")).get(&mark).map(String::as_str)
    }

    fn devgroup(&self, group: u32) -> Option<&str> {
        self.groups.get_or_init(|| numbered("/etc/iproute2/group")).get(&group).map(String::as_str)
    }

    fn realm(&self, realm: u32) -> Option<&str> {
        self.realms.get_or_init(|| numbered("/etc/iproute2/rt_realms")).get(&realm).map(String::as_str)
    }

    fn label(&self, bit: u32) -> Option<&str> {
        self.labels.get_or_init(|| numbered("/etc/connlabel.conf")).get(&bit).map(String::as_str)
    }

    fn cgroup(&self, id: u64) -> Option<Text> {
        self.cgroups
            .get_or_init(|| {
                let mut found = HashMap::new();
                cgroups(Path::new(CGROUPS), &mut found);
                found
            })
            .get(&id)
            .cloned()
    }

    fn program(&self, port_id: u32) -> Option<Text> {
        program(port_id)
    }

    fn utc_offset(&self, at: Option<i64>) -> i32 {
        let at = at.map_or_else(|| Ok(Timestamp::now()), Timestamp::from_second);
        at.map_or(0, |at| self.zone.get_or_init(TimeZone::system).to_offset(at).seconds())
    }
}

fn interfaces() -> HashMap<u32, Text> {
    let mut found = HashMap::new();
    if let Ok(mut rt) = nfblame_sys::rt::Handle::open()
        && let Ok(links) = rt.links()
    {
        found.extend(links.into_iter().map(|link| (link.index, link.name)));
    }
    found
}

/// `name number aliases…`; of several names for a number the first counts.
fn protocols(path: &str) -> HashMap<u32, String> {
    let mut found = HashMap::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        if let (Some(name), Some(Ok(number))) = (words.next(), words.next().map(str::parse)) {
            found.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    found
}

/// `number name`, the number in decimal or hexadecimal; of several names for a number the first counts.
fn numbered(path: &str) -> HashMap<u32, String> {
    let mut found = HashMap::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (Some(number), Some(name)) = (words.next(), words.next()) else { continue };
        let number = match number.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        if let Ok(number) = number {
            found.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    found
}

/// All control groups below a directory, by their ids, which are inode numbers.
fn cgroups(dir: &Path, found: &mut HashMap<u64, Text>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let relative = path.strip_prefix(CGROUPS).unwrap_or(&path);
        found.entry(entry.ino()).or_insert_with(|| Text::new(relative.as_os_str().as_bytes()));
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            cgroups(&path, found);
        }
    }
}

/// The program that holds the netfilter socket of that port id, from the sockets that `/proc` shows.
fn program(port_id: u32) -> Option<Text> {
    const NETLINK_NETFILTER: u32 = 12;
    let sockets = fs::read_to_string("/proc/net/netlink").ok()?;
    let inode: u64 = sockets.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let protocol: u32 = words.get(1)?.parse().ok()?;
        let port: u32 = words.get(2)?.parse().ok()?;
        let inode = words.last()?.parse().ok()?;
        (protocol == NETLINK_NETFILTER && port == port_id).then_some(inode)
    })?;
    let holds = |pid: &str| {
        let sockets = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let found = sockets.flatten().any(|fd| fs::metadata(fd.path()).is_ok_and(|m| m.ino() == inode));
        found.then(|| fs::read(format!("/proc/{pid}/comm")).ok()).flatten()
    };
    // The kernel prefers the process id as port id.
    let comm = holds(&port_id.to_string()).or_else(|| {
        let processes = fs::read_dir("/proc").ok()?;
        processes.flatten().find_map(|p| {
            let name = p.file_name();
            let pid = name.to_str().filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?;
            holds(pid)
        })
    })?;
    Some(Text::new(comm.trim_ascii_end()))
}
