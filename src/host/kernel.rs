//! The running kernel's facts.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::facts::{CgroupProgram, Host, Program, Usage};
use super::memo::{Costly, Memo};
use super::sums::Sums;
use super::sysctl;
use super::{cgroup, conntrack, jiffies};
use crate::evaluate::Fact;
use crate::sys::bpf;
use crate::sys::ct::{Conntrack, CpuStats, Expectation, Filter, Flow, Status, Tuple, Zone};
use crate::sys::diag::{Ends, InetSocket, Protocol, Sockets};
use crate::sys::ns;
use crate::sys::rt::{
    self, Address, Handle, Link, Lookup, Neighbour, NeighbourTable, Policy, Qdisc, Route, Router, Rule, Station,
    TcFilter,
};
use crate::sys::{Error, Text};

/// A routing table with fewer routes than this is kept whole.
const SMALL: usize = 4096;

/// So many routes of all tables are looked at together.
const MANY: usize = 1 << 16;

/// This host, in the network namespace of the thread that opened it. It belongs to that thread: files under `/proc`
/// show the namespace of whoever reads them.
///
/// Answers are kept, so that one packet, or one batch of them, sees one state; [`forget`](Self::forget) drops them.
#[derive(Debug)]
pub struct KernelHost {
    namespace: ns::Id,
    handle: RefCell<Handle>,
    router: RefCell<Router>,
    sockets: RefCell<Option<Result<Sockets, String>>>,
    /// Would asking about these load modules?
    socket_modules: RefCell<Vec<(Protocol, bool)>>,
    conntrack: RefCell<Option<Result<Conntrack, String>>>,
    kept: Kept,
    sums: Sums,
}

#[derive(Debug, Default)]
struct Kept {
    sysctls: Memo<String, String>,
    links: Memo<(), Rc<[Link]>>,
    addresses: Memo<(), Rc<[Address]>>,
    rules: Memo<bool, Rc<[Rule]>>,
    tables: Memo<(bool, u32), Rc<[Route]>>,
    routes: Memo<(u32, IpAddr), Rc<[Route]>>,
    lookups: Memo<Lookup, Result<Rc<Route>, i32>>,
    sockets: Memo<(Protocol, Ends), InetSocket>,
    listeners: Memo<(Protocol, u16), Rc<[InetSocket]>>,
    half_open: Memo<u16, Rc<[InetSocket]>>,
    flows: Memo<(Tuple, Zone), Arc<Flow>>,
    expectations: Memo<(), Rc<[Expectation]>>,
    unassured: Costly<bool>,
    usage: Memo<(), Usage>,
    neighbours: Memo<(u32, IpAddr), Neighbour>,
    files: Memo<String, String>,
    policies: Memo<(), Rc<[Policy]>>,
    ipsec: Memo<(), bool>,
    cgroups: Memo<u64, Text>,
    cgroup_programs: Memo<(), Rc<[CgroupProgram]>>,
    filters: Memo<(u32, bool), Rc<[TcFilter]>>,
    qdiscs: Memo<(), Rc<[Qdisc]>>,
    all_routes: Memo<bool, Rc<[Route]>>,
    all_neighbours: Memo<(), Rc<[Neighbour]>>,
    stations: Memo<(), Rc<[Station]>>,
    neighbour_tables: Memo<(), Rc<[NeighbourTable]>>,
    stats: Memo<(), Rc<[CpuStats]>>,
    global: Memo<String, String>,
}

impl KernelHost {
    /// Opens the host in the calling thread's network namespace.
    ///
    /// # Errors
    /// Without rtnetlink there is nothing to go on. Everything else may be missing, and is unknown then.
    pub fn open() -> Result<Self, Error> {
        let host = Self {
            namespace: ns::current_id()?,
            handle: RefCell::new(Handle::open()?),
            router: RefCell::new(Router::open()?),
            sockets: RefCell::default(),
            socket_modules: RefCell::default(),
            conntrack: RefCell::default(),
            kept: Kept::default(),
            sums: Sums::default(),
        };
        host.sums.begin(&host);
        host.kept.files.clear();
        Ok(host)
    }

    /// Forgets all answers: the next questions see the present.
    pub fn forget(&self) {
        let k = &self.kept;
        k.sysctls.clear();
        k.links.clear();
        k.addresses.clear();
        k.rules.clear();
        k.tables.clear();
        k.routes.clear();
        k.lookups.clear();
        k.sockets.clear();
        k.listeners.clear();
        k.half_open.clear();
        k.flows.clear();
        k.expectations.clear();
        k.usage.clear();
        k.neighbours.clear();
        k.files.clear();
        k.policies.clear();
        k.ipsec.clear();
        k.cgroups.clear();
        k.cgroup_programs.clear();
        k.filters.clear();
        k.qdiscs.clear();
        k.all_routes.clear();
        k.all_neighbours.clear();
        k.stations.clear();
        k.neighbour_tables.clear();
        k.stats.clear();
        k.global.clear();
    }

