//! Network interfaces (`RTM_GETLINK`, include/uapi/linux/if_link.h).

use byteorder::NativeEndian;
use neli::consts::rtnl::{Ifla, RtAddrFamily, Rtm};
use neli::rtnl::{Ifinfomsg, IfinfomsgBuilder, RtattrBuilder};
use neli::types::{Buffer, RtBuffer};
use serde::Serialize;

use super::Handle;
use super::bridge::{Bridge, BridgePort};
use crate::Text;
use crate::error::{Error, Malformed, Result};
use crate::netlink::Attrs;
use crate::uapi::rtnetlink::{IFLA_XDP_ATTACHED, IFLA_XDP_PROG_ID};

/// `struct ifinfomsg`.
pub(super) const HEADER: usize = 16;

bitflags::bitflags! {
    /// Flags of an interface (`IFF_*`, include/uapi/linux/if.h).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct LinkFlags: u32 {
        /// Administratively up.
        const UP = libc::IFF_UP as u32;
        /// Has a broadcast address.
        const BROADCAST = libc::IFF_BROADCAST as u32;
        /// A loopback.
        const LOOPBACK = libc::IFF_LOOPBACK as u32;
        /// Point to point.
        const POINTOPOINT = libc::IFF_POINTOPOINT as u32;
        /// Operational.
        const RUNNING = libc::IFF_RUNNING as u32;
        /// Needs no neighbour resolution.
        const NOARP = libc::IFF_NOARP as u32;
        /// Receives what is meant for others, as asked for by its flags (not by a packet socket).
        const PROMISC = libc::IFF_PROMISC as u32;
        /// Receives all multicast.
        const ALLMULTI = libc::IFF_ALLMULTI as u32;
        /// Has carrier.
        const LOWER_UP = libc::IFF_LOWER_UP as u32;
        const _ = !0;
    }
}

/// XDP on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Xdp {
    /// `XDP_ATTACHED_*`: 1 in the driver, 2 generic, 3 in the hardware, 4 several.
    pub attached: u8,
    /// The program's id.
    pub program: Option<u32>,
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The index.
    pub index: u32,
    /// The name.
    pub name: Text,
    /// The other names (`IFLA_ALT_IFNAME`).
    pub alt_names: Vec<Text>,
    /// What made it: `veth`, `bridge`, `vlan`. None for most hardware and the loopback.
    pub kind: Option<Text>,
    /// What its master makes of it: `bridge`, `bond`, `vrf`.
    pub slave_kind: Option<Text>,
    /// `ARPHRD_*`.
    pub hardware: u16,
    /// Flags.
    #[serde(skip)]
    pub flags: LinkFlags,
    /// Bytes of the largest network layer packet.
    pub mtu: u32,
    /// The interface it is enslaved to.
    pub master: Option<u32>,
    /// The interface it stands on, or its veth peer; in the namespace of [`link_netns`](Self::link_netns) if that is set.
    pub link: Option<u32>,
    /// The id that this namespace has for the namespace of [`link`](Self::link).
    pub link_netns: Option<i32>,
    /// The interface group.
    pub group: u32,
    /// The hardware address.
    pub address: Vec<u8>,
    /// An XDP program, if one is attached.
    pub xdp: Option<Xdp>,
    /// How many users want it promiscuous (packet sockets included).
    pub promiscuity: u32,
    /// `IF_OPER_*`.
    pub operstate: u8,
    /// The queueing discipline's name.
    pub qdisc: Option<Text>,
    /// The options of a bridge.
    pub bridge: Option<Bridge>,
    /// What its bridge holds of a port.
    pub port: Option<BridgePort>,
}

