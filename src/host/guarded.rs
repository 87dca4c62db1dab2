//! What a TCP socket asks of packets beside their ends. One that does not meet it is thrown away before anybody looks at the
//! socket's queues, and nobody is told.

use std::net::IpAddr;

use super::counter::grouped;
use super::facts::Host;
use crate::blame::CulpritKind;
use crate::evaluate::nft::expr::exthdr::tcp_options;
use crate::evaluate::walk::UNSIGNED;
use crate::evaluate::{Obstacle, Packet, nat};
use crate::sys::diag::InetSocket;

const TCP: u8 = 6;
/// `TCPOPT_MD5SIG`
const MD5: u8 = 19;

/// What keeps a packet from a TCP socket that would get it.
pub(super) fn refused<H: Host + ?Sized>(host: &H, packet: &Packet, socket: &InetSocket) -> Option<Obstacle> {
    let (TCP, at) = nat::transport(packet)? else { return None };
    unsigned(packet, at, socket).or_else(|| too_far(host, packet, at, socket))
}

/// A peer that has a key signs everything (`tcp_inbound_md5_hash`).
fn unsigned(packet: &Packet, at: usize, socket: &InetSocket) -> Option<Obstacle> {
    let (src, _) = packet.addresses()?;
    let src = nat::address(src)?;
    // An IPv6 socket has the keys of IPv4 peers by their IPv4 addresses, or by those in IPv6's form.
    let mapped = match src {
        IpAddr::V4(a) => IpAddr::V6(a.to_ipv6_mapped()),
        IpAddr::V6(_) => src,
    };
    if !socket.signers.iter().any(|p| p.contains(src) || p.contains(mapped)) {
        return None;
    }
    let missing = Obstacle::new(CulpritKind::Socket, UNSIGNED);
    let unless = |what: &str| Obstacle { unless: Some((what.to_owned(), true)), ..missing.clone() };
    Some(match options(packet, at) {
        None => unless("it carries a TCP MD5 signature"),
        Some(header) if tcp_options(&header).any(|(_, kind, _)| kind == MD5) => {
            unless("its TCP MD5 signature is made with the key of that peer")
        }
        Some(_) => missing,
    })
}

/// The TCP header with its options, where they are known.
fn options(packet: &Packet, at: usize) -> Option<Vec<u8>> {
    let [offset] = packet.array(at + 12).known()?;
    packet.read(at, usize::from(offset >> 4) * 4).known().map(<[u8]>::to_vec)
}

/// A socket may ask for packets from near by only (`IP_MINTTL`, as routing daemons do); nothing tells which one does, but the
/// kernel counts what is refused so.
fn too_far<H: Host + ?Sized>(host: &H, packet: &Packet, at: usize, socket: &InetSocket) -> Option<Obstacle> {
    const COUNTER: &str = "TCPMinTTLDrop";
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    // A connection that has begun is from near enough.
    let [flags] = packet.array(at + 13).known()?;
    if flags & (SYN | ACK) != SYN {
        return None;
    }
    let [ttl] = packet.array(if packet.addresses()?.0.len() == 4 { 8 } else { 7 }).known()?;
    let text = host.proc_net("netstat").known()?;
    let count = grouped(&text, "TcpExt", COUNTER).filter(|n| *n > 0 && ttl < u8::MAX)?;
    let question = format!(
        "its socket on port {} takes a TTL of {ttl}; some have refused {count} packets (/proc/net/netstat: TcpExt {COUNTER})",
        socket.port
    );
    let obstacle = Obstacle::new(CulpritKind::Socket, "TTL smaller than its socket takes");
    Some(Obstacle { unless: Some((question, true)), ..obstacle })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Network;
    use crate::host::FakeHost;
    use crate::sys::diag::SocketState;
    use crate::sys::rt::Prefix;

    fn syn(options: &[u8]) -> Packet {
        let length = 40 + options.len();
        let mut b = vec![0x45, 0, 0, length as u8, 0, 1, 0, 0, 64, TCP, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1];
        b.extend([0x9c, 0x40, 0, 179, 0, 0, 0, 1, 0, 0, 0, 0, ((20 + options.len()) * 4) as u8, 2, 0xfa, 0xf0]);
        b.extend([0; 4]);
        b.extend(options);
        Packet::new(Network::Ip4, b)
    }

    fn listener(signers: Vec<Prefix>) -> InetSocket {
        InetSocket { signers, ..InetSocket::bound(SocketState::Listen, [0; 4].into(), 179) }
    }

    fn why(o: Option<Obstacle>) -> Option<(String, bool)> {
        o.map(|o| (o.detail.unwrap_or_default(), o.unless.is_some()))
    }

    #[test]
    fn a_peer_with_a_key_has_to_sign() {
        let host = FakeHost::new();
        let peer = listener(vec![Prefix::new([192, 0, 2, 0].into(), 24)]);
        let mut signature = [0; 20];
        signature[..2].copy_from_slice(&[MD5, 18]);
        assert_eq!(why(refused(&host, &syn(&[2, 4, 5, 0xb4]), &peer)), Some((UNSIGNED.into(), false)));
        assert_eq!(why(refused(&host, &syn(&signature), &peer)), Some((UNSIGNED.into(), true)));
        // A trace has no options.
        let mut cut = syn(&[2, 4, 5, 0xb4]);
        cut.bytes.truncate(40);
        assert_eq!(why(refused(&host, &cut, &peer)), Some((UNSIGNED.into(), true)));
        let other = listener(vec![Prefix::new([192, 0, 2, 3].into(), 32)]);
        assert_eq!(why(refused(&host, &syn(&[]), &other)), None);
    }

    #[test]
    fn a_socket_for_neighbours_only_is_known_by_what_it_refused() {
        let mut host = FakeHost::new();
        let count = |n: u32| format!("TcpExt: SyncookiesSent TCPMinTTLDrop\nTcpExt: 7 {n}\n");
        host.proc_net.insert("netstat".into(), count(0));
        assert_eq!(why(refused(&host, &syn(&[]), &listener(Vec::new()))), None);
        host.proc_net.insert("netstat".into(), count(2));
        let near = Some(("TTL smaller than its socket takes".to_owned(), true));
        assert_eq!(why(refused(&host, &syn(&[]), &listener(Vec::new()))), near);
    }
}