    /// A file of the namespace; absent if there is none.
    fn read(&self, path: &Path) -> Fact<String> {
        if ns::current_id().ok() != Some(self.namespace) {
            return Fact::unknown("this thread is in another network namespace");
        }
        match fs::read(path) {
            Ok(bytes) => Fact::Is(String::from_utf8_lossy(&bytes).into_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Fact::Absent,
            Err(e) => Fact::unknown(format!("{}: {e}", path.display())),
        }
    }

    /// The routes of a table that `wanted` wants; it is told how many there are already.
    fn routes(&self, v6: bool, table: u32, wanted: impl Fn(usize, &Route) -> bool) -> Result<Vec<Route>, Error> {
        self.router.borrow_mut().routes(family(v6), table, |all: &mut Vec<Route>, r| {
            if wanted(all.len(), &r) {
                all.push(r);
            }
        })
    }

    /// A whole table; absent if it is too large to be kept.
    fn table(&self, v6: bool, table: u32) -> Fact<Rc<[Route]>> {
        self.kept.tables.get((v6, table), |&(v6, table)| match self.routes(v6, table, |n, _| n < SMALL) {
            Ok(routes) if routes.len() < SMALL => Fact::Is(routes.into()),
            Ok(_) => Fact::Absent,
            Err(e) => Fact::unknown(e.to_string()),
        })
    }

    /// Asks for sockets. The conversation is begun when it is first needed; a protocol is not asked about where that loads
    /// modules.
    fn ask_sockets<V>(
        &self,
        protocol: Protocol,
        ask: impl FnOnce(&mut Sockets) -> Result<Option<V>, Error>,
    ) -> Fact<V> {
        if self.would_load(protocol) {
            let module = protocol.module().0;
            return Fact::unknown(format!("sockets (after `modprobe {module}` they can be asked for)"));
        }
        let mut sockets = self.sockets.borrow_mut();
        match sockets.get_or_insert_with(|| Sockets::open().map_err(|e| e.to_string())) {
            Ok(sockets) => fact(ask(sockets)),
            Err(e) => Fact::unknown(e.clone()),
        }
    }

    fn would_load(&self, protocol: Protocol) -> bool {
        let mut known = self.socket_modules.borrow_mut();
        known.iter().find(|(p, _)| *p == protocol).map(|(_, loads)| *loads).unwrap_or_else(|| {
            let loads = Sockets::would_load(protocol);
            known.push((protocol, loads));
            loads
        })
    }

    /// Asks ctnetlink, likewise.
    fn ask_conntrack<V>(&self, ask: impl FnOnce(&mut Conntrack) -> Result<Option<V>, Error>) -> Fact<V> {
        let mut conntrack = self.conntrack.borrow_mut();
        let open = || match Conntrack::would_load() {
            true => Err("conntrack entries (after `modprobe nf_conntrack_netlink` they can be asked for)".to_owned()),
            false => Conntrack::open().map_err(|e| e.to_string()),
        };
        match conntrack.get_or_insert_with(open) {
            Ok(conntrack) => fact(ask(conntrack)),
            Err(e) => Fact::unknown(e.clone()),
        }
    }
}

/// An answer, its absence, or why there is none.
fn fact<V>(answer: Result<Option<V>, Error>) -> Fact<V> {
    answer.map_or_else(|e| Fact::unknown(e.to_string()), Fact::from)
}

fn list<V>(answer: Result<Vec<V>, Error>) -> Fact<Rc<[V]>> {
    fact(answer.map(|v| Some(v.into())))
}

fn family(v6: bool) -> u8 {
    (if v6 { nix::libc::AF_INET6 } else { nix::libc::AF_INET }) as u8
}

impl Host for KernelHost {
    fn sysctl(&self, key: &str) -> Fact<String> {
        self.kept.sysctls.get(key.to_owned(), |key| match sysctl::path(key) {
            Some(path) => self.read(&path).map(|text| text.trim_end().to_owned()),
            None => Fact::Absent,
        })
    }

    fn links(&self) -> Fact<Rc<[Link]>> {
        self.kept.links.get((), |()| list(self.handle.borrow_mut().links()))
    }

    fn addresses(&self) -> Fact<Rc<[Address]>> {
        self.kept.addresses.get((), |()| list(self.handle.borrow_mut().addresses()))
    }

