//! Routes and route lookups (`RTM_GETROUTE`, include/uapi/linux/rtnetlink.h).

use std::fmt;
use std::net::IpAddr;

use byteorder::{BE, NativeEndian};
use serde::{Serialize, Serializer};

use super::prefix::{Prefix, bits, family, ip, octets};
use crate::error::{Error, Malformed, Result};
use crate::netlink::{Attr, Attrs, Builder, Client, Family, Socket, Transport};
use crate::uapi::rtnetlink::*;

/// `struct rtmsg`.
const HEADER: usize = 12;
/// `struct rtnexthop`.
const NEXTHOP: usize = 8;

/// What a route makes of a packet (`RTN_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// On to a neighbour or router.
    Unicast,
    /// To this host.
    Local,
    /// To this host, as a broadcast.
    Broadcast,
    /// To this host, as an anycast address.
    Anycast,
    /// A multicast route.
    Multicast,
    /// Dropped silently.
    Blackhole,
    /// Dropped, and the sender is told "host unreachable".
    Unreachable,
    /// Dropped, and the sender is told "administratively prohibited".
    Prohibit,
    /// This table does not know; the next rule is asked.
    Throw,
    /// Another kind.
    Unknown(u8),
}

impl RouteKind {
    /// From its number.
    pub fn from_raw(raw: u8) -> Self {
        match raw {
            libc::RTN_UNICAST => Self::Unicast,
            libc::RTN_LOCAL => Self::Local,
            libc::RTN_BROADCAST => Self::Broadcast,
            libc::RTN_ANYCAST => Self::Anycast,
            libc::RTN_MULTICAST => Self::Multicast,
            libc::RTN_BLACKHOLE => Self::Blackhole,
            libc::RTN_UNREACHABLE => Self::Unreachable,
            libc::RTN_PROHIBIT => Self::Prohibit,
            libc::RTN_THROW => Self::Throw,
            raw => Self::Unknown(raw),
        }
    }

    /// Its number.
    pub fn raw(self) -> u8 {
        match self {
            Self::Unicast => libc::RTN_UNICAST,
            Self::Local => libc::RTN_LOCAL,
            Self::Broadcast => libc::RTN_BROADCAST,
            Self::Anycast => libc::RTN_ANYCAST,
            Self::Multicast => libc::RTN_MULTICAST,
            Self::Blackhole => libc::RTN_BLACKHOLE,
            Self::Unreachable => libc::RTN_UNREACHABLE,
            Self::Prohibit => libc::RTN_PROHIBIT,
            Self::Throw => libc::RTN_THROW,
            Self::Unknown(raw) => raw,
        }
    }
}

impl fmt::Display for RouteKind {
    /// The name that ip(8) uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unicast => "unicast",
            Self::Local => "local",
            Self::Broadcast => "broadcast",
            Self::Anycast => "anycast",
            Self::Multicast => "multicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
            Self::Unknown(raw) => return write!(f, "unknown({raw})"),
        })
    }
}

impl Serialize for RouteKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// One way of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NextHop {
    /// The interface.
    pub oif: Option<u32>,
    /// The router; None: the destination itself is the neighbour.
    pub gateway: Option<IpAddr>,
    /// `RTNH_F_*`: dead, linkdown, onlink…
    pub flags: u32,
}

/// A route, or the answer of a lookup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// What it makes of a packet.
    pub kind: RouteKind,
    /// Where it leads: the prefix of a route, the address that was looked up in an answer without
    /// [`Lookup::fib_match`].
    pub dst: Prefix,
    /// The source prefix that it holds for (IPv6).
    pub src: Option<Prefix>,
    /// The table; 254 is `main`, 255 `local`.
    pub table: u32,
    /// The ways, more than one for a multipath route; none for a route that leads nowhere.
    pub hops: Vec<NextHop>,
    /// The source address for packets that have none.
    pub prefsrc: Option<IpAddr>,
    /// The metric; the lowest wins.
    pub priority: u32,
    /// `RTPROT_*`: who added it.
    pub protocol: u8,
    /// `RT_SCOPE_*`.
    pub scope: u8,
    /// The TOS that it holds for.
    pub tos: u8,
    /// `RTM_F_*` and `RTNH_F_*`.
    pub flags: u32,
    /// The MTU that it is limited to (`RTAX_MTU`).
    pub mtu: Option<u32>,
    /// Is it locked: may nothing learned on the way change it (`RTAX_LOCK`)?
    pub mtu_locked: bool,
    /// The realm (`RTA_FLOW`).
    pub realm: Option<u32>,
    /// The next hop object (`RTA_NH_ID`).
    pub nexthop_id: Option<u32>,
}

