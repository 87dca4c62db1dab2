//! The throw-away network of the demo: one client, three firewalled hosts, and a server behind the first.
//!
//! Every namespace is anonymous: nothing but our own file descriptors and threads keeps it, so that it is gone with
//! the process, whatever ends it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::sys::ns::{self, NetNs};
use crate::sys::rt::{Handle, NewRoute, Prefix, Veth};
use crate::sys::{Error, Result};

/// How long a link may take to come up.
const DEADLINE: Duration = Duration::from_secs(5);

/// One of the three hosts that drop packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Its firewall is native nftables.
    Nft,
    /// Its firewall is as iptables-nft installs it.
    Compat,
    /// Its firewall is in the legacy tables.
    Legacy,
}

impl Host {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nft, Self::Compat, Self::Legacy];

    /// The number of its network.
    fn number(self) -> u8 {
        match self {
            Self::Nft => 1,
            Self::Compat => 2,
            Self::Legacy => 3,
        }
    }

    /// The client's interface towards it.
    fn client_interface(self) -> &'static str {
        match self {
            Self::Nft => "to-nft",
            Self::Compat => "to-compat",
            Self::Legacy => "to-legacy",
        }
    }

    /// Its IPv4 address (documentation range).
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 51, 100, self.number() * 16 + 1)
    }

    /// The client's IPv4 address on the link to it.
    pub fn client(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 51, 100, self.number() * 16 + 2)
    }

    /// Its IPv6 address (documentation range).
    pub fn address6(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, self.number().into(), 0, 0, 0, 0, 1)
    }

    /// The client's IPv6 address on the link to it.
    pub fn client6(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, self.number().into(), 0, 0, 0, 0, 2)
    }
}

/// The address of the server behind [`Host::Nft`].
pub const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The router's address towards it.
const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// The namespaces.
#[derive(Debug)]
pub struct Lab {
    /// Where the packets come from.
    pub client: NetNs,
    nft: NetNs,
    compat: NetNs,
    legacy: NetNs,
    /// Behind the router.
    _server: NetNs,
}

impl Lab {
    /// Makes the namespaces and the links between them.
    ///
    /// # Errors
    /// `EPERM` where neither root nor an unprivileged user namespace gives the right to.
    pub fn new() -> Result<Self> {
        let [client, nft, compat, legacy, server] = [space()?, space()?, space()?, space()?, space()?];
        let lab = Self { client, nft, compat, legacy, _server: server };
        for host in Host::ALL {
            let (a, b) = (
                lab.client.run(|| -> Result<()> {
                    Handle::open()?.add_veth(Veth {
                        name: host.client_interface(),
                        peer: "eth0",
                        peer_ns: Some(lab.host(host)),
                    })
                })?,
                Prefix::new(host.client().into(), 28),
            );
            a?;
            configure(&lab.client, host.client_interface(), &[b, Prefix::new(host.client6().into(), 64)])?;
            let own = [Prefix::new(host.address().into(), 28), Prefix::new(host.address6().into(), 64)];
            configure(lab.host(host), "eth0", &own)?;
        }
        let router = &lab.nft;
        router.run(|| Handle::open()?.add_veth(Veth { name: "eth1", peer: "eth0", peer_ns: Some(&lab._server) }))??;
        configure(router, "eth1", &[Prefix::new(ROUTER.into(), 24)])?;
        configure(&lab._server, "eth0", &[Prefix::new(SERVER.into(), 24)])?;
        lab.client.run(|| {
            let via: IpAddr = Host::Nft.address().into();
            Handle::open()?.add_route(NewRoute { via: Some(via), ..NewRoute::to(Prefix::new(SERVER.into(), 32)) })
        })??;
        for host in Host::ALL {
            await_carrier(&lab.client, host.client_interface())?;
            await_carrier(lab.host(host), "eth0")?;
        }
        await_carrier(router, "eth1")?;
        Ok(lab)
    }

    /// The namespace of a host.
    pub fn host(&self, host: Host) -> &NetNs {
        match host {
            Host::Nft => &self.nft,
            Host::Compat => &self.compat,
            Host::Legacy => &self.legacy,
        }
    }
}

/// A new namespace with its loopback up.
fn space() -> Result<NetNs> {
    let made = std::thread::spawn(|| {
        let ns = ns::unshare_net()?;
        let mut rt = Handle::open()?;
        let lo = rt.link("lo")?;
        rt.set_up(lo.index, true)?;
        Ok(ns)
    });
    made.join()
        .unwrap_or_else(|_| Err(Error::os("make", "network namespace", std::io::Error::other("its thread died"))))
}

/// Brings an interface up, quietly, with these addresses.
fn configure(ns: &NetNs, name: &str, addresses: &[Prefix]) -> Result<()> {
    ns.run(|| {
        let mut rt = Handle::open()?;
        let index = rt.link(name)?.index;
        rt.set_quiet(index)?;
        rt.set_up(index, true)?;
        addresses.iter().try_for_each(|a| rt.add_address(index, *a))
    })?
}

fn await_carrier(ns: &NetNs, name: &str) -> Result<()> {
    ns.run(|| {
        let mut rt = Handle::open()?;
        let start = Instant::now();
        while !rt.link(name)?.is_running() {
            if start.elapsed() > DEADLINE {
                return Err(Error::os(
                    "wait for the carrier of",
                    name,
                    std::io::Error::from(std::io::ErrorKind::TimedOut),
                ));
            }
            std::thread::yield_now();
        }
        Ok(())
    })?
}
