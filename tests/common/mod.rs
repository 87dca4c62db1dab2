//! Network namespaces for tests: made here, populated over rtnetlink, gone when they are dropped.
//!
//! Tests that use them are listed by [`kernel_tests!`](kernel).
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken fixture should fail loudly")]

pub mod hosts;
pub mod kernel;
pub mod lab;
pub mod parity;
pub mod taps;

use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nfblame_sys::ns::{self, NetNs};
use nfblame_sys::rt::{Handle, Lookup, NewRoute, Prefix, RouteKind, Router, Veth};

pub use kernel::find_program;
#[allow(unused_imports, reason = "not every test binary lists its tests")]
pub(crate) use kernel::kernel_tests;

/// How long a condition may take to become true before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A network namespace with nothing in it but a loopback that is up.
#[derive(Debug)]
pub struct Netns {
    ns: NetNs,
}

impl Netns {
    /// Makes one. It lives until this value and every process and socket inside are gone.
    pub fn new() -> Self {
        let ns = thread::spawn(|| {
            let ns = ns::unshare_net().expect("make a network namespace");
            Handle::open().expect("rtnetlink").set_up(1, true).expect("loopback up");
            ns
        });
        Self { ns: ns.join().expect("namespace thread") }
    }

    /// The namespace itself.
    pub fn ns(&self) -> &NetNs {
        &self.ns
    }

    /// A path that others can open it by, while this value lives: what `--netns` takes.
    pub fn path(&self) -> String {
        use std::os::fd::{AsFd, AsRawFd};
        format!("/proc/{}/fd/{}", std::process::id(), self.ns.as_fd().as_raw_fd())
    }

    /// Runs `f` on a fresh thread inside. What it returns (sockets, above all) stays inside.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        self.ns.run(f).expect("enter the test's namespace")
    }

    /// Runs `f` inside with an rtnetlink handle.
    pub fn rt<T: Send>(&self, f: impl FnOnce(&mut Handle) -> T + Send) -> T {
        self.run(|| f(&mut Handle::open().expect("rtnetlink")))
    }

    /// The index of an interface inside.
    pub fn index(&self, name: &str) -> u32 {
        self.rt(|rt| rt.link(name)).unwrap_or_else(|e| panic!("{e}")).index
    }

    /// Runs a program inside and returns what it said, whatever it said.
    pub fn try_cmd(&self, program: &str, args: &[&str], stdin: &str) -> Output {
        let path = find_program(program).unwrap_or_else(|| panic!("{program} is not installed"));
        self.run(|| {
            let mut child = Command::new(path)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("start a program");
            let mut input = child.stdin.take().expect("piped");
            thread::scope(|s| {
                s.spawn(move || input.write_all(stdin.as_bytes()));
                child.wait_with_output().expect("wait for a program")
            })
        })
    }

    /// Runs a program inside, which must succeed, and returns its standard output.
    pub fn cmd(&self, program: &str, args: &[&str], stdin: &str) -> String {
        let out = self.try_cmd(program, args, stdin);
        let err = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{program} {}: {}\n{err}\n{stdin}", args.join(" "), out.status);
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Loads a ruleset with `nft -f -`.
    pub fn nft(&self, ruleset: &str) {
        self.cmd("nft", &["-f", "-"], ruleset);
    }

    /// Sets a sysctl inside: `sysctl("net.ipv4.ip_forward", "1")`. An interface name with a dot is written with a slash.
    pub fn sysctl(&self, key: &str, value: &str) {
        let path = format!("/proc/sys/{}", swap_dots(key));
        self.run(|| fs::write(&path, value)).unwrap_or_else(|e| panic!("{path} = {value}: {e}"));
    }

    /// Adds an address, and waits until packets to it are taken (for IPv6 the kernel puts that off).
    pub fn address(&self, link: &str, address: &str) {
        let (index, prefix) = (self.index(link), prefix(address));
        self.rt(|rt| rt.add_address(index, prefix)).unwrap_or_else(|e| panic!("{e}"));
        self.run(|| {
            let mut router = Router::open().expect("rtnetlink");
            let local = Lookup::to(prefix.addr);
            until("the address", || router.lookup(&local).is_ok_and(|r| r.kind == RouteKind::Local));
        });
    }

    /// Adds a route: `route("0.0.0.0/0", "192.0.2.1")`.
    pub fn route(&self, to: &str, via: &str) {
        let via: IpAddr = via.parse().expect("an address");
        let route = NewRoute { via: Some(via), ..NewRoute::to(prefix(to)) };
        self.rt(|rt| rt.add_route(route)).unwrap_or_else(|e| panic!("{e}"));
    }
}

impl Default for Netns {
    fn default() -> Self {
        Self::new()
    }
}

/// As sysctl(8) reads a key: dots separate, and a slash stands for a dot in a name.
fn swap_dots(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            c => c,
        })
        .collect()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Joins two namespaces with a veth pair, both ends up, addressed (an empty address: none) and with carrier when this
/// returns. The ends make no traffic of their own: no link-local address, no duplicate address detection.
pub fn veth(a: &Netns, a_name: &str, a_addr: &str, b: &Netns, b_name: &str, b_addr: &str) {
    a.rt(|rt| rt.add_veth(Veth { name: a_name, peer: b_name, peer_ns: Some(b.ns()) }))
        .unwrap_or_else(|e| panic!("{e}"));
    for (ns, name, addr) in [(a, a_name, a_addr), (b, b_name, b_addr)] {
        let index = ns.index(name);
        ns.rt(|rt| rt.set_quiet(index).and_then(|()| rt.set_up(index, true))).unwrap_or_else(|e| panic!("{e}"));
        if !addr.is_empty() {
            ns.address(name, addr);
        }
    }
    for (ns, name) in [(a, a_name), (b, b_name)] {
        ns.rt(|rt| until("carrier", || rt.link(name).is_ok_and(|l| l.is_running())));
    }
}

/// Waits until `ready` says so; fails the test after [`DEADLINE`].
pub fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        thread::yield_now();
    }
}