impl Route {
    /// A route of which only the kind and the destination are known.
    pub fn bare(kind: RouteKind, dst: IpAddr) -> Self {
        Self {
            kind,
            dst: Prefix::host(dst),
            src: None,
            table: 0,
            hops: Vec::new(),
            prefsrc: None,
            priority: 0,
            protocol: 0,
            scope: 0,
            tos: 0,
            flags: 0,
            mtu: None,
            mtu_locked: false,
            realm: None,
            nexthop_id: None,
        }
    }

    /// The interface of its first way.
    pub fn oif(&self) -> Option<u32> {
        self.hops.iter().find_map(|h| h.oif)
    }

    /// The router of its first way.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.hops.iter().find_map(|h| h.gateway)
    }

    /// Reads the payload of an `RTM_NEWROUTE`. None: it is not an IP route.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let flags = u32::from_ne_bytes([h[8], h[9], h[10], h[11]]);
        let Some(dst) = Prefix::from_bytes(&[], h[0], h[1]) else { return Ok(None) };
        let mut route = Self {
            dst,
            table: h[4].into(),
            protocol: h[5],
            scope: h[6],
            tos: h[3],
            flags,
            ..Self::bare(RouteKind::from_raw(h[7]), dst.addr)
        };
        let mut hop = NextHop { oif: None, gateway: None, flags };
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                libc::RTA_DST => {
                    let prefix = Prefix::from_bytes(attr.bytes(), h[0], h[1]);
                    route.dst = prefix.ok_or(Malformed::Short { want: 4, have: attr.bytes().len() })?;
                }
                libc::RTA_SRC => route.src = Prefix::from_bytes(attr.bytes(), h[0], h[2]),
                libc::RTA_TABLE => route.table = attr.u32::<NativeEndian>()?,
                libc::RTA_OIF => hop.oif = Some(attr.u32::<NativeEndian>()?),
                libc::RTA_GATEWAY => hop.gateway = ip(attr.bytes()),
                libc::RTA_VIA => hop.gateway = via(&attr),
                libc::RTA_PREFSRC => route.prefsrc = ip(attr.bytes()),
                libc::RTA_PRIORITY => route.priority = attr.u32::<NativeEndian>()?,
                libc::RTA_FLOW => route.realm = Some(attr.u32::<NativeEndian>()?),
                libc::RTA_METRICS => {
                    let metric = |n| attr.nested().find(n).map(|a| a.u32::<NativeEndian>()).transpose();
                    route.mtu = metric(RTAX_MTU)?;
                    route.mtu_locked = metric(RTAX_LOCK)?.is_some_and(|l| l & 1 << RTAX_MTU != 0);
                }
                libc::RTA_MULTIPATH => multipath(attr.bytes(), &mut route.hops)?,
                RTA_NH_ID => route.nexthop_id = Some(attr.u32::<NativeEndian>()?),
                _ => {}
            }
        }
        if route.hops.is_empty() && (hop.oif.is_some() || hop.gateway.is_some()) {
            route.hops.push(hop);
        }
        Ok(Some(route))
    }
}

/// `RTA_VIA`: a router of the other family (`struct rtvia`).
fn via(attr: &Attr<'_>) -> Option<IpAddr> {
    attr.bytes().get(2..).and_then(ip)
}

fn multipath(mut rest: &[u8], hops: &mut Vec<NextHop>) -> Result<(), Malformed> {
    while let Some(h) = rest.first_chunk::<NEXTHOP>() {
        let claimed = usize::from(u16::from_ne_bytes([h[0], h[1]]));
        if claimed < NEXTHOP || claimed > rest.len() {
            return Err(Malformed::Length { claimed, available: rest.len() });
        }
        let oif = u32::from_ne_bytes([h[4], h[5], h[6], h[7]]);
        let mut hop = NextHop { oif: (oif != 0).then_some(oif), gateway: None, flags: h[2].into() };
        for attr in Attrs::new(&rest[NEXTHOP..claimed]) {
            let attr = attr?;
            match attr.kind() {
                libc::RTA_GATEWAY => hop.gateway = ip(attr.bytes()),
                libc::RTA_VIA => hop.gateway = via(&attr),
                _ => {}
            }
        }
        hops.push(hop);
        rest = rest.get(crate::netlink::attr::align(claimed)..).unwrap_or(&[]);
    }
    Ok(())
}

