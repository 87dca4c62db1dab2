//! Changes: what a demonstration or a test builds its networks with.

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use neli::consts::nl::NlmF;
use neli::consts::rtnl::{
    FrAct, Frattr, Ifa, Iff, Ifla, Nda, Ntf, Nud, RtAddrFamily, RtScope, RtTable, Rta, Rtm, RtmF, Rtn, Rtprot,
};
use neli::rtnl::{FibmsgBuilder, IfinfomsgBuilder, NdmsgBuilder, RtmsgBuilder};
use neli::types::RtBuffer;

use super::link::{attrs, c_string, request};
use super::prefix::{Prefix, octets};
use super::{Handle, address};
use crate::error::{Malformed, Result};
use crate::netlink::Builder;
use crate::ns::NetNs;
use crate::uapi::rtnetlink::{FR_ACT_TO_TBL, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE, VETH_INFO_PEER};

const CREATE: NlmF = NlmF::CREATE.union(NlmF::EXCL);

/// A pair of virtual Ethernet devices.
#[derive(Debug, Clone, Copy)]
pub struct Veth<'a> {
    /// The name of this end.
    pub name: &'a str,
    /// The name of the other end.
    pub peer: &'a str,
    /// Where the other end is made; None: here.
    pub peer_ns: Option<&'a NetNs>,
}

/// A route to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewRoute {
    /// Where to; `0.0.0.0/0` and `::/0` are the default routes.
    pub to: Prefix,
    /// Through which router.
    pub via: Option<IpAddr>,
    /// Through which interface.
    pub oif: Option<u32>,
    /// The table; `RT_TABLE_MAIN` is 254.
    pub table: u32,
    /// `RTN_*`: `RTN_UNICAST`, `RTN_BLACKHOLE`…
    pub kind: u8,
    /// The preferred source address.
    pub prefsrc: Option<IpAddr>,
}

impl NewRoute {
    /// An ordinary route in the main table.
    pub fn to(to: Prefix) -> Self {
        Self { to, via: None, oif: None, table: libc::RT_TABLE_MAIN.into(), kind: libc::RTN_UNICAST, prefsrc: None }
    }

    /// A route of another kind (`RTN_*`) in the main table.
    pub fn kind(to: Prefix, kind: u8) -> Self {
        Self { kind, ..Self::to(to) }
    }
}

/// A policy routing rule to be added: packets that match all that is set look in `table`.
#[derive(Debug, Clone, Copy)]
pub struct NewRule<'a> {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// The preference; lower ones come first.
    pub priority: u32,
    /// The table to look in.
    pub table: u32,
    /// `FR_ACT_*`; [`FR_ACT_TO_TBL`] uses the table.
    pub action: u8,
    /// Source prefix.
    pub from: Option<Prefix>,
    /// Input interface.
    pub iif: Option<&'a str>,
    /// Packet mark.
    pub mark: Option<u32>,
}

impl NewRule<'_> {
    /// A rule without selectors.
    pub fn lookup(family: u8, priority: u32, table: u32) -> Self {
        Self { family, priority, table, action: FR_ACT_TO_TBL, from: None, iif: None, mark: None }
    }
}

impl Handle {
    /// Makes a veth pair, both ends down.
    pub fn add_veth(&mut self, veth: Veth<'_>) -> Result<()> {
        let mut info = Builder::new();
        info.str(libc::IFLA_INFO_KIND, "veth").nest(libc::IFLA_INFO_DATA, |b| {
            b.nest(VETH_INFO_PEER, |b| {
                b.raw(&[0; super::link::HEADER]).str(libc::IFLA_IFNAME, veth.peer);
                if let Some(ns) = veth.peer_ns {
                    b.attr(libc::IFLA_NET_NS_FD, &ns.as_fd().as_raw_fd().to_ne_bytes());
                }
            });
        });
        self.add_link(veth.name, info)
    }

