//! The facts of a host.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use crate::evaluate::Fact;
use crate::sys::Text;
use crate::sys::ct::{CpuStats, Expectation, Flow, Tuple, Zone};
use crate::sys::diag::{Ends, InetSocket, Protocol};
use crate::sys::rt::{Address, Link, Lookup, Neighbour, NeighbourTable, Policy, Qdisc, Route, Rule, Station, TcFilter};

/// How full the conntrack table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Entries of this network namespace.
    pub count: u32,
    /// The most that any one namespace may have (`nf_conntrack_max`).
    pub max: u32,
}

/// A BPF program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its id.
    pub id: u32,
    /// Its name; empty if it has none, or it cannot be read.
    pub name: Text,
}

/// A BPF program that is attached to a control group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupProgram {
    /// The path of the group, from the mount point.
    pub cgroup: Text,
    /// Where: `ingress`, `egress`, `connect4`.
    pub hook: &'static str,
    /// The program.
    pub program: Program,
}

impl fmt::Display for CgroupProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.program.name.is_empty() { String::new() } else { format!(" {}", self.program.name) };
        write!(f, "{} program {}{name} at cgroup {}", self.hook, self.program.id, self.cgroup)
    }
}

/// A host, or what is known of it. A fact that cannot be read is [`Fact::Unknown`] with the reason, never a guess; a
/// thing that is known not to exist is [`Fact::Absent`].
pub trait Host {
    /// A setting's value, by the key as sysctl(8) writes it: `net.ipv4.ip_forward`. In the name of an interface a dot
    /// is written as a slash.
    fn sysctl(&self, _key: &str) -> Fact<String> {
        Fact::unknown("sysctl")
    }

    /// All interfaces.
    fn links(&self) -> Fact<Rc<[Link]>> {
        Fact::unknown("network devices")
    }

    /// All addresses of this host.
    fn addresses(&self) -> Fact<Rc<[Address]>> {
        Fact::unknown("addresses of this host")
    }

    /// The policy routing rules of one family, in order.
    fn rules(&self, _v6: bool) -> Fact<Rc<[Rule]>> {
        Fact::unknown("routing rules")
    }

    /// The routes of one table whose prefix holds that address, longest prefix first, then lowest metric.
    fn routes_to(&self, _table: u32, _to: IpAddr) -> Fact<Rc<[Route]>> {
        Fact::unknown("routing tables")
    }

    /// The routes of all tables of one family; unknown where there are too many to keep.
    fn all_routes(&self, _v6: bool) -> Fact<Rc<[Route]>> {
        Fact::unknown("routing tables")
    }

    /// The kernel's own answer to a route lookup: a route or an errno. Absent: no kernel is asked here, and the
    /// tables have to do.
    fn lookup(&self, _question: &Lookup) -> Fact<Result<Rc<Route>, i32>> {
        Fact::Absent
    }

    /// The socket that the kernel would give a packet with these ends to.
    fn socket(&self, _protocol: Protocol, _ends: &Ends) -> Fact<InetSocket> {
        Fact::unknown("receiving socket")
    }

    /// The sockets that take packets from anybody on a port; 0: on any port.
    fn listeners(&self, _protocol: Protocol, _port: u16) -> Fact<Rc<[InetSocket]>> {
        Fact::unknown("listening sockets")
    }

    /// The connections to a TCP port of this host that are half open.
    fn half_open(&self, _port: u16) -> Fact<Rc<[InetSocket]>> {
        Fact::unknown("half-open connections")
    }

    /// The tracked connection of which one direction looks like this.
    fn flow(&self, _tuple: &Tuple, _zone: Zone) -> Fact<Arc<Flow>> {
        Fact::unknown("conntrack entry")
    }

    /// Hands every tracked connection to `each`; absent if this kernel does not track any.
    fn flows(&self, _each: &mut dyn FnMut(&Flow)) -> Fact<()> {
        Fact::unknown("conntrack entries")
    }

    /// What conntrack has counted in this namespace since it was made, by CPU.
    fn conntrack_stats(&self) -> Fact<Rc<[CpuStats]>> {
        Fact::unknown("counters of conntrack")
    }

    /// Are there connections that would be given up for a new one when the table is full (none of them is assured)?
    fn has_unassured_flows(&self) -> Fact<bool> {
        Fact::unknown("connections that could make room")
    }

    /// The connections that others have announced.
    fn expectations(&self) -> Fact<Rc<[Expectation]>> {
        Fact::unknown("conntrack expectations")
    }

