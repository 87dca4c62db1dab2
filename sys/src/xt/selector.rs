//! What an entry selects by itself, before its matches: addresses, interfaces, protocol.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use super::family::Family;
use super::wire::{ArptArp, ArptDevaddrInfo, Ip6tIp6, IptIp};
use crate::uapi::x_tables::{ARPT_DEV_ADDR_LEN_MAX, IP6T_F_GOTO, IPT_F_GOTO};
use crate::{Text, TextRef};

/// An interface name with a mask over its bytes: `eth+` leaves the bytes behind `eth` unmasked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interface {
    /// `iniface` or `outiface`.
    pub name: [u8; 16],
    /// `iniface_mask` or `outiface_mask`: only bytes with a non-zero mask are compared.
    pub mask: [u8; 16],
}

impl Interface {
    /// The interface that the tools write as `pattern`: with a final `+`, every name that begins so. Cut at 15 bytes.
    pub fn from_pattern(pattern: &str) -> Self {
        let mut this = Self::default();
        let (prefix, all) = match pattern.strip_suffix('+') {
            Some(prefix) => (prefix, false),
            None => (pattern, true),
        };
        this.name.iter_mut().take(15).zip(pattern.as_bytes()).for_each(|(to, from)| *to = *from);
        let compared = if pattern.is_empty() { 0 } else { prefix.len() + usize::from(all) };
        this.mask.iter_mut().take(compared).for_each(|m| *m = 0xff);
        this
    }

    /// The bytes before the first NUL.
    pub fn name(&self) -> TextRef<'_> {
        TextRef::from_c(&self.name)
    }

    /// The name as the tools write it, with a final `+` for every name that begins so; `None` for every interface.
    pub fn pattern(&self) -> Option<Text> {
        let compared = self.mask.iter().take_while(|&&m| m != 0).count();
        let compared = self.name.get(..compared).filter(|c| !c.is_empty())?;
        let mut name = compared.split(|&b| b == 0).next().unwrap_or_default().to_vec();
        if compared.len() < self.name.len() && name.len() == compared.len() {
            name.push(b'+');
        }
        Some(Text::new(name))
    }

    /// Does it accept every interface?
    pub fn is_any(&self) -> bool {
        self.mask.iter().all(|&m| m == 0)
    }

    /// Would the kernel accept an interface of that name (`ifname_compare_aligned`)? An absent interface has the
    /// empty name.
    pub fn accepts(&self, name: &[u8]) -> bool {
        let padded = name.iter().copied().chain(std::iter::repeat(0));
        self.name.iter().zip(&self.mask).zip(padded).all(|((have, mask), byte)| (have ^ byte) & mask == 0)
    }
}

/// Serialises as its [`pattern`](Interface::pattern).
impl Serialize for Interface {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.pattern().serialize(s)
    }
}

/// `struct ipt_ip` (include/uapi/linux/netfilter_ipv4/ip_tables.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IpSelector {
    /// Source address.
    pub src: Ipv4Addr,
    /// Mask over the source address; not always a prefix.
    pub src_mask: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Mask over the destination address.
    pub dst_mask: Ipv4Addr,
    /// Interface of arrival.
    pub iif: Interface,
    /// Interface of departure.
    pub oif: Interface,
    /// Protocol; 0 for any.
    pub proto: u16,
    /// `IPT_F_*`.
    pub flags: u8,
    /// `IPT_INV_*`.
    pub invert: u8,
}

/// `struct ip6t_ip6` (include/uapi/linux/netfilter_ipv6/ip6_tables.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ip6Selector {
    /// Source address.
    pub src: Ipv6Addr,
    /// Mask over the source address; not always a prefix.
    pub src_mask: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
    /// Mask over the destination address.
    pub dst_mask: Ipv6Addr,
    /// Interface of arrival.
    pub iif: Interface,
    /// Interface of departure.
    pub oif: Interface,
    /// Upper protocol; compared only under `IP6T_F_PROTO`.
    pub proto: u16,
    /// Traffic class; the kernel no longer compares it.
    pub tos: u8,
    /// `IP6T_F_*`.
    pub flags: u8,
    /// `IP6T_INV_*`: the values of `IPT_INV_*`.
    pub invert: u8,
}

/// A hardware address with a mask (`struct arpt_devaddr_info`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeviceAddress {
    /// The address; as many bytes count as the hardware address length says.
    pub address: [u8; ARPT_DEV_ADDR_LEN_MAX],
    /// The mask over it.
    pub mask: [u8; ARPT_DEV_ADDR_LEN_MAX],
}

