//! Legacy tables of the calling thread's network namespace.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::entry::Counters;
use super::family::Family;
use super::sockopt;
use super::table::{Info, Table};
use crate::Text;
use crate::error::{Error, Malformed, Result};
use crate::uapi::x_tables::{
    ARPT_BASE_CTL, IP6T_SO_GET_REVISION_MATCH, IP6T_SO_GET_REVISION_TARGET, IPT_BASE_CTL, IPT_SO_GET_REVISION_MATCH,
    IPT_SO_GET_REVISION_TARGET, NF_INET_NUMHOOKS, SO_GET_ENTRIES, SO_GET_INFO, SO_SET_REPLACE, XT_EXTENSION_MAXNAMELEN,
    XT_TABLE_MAXNAMELEN,
};

/// How often a table that changes while it is read is read again.
const TRIES: u32 = 16;
/// `struct ipt_get_entries` before its entries, padded to their alignment.
const ENTRIES_HEADER: usize = 40;

/// A socket through which the tables of one family are read and replaced.
///
/// It belongs to the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Legacy {
    family: Family,
    fd: OwnedFd,
}

impl Legacy {
    /// Opens it. Needs no privilege by itself.
    pub fn open(family: Family) -> Result<Self> {
        let domain = match family {
            Family::Ip | Family::Arp => AddressFamily::Inet,
            Family::Ip6 => AddressFamily::Inet6,
            Family::Bridge => return Err(Malformed::Missing("legacy tables that can be read").of("bridge family")),
        };
        // Any socket of the family reaches netfilter's options; a raw one would need CAP_NET_RAW as well.
        let fd = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
            .map_err(|e| Error::os("open", format!("socket for {family:?} tables"), e))?;
        Ok(Self { family, fd })
    }