/// A question to the routing tables. Built with [`to`](Self::to) and struct update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// Where to.
    pub dst: IpAddr,
    /// Where from. With [`iif`](Self::iif) the kernel also checks it as it would a packet's; without, it has to be an
    /// address of this host.
    pub src: Option<IpAddr>,
    /// As if it had come in by this interface; 0: as if this host sent it.
    pub iif: u32,
    /// Only by this interface; 0: by any.
    pub oif: u32,
    /// The packet mark.
    pub mark: u32,
    /// The user who sends it. None: the caller, or nobody if it comes in.
    pub uid: Option<u32>,
    /// The TOS or traffic class byte. Its ECN bits are not part of the question.
    pub tos: u8,
    /// `IPPROTO_*`. Only TCP, UDP and ICMP can be asked about; the kernel takes others for UDP.
    pub protocol: Option<u8>,
    /// The source port.
    pub sport: Option<u16>,
    /// The destination port.
    pub dport: Option<u16>,
    /// Answer with the matching entry of the table (prefix, all next hops) instead of the route made of it.
    pub fib_match: bool,
}

impl Lookup {
    /// Where does this host send what goes there?
    pub fn to(dst: IpAddr) -> Self {
        Self {
            dst,
            src: None,
            iif: 0,
            oif: 0,
            mark: 0,
            uid: None,
            tos: 0,
            protocol: None,
            sport: None,
            dport: None,
            fib_match: false,
        }
    }

    /// May the kernel be asked about this protocol (`rtm_getroute_parse_ip_proto`)?
    pub fn knows_protocol(family: u8, protocol: u8) -> bool {
        let icmp = if family == libc::AF_INET as u8 { libc::IPPROTO_ICMP } else { libc::IPPROTO_ICMPV6 };
        [libc::IPPROTO_TCP, libc::IPPROTO_UDP, icmp].contains(&protocol.into())
    }

    fn write(&self, b: &mut Builder, flags: u16, seq: u32) {
        let family = family(self.dst);
        let v4 = self.dst.is_ipv4();
        let mut rtm_flags = if self.fib_match { RTM_F_FIB_MATCH } else { 0 };
        if v4 {
            rtm_flags |= RTM_F_LOOKUP_TABLE; // IPv6 always says the table, and refuses the flag
        }
        let src_len = self.src.map_or(0, bits);
        b.message(libc::RTM_GETROUTE, flags, seq);
        b.raw(&[family, bits(self.dst), src_len, self.tos & !0b11, 0, 0, 0, 0]).raw(&rtm_flags.to_ne_bytes());
        b.attr(libc::RTA_DST, &octets(self.dst));
        if let Some(src) = self.src {
            b.attr(libc::RTA_SRC, &octets(src));
        }
        for (kind, value) in [(libc::RTA_IIF, self.iif), (libc::RTA_OIF, self.oif), (libc::RTA_MARK, self.mark)] {
            if value != 0 {
                b.u32::<NativeEndian>(kind, value);
            }
        }
        if let Some(uid) = self.uid {
            b.u32::<NativeEndian>(libc::RTA_UID, uid);
        }
        if let Some(protocol) = self.protocol.filter(|&p| Self::knows_protocol(family, p)) {
            b.u8(RTA_IP_PROTO, protocol);
            for (kind, port) in [(RTA_SPORT, self.sport), (RTA_DPORT, self.dport)] {
                if let Some(port) = port.filter(|&p| p != 0) {
                    b.u16::<BE>(kind, port);
                }
            }
        }
    }
}

/// Asks the kernel's routing tables.
#[derive(Debug)]
pub struct Router<T: Transport = Socket> {
    client: Client<T>,
}

impl Router<Socket> {
    /// Opens a socket in the calling thread's network namespace.
    pub fn open() -> Result<Self> {
        Ok(Self::new(Client::open(Family::Route)?))
    }
}

impl<T: Transport> Router<T> {
    /// Asks through an open conversation.
    pub fn new(client: Client<T>) -> Self {
        Self { client }
    }

    pub(super) fn client(&mut self) -> &mut Client<T> {
        &mut self.client
    }

