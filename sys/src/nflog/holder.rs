//! Who holds an NFLOG group.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::Text;
use crate::ns::proc_net;

/// Groups that are bound in the calling thread's namespace. The kernel has no netlink dump of them.
const INSTANCES: &str = "netfilter/nfnetlink_log";
/// All netlink sockets of the calling thread's namespace.
const SOCKETS: &str = "netlink";

/// The socket that has bound a group, and its process as far as that can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The group.
    pub group: u16,
    /// The netlink port id of the socket.
    pub port: u32,
    /// The process that has the socket open; none when it is out of our sight.
    pub process: Option<Process>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id, as `/proc` shows it.
    pub pid: u32,
    /// Its name (`/proc/PID/comm`).
    pub name: Text,
    /// Was the socket seen among its open files? If not, only the port id, which is a process id by custom, says so.
    pub certain: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some(Process { pid, name, certain: true }) => write!(f, "process {pid} ({name})"),
            Some(Process { pid, name, certain: false }) => {
                write!(f, "netlink port {}, likely process {pid} ({name})", self.port)
            }
            None => write!(f, "netlink port {}, a process out of sight", self.port),
        }
    }
}

/// The groups that are taken in the calling thread's namespace, and by whom.
///
/// # Errors
/// When `/proc` does not show them: without privilege, or where the kernel has no nfnetlink_log.
pub fn holders() -> io::Result<Vec<Holder>> {
    let text = fs::read_to_string(proc_net(INSTANCES))?;
    Ok(instances(&text).map(|(group, port)| Holder { group, port, process: process(port) }).collect())
}

/// Who holds that group, if anybody does and `/proc` shows it.
pub(super) fn holder(group: u16) -> Option<Holder> {
    let text = fs::read_to_string(proc_net(INSTANCES)).ok()?;
    let (group, port) = instances(&text).find(|(g, _)| *g == group)?;
    Some(Holder { group, port, process: process(port) })
}

/// Group and port id are the first two columns.
fn instances(text: &str) -> impl Iterator<Item = (u16, u32)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    })
}

fn process(port: u32) -> Option<Process> {
    let sockets = fs::read_to_string(proc_net(SOCKETS)).unwrap_or_default();
    let by_socket = inode(&sockets, port).and_then(owner);
    let certain = by_socket.is_some();
    let pid = by_socket.unwrap_or(port);
    let name = Text::new(fs::read(format!("/proc/{pid}/comm")).ok()?.trim_ascii_end());
    Some(Process { pid, name, certain })
}

/// The inode of the `NETLINK_NETFILTER` socket with that port id.
fn inode(sockets: &str, port: u32) -> Option<u64> {
    sockets.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let matches = words.get(1)?.parse() == Ok(libc::NETLINK_NETFILTER) && words.get(2)?.parse() == Ok(port);
        matches.then(|| words.last()?.parse().ok())?
    })
}

/// The process that has that socket among its open files.
fn owner(inode: u64) -> Option<u32> {
    let target = format!("socket:[{inode}]");
    let has_it = |pid: u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        files.flatten().any(|f| fs::read_link(f.path()).is_ok_and(|t| t == Path::new(&target))).then_some(pid)
    };
    fs::read_dir("/proc").ok()?.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).find_map(has_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let text = "    0 2147487652     0 2 65531     1  1\n    5   4711     3 2  1024   100  1\nnonsense\n";
        assert_eq!(instances(text).collect::<Vec<_>>(), [(0, 2_147_487_652), (5, 4711)]);
        let sockets = "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n\
            0000000000000000 0   4711 00000551 0 0 0 2 0 100\n\
            0000000000000000 12  4711 00000000 0 0 0 2 0 4242\n";
        assert_eq!(inode(sockets, 4711), Some(4242), "not the route socket with the same port id");
        assert_eq!(inode(sockets, 1), None);
    }
}
