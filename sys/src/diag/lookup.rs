//! Asking for sockets.

use std::net::IpAddr;

use super::inet::{InetSocket, Protocol};
use crate::error::Result;
use crate::modules::{Presence, presence};
use crate::netlink::{Builder, Client, Family, Socket, Transport};
use crate::uapi::inet_diag::*;

/// All states (`TCPF_ALL`).
const ALL: u32 = !0;
/// `1 << TCP_LISTEN | 1 << TCP_CLOSE`: TCP sockets that listen, UDP sockets that are not connected.
const UNCONNECTED: u32 = 1 << 10 | 1 << 7;

/// `1 << TCP_SYN_RECV | 1 << TCP_NEW_SYN_RECV`: connections that are half open.
const HALF_OPEN: u32 = 1 << 3 | 1 << 12;

/// A packet's ends, as a socket lookup needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Where the packet comes from.
    pub src: (IpAddr, u16),
    /// Where it goes to.
    pub dst: (IpAddr, u16),
    /// The interface it came in by; 0: any.
    pub iif: u32,
}

/// Asks for sockets of the network namespace in which it was opened.
#[derive(Debug)]
pub struct Sockets<T: Transport = Socket> {
    client: Client<T>,
}

impl Sockets<Socket> {
    /// Opens a socket.
    pub fn open() -> Result<Self> {
        Ok(Self::new(Client::open(Family::SockDiag)?))
    }

    /// Would asking about `protocol` load a kernel module?
    pub fn would_load(protocol: Protocol) -> bool {
        let (name, symbol) = protocol.module();
        match presence(name, symbol) {
            // And with it what it builds upon.
            Presence::Present => false,
            Presence::Loadable => true,
            Presence::Unknown => presence("inet_diag", "inet_diag_register") == Presence::Loadable,
        }
    }
}

impl<T: Transport> Sockets<T> {
    /// Asks through an open conversation.
    pub fn new(client: Client<T>) -> Self {
        Self { client }
    }

    /// The socket that the kernel would give a packet to: the very lookup that it does, so with the interface a socket
    /// is bound to, connected sockets before listeners, and IPv6 sockets that take IPv4. None: there is no such socket.
    ///
    /// # Errors
    /// `ENOENT` is also what a kernel without socket diagnosis for that protocol says; see [`Sockets::would_load`].
    pub fn lookup(&mut self, protocol: Protocol, ends: &Ends) -> Result<Option<InetSocket>> {
        let object = format!("{}:{}", ends.dst.0, ends.dst.1);
        let mut found = None;
        let asked = self.client.get(
            "find the socket for",
            &object,
            |b, flags, seq| {
                // TCP wants the socket's own end first, UDP the packet's source ("for historical reasons").
                let (first, second) = match protocol {
                    Protocol::Udp | Protocol::UdpLite => (ends.src, ends.dst),
                    _ => (ends.dst, ends.src),
                };
                request(b, flags, seq, protocol, ALL, first, second, ends.iif);
            },
            |m| {
                found = Some(InetSocket::parse(m.payload)?);
                Ok(())
            },
        );
        match asked {
            Err(e) if e.errno() == Some(libc::ENOENT) => Ok(None),
            asked => asked.map(|()| found),
        }
    }

    /// Sockets that take packets from anybody (listeners; unconnected UDP sockets) on a port; 0: on any.
    pub fn listeners(&mut self, protocol: Protocol, port: u16) -> Result<Vec<InetSocket>> {
        let mut all = Vec::new();
        self.each(protocol, UNCONNECTED, port, |s| all.push(s))?;
        all.retain(|s| s.peer_port == 0);
        Ok(all)
    }

    /// Connections to a port of this host of which the last packet of the handshake has not come.
    pub fn half_open(&mut self, port: u16) -> Result<Vec<InetSocket>> {
        let mut all = Vec::new();
        self.each(Protocol::Tcp, HALF_OPEN, port, |s| all.push(s))?;
        Ok(all)
    }

    /// Hands every socket of that protocol, IPv4 and IPv6, to `each`.
    pub fn all(&mut self, protocol: Protocol, each: impl FnMut(InetSocket)) -> Result<()> {
        self.each(protocol, ALL, 0, each)
    }

