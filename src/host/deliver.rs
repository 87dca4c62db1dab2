//! Who takes a packet that reached this host.

use std::net::{IpAddr, SocketAddr};

use super::facts::Host;
use super::ipsec;
use super::query::Query;
use super::refusal::{Cause, Refusal};
use super::route::{self, Outcome};
use super::sysctl::{Why, number};
use crate::evaluate::{Fact, RejectWith};
use crate::sys::ct::L4;
use crate::sys::diag::{Ends, InetSocket, Protocol, SocketMemory, SocketState};
use crate::sys::rt::{Direction, Route, RouteKind};

/// `RT_TABLE_LOCAL`.
const LOCAL: u32 = 255;
const COOKIES: &str = "net.ipv4.tcp_syncookies";
const BACKLOG: &str = "net.ipv4.tcp_max_syn_backlog";
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
/// What the smallest packet takes of a buffer beside its bytes: `struct sk_buff` and `struct skb_shared_info`.
const LEAST_TRUESIZE: u32 = 576;

/// Who takes a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// A socket.
    Socket(Box<InetSocket>),
    /// The kernel itself: what in it.
    Kernel(&'static str),
    /// Nobody.
    Nobody(Box<Refusal>),
}

/// Who takes a packet after the input hook.
pub fn deliver<H: Host + ?Sized>(host: &H, q: &Query) -> Fact<Taker> {
    match input_policy(host, q) {
        Fact::Is(refusal) => Fact::Is(Taker::Nobody(Box::new(refusal))),
        Fact::Absent => take(host, q),
        Fact::Unknown(why) => Fact::Unknown(why),
    }
}

/// The IPsec policy that keeps it from whoever would take it.
pub fn input_policy<H: Host + ?Sized>(host: &H, q: &Query) -> Fact<Refusal> {
    ipsec::stopped(host, q, Direction::In).map_or_else(Fact::Unknown, Fact::from)
}

/// Who takes a packet that IPsec policies let pass.
pub fn take<H: Host + ?Sized>(host: &H, q: &Query) -> Fact<Taker> {
    decide(host, q).map_or_else(Fact::Unknown, Fact::Is)
}

fn decide<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Taker, Why> {
    let q = &Query { iif: device_of(host, q)?, ..q.clone() };
    let Some(number) = q.protocol else { return Err("protocol of the packet".into()) };
    match (i32::from(number), Protocol::from_number(number)) {
        (nix::libc::IPPROTO_ICMP, _) if !q.is_v6() => icmp(host, q),
        (nix::libc::IPPROTO_ICMPV6, _) if q.is_v6() => icmp(host, q),
        (nix::libc::IPPROTO_IGMP, _) if !q.is_v6() => Ok(Taker::Kernel("IGMP")),
        (_, Some(protocol)) => match q.ports() {
            Some((sport, dport)) if is_for_many(host, q)? => many(host, q, protocol, sport, dport),
            Some((sport, dport)) => one(host, q, protocol, sport, dport),
            None => Err("ports of the packet".into()),
        },
        (nix::libc::IPPROTO_NONE, _) if q.is_v6() => Ok(Taker::Kernel("no transport at all")),
        _ => other(host, q, number),
    }
}

/// The device that sockets see a packet come in by: of what this host sends to itself by the loopback, it is the device of
/// the address (`inet_iif`, `inet6_iif`).
fn device_of<H: Host + ?Sized>(host: &H, q: &Query) -> Result<u32, Why> {
    if q.iif == 0 || !host.link(q.iif).known().is_some_and(|l| l.is_loopback()) {
        return Ok(q.iif);
    }
    match host.routes_to(LOCAL, q.dst) {
        Fact::Is(routes) => Ok(routes.first().and_then(Route::oif).unwrap_or(q.iif)),
        Fact::Absent => Ok(q.iif),
        Fact::Unknown(why) => Err(why),
    }
}

/// Protocols that parts of the kernel take, where they are loaded: tunnels, IPsec, routing, SCTP. Nothing tells which are.
const TUNNELS: [u8; 14] = [4, 33, 41, 47, 50, 51, 94, 97, 103, 108, 112, 115, 132, 137];

/// Are there raw sockets of that protocol in the kernel's list? Each line: number, local address and, where ports are in
/// other files, the protocol in hex.
pub(super) fn raw_sockets(list: &str, protocol: u8) -> bool {
    list.lines().any(|line| {
        let end = line.split_ascii_whitespace().nth(1).and_then(|end| end.rsplit_once(':'));
        end.is_some_and(|(_, number)| u16::from_str_radix(number, 16) == Ok(protocol.into()))
    })
}