    /// The tables that exist (`/proc/thread-self/net/ip_tables_names`); none where the kernel has no legacy tables.
    pub fn names(&self) -> Result<Vec<Text>> {
        let path = match self.family {
            Family::Ip6 => "/proc/thread-self/net/ip6_tables_names",
            Family::Arp => "/proc/thread-self/net/arp_tables_names",
            Family::Ip | Family::Bridge => "/proc/thread-self/net/ip_tables_names",
        };
        match fs::read(path) {
            Ok(list) => Ok(list.split(|&b| b == b'\n').filter(|n| !n.is_empty()).map(Text::new).collect()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(Error::os("read", path, e)),
        }
    }

    /// Reads a table. One that does not exist is not made: asking the kernel for it would.
    pub fn table(&self, name: &[u8]) -> Result<Table> {
        if !self.names()?.iter().any(|n| n.as_bytes() == name) {
            return Err(self.failed("read", name, io::Error::from_raw_os_error(libc::ENOENT)));
        }
        self.read(name)
    }

    /// Reads every table that exists, in the order of [`names`](Self::names).
    pub fn tables(&self) -> Result<Vec<Table>> {
        self.names()?.iter().map(|name| self.read(name.as_bytes())).collect()
    }

    /// The hooks and sizes of a table. **Makes the table if it does not exist**, as `iptables -t` does.
    pub fn instantiate(&self, name: &[u8]) -> Result<Info> {
        self.info(name)
    }

    /// Puts a whole table into the kernel in one step, in the place of the one of its name. Its counters start at zero.
    ///
    /// # Errors
    /// `EAGAIN` after several tries if somebody else keeps changing the table; `EINVAL`, `ELOOP` and `ENOENT` if the
    /// kernel does not accept the entries.
    pub fn replace(&self, table: &Table) -> Result<()> {
        let name = table.name().as_bytes();
        let failed = |e| self.failed("replace", name, e);
        for _ in 0..TRIES {
            let old = self.info(name)?;
            let mut counters = vec![Counters::default(); old.num_entries as usize];
            let (mut request, pointer_at) = self.replace_request(table, old.num_entries)?;
            let option = self.base() + SO_SET_REPLACE;
            match sockopt::replace(self.fd.as_fd(), self.level(), option, &mut request, pointer_at, &mut counters) {
                Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => {}
                result => return result.map_err(failed),
            }
        }
        Err(failed(io::Error::from_raw_os_error(libc::EAGAIN)))
    }

    /// Does the kernel know this revision of a match? **May load the module that has it.**
    pub fn knows_match(&self, name: &[u8], revision: u8) -> Result<bool> {
        let option = match self.family {
            Family::Ip6 => IP6T_SO_GET_REVISION_MATCH,
            _ => IPT_SO_GET_REVISION_MATCH,
        };
        self.knows(option, name, revision)
    }

    /// Does the kernel know this revision of a target? **May load the module that has it.**
    pub fn knows_target(&self, name: &[u8], revision: u8) -> Result<bool> {
        let option = match self.family {
            Family::Ip6 => IP6T_SO_GET_REVISION_TARGET,
            _ => IPT_SO_GET_REVISION_TARGET,
        };
        self.knows(option, name, revision)
    }

    fn level(&self) -> i32 {
        match self.family {
            Family::Ip6 => libc::IPPROTO_IPV6,
            _ => libc::IPPROTO_IP,
        }
    }

    fn base(&self) -> i32 {
        match self.family {
            Family::Arp => ARPT_BASE_CTL,
            _ => IPT_BASE_CTL,
        }
    }

    fn failed(&self, op: &'static str, name: &[u8], source: io::Error) -> Error {
        let prefix = match self.family {
            Family::Ip6 => "ip6",
            Family::Arp => "arp",
            Family::Ip | Family::Bridge => "ip",
        };
        Error::os(op, format!("{prefix} table {}", Text::new(name)), source)
    }

    fn read(&self, name: &[u8]) -> Result<Table> {
        for _ in 0..TRIES {
            let info = self.info(name)?;
            let size = info.size as usize;
            let mut buf = vec![0; ENTRIES_HEADER + size];
            put(&mut buf, 0, &table_name(name));
            put(&mut buf, XT_TABLE_MAXNAMELEN, &info.size.to_ne_bytes());
            match sockopt::get(self.fd.as_fd(), self.level(), self.base() + SO_GET_ENTRIES, &mut buf) {
                Ok(_) => {}
                // The table has another size by now.
                Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => continue,
                Err(e) => return Err(self.failed("read the entries of", name, e)),
            }
            // A change that keeps the size may still move the hooks.
            if self.info(name)? != info {
                continue;
            }
            buf.drain(..ENTRIES_HEADER);
            return Table::new(self.family, info, buf).map_err(|e| e.of("legacy table"));
        }
        Err(Error::Torn { what: "legacy table", tries: TRIES })
    }

    fn info(&self, name: &[u8]) -> Result<Info> {
        let hooks = self.family.hooks().len();
        let mut buf = vec![0; XT_TABLE_MAXNAMELEN + 4 * (3 + 2 * hooks)];
        put(&mut buf, 0, &table_name(name));
        sockopt::get(self.fd.as_fd(), self.level(), self.base() + SO_GET_INFO, &mut buf)
            .map_err(|e| self.failed("look up", name, e))?;
        let mut words = buf.get(XT_TABLE_MAXNAMELEN..).unwrap_or(&[]).chunks_exact(4).map(|c| match c {
            &[a, b, c, d] => u32::from_ne_bytes([a, b, c, d]),
            _ => 0,
        });
        let mut word = || words.next().unwrap_or(0);
        let valid_hooks = word();
        let mut hook_entry = [u32::MAX; NF_INET_NUMHOOKS];
        hook_entry.iter_mut().take(hooks).for_each(|w| *w = word());
        let mut underflow = [u32::MAX; NF_INET_NUMHOOKS];
        underflow.iter_mut().take(hooks).for_each(|w| *w = word());
        Ok(Info { name: Text::new(name), valid_hooks, hook_entry, underflow, num_entries: word(), size: word() })
    }

    /// `struct ipt_replace` with its entries, and where its pointer is.
    fn replace_request(&self, table: &Table, num_counters: u32) -> Result<(Vec<u8>, usize)> {
        let info = table.info();
        let hooks = self.family.hooks().len();
        let mut r = Vec::with_capacity(128 + table.as_bytes().len());
        r.extend_from_slice(&table_name(info.name.as_bytes()));
        let sizes = [info.valid_hooks, info.num_entries, info.size];
        let offsets = info.hook_entry.iter().take(hooks).chain(info.underflow.iter().take(hooks));
        for word in sizes.iter().chain(offsets).chain([&num_counters]) {
            r.extend_from_slice(&word.to_ne_bytes());
        }
        let pointer_at = r.len();
        r.extend_from_slice(&[0; size_of::<usize>()]);
        r.extend_from_slice(table.as_bytes());
        Ok((r, pointer_at))
    }

    fn knows(&self, option: i32, name: &[u8], revision: u8) -> Result<bool> {
        let mut buf = [0; XT_EXTENSION_MAXNAMELEN + 1];
        let room = XT_EXTENSION_MAXNAMELEN - 1;
        put(&mut buf, 0, name.get(..room).unwrap_or(name));
        put(&mut buf, XT_EXTENSION_MAXNAMELEN, &[revision]);
        match sockopt::get(self.fd.as_fd(), self.level(), self.base() + option, &mut buf) {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.raw_os_error(), Some(libc::EPROTONOSUPPORT | libc::ENOENT)) => Ok(false),
            Err(e) => Err(self.failed("look for an extension of", name, e)),
        }
    }
}

/// A name in its field, cut if it is too long: the kernel then knows no table of that name.
fn table_name(name: &[u8]) -> [u8; XT_TABLE_MAXNAMELEN] {
    let mut field = [0; XT_TABLE_MAXNAMELEN];
    field.iter_mut().take(XT_TABLE_MAXNAMELEN - 1).zip(name).for_each(|(to, from)| *to = *from);
    field
}

fn put(buf: &mut [u8], at: usize, bytes: &[u8]) {
    buf.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}