/// `struct arpt_arp` (include/uapi/linux/netfilter_arp/arp_tables.h). Pairs are value and mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ArpSelector {
    /// Sender's protocol address.
    pub src: Ipv4Addr,
    /// Mask over it.
    pub src_mask: Ipv4Addr,
    /// Target's protocol address.
    pub dst: Ipv4Addr,
    /// Mask over it.
    pub dst_mask: Ipv4Addr,
    /// Interface of arrival.
    pub iif: Interface,
    /// Interface of departure.
    pub oif: Interface,
    /// Hardware address length.
    pub hlen: (u8, u8),
    /// Sender's hardware address.
    pub src_mac: DeviceAddress,
    /// Target's hardware address.
    pub dst_mac: DeviceAddress,
    /// Operation.
    pub op: (u16, u16),
    /// Hardware type.
    pub htype: (u16, u16),
    /// Protocol type.
    pub ptype: (u16, u16),
    /// No flag is defined.
    pub flags: u8,
    /// `ARPT_INV_*`.
    pub invert: u16,
}

/// The built-in conditions of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Selector {
    /// IPv4.
    Ip(IpSelector),
    /// IPv6.
    Ip6(Ip6Selector),
    /// ARP.
    Arp(ArpSelector),
}

impl Selector {
    /// Selects every packet of that family (IPv4 for bridges, which have no entries here).
    pub fn any(family: Family) -> Self {
        let iif = Interface::default();
        let oif = iif;
        match family {
            Family::Ip | Family::Bridge => {
                let any = Ipv4Addr::UNSPECIFIED;
                let (proto, flags, invert) = (0, 0, 0);
                Self::Ip(IpSelector {
                    src: any,
                    src_mask: any,
                    dst: any,
                    dst_mask: any,
                    iif,
                    oif,
                    proto,
                    flags,
                    invert,
                })
            }
            Family::Ip6 => {
                let any = Ipv6Addr::UNSPECIFIED;
                let (src, src_mask, dst, dst_mask) = (any, any, any, any);
                let (proto, tos, flags, invert) = (0, 0, 0, 0);
                Self::Ip6(Ip6Selector { src, src_mask, dst, dst_mask, iif, oif, proto, tos, flags, invert })
            }
            Family::Arp => {
                let any = Ipv4Addr::UNSPECIFIED;
                Self::Arp(ArpSelector {
                    src: any,
                    src_mask: any,
                    dst: any,
                    dst_mask: any,
                    iif,
                    oif,
                    hlen: (0, 0),
                    src_mac: DeviceAddress::default(),
                    dst_mac: DeviceAddress::default(),
                    op: (0, 0),
                    htype: (0, 0),
                    ptype: (0, 0),
                    flags: 0,
                    invert: 0,
                })
            }
        }
    }

    /// Is a jump of this entry a goto?
    pub fn is_goto(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.flags & IPT_F_GOTO != 0,
            Self::Ip6(ip6) => ip6.flags & IP6T_F_GOTO != 0,
            Self::Arp(_) => false,
        }
    }

    /// Does it select every packet?
    pub fn is_any(&self) -> bool {
        match self {
            Self::Ip(s) => {
                let any = [s.src_mask, s.dst_mask].iter().all(|m| m.is_unspecified());
                any && s.iif.is_any() && s.oif.is_any() && s.proto == 0 && s.flags & !IPT_F_GOTO == 0 && s.invert == 0
            }
            Self::Ip6(s) => {
                let any = [s.src_mask, s.dst_mask].iter().all(|m| m.is_unspecified());
                any && s.iif.is_any() && s.oif.is_any() && s.flags & !IP6T_F_GOTO == 0 && s.invert == 0
            }
            Self::Arp(s) => {
                let any = [s.src_mask, s.dst_mask].iter().all(|m| m.is_unspecified());
                let masks = [u16::from(s.hlen.1), s.op.1, s.htype.1, s.ptype.1];
                let devices = s.src_mac.mask.iter().chain(&s.dst_mac.mask).all(|&b| b == 0);
                any && s.iif.is_any() && s.oif.is_any() && masks == [0; 4] && devices && s.invert == 0
            }
        }
    }
}

