//! Networks for tests.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nfblame_sys::ns::{self, NetNs};
use nfblame_sys::rt::{Handle, Veth};

/// Switches the loopback of the first namespace on.
pub fn loopback_up() -> Result<(), String> {
    Handle::open().and_then(|mut rt| rt.set_up(1, true)).map_err(|e| e.to_string())
}

/// The other end of a veth pair `NAME`–`NAMEp`: a namespace of its own. The pair goes with it.
pub struct Peer {
    /// The namespace.
    pub ns: NetNs,
}

impl Peer {
    /// Makes one, with addresses (`10.9.0.1/24`) on this side and on that. Both ends are up and quiet.
    pub fn new(name: &str, here: &[&str], there: &[&str]) -> Result<Self, String> {
        let made = thread::spawn(ns::unshare_net).join().map_err(|_| "a thread died")?;
        let ns = made.map_err(|e| e.to_string())?;
        let peer = format!("{name}p");
        let mut rt = Handle::open().map_err(|e| e.to_string())?;
        let done = rt.add_veth(Veth { name, peer: &peer, peer_ns: Some(&ns) });
        done.map_err(|e| e.to_string())?;
        prepare(name, here)?;
        let this = Self { ns };
        this.run(|| {
            loopback_up()?;
            prepare(&peer, there)
        })?;
        let begun = Instant::now();
        while !rt.link(name).is_ok_and(|l| l.is_running()) {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(format!("{name} gets no carrier"));
            }
            thread::yield_now();
        }
        Ok(this)
    }

    /// Runs `f` inside.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
        self.ns.run(f).map_err(|e| e.to_string())?
    }
}

fn prepare(name: &str, addresses: &[&str]) -> Result<(), String> {
    let fail = |e: nfblame_sys::Error| e.to_string();
    let mut rt = Handle::open().map_err(fail)?;
    let index = rt.link(name).map_err(fail)?.index;
    rt.set_quiet(index).and_then(|()| rt.set_up(index, true)).map_err(fail)?;
    for address in addresses {
        let prefix = address.parse().map_err(|e| format!("{address}: {e}"))?;
        rt.add_address(index, prefix).map_err(fail)?;
    }
    Ok(())
}

/// Sets a key of the calling thread's namespace, by its path below /proc/sys.
pub fn sysctl(path: &str, value: &str) -> Result<(), String> {
    fs::write(format!("/proc/sys/{path}"), value).map_err(|e| format!("{path} = {value}: {e}"))
}