    fn each(&mut self, protocol: Protocol, states: u32, port: u16, mut each: impl FnMut(InetSocket)) -> Result<()> {
        let any: [IpAddr; 2] = [[0; 4].into(), [0; 16].into()];
        for family in any {
            // Sockets come and go at all times; the kernel never marks this dump as interrupted.
            let _ = self.client.dump(
                "list sockets",
                "",
                |b, flags, seq| request(b, flags, seq, protocol, states, (family, port), (family, 0), 0),
                |m| {
                    each(InetSocket::parse(m.payload)?);
                    Ok(())
                },
            )?;
        }
        Ok(())
    }
}

/// Writes a `struct inet_diag_req_v2`.
#[allow(clippy::too_many_arguments, reason = "the fields of one C structure")]
fn request(
    b: &mut Builder,
    flags: u16,
    seq: u32,
    protocol: Protocol,
    states: u32,
    first: (IpAddr, u16),
    second: (IpAddr, u16),
    interface: u32,
) {
    let family = if first.0.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
    let mut wanted = 1u8 << (INET_DIAG_SKMEMINFO - 1);
    // The peers that have to sign come with what is not worth asking of all sockets (`inet_sk_diag_fill`).
    if flags & libc::NLM_F_DUMP as u16 == 0 {
        wanted |= 1 << (INET_DIAG_INFO - 1);
    }
    b.message(SOCK_DIAG_BY_FAMILY, flags, seq).raw(&[family, protocol.number(), wanted, 0]).raw(&states.to_ne_bytes());
    b.raw(&first.1.to_be_bytes()).raw(&second.1.to_be_bytes());
    b.raw(&sixteen(first.0)).raw(&sixteen(second.0)).raw(&interface.to_ne_bytes());
    b.raw(&INET_DIAG_NOCOOKIE.to_ne_bytes()).raw(&INET_DIAG_NOCOOKIE.to_ne_bytes());
}

fn sixteen(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(a) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&a.octets());
            bytes
        }
        IpAddr::V6(a) => a.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SocketState;
    use crate::netlink::fake::Fake;

    fn answer() -> Vec<u8> {
        let mut b = Builder::new();
        b.message(SOCK_DIAG_BY_FAMILY, libc::NLM_F_MULTI as u16, 0).raw(&[libc::AF_INET6 as u8, 10, 0, 0]);
        b.raw(&80u16.to_be_bytes()).raw(&[0; 2]).raw(&[0; 32]).raw(&[0; 4]).raw(&[0xff; 8]).raw(&[0; 4]);
        for number in [129u32, 128, 1000, 4242] {
            b.raw(&number.to_ne_bytes());
        }
        let mut signer = vec![libc::AF_INET as u8, 24, 6, 0, 192, 0, 2, 0];
        signer.resize(100, b'k');
        b.u8(INET_DIAG_SKV6ONLY, 0).attr(INET_DIAG_MD5SIG, &signer);
        b.finish()
    }

    #[test]
    fn a_listener_is_read_and_its_overflow_seen() -> Result<()> {
        let fake = Fake::new().reply(answer()).done().done();
        let listeners = Sockets::new(Client::new(fake)).listeners(Protocol::Tcp, 80)?;
        assert_eq!(listeners.len(), 1);
        let s = &listeners[0];
        assert_eq!((s.state, s.port, s.uid, s.inode), (SocketState::Listen, 80, 1000, 4242));
        assert_eq!(s.signers, [crate::rt::Prefix::new([192, 0, 2, 0].into(), 24)]);
        assert!(s.is_wildcard() && s.is_overflowing());
        assert_eq!(s.takes([192, 0, 2, 1].into()), Some(true), "an IPv6 wildcard takes IPv4");
        Ok(())
    }

    #[test]
    fn no_socket_is_an_answer_and_a_refusal_an_error() -> Result<()> {
        let any = ([0; 4].into(), 1);
        let ends = Ends { src: any, dst: any, iif: 0 };
        let mut sockets = Sockets::new(Client::new(Fake::new().ack(libc::ENOENT).ack(libc::EPERM)));
        assert_eq!(sockets.lookup(Protocol::Udp, &ends)?, None);
        assert!(sockets.lookup(Protocol::Udp, &ends).is_err());
        Ok(())
    }
}