impl Link {
    /// Reads the payload of an `RTM_NEWLINK`.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let mut link = Self {
            hardware: u16::from_ne_bytes([h[2], h[3]]),
            index: u32::from_ne_bytes([h[4], h[5], h[6], h[7]]),
            flags: LinkFlags::from_bits_retain(u32::from_ne_bytes([h[8], h[9], h[10], h[11]])),
            ..Self::default()
        };
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                libc::IFLA_IFNAME => link.name = attr.text(),
                libc::IFLA_MTU => link.mtu = attr.u32::<NativeEndian>()?,
                libc::IFLA_MASTER => link.master = Some(attr.u32::<NativeEndian>()?),
                libc::IFLA_LINK => link.link = Some(attr.u32::<NativeEndian>()?).filter(|&i| i != 0),
                libc::IFLA_LINK_NETNSID => link.link_netns = Some(attr.u32::<NativeEndian>()? as i32),
                libc::IFLA_GROUP => link.group = attr.u32::<NativeEndian>()?,
                libc::IFLA_ADDRESS => link.address = attr.bytes().to_vec(),
                libc::IFLA_PROMISCUITY => link.promiscuity = attr.u32::<NativeEndian>()?,
                libc::IFLA_OPERSTATE => link.operstate = attr.u8()?,
                libc::IFLA_QDISC => link.qdisc = Some(attr.text()),
                libc::IFLA_LINKINFO => {
                    for info in attr.nested() {
                        let info = info?;
                        match info.kind() {
                            libc::IFLA_INFO_KIND => link.kind = Some(info.text()),
                            libc::IFLA_INFO_SLAVE_KIND => link.slave_kind = Some(info.text()),
                            // Both come behind the kind that they are of.
                            libc::IFLA_INFO_DATA if link.kind.as_ref().is_some_and(|k| *k == "bridge") => {
                                link.bridge = Some(Bridge::parse(&info)?);
                            }
                            libc::IFLA_INFO_SLAVE_DATA if link.slave_kind.as_ref().is_some_and(|k| *k == "bridge") => {
                                link.port = Some(BridgePort::parse(&info)?);
                            }
                            _ => {}
                        }
                    }
                }
                libc::IFLA_PROP_LIST => {
                    for name in attr.nested() {
                        let name = name?;
                        if name.kind() == libc::IFLA_ALT_IFNAME {
                            link.alt_names.push(name.text());
                        }
                    }
                }
                libc::IFLA_XDP => {
                    let attached = attr.nested().find(IFLA_XDP_ATTACHED).map_or(Ok(0), |a| a.u8())?;
                    let program = attr.nested().find(IFLA_XDP_PROG_ID).map(|a| a.u32::<NativeEndian>()).transpose()?;
                    link.xdp = (attached != 0).then_some(Xdp { attached, program });
                }
                _ => {}
            }
        }
        Ok(link)
    }

    /// Is it up, and has it carrier?
    pub fn is_running(&self) -> bool {
        self.flags.contains(LinkFlags::UP | LinkFlags::RUNNING | LinkFlags::LOWER_UP)
    }

    /// Is it a loopback?
    pub fn is_loopback(&self) -> bool {
        self.flags.contains(LinkFlags::LOOPBACK)
    }
}

impl Handle {
    /// All interfaces.
    pub fn links(&mut self) -> Result<Vec<Link>> {
        self.dump("list interfaces", Rtm::Getlink, || request(0, RtBuffer::new()), |b| Link::parse(b).map(Some))
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// `ENODEV` if there is none.
    pub fn link(&mut self, name: &str) -> Result<Link> {
        let attrs = attrs([(Ifla::Ifname, c_string(name))])?;
        self.one_link(name, request(0, attrs)?)
    }

    /// The interface of that index.
    ///
    /// # Errors
    /// `ENODEV` if there is none.
    pub fn link_at(&mut self, index: u32) -> Result<Link> {
        self.one_link(&index.to_string(), request(index, RtBuffer::new())?)
    }

    fn one_link(&mut self, object: &str, request: Ifinfomsg) -> Result<Link> {
        let mut found = None;
        self.get("find interface", object, Rtm::Getlink, request, |bytes| {
            found = Some(Link::parse(bytes)?);
            Ok(())
        })?;
        found.ok_or_else(|| Error::os("find interface", object, std::io::Error::from_raw_os_error(libc::ENODEV)))
    }
}

/// A `struct ifinfomsg` about an interface (0: whichever the attributes name).
pub(super) fn request(index: u32, attrs: RtBuffer<Ifla, Buffer>) -> Result<Ifinfomsg> {
    IfinfomsgBuilder::default()
        .ifi_family(RtAddrFamily::Unspecified)
        .ifi_index(index as i32)
        .rtattrs(attrs)
        .build()
        .map_err(|_| Malformed::Missing("a field of struct ifinfomsg").of("build a link request"))
}

/// Attributes with their payloads.
pub(super) fn attrs<K>(list: impl IntoIterator<Item = (K, Vec<u8>)>) -> Result<RtBuffer<K, Buffer>>
where
    K: neli::consts::rtnl::RtaType,
{
    let mut attrs = RtBuffer::new();
    for (kind, payload) in list {
        let attr = RtattrBuilder::default()
            .rta_type(kind)
            .rta_payload(Buffer::from(payload))
            .build()
            .map_err(|_| Malformed::Missing("a field of struct rtattr").of("build an rtnetlink request"))?;
        attrs.push(attr);
    }
    Ok(attrs)
}

/// A NUL-terminated string as an attribute's payload.
pub(super) fn c_string(s: &str) -> Vec<u8> {
    let mut bytes = s.as_bytes().to_vec();
    bytes.push(0);
    bytes
}