/// A protocol without ports is taken by raw sockets and by what is loaded for it.
fn other<H: Host + ?Sized>(host: &H, q: &Query, protocol: u8) -> Result<Taker, Why> {
    let file = if q.is_v6() { "raw6" } else { "raw" };
    let raw = match host.proc_net(file) {
        Fact::Is(text) => raw_sockets(&text, protocol),
        Fact::Absent => false,
        Fact::Unknown(why) => return Err(why),
    };
    if raw {
        return Ok(Taker::Kernel("raw sockets"));
    }
    let told = if q.is_v6() { "icmp6-parameter-problem" } else { "icmp-proto-unreachable" };
    let refusal = Refusal::new(Cause::NoListener).because("raw sockets", format!("none of protocol {protocol}"));
    let refusal = refusal.telling(told);
    let taken = TUNNELS.contains(&protocol);
    Ok(Taker::Nobody(Box::new(if taken {
        refusal.unless(format!("something here takes protocol {protocol}"), true)
    } else {
        refusal
    })))
}

/// The kernel answers echo requests, unless it is told not to.
fn icmp<H: Host + ?Sized>(host: &H, q: &Query) -> Result<Taker, Why> {
    let request = match q.l4 {
        L4::Icmp { kind, .. } => kind == if q.is_v6() { 128 } else { 8 },
        _ => false,
    };
    if !request {
        return Ok(Taker::Kernel("ICMP"));
    }
    let mut keys = vec![if q.is_v6() { "net.ipv6.icmp.echo_ignore_all" } else { "net.ipv4.icmp_echo_ignore_all" }];
    if is_for_many(host, q)? {
        keys.push(if q.is_v6() {
            "net.ipv6.icmp.echo_ignore_multicast"
        } else {
            "net.ipv4.icmp_echo_ignore_broadcasts"
        });
    }
    for key in keys {
        match number(host, key.into()) {
            Ok(setting) if setting.is_on() => {
                return Ok(Taker::Nobody(Box::new(Refusal::setting(Cause::EchoIgnored, setting, "0"))));
            }
            Ok(_) => {}
            // Kernels before 4.20 do not have it for IPv6, and always answer.
            Err(_) if matches!(host.sysctl(key), Fact::Absent) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(Taker::Kernel("ICMP echo"))
}

/// Is it to a broadcast or multicast address?
fn is_for_many<H: Host + ?Sized>(host: &H, q: &Query) -> Result<bool, Why> {
    let IpAddr::V4(dst) = q.dst else { return Ok(q.dst.is_multicast()) };
    if dst.is_multicast() || dst.is_broadcast() {
        return Ok(true);
    }
    // The kernel makes broadcast routes of every network at hand, whether or not its address has a broadcast address.
    match host.routes_to(LOCAL, q.dst) {
        Fact::Is(routes) => Ok(routes.first().is_some_and(|r| r.kind == RouteKind::Broadcast)),
        Fact::Absent => Ok(false),
        Fact::Unknown(why) => Err(why),
    }
}

/// What belongs to no connection, a listener answers only if it acknowledges something (`tcp_rcv_state_process`).
fn is_reset_by_listener(flags: u8) -> bool {
    flags & (ACK | RST) == ACK
}

/// A broadcast or multicast goes to every UDP socket that wants it, and never to a connection.
fn many<H: Host + ?Sized>(host: &H, q: &Query, protocol: Protocol, sport: u16, dport: u16) -> Result<Taker, Why> {
    if protocol == Protocol::Tcp {
        // A listener answers what claims to be of a connection, whoever it was sent to.
        let mut answered = false;
        if q.tcp_flags.is_some_and(is_reset_by_listener) {
            for socket in listeners(host, protocol, dport)?.iter() {
                answered |= (socket.interface == 0 || socket.interface == q.iif) && takes(socket, q.dst)?;
            }
        }
        let refusal = Refusal::new(Cause::NoListener);
        return Ok(Taker::Nobody(Box::new(if answered { reset(refusal) } else { refusal })));
    }
    let _ = sport;
    for socket in listeners(host, protocol, dport)?.iter() {
        // An IPv6 socket gets an IPv4 group's packets only if it has joined, which nothing tells.
        let group4 = matches!(q.dst, IpAddr::V4(a) if a.is_multicast());
        if group4 && socket.addr.is_ipv6() && takes(socket, q.dst)? {
            return Err("whether the socket has joined the group".into());
        }
        if (socket.interface == 0 || socket.interface == q.iif) && takes(socket, q.dst)? {
            return Ok(Taker::Socket(Box::new(socket.clone())));
        }
    }
    Ok(Taker::Nobody(Box::new(Refusal::new(Cause::NoListener).because("sockets", "none for this group and port"))))
}

fn one<H: Host + ?Sized>(host: &H, q: &Query, protocol: Protocol, sport: u16, dport: u16) -> Result<Taker, Why> {
    let ends = Ends { src: (q.src, sport), dst: (q.dst, dport), iif: q.iif };
    let socket = match host.socket(protocol, &ends) {
        Fact::Is(socket) => socket,
        Fact::Absent => return nobody(host, q, protocol, dport).map(|r| Taker::Nobody(Box::new(r))),
        Fact::Unknown(why) => return Err(why),
    };
    let shown = format!("socket {}", SocketAddr::new(socket.addr, socket.port));
    let refuse = |r: Refusal| Ok(Taker::Nobody(Box::new(r)));
    if protocol == Protocol::Tcp && socket.state == SocketState::Listen {
        let Some(flags) = q.tcp_flags else { return Err("TCP flags of the packet".into()) };
        if flags & (SYN | ACK | RST | FIN) != SYN {
            let refusal = Refusal::new(Cause::NoConnection).because(shown, "listens; no such connection");
            return refuse(if is_reset_by_listener(flags) { reset(refusal) } else { refusal });
        }
        if socket.is_overflowing() {
            let queue = format!("{} waiting, backlog {}", socket.rqueue, socket.wqueue);
            return refuse(Refusal::new(Cause::ListenOverflow).because(shown, queue));
        }
        if let Some(full) = requests_full(host, &socket, shown.clone())? {
            return refuse(full);
        }
        if let Some(refusal) = no_way_back(host, q, &socket) {
            return refuse(refusal.because(shown, "takes no connection that it has no way to answer"));
        }
    }
    if let (Protocol::Udp | Protocol::UdpLite, Some(memory)) = (protocol, socket.memory)
        && let Some(full) = buffer_full(q, memory, shown)
    {
        return refuse(full);
    }
    Ok(Taker::Socket(Box::new(socket)))
}

/// Are as many connections to a listener half open as it may have, where no cookies are sent instead (`tcp_conn_request`)?
fn requests_full<H: Host + ?Sized>(host: &H, socket: &InetSocket, shown: String) -> Result<Option<Refusal>, Why> {
    let cookies = match host.sysctl(COOKIES) {
        Fact::Is(_) => number(host, COOKIES.into())?,
        _ => return Ok(None), // a kernel without them, or a container that does not show them
    };
    if cookies.is_on() {
        return Ok(None);
    }
    let Fact::Is(all) = host.half_open(socket.port) else { return Ok(None) };
    let waiting = all.iter().filter(|s| socket.takes(s.addr) == Some(true)).count();
    let most = usize::try_from(number(host, BACKLOG.into())?.value).unwrap_or(0);
    let (queue, nearly) =
        (usize::try_from(socket.wqueue).unwrap_or(usize::MAX), most.saturating_sub(waiting) < most >> 2);
    if waiting < queue && !nearly {
        return Ok(None);
    }
    let full = Refusal::setting(Cause::ListenOverflow, cookies, "1");
    let full = full.because(shown, format!("{waiting} half open, backlog {queue}, {BACKLOG} = {most}"));
    Ok(Some(if waiting < queue { full.unless("its sender is known from earlier connections", false) } else { full }))
}

/// A connection begins only where there is a way to answer whoever asks for it: the SYN is thrown away otherwise, and nobody
/// is told (`tcp_conn_request`, `inet_csk_route_req`). None: there is one, or it cannot be told.
fn no_way_back<H: Host + ?Sized>(host: &H, q: &Query, listener: &InetSocket) -> Option<Refusal> {
    let link = host.link(q.iif).known();
    // Devices that sockets are bound to, and VRFs, have ways of their own; so have link-local addresses.
    let in_vrf = link.is_none_or(|l| l.slave_kind.is_some_and(|kind| kind == "vrf"));
    if listener.interface != 0 || in_vrf || matches!(q.src, IpAddr::V6(a) if a.is_unicast_link_local()) {
        return None;
    }
    let (sport, dport) = q.ports()?;
    let back = Query {
        iif: 0,
        mark: listener.mark.map_or_else(|| Fact::unknown("mark of the listener"), Fact::Is),
        uid: Fact::Is(listener.uid),
        ..Query::new(q.dst, q.src, q.protocol?, L4::Ports { src: dport, dst: sport })
    };
    match route::output(host, &back) {
        Outcome::Refused(refusal)
            if matches!(refusal.cause, Cause::NoRoute | Cause::Blackhole | Cause::Unreachable | Cause::Prohibit) =>
        {
            Some(Refusal { told: None, ..*refusal })
        }
        _ => None,
    }
}

/// Has the buffer of a UDP socket no room for a packet (`__udp_enqueue_schedule_skb`)? How much a packet takes of it depends
/// on the driver that it came by, and kernels differ in whether the last one may go over the limit.
fn buffer_full(q: &Query, memory: SocketMemory, shown: String) -> Option<Refusal> {
    let left = memory.limit.saturating_sub(memory.used);
    let least = LEAST_TRUESIZE + u32::try_from(q.length.unwrap_or(0)).unwrap_or(u32::MAX / 4);
    let full = left == 0;
    if !full && (memory.drops == 0 || left > 2 * least) {
        return None;
    }
    let buffer = format!("{} of {} bytes used, {} dropped", memory.used, memory.limit, memory.drops);
    let refusal = Refusal::new(Cause::BufferFull).because(shown, buffer);
    Some(if full { refusal } else { refusal.unless(format!("the {left} bytes left of its buffer are enough"), false) })
}

/// No socket takes it: is there one that would, were it bound otherwise?
fn nobody<H: Host + ?Sized>(host: &H, q: &Query, protocol: Protocol, dport: u16) -> Result<Refusal, Why> {
    let mut refusal = Refusal::new(Cause::NoListener);
    let others = listeners(host, protocol, dport)?;
    if let Some(other) = others.first() {
        let bound = match (takes(other, q.dst), other.interface) {
            (Ok(true), index) if index != 0 => match host.link(index) {
                Fact::Is(link) => format!("bound to interface {}", link.name),
                _ => format!("bound to interface {index}"),
            },
            (Ok(false), _) if other.is_wildcard() => {
                if other.addr.is_ipv6() {
                    "bound to IPv6 only".into()
                } else {
                    "bound to IPv4 only".into()
                }
            }
            _ => format!("bound to {}", other.addr),
        };
        refusal = Refusal::new(Cause::BoundElsewhere).with_detail(bound);
    }
    for other in others.iter() {
        refusal = refusal
            .because(format!("socket {}", SocketAddr::new(other.addr, other.port)), format!("of uid {}", other.uid));
    }
    if others.is_empty() {
        refusal = refusal.because("sockets", format!("none on port {dport}"));
    }
    Ok(match protocol {
        Protocol::Tcp if q.tcp_flags.is_some_and(|f| f & RST != 0) => refusal,
        Protocol::Tcp => reset(refusal),
        _ => refusal.telling(if q.is_v6() { "icmp6-port-unreachable" } else { "icmp-port-unreachable" }),
    })
}

fn reset(refusal: Refusal) -> Refusal {
    Refusal { told: Some(RejectWith::TcpReset), ..refusal }
}

fn takes(socket: &InetSocket, dst: IpAddr) -> Result<bool, Why> {
    socket.takes(dst).ok_or_else(|| "whether an IPv6 socket takes IPv4".into())
}

fn listeners<H: Host + ?Sized>(host: &H, protocol: Protocol, port: u16) -> Result<std::rc::Rc<[InetSocket]>, Why> {
    match host.listeners(protocol, port) {
        Fact::Is(all) => Ok(all),
        Fact::Absent => Ok([].into()),
        Fact::Unknown(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::sys::rt::LinkFlags;

    fn syn(dst: [u8; 4], port: u16) -> Query {
        let l4 = L4::Ports { src: 40000, dst: port };
        Query { tcp_flags: Some(SYN), ..Query::new([192, 0, 2, 2].into(), dst.into(), 6, l4).via(2) }
    }

    fn refused(taker: Fact<Taker>) -> Option<Refusal> {
        match taker {
            Fact::Is(Taker::Nobody(refusal)) => Some(*refusal),
            _ => None,
        }
    }

    #[test]
    fn a_listener_takes_a_syn_and_an_overflowing_one_does_not() {
        let mut host = FakeHost::new();
        host.listen(Protocol::Tcp, [0; 4].into(), 80);
        assert!(matches!(deliver(&host, &syn([192, 0, 2, 1], 80)), Fact::Is(Taker::Socket(_))));
        let stray = Query { tcp_flags: Some(ACK), ..syn([192, 0, 2, 1], 80) };
        let r = refused(deliver(&host, &stray));
        assert_eq!(r.map(|r| (r.cause, r.told)), Some((Cause::NoConnection, Some(RejectWith::TcpReset))));
        if let Some((_, s)) = host.sockets.first_mut() {
            (s.rqueue, s.wqueue) = (2, 1);
        }
        assert_eq!(refused(deliver(&host, &syn([192, 0, 2, 1], 80))).map(|r| r.cause), Some(Cause::ListenOverflow));
    }

    #[test]
    fn half_open_connections_fill_a_listener_where_no_cookies_are_sent() {
        let mut host = FakeHost::new();
        host.listen(Protocol::Tcp, [0; 4].into(), 80);
        if let Some((_, s)) = host.sockets.first_mut() {
            s.wqueue = 2;
        }
        let mut half = host.sockets[0].clone();
        half.1 = InetSocket { state: SocketState::SynRecv, addr: [192, 0, 2, 1].into(), peer_port: 5, ..half.1 };
        host.sockets.extend([half.clone(), half.clone()]);
        let cause =
            |host: &FakeHost| refused(deliver(host, &syn([192, 0, 2, 1], 80))).map(|r| (r.cause, r.unless.is_some()));
        host.set(COOKIES, 1);
        host.set(BACKLOG, 128);
        assert_eq!(cause(&host), None);
        host.set(COOKIES, 0);
        assert_eq!(cause(&host), Some((Cause::ListenOverflow, false)));
        host.sockets.pop();
        assert_eq!(cause(&host), None);
        host.set(BACKLOG, 1);
        assert_eq!(cause(&host), None, "a quarter of it is none");
        host.set(BACKLOG, 4);
        host.sockets[0].1.wqueue = 128;
        host.sockets.extend(std::iter::repeat_n(half, 3));
        assert_eq!(cause(&host), Some((Cause::ListenOverflow, true)));
    }

    #[test]
    fn a_listener_answers_nobody_to_whom_no_way_leads() {
        let mut host = FakeHost::new();
        host.add_link(2, "eth0", LinkFlags::UP).add_address(2, "192.0.2.1/24");
        host.listen(Protocol::Tcp, [0; 4].into(), 80);
        assert!(matches!(deliver(&host, &syn([192, 0, 2, 1], 80)), Fact::Is(Taker::Socket(_))));
        let stranger = Query { src: [203, 0, 113, 9].into(), ..syn([192, 0, 2, 1], 80) };
        let r = refused(deliver(&host, &stranger));
        assert_eq!(r.map(|r| (r.cause, r.told)), Some((Cause::NoRoute, None)));
    }

    #[test]
    fn where_a_listener_is_bound_instead_is_said() {
        let mut host = FakeHost::new();
        let r = refused(deliver(&host, &syn([192, 0, 2, 1], 80)));
        assert_eq!(r.map(|r| (r.cause, r.told)), Some((Cause::NoListener, Some(RejectWith::TcpReset))));
        host.listen(Protocol::Tcp, [127, 0, 0, 1].into(), 80);
        let r = refused(deliver(&host, &syn([192, 0, 2, 1], 80)));
        assert_eq!(r.and_then(|r| r.detail).as_deref(), Some("bound to 127.0.0.1"));
    }

    /// Addresses are mostly set without a broadcast address; the kernel has its route all the same.
    #[test]
    fn a_broadcast_is_known_by_its_route() {
        let mut host = FakeHost::new();
        host.set("net.ipv4.icmp_echo_ignore_broadcasts", 1);
        let ping = Query::new([192, 0, 2, 2].into(), [192, 0, 2, 255].into(), 1, L4::Icmp { kind: 8, code: 0, id: 1 });
        assert!(matches!(deliver(&host, &ping), Fact::Is(Taker::Kernel(_))));
        host.routes.push(Route { table: LOCAL, ..Route::bare(RouteKind::Broadcast, [192, 0, 2, 255].into()) });
        assert_eq!(refused(deliver(&host, &ping)).map(|r| r.cause), Some(Cause::EchoIgnored));
        // Who sent to many is told nothing.
        let l4 = L4::Ports { src: 40000, dst: 9 };
        let r = refused(deliver(&host, &Query::new([192, 0, 2, 2].into(), [192, 0, 2, 255].into(), 17, l4)));
        assert_eq!(r.map(|r| (r.cause, r.told)), Some((Cause::NoListener, None)));
    }

    #[test]
    fn echo_requests_are_answered_unless_switched_off() {
        let mut host = FakeHost::new();
        let ping = Query::new([192, 0, 2, 2].into(), [192, 0, 2, 1].into(), 1, L4::Icmp { kind: 8, code: 0, id: 1 });
        assert!(matches!(deliver(&host, &ping), Fact::Is(Taker::Kernel(_))));
        host.set("net.ipv4.icmp_echo_ignore_all", 1);
        assert_eq!(refused(deliver(&host, &ping)).map(|r| r.cause), Some(Cause::EchoIgnored));
    }
}