    /// Looks a route up.
    ///
    /// # Errors
    /// The kernel answers with an errno where a packet would die: `ENETUNREACH` without a route, `EHOSTUNREACH` for an
    /// unreachable route and for a packet that came in where forwarding is off, `EACCES` for a prohibited one, `EINVAL`
    /// for a blackhole, and also for a source that the input path refuses (martian, reverse path filter: `EXDEV` on
    /// some kernels). `ENODEV` if there is no such interface.
    pub fn lookup(&mut self, lookup: &Lookup) -> Result<Route> {
        const OP: &str = "look up the route to";
        let object = lookup.dst.to_string();
        let mut found = None;
        self.client.get(
            OP,
            &object,
            |b, flags, seq| lookup.write(b, flags, seq),
            |m| {
                found = Route::parse(m.payload)?;
                Ok(())
            },
        )?;
        found.ok_or_else(|| Error::os(OP, object, std::io::Error::from_raw_os_error(libc::ENODATA)))
    }

    /// Hands the routes of one family (`AF_INET`, `AF_INET6`) and table (0: of all tables) to `each`.
    ///
    /// # Errors
    /// [`Error::Torn`] if the table changed on every try; `each` may then have seen some routes more than once.
    pub fn routes<V: Default>(&mut self, family: u8, table: u32, mut each: impl FnMut(&mut V, Route)) -> Result<V> {
        let write = |b: &mut Builder, flags, seq| {
            b.message(libc::RTM_GETROUTE, flags, seq).raw(&[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            if table != 0 {
                b.u32::<NativeEndian>(libc::RTA_TABLE, table);
            }
        };
        let listed = self.client.dump_whole("list routes", "", write, |v, m| {
            // Kernels before 4.20 do not filter by table, and all of them dump cached IPv6 clones on request only.
            if let Some(route) = Route::parse(m.payload)?.filter(|r| table == 0 || r.table == table) {
                each(v, route);
            }
            Ok(())
        });
        match listed {
            // A table that was never used does not exist: it has no routes.
            Err(e) if e.errno() == Some(libc::ENOENT) => Ok(V::default()),
            listed => listed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::fake::Fake;

    fn answer(kind: u8, attrs: impl FnOnce(&mut Builder)) -> Vec<u8> {
        let mut b = Builder::new();
        b.message(libc::RTM_NEWROUTE, 0, 0).raw(&[libc::AF_INET as u8, 24, 0, 0, 254, 4, 0, kind, 0, 0, 0, 0]);
        attrs(&mut b);
        b.finish()
    }

    #[test]
    fn a_lookup_asks_and_answers() -> Result<()> {
        let reply = answer(libc::RTN_UNICAST, |b| {
            b.attr(libc::RTA_DST, &[192, 0, 2, 0]).u32::<NativeEndian>(libc::RTA_TABLE, 100);
            b.attr(libc::RTA_GATEWAY, &[10, 0, 0, 1]).u32::<NativeEndian>(libc::RTA_OIF, 3);
        });
        let mut router = Router::new(Client::new(Fake::new().reply(reply).ack(0).ack(libc::EXDEV)));
        let lookup = Lookup { iif: 2, protocol: Some(6), dport: Some(80), ..Lookup::to([192, 0, 2, 9].into()) };
        let route = router.lookup(&lookup)?;
        assert_eq!((route.kind, route.table, route.oif()), (RouteKind::Unicast, 100, Some(3)));
        assert_eq!(route.dst.to_string(), "192.0.2.0/24");
        assert_eq!(route.gateway(), Some([10, 0, 0, 1].into()));
        let sent = router.client.transport().sent.concat();
        let attrs = Attrs::new(sent.get(16 + HEADER..).unwrap_or(&[]));
        assert_eq!(attrs.find(RTA_DPORT).map(|a| a.u16::<BE>()), Some(Ok(80)));
        assert_eq!(router.lookup(&lookup).err().and_then(|e| e.errno()), Some(libc::EXDEV));
        Ok(())
    }

    #[test]
    fn all_ways_of_a_multipath_route_are_read() -> Result<(), Malformed> {
        let bytes = answer(libc::RTN_UNICAST, |b| {
            b.nest(libc::RTA_MULTIPATH, |b| {
                for (oif, router) in [(3u32, 1u8), (4, 2)] {
                    b.raw(&[16, 0, 0, 0]).raw(&oif.to_ne_bytes()).attr(libc::RTA_GATEWAY, &[10, 0, 0, router]);
                }
            });
        });
        let route = Route::parse(&bytes[16..])?.ok_or(Malformed::Missing("route"))?;
        assert_eq!(route.hops.iter().map(|h| h.oif).collect::<Vec<_>>(), [Some(3), Some(4)]);
        let mut broken = bytes;
        let at = 16 + HEADER + 4;
        broken[at] = 200;
        assert!(matches!(Route::parse(&broken[16..]), Err(Malformed::Length { .. })));
        Ok(())
    }
}
