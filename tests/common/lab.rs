//! A client, a router, and a server behind it, in IPv4 and IPv6.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, connect};

use super::{Netns, veth};

/// client 10.9.1.2 (a0) — (r0) 10.9.1.1 router 10.9.2.1 (r1) — (b0) 10.9.2.2 server; the same with `fd09:1::2` and so on.
/// The router forwards.
pub struct Lab {
    /// Where most packets come from.
    pub client: Netns,
    /// Where the rules are.
    pub router: Netns,
    /// Behind the router.
    pub server: Netns,
}

/// The addresses of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// `ip` or `ip6`.
    pub family: &'static str,
    /// The client.
    pub client: &'static str,
    /// The router, towards the client.
    pub router: &'static str,
    /// The server.
    pub server: &'static str,
}

/// The addresses in IPv4.
pub const V4: Side = Side { family: "ip", client: "10.9.1.2", router: "10.9.1.1", server: "10.9.2.2" };
/// The addresses in IPv6.
pub const V6: Side = Side { family: "ip6", client: "fd09:1::2", router: "fd09:1::1", server: "fd09:2::2" };

impl Lab {
    /// Makes it.
    pub fn new() -> Self {
        let lab = Self { client: Netns::new(), router: Netns::new(), server: Netns::new() };
        veth(&lab.client, "a0", "10.9.1.2/24", &lab.router, "r0", "10.9.1.1/24");
        veth(&lab.server, "b0", "10.9.2.2/24", &lab.router, "r1", "10.9.2.1/24");
        for (ns, dev, addr) in [
            (&lab.client, "a0", "fd09:1::2/64"),
            (&lab.router, "r0", "fd09:1::1/64"),
            (&lab.server, "b0", "fd09:2::2/64"),
            (&lab.router, "r1", "fd09:2::1/64"),
            // A router asks for its neighbours from addresses of the link only.
            (&lab.router, "r0", "fe80::1/64"),
            (&lab.router, "r1", "fe80::2/64"),
        ] {
            ns.address(dev, addr);
        }
        lab.client.route("0.0.0.0/0", "10.9.1.1");
        lab.client.route("::/0", "fd09:1::1");
        lab.server.route("0.0.0.0/0", "10.9.2.1");
        lab.server.route("::/0", "fd09:2::1");
        lab.router.sysctl("net.ipv4.ip_forward", "1");
        lab.router.sysctl("net.ipv6.conf.all.forwarding", "1");
        lab
    }

    /// The handle of the router's rule whose line in nft's listing contains `part`.
    pub fn handle(&self, part: &str) -> u64 {
        let listing = self.router.cmd("nft", &["-a", "list", "ruleset"], "");
        let line = listing.lines().find(|l| l.contains(part)).unwrap_or_else(|| panic!("no {part} in {listing}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// The handle of a rule of the router by its place, as nft tells it.
    pub fn handle_at(&self, family: &str, table: &str, chain: &str, position: usize) -> u64 {
        let listing = self.router.cmd("nft", &["-a", "list", "chain", family, table, chain], "");
        let mut rules = listing.lines().filter(|l| l.contains("# handle ") && !l.trim_end().contains('{'));
        let line = rules.nth(position - 1).unwrap_or_else(|| panic!("no rule {position} in {listing}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Runs a program on the router with these words.
    pub fn run(&self, command: &str) -> String {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap();
        self.router.cmd(program, &words.collect::<Vec<_>>(), "")
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

fn at(to: &str, port: u16) -> SocketAddr {
    SocketAddr::new(to.parse::<IpAddr>().unwrap(), port)
}

fn any(to: SocketAddr) -> &'static str {
    if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }
}

/// Sends a UDP datagram with one byte in it; that a rule drops it on the way out is no error.
pub fn udp(from: &Netns, to: &str, port: u16) {
    let to = at(to, port);
    from.run(|| {
        let _ = UdpSocket::bind(any(to)).unwrap().send_to(b"x", to);
    });
}

/// Sends a SYN, and no other as long as what this returns is kept for less than a second.
pub fn syn(from: &Netns, to: &str, port: u16) -> OwnedFd {
    let to = at(to, port);
    from.run(|| {
        let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket::socket(family, SockType::Stream, flags, None).unwrap();
        use std::os::fd::AsRawFd;
        let _ = connect(fd.as_raw_fd(), &SockaddrStorage::from(to));
        fd
    })
}

/// Sends an IPv4 packet with this transport header and payload from a raw socket, as it is: sums are not filled in.
pub fn raw(from: &Netns, to: &str, protocol: u8, transport: &[u8]) {
    let SocketAddr::V4(to) = at(to, 0) else { panic!("IPv4 only") };
    from.run(|| {
        use std::os::fd::AsRawFd;
        let header = [0x45, 0, 0, 0, 0, 7, 0, 0, 64, protocol, 0, 0, 0, 0, 0, 0];
        let packet = [&header[..], &to.ip().octets(), transport].concat();
        let fd = socket::socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).unwrap();
        let flags = socket::MsgFlags::empty();
        socket::sendto(fd.as_raw_fd(), &packet, &SockaddrStorage::from(to), flags).unwrap();
    });
}

/// Listens for TCP on all addresses inside.
pub fn listen(on: &Netns, port: u16) -> TcpListener {
    on.run(|| TcpListener::bind(SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), port))).unwrap()
}

/// A UDP socket on all addresses inside.
pub fn udp_socket(on: &Netns, port: u16) -> UdpSocket {
    on.run(|| UdpSocket::bind(SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), port))).unwrap()
}