    /// Makes a bridge, down.
    pub fn add_bridge(&mut self, name: &str) -> Result<()> {
        let mut info = Builder::new();
        info.str(libc::IFLA_INFO_KIND, "bridge");
        self.add_link(name, info)
    }

    fn add_link(&mut self, name: &str, info: Builder) -> Result<()> {
        let attrs = attrs([(Ifla::Ifname, c_string(name)), (Ifla::Linkinfo, info.into_attrs())])?;
        self.change("make interface", name, Rtm::Newlink, CREATE, request(0, attrs)?)
    }

    /// Removes an interface.
    pub fn delete_link(&mut self, index: u32) -> Result<()> {
        self.change(
            "remove interface",
            &index.to_string(),
            Rtm::Dellink,
            NlmF::empty(),
            request(index, RtBuffer::new())?,
        )
    }

    /// Sets an interface up or down.
    pub fn set_up(&mut self, index: u32, up: bool) -> Result<()> {
        let b = IfinfomsgBuilder::default().ifi_family(RtAddrFamily::Unspecified).ifi_index(index as i32);
        let b = b.ifi_flags(if up { Iff::UP } else { Iff::empty() }).ifi_change(Iff::UP);
        let message = b.build().map_err(|_| Malformed::Missing("a field of struct ifinfomsg").of("set up"))?;
        let op = if up { "set up interface" } else { "set down interface" };
        self.change(op, &index.to_string(), Rtm::Newlink, NlmF::empty(), message)
    }

    /// Renames an interface, which must be down.
    pub fn rename(&mut self, index: u32, name: &str) -> Result<()> {
        self.set_link("rename interface", index, Ifla::Ifname, c_string(name))
    }