    fn rules(&self, v6: bool) -> Fact<Rc<[Rule]>> {
        self.kept.rules.get(v6, |&v6| list(self.handle.borrow_mut().rules(family(v6))))
    }

    fn routes_to(&self, table: u32, to: IpAddr) -> Fact<Rc<[Route]>> {
        self.kept.routes.get((table, to), |&(table, to)| {
            let mut routes: Vec<Route> = match self.table(to.is_ipv6(), table) {
                Fact::Is(whole) => whole.iter().filter(|r| r.dst.contains(to)).cloned().collect(),
                // A full table may have a million routes: only those that hold the address are kept of it.
                Fact::Absent => match self.routes(to.is_ipv6(), table, |_, r| r.dst.contains(to)) {
                    Ok(routes) => routes,
                    Err(e) => return Fact::unknown(e.to_string()),
                },
                Fact::Unknown(why) => return Fact::Unknown(why),
            };
            routes.sort_by_key(|r| (std::cmp::Reverse(r.dst.len), r.priority));
            Fact::Is(routes.into())
        })
    }

    fn all_routes(&self, v6: bool) -> Fact<Rc<[Route]>> {
        self.kept.all_routes.get(v6, |&v6| match self.routes(v6, 0, |n, _| n < MANY) {
            Ok(routes) if routes.len() < MANY => Fact::Is(routes.into()),
            Ok(_) => Fact::unknown("routing tables (there are too many routes to look at all of them)"),
            Err(e) => Fact::unknown(e.to_string()),
        })
    }

    fn lookup(&self, question: &Lookup) -> Fact<Result<Rc<Route>, i32>> {
        self.kept.lookups.get(*question, |question| match self.router.borrow_mut().lookup(question) {
            Ok(route) => Fact::Is(Ok(Rc::new(route))),
            // An answer of the kernel, not a failure to ask it.
            Err(Error::Kernel { source, .. }) if is_answer(source.raw_os_error()) => {
                Fact::Is(Err(source.raw_os_error().unwrap_or(0)))
            }
            Err(e) => Fact::unknown(e.to_string()),
        })
    }

    fn socket(&self, protocol: Protocol, ends: &Ends) -> Fact<InetSocket> {
        self.kept.sockets.get((protocol, *ends), |(p, ends)| self.ask_sockets(*p, |s| s.lookup(*p, ends)))
    }

    fn listeners(&self, protocol: Protocol, port: u16) -> Fact<Rc<[InetSocket]>> {
        self.kept.listeners.get((protocol, port), |&(protocol, port)| {
            self.ask_sockets(protocol, |s| s.listeners(protocol, port).map(|all| Some(all.into())))
        })
    }

    fn half_open(&self, port: u16) -> Fact<Rc<[InetSocket]>> {
        let ask = |&port: &u16| self.ask_sockets(Protocol::Tcp, |s| s.half_open(port).map(|all| Some(all.into())));
        self.kept.half_open.get(port, ask)
    }

    fn flow(&self, tuple: &Tuple, zone: Zone) -> Fact<Arc<Flow>> {
        self.kept.flows.get((*tuple, zone), |(tuple, zone)| {
            self.ask_conntrack(|c| c.lookup(tuple, *zone).map(|flow| flow.map(Arc::new)))
        })
    }

    fn flows(&self, each: &mut dyn FnMut(&Flow)) -> Fact<()> {
        if self.conntrack_usage() == Fact::Absent {
            return Fact::Absent;
        }
        self.ask_conntrack(|c| c.dump(&Filter::any(), each).map(Some))
    }

    fn conntrack_stats(&self) -> Fact<Rc<[CpuStats]>> {
        if self.conntrack_usage() == Fact::Absent {
            return Fact::Absent;
        }
        self.kept.stats.get((), |()| self.ask_conntrack(|c| c.cpu_stats().map(|all| Some(all.into()))))
    }

    fn has_unassured_flows(&self) -> Fact<bool> {
        self.kept.unassured.get(|| {
            let filter = Filter { status: Some((Status::empty(), Status::ASSURED)), ..Filter::any() };
            let mut any = false;
            self.ask_conntrack(|c| c.dump(&filter, |_| any = true).map(|()| Some(any)))
        })
    }

    fn expectations(&self) -> Fact<Rc<[Expectation]>> {
        self.kept.expectations.get((), |()| self.ask_conntrack(|c| c.expectations().map(|all| Some(all.into()))))
    }

    fn conntrack_usage(&self) -> Fact<Usage> {
        self.kept.usage.get((), |()| conntrack::usage(|key| Host::sysctl(self, key)))
    }