impl From<&IptIp> for IpSelector {
    fn from(ip: &IptIp) -> Self {
        Self {
            src: ip.src.into(),
            src_mask: ip.smsk.into(),
            dst: ip.dst.into(),
            dst_mask: ip.dmsk.into(),
            iif: Interface { name: ip.iniface, mask: ip.iniface_mask },
            oif: Interface { name: ip.outiface, mask: ip.outiface_mask },
            proto: ip.proto,
            flags: ip.flags,
            invert: ip.invflags,
        }
    }
}

impl From<&Ip6tIp6> for Ip6Selector {
    fn from(ip: &Ip6tIp6) -> Self {
        Self {
            src: ip.src.into(),
            src_mask: ip.smsk.into(),
            dst: ip.dst.into(),
            dst_mask: ip.dmsk.into(),
            iif: Interface { name: ip.iniface, mask: ip.iniface_mask },
            oif: Interface { name: ip.outiface, mask: ip.outiface_mask },
            proto: ip.proto,
            tos: ip.tos,
            flags: ip.flags,
            invert: ip.invflags,
        }
    }
}

impl From<&ArptDevaddrInfo> for DeviceAddress {
    fn from(info: &ArptDevaddrInfo) -> Self {
        Self { address: info.addr, mask: info.mask }
    }
}

impl From<&ArptArp> for ArpSelector {
    fn from(arp: &ArptArp) -> Self {
        let be = u16::from_be_bytes;
        Self {
            src: arp.src.into(),
            src_mask: arp.smsk.into(),
            dst: arp.tgt.into(),
            dst_mask: arp.tmsk.into(),
            iif: Interface { name: arp.iniface, mask: arp.iniface_mask },
            oif: Interface { name: arp.outiface, mask: arp.outiface_mask },
            hlen: (arp.arhln, arp.arhln_mask),
            src_mac: (&arp.src_devaddr).into(),
            dst_mac: (&arp.tgt_devaddr).into(),
            op: (be(arp.arpop), be(arp.arpop_mask)),
            htype: (be(arp.arhrd), be(arp.arhrd_mask)),
            ptype: (be(arp.arpro), be(arp.arpro_mask)),
            flags: arp.flags,
            invert: arp.invflags,
        }
    }
}

impl From<&IpSelector> for IptIp {
    fn from(s: &IpSelector) -> Self {
        Self {
            src: s.src.octets(),
            dst: s.dst.octets(),
            smsk: s.src_mask.octets(),
            dmsk: s.dst_mask.octets(),
            iniface: s.iif.name,
            outiface: s.oif.name,
            iniface_mask: s.iif.mask,
            outiface_mask: s.oif.mask,
            proto: s.proto,
            flags: s.flags,
            invflags: s.invert,
        }
    }
}

impl From<&Ip6Selector> for Ip6tIp6 {
    fn from(s: &Ip6Selector) -> Self {
        Self {
            src: s.src.octets(),
            dst: s.dst.octets(),
            smsk: s.src_mask.octets(),
            dmsk: s.dst_mask.octets(),
            iniface: s.iif.name,
            outiface: s.oif.name,
            iniface_mask: s.iif.mask,
            outiface_mask: s.oif.mask,
            proto: s.proto,
            tos: s.tos,
            flags: s.flags,
            invflags: s.invert,
            pad: [0; 3],
        }
    }
}

impl From<&DeviceAddress> for ArptDevaddrInfo {
    fn from(a: &DeviceAddress) -> Self {
        Self { addr: a.address, mask: a.mask }
    }
}

impl From<&ArpSelector> for ArptArp {
    fn from(s: &ArpSelector) -> Self {
        let be = u16::to_be_bytes;
        Self {
            src: s.src.octets(),
            tgt: s.dst.octets(),
            smsk: s.src_mask.octets(),
            tmsk: s.dst_mask.octets(),
            arhln: s.hlen.0,
            arhln_mask: s.hlen.1,
            src_devaddr: (&s.src_mac).into(),
            tgt_devaddr: (&s.dst_mac).into(),
            arpop: be(s.op.0),
            arpop_mask: be(s.op.1),
            arhrd: be(s.htype.0),
            arhrd_mask: be(s.htype.1),
            arpro: be(s.ptype.0),
            arpro_mask: be(s.ptype.1),
            iniface: s.iif.name,
            outiface: s.oif.name,
            iniface_mask: s.iif.mask,
            outiface_mask: s.oif.mask,
            flags: s.flags,
            pad: 0,
            invflags: s.invert,
            pad2: [0; 2],
        }
    }
}