    /// Sets the largest network layer packet, in bytes.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<()> {
        self.set_link("set the MTU of interface", index, Ifla::Mtu, mtu.to_ne_bytes().to_vec())
    }

    /// Sets the hardware address.
    pub fn set_address(&mut self, index: u32, address: &[u8]) -> Result<()> {
        self.set_link("set the address of interface", index, Ifla::Address, address.to_vec())
    }

    /// Enslaves an interface to a bridge; 0 frees it.
    pub fn set_master(&mut self, index: u32, master: u32) -> Result<()> {
        self.set_link("enslave interface", index, Ifla::Master, master.to_ne_bytes().to_vec())
    }

    /// Moves an interface into another namespace, where it loses its addresses.
    pub fn move_link(&mut self, index: u32, ns: &NetNs) -> Result<()> {
        self.set_link("move interface", index, Ifla::NetNsFd, ns.as_fd().as_raw_fd().to_ne_bytes().to_vec())
    }

    /// Keeps an interface from giving itself a link-local IPv6 address, and with it from the chatter of MLD and
    /// duplicate address detection.
    pub fn set_quiet(&mut self, index: u32) -> Result<()> {
        let mut spec = Builder::new();
        spec.nest(libc::AF_INET6 as u16, |b| {
            b.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        });
        self.set_link("set address generation of interface", index, Ifla::AfSpec, spec.into_attrs())
    }

    fn set_link(&mut self, op: &'static str, index: u32, kind: Ifla, value: Vec<u8>) -> Result<()> {
        let message = request(index, attrs([(kind, value)])?)?;
        self.change(op, &index.to_string(), Rtm::Newlink, NlmF::empty(), message)
    }

    /// Gives an interface an address; an IPv6 one is usable at once (`IFA_F_NODAD`).
    pub fn add_address(&mut self, index: u32, address: Prefix) -> Result<()> {
        let bytes = octets(address.addr);
        let mut list = vec![(Ifa::Local, bytes.clone()), (Ifa::Address, bytes)];
        match address.addr {
            IpAddr::V4(a) if address.len < 31 => {
                list.push((Ifa::Broadcast, (a.to_bits() | u32::MAX >> address.len).to_be_bytes().to_vec()));
            }
            IpAddr::V4(_) => {}
            IpAddr::V6(_) => list.push((Ifa::Flags, libc::IFA_F_NODAD.to_ne_bytes().to_vec())),
        }
        let message = address::request(family(address.addr), address.len, index, attrs(list)?)?;
        self.change("add address", &address.to_string(), Rtm::Newaddr, CREATE, message)
    }

    /// Adds a route.
    pub fn add_route(&mut self, route: NewRoute) -> Result<()> {
        let mut list = vec![(Rta::Table, route.table.to_ne_bytes().to_vec())];
        if route.to.len > 0 {
            list.push((Rta::Dst, octets(route.to.addr)));
        }
        if let Some(via) = route.via {
            list.push((Rta::Gateway, octets(via)));
        }
        if let Some(oif) = route.oif {
            list.push((Rta::Oif, oif.to_ne_bytes().to_vec()));
        }
        if let Some(src) = route.prefsrc {
            list.push((Rta::Prefsrc, octets(src)));
        }
        let on_link = route.kind == libc::RTN_UNICAST && route.via.is_none() && route.to.addr.is_ipv4();
        let message = RtmsgBuilder::default()
            .rtm_family(family(route.to.addr))
            .rtm_dst_len(route.to.len)
            .rtm_src_len(0)
            .rtm_tos(0)
            .rtm_table(RtTable::Unspec)
            .rtm_protocol(Rtprot::Static)
            .rtm_scope(if on_link { RtScope::Link } else { RtScope::Universe })
            .rtm_type(Rtn::from(route.kind))
            .rtm_flags(RtmF::empty())
            .rtattrs(attrs(list)?)
            .build()
            .map_err(|_| Malformed::Missing("a field of struct rtmsg").of("add route"))?;
        self.change("add route to", &route.to.to_string(), Rtm::Newroute, CREATE, message)
    }

    /// Adds a policy routing rule.
    pub fn add_rule(&mut self, rule: NewRule<'_>) -> Result<()> {
        let mut list = vec![
            (Frattr::Priority, rule.priority.to_ne_bytes().to_vec()),
            (Frattr::Table, rule.table.to_ne_bytes().to_vec()),
        ];
        if let Some(from) = rule.from {
            list.push((Frattr::Src, octets(from.addr)));
        }
        if let Some(iif) = rule.iif {
            list.push((Frattr::Iifname, c_string(iif)));
        }
        if let Some(mark) = rule.mark {
            list.push((Frattr::Fwmark, mark.to_ne_bytes().to_vec()));
        }
        let message = FibmsgBuilder::default()
            .fib_family(RtAddrFamily::from(rule.family))
            .fib_dst_len(0)
            .fib_src_len(rule.from.map_or(0, |p| p.len))
            .fib_tos(0)
            .fib_table(RtTable::Unspec)
            .fib_action(FrAct::from(rule.action))
            .rtattrs(attrs(list)?)
            .build()
            .map_err(|_| Malformed::Missing("a field of struct fib_rule_hdr").of("add rule"))?;
        self.change("add routing rule", &rule.priority.to_string(), Rtm::Newrule, CREATE, message)
    }

    /// Adds a permanent neighbour.
    pub fn add_neighbour(&mut self, index: u32, addr: IpAddr, lladdr: &[u8]) -> Result<()> {
        let message = NdmsgBuilder::default()
            .ndm_family(family(addr))
            .ndm_index(index as i32)
            .ndm_state(Nud::PERMANENT)
            .ndm_flags(Ntf::empty())
            .ndm_type(Rtn::Unspec)
            .rtattrs(attrs([(Nda::Dst, octets(addr)), (Nda::Lladdr, lladdr.to_vec())])?)
            .build()
            .map_err(|_| Malformed::Missing("a field of struct ndmsg").of("add neighbour"))?;
        self.change("add neighbour", &addr.to_string(), Rtm::Newneigh, NlmF::CREATE | NlmF::REPLACE, message)
    }
}

fn family(addr: IpAddr) -> RtAddrFamily {
    RtAddrFamily::from(super::prefix::family(addr))
}