    fn neighbour(&self, oif: u32, addr: IpAddr) -> Fact<Neighbour> {
        self.kept.neighbours.get((oif, addr), |&(oif, addr)| fact(self.handle.borrow_mut().neighbour(oif, addr)))
    }

    fn neighbours(&self) -> Fact<Rc<[Neighbour]>> {
        self.kept.all_neighbours.get((), |()| list(self.handle.borrow_mut().neighbours()))
    }

    fn stations(&self) -> Fact<Rc<[Station]>> {
        self.kept.stations.get((), |()| list(self.handle.borrow_mut().stations()))
    }

    fn neighbour_tables(&self) -> Fact<Rc<[NeighbourTable]>> {
        self.kept.neighbour_tables.get((), |()| list(self.handle.borrow_mut().neighbour_tables()))
    }

    fn policies(&self) -> Fact<Rc<[Policy]>> {
        self.kept.policies.get((), |()| list(rt::policies()))
    }

    fn tc_filters(&self, index: u32, egress: bool) -> Fact<Rc<[TcFilter]>> {
        self.kept.filters.get((index, egress), |&(index, egress)| list(rt::tc_filters(index, egress)))
    }

    fn qdiscs(&self) -> Fact<Rc<[Qdisc]>> {
        self.kept.qdiscs.get((), |()| list(rt::qdiscs()))
    }

    fn has_ipsec_states(&self) -> Fact<bool> {
        self.kept.ipsec.get((), |()| fact(rt::has_states().map(Some)))
    }

    fn tcx_programs(&self, index: u32, egress: bool) -> Fact<Rc<[Program]>> {
        if ns::current_id().ok() != Some(self.namespace) {
            return Fact::unknown("this thread is in another network namespace");
        }
        match bpf::at_device(index, if egress { bpf::TCX_EGRESS } else { bpf::TCX_INGRESS }) {
            Ok(ids) => Fact::Is(ids.into_iter().map(cgroup::program).collect()),
            // Before Linux 6.6 there is no such place.
            Err(e) if e.raw_os_error() == Some(nix::libc::EINVAL) => Fact::Absent,
            Err(e) => Fact::unknown(format!("BPF programs at interfaces: {e}")),
        }
    }

    fn cgroup_programs(&self) -> Fact<Rc<[CgroupProgram]>> {
        self.kept.cgroup_programs.get((), |()| cgroup::programs())
    }

    fn cgroup(&self, id: u64) -> Fact<Text> {
        self.kept.cgroups.get(id, |&id| cgroup::path_of(id))
    }

    fn proc_net(&self, name: &str) -> Fact<String> {
        self.kept.files.get(name.to_owned(), |name| self.read(&ns::proc_net(name)))
    }

    fn wrong_sums_lately(&self, v6: bool, protocol: u8) -> Fact<bool> {
        self.sums.lately(self, v6, protocol)
    }

    fn jiffies(&self) -> Fact<(u64, u64)> {
        jiffies::now()
    }

    fn global_sysctl(&self, key: &str) -> Fact<String> {
        if self.is_first_namespace() == Fact::Is(true) {
            return Host::sysctl(self, key);
        }
        self.kept.global.get(key.to_owned(), |key| {
            let read = ns::NetNs::of_process(1).and_then(|first| first.run(|| sysctl::read(key)));
            read.unwrap_or_else(|e| Fact::unknown(e.to_string()))
        })
    }

    fn is_first_namespace(&self) -> Fact<bool> {
        match ns::NetNs::of_process(1) {
            Ok(first) => Fact::Is(first.id() == self.namespace),
            Err(e) => Fact::unknown(e.to_string()),
        }
    }

    fn saved(&self, path: &str) -> Fact<String> {
        self.read(path.as_ref())
    }

    fn saved_in(&self, directory: &str) -> Fact<Vec<String>> {
        match std::fs::read_dir(directory) {
            Ok(entries) => Fact::Is(entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Fact::Absent,
            Err(e) => Fact::Unknown(format!("{directory}: {e}").into()),
        }
    }

    fn clock(&self) -> Fact<(i64, i32)> {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            // `sys_tz` is 0 unless somebody sets it at boot; no interface but a system call without wrapper tells it.
            Ok(since) => Fact::Is((since.as_secs() as i64, 0)),
            Err(_) => Fact::unknown("time of day"),
        }
    }
}

/// The errnos by which a lookup says what becomes of the packet.
fn is_answer(errno: Option<i32>) -> bool {
    use nix::libc::{EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, EXDEV};
    errno.is_some_and(|e| [EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, EXDEV].contains(&e))
}
