//! Which of all the packets that the machine drops are of this network namespace.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{ETHERNET, LOOPBACK};
use crate::sys::dropmon::Alert;
use crate::sys::ns::{self, NetNs};
use crate::sys::rt::{Handle, Link, LinkFlags};

/// How often the devices are looked at again, at the most, when a packet is of none of them; and the other namespaces.
const FRESH: Duration = Duration::from_secs(1);

/// Is a packet of this namespace?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// Its addresses are those of our devices.
    Surely,
    /// One of our devices sends it. It is about to leave, or has left and another namespace took it in by a device of that index.
    Leaving,
    /// We have such a device, and another namespace may have one too.
    Perhaps,
    /// No.
    Not,
}

/// The devices of this namespace.
#[derive(Debug, Default)]
pub struct Places {
    links: BTreeMap<u32, Link>,
    read: Option<Instant>,
    /// Are there other namespaces?
    others: bool,
    looked: Option<Instant>,
}

impl Places {
    /// `ARPHRD_*` of the device of that index.
    pub fn hardware(&self, iif: Option<u32>) -> Option<u16> {
        self.links.get(&iif?).map(|l| l.hardware)
    }

    /// Was it dropped here? Reads the devices again where it is of none that is known. Call it on a thread of the
    /// namespace.
    pub fn place(&mut self, a: &Alert<'_>) -> Here {
        let mut here = self.look_up(a);
        if here == Here::Not && self.read.is_none_or(|at| at.elapsed() > FRESH) {
            self.read_links();
            here = self.look_up(a);
        }
        if matches!(here, Here::Perhaps | Here::Leaving) && !self.others_exist() {
            here = Here::Surely;
        }
        here
    }

    /// Reads the devices anew.
    pub fn read_links(&mut self) {
        self.read = Some(Instant::now());
        if let Ok(links) = Handle::open().and_then(|mut h| h.links()) {
            self.links = links.into_iter().map(|l| (l.index, l)).collect();
        }
    }

    fn look_up(&self, a: &Alert<'_>) -> Here {
        if let Some(name) = a.port_name {
            // Traps are of devices in the namespace that the monitor reports to.
            let ours = a.iif.and_then(|i| self.links.get(&i)).is_some_and(|l| l.name.as_bytes() == name);
            return if ours { Here::Perhaps } else { Here::Not };
        }
        let (to, from) = (a.payload.get(..6).unwrap_or(&[]), a.payload.get(6..12).unwrap_or(&[]));
        let Some(iif) = a.iif else {
            // It has been made here, or is about to leave, or to come in.
            return match (self.is_ours(from) || self.is_ours(to), is_zero(from) && is_zero(to)) {
                (true, _) => Here::Surely,
                (_, true) => Here::Perhaps,
                _ => Here::Not,
            };
        };
        let Some(link) = self.links.get(&iif) else { return Here::Not };
        match link.hardware {
            ETHERNET if link.address == to => Here::Surely,
            ETHERNET if self.is_ours(from) => Here::Leaving,
            ETHERNET => {
                let for_many = to.first().is_some_and(|b| b & 1 != 0);
                let takes_all =
                    link.flags.contains(LinkFlags::PROMISC) || link.promiscuity > 0 || link.master.is_some();
                // A forwarded packet that another namespace's device of this index took in has its addresses.
                if for_many || takes_all { Here::Perhaps } else { Here::Not }
            }
            LOOPBACK if !(self.is_ours(from) || is_zero(to) && is_zero(from)) => Here::Not,
            _ => Here::Perhaps,
        }
    }

    fn is_ours(&self, address: &[u8]) -> bool {
        !is_zero(address) && self.links.values().any(|l| l.hardware == ETHERNET && l.address == address)
    }

    /// Looks for another namespace among those of processes and those with names.
    fn others_exist(&mut self) -> bool {
        if self.looked.is_none_or(|at| at.elapsed() > FRESH) {
            self.looked = Some(Instant::now());
            self.others = others_exist();
        }
        self.others
    }
}

fn is_zero(address: &[u8]) -> bool {
    address.iter().all(|b| *b == 0)
}

fn others_exist() -> bool {
    let Ok(ours) = ns::current_id() else { return true };
    let entries = |dir: &str| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    let pids = entries("/proc")
        .filter(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())));
    let mut all = entries(ns::NAMED).chain(pids.map(|p: PathBuf| p.join("ns/net")));
    all.any(|path| NetNs::at(&path).is_ok_and(|n| n.id() != ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const PORT: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 9];
    const ALL: [u8; 6] = [255; 6];
    const NONE: [u8; 6] = [0; 6];

    #[test]
    fn a_packet_is_of_this_namespace_by_its_device_and_its_addresses() {
        let device =
            |index, hardware, address: [u8; 6]| Link { index, hardware, address: address.into(), ..Link::default() };
        let port = Link { master: Some(9), ..device(3, ETHERNET, PORT) };
        let links = [device(1, LOOPBACK, NONE), device(2, ETHERNET, OURS), port];
        let places = Places { links: links.into_iter().map(|l| (l.index, l)).collect(), ..Places::default() };
        for (iif, to, from, here) in [
            (Some(2), OURS, THEIRS, Here::Surely),
            (Some(2), OURS, PORT, Here::Surely),
            (Some(2), THEIRS, OURS, Here::Leaving),
            (Some(2), ALL, OURS, Here::Leaving),
            (Some(2), ALL, THEIRS, Here::Perhaps),
            (Some(2), THEIRS, THEIRS, Here::Not),
            (Some(3), THEIRS, THEIRS, Here::Perhaps),
            (Some(1), NONE, NONE, Here::Perhaps),
            (Some(1), THEIRS, OURS, Here::Perhaps),
            (Some(1), THEIRS, THEIRS, Here::Not),
            (Some(7), OURS, THEIRS, Here::Not),
            (None, THEIRS, OURS, Here::Surely),
            (None, NONE, NONE, Here::Perhaps),
            (None, THEIRS, THEIRS, Here::Not),
        ] {
            let payload = [to, from].concat();
            let found = places.look_up(&Alert { iif, payload: &payload, ..Alert::default() });
            assert_eq!(found, here, "in by {iif:?}, from {from:?} to {to:?}");
        }
    }
}