    /// How full the conntrack table is. Absent: this kernel does not track connections.
    fn conntrack_usage(&self) -> Fact<Usage> {
        Fact::unknown("conntrack usage")
    }

    /// What is known of a neighbour. Absent: nothing, it would be asked for.
    fn neighbour(&self, _oif: u32, _addr: IpAddr) -> Fact<Neighbour> {
        Fact::unknown("neighbour")
    }

    /// All neighbours of this namespace.
    fn neighbours(&self) -> Fact<Rc<[Neighbour]>> {
        Fact::unknown("neighbours")
    }

    /// What the bridges of this namespace know of who is behind which port.
    fn stations(&self) -> Fact<Rc<[Station]>> {
        Fact::unknown("forwarding database of the bridge")
    }

    /// The neighbour tables: they are common to all namespaces.
    fn neighbour_tables(&self) -> Fact<Rc<[NeighbourTable]>> {
        Fact::unknown("neighbour tables")
    }

    /// The IPsec policies, in the order in which they are asked.
    fn policies(&self) -> Fact<Rc<[Policy]>> {
        Fact::unknown("IPsec policies")
    }

    /// The filters of traffic control that packets meet as they come in by an interface, or (`egress`) as they leave.
    fn tc_filters(&self, _index: u32, _egress: bool) -> Fact<Rc<[TcFilter]>> {
        Fact::unknown("filters of traffic control")
    }

    /// The queueing disciplines of all interfaces.
    fn qdiscs(&self) -> Fact<Rc<[Qdisc]>> {
        Fact::unknown("queueing disciplines")
    }

    /// Is there any IPsec state at all?
    fn has_ipsec_states(&self) -> Fact<bool> {
        Fact::unknown("IPsec state")
    }

    /// The BPF programs that are attached as links to the ingress or (`egress`) egress side of an interface (tcx).
    fn tcx_programs(&self, _index: u32, _egress: bool) -> Fact<Rc<[Program]>> {
        Fact::unknown("BPF programs at interfaces")
    }

    /// The BPF programs that see packets and sockets of control groups (version 2).
    fn cgroup_programs(&self) -> Fact<Rc<[CgroupProgram]>> {
        Fact::unknown("BPF programs at control groups")
    }

    /// The path of a control group (version 2), by its id.
    fn cgroup(&self, _id: u64) -> Fact<Text> {
        Fact::unknown("cgroup of the socket")
    }

    /// Has a packet of that protocol been thrown away for its checksum in the last moment?
    fn wrong_sums_lately(&self, _v6: bool, _protocol: u8) -> Fact<bool> {
        Fact::unknown("whether its checksum is right")
    }

    /// A file of `/proc/net`, by its path below it.
    fn proc_net(&self, _name: &str) -> Fact<String> {
        Fact::unknown("/proc/net")
    }

    /// A setting of the first network namespace, which may be another one than this; those of all namespaces together
    /// stand there only.
    fn global_sysctl(&self, _key: &str) -> Fact<String> {
        Fact::unknown("settings of the first network namespace")
    }

    /// Is this the first network namespace?
    fn is_first_namespace(&self) -> Fact<bool> {
        Fact::unknown("whether this is the first network namespace")
    }

    /// A file in which rules were saved, by its path. Absent: there is none.
    fn saved(&self, _path: &str) -> Fact<String> {
        Fact::unknown("saved rules")
    }

    /// The names of the files in a directory of such files. Absent: there is no such directory.
    fn saved_in(&self, _directory: &str) -> Fact<Vec<String>> {
        Fact::unknown("saved files")
    }

    /// The kernel's clock for timers, and its ticks in a second (`jiffies`, `HZ`).
    fn jiffies(&self) -> Fact<(u64, u64)> {
        Fact::unknown("jiffies")
    }

    /// Seconds since 1970 and the kernel's offset of local time from UTC in seconds.
    fn clock(&self) -> Fact<(i64, i32)> {
        Fact::unknown("time of day")
    }

    /// The interface of that index.
    fn link(&self, index: u32) -> Fact<Link> {
        pick(self.links(), |l| l.index == index)
    }

    /// The interface of that name.
    fn link_named(&self, name: &[u8]) -> Fact<Link> {
        pick(self.links(), |l| l.name.as_bytes() == name)
    }
}

/// One of many; absent if there is none such.
fn pick(links: Fact<Rc<[Link]>>, test: impl Fn(&Link) -> bool) -> Fact<Link> {
    match links {
        Fact::Is(links) => links.iter().find(|l| test(l)).cloned().into(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w),
    }
}
