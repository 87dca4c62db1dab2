//! One logged packet, borrowed from the receive buffer.

use std::time::Duration;

use byteorder::BE;

use crate::error::Malformed;
use crate::netlink::{Attr, Attrs, Message};
use crate::uapi::nfnetlink::NFNL_SUBSYS_ULOG;
use crate::uapi::nfnetlink_log::*;

/// The VLAN tag that the device took off the packet (`NFULA_VLAN`; bridge and netdev families only).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// The Ethertype of the tag in host order: 0x8100 or 0x88a8.
    pub protocol: u16,
    /// Priority (3 bits), drop eligible (1), VLAN id (12).
    pub tci: u16,
}

/// `NFULNL_MSG_PACKET`: a packet and what the kernel knew of it when a rule logged it.
///
/// Everything is optional except the group, because the kernel leaves out what it does not have; an interface that
/// is `None` means that the packet has none at that hook, a mark that is 0 may mean that there was no attribute.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// `NFPROTO_*` of the hook that logged it.
    pub family: u8,
    /// The NFLOG group.
    pub group: u16,
    /// `skb->protocol`, an Ethertype in host order.
    pub hw_protocol: Option<u16>,
    /// `NF_INET_*`, `NF_BR_*` or `NF_NETDEV_*`, depending on the family.
    pub hook: Option<u8>,
    /// `skb->mark`.
    pub mark: u32,
    /// When the packet arrived, since the epoch; the kernel tells it up to the forward hook.
    pub timestamp: Option<Duration>,
    /// Index of the device it came in by; of the bridge, where `physin` is its port.
    pub iif: Option<u32>,
    /// Index of the device it goes out by.
    pub oif: Option<u32>,
    /// Index of the bridge port it came in by.
    pub physin: Option<u32>,
    /// Index of the bridge port it goes out by.
    pub physout: Option<u32>,
    /// The link layer address of the sender, at most 8 bytes.
    pub hw_addr: Option<&'a [u8]>,
    /// `ARPHRD_*` of the device.
    pub hw_type: Option<u16>,
    /// The link layer header.
    pub hw_header: Option<&'a [u8]>,
    /// The length that the device's link layer header has.
    pub hw_len: Option<u16>,
    /// The link layer header with everything up to the network header (bridge and netdev families).
    pub l2_header: Option<&'a [u8]>,
    /// The VLAN tag beside the packet.
    pub vlan: Option<Vlan>,
    /// The packet from the network header on, as much of it as the copy range allows.
    pub payload: &'a [u8],
    /// The log prefix without its NUL. Any bytes.
    pub prefix: &'a [u8],
    /// Uid of the sending socket's owner.
    pub uid: Option<u32>,
    /// Gid of the sending socket's owner.
    pub gid: Option<u32>,
    /// Number of this packet in its group.
    pub seq: Option<u32>,
    /// Number of this packet in its namespace.
    pub seq_global: Option<u32>,
    /// The connection: nested `CTA_*` attributes.
    pub ct: Option<Attrs<'a>>,
    /// `enum ip_conntrack_info`.
    pub ct_info: Option<u32>,
    /// All attributes, also those that this struct does not know.
    pub attrs: Attrs<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a message; `None` if it is not a logged packet.
    ///
    /// # Errors
    /// When a fixed field is shorter than it must be or a length is broken. Unknown attributes are no error.
    #[inline]
    pub fn parse(message: &Message<'a>) -> Option<Result<Self, Malformed>> {
        const KIND: u16 = (NFNL_SUBSYS_ULOG as u16) << 8 | NFULNL_MSG_PACKET as u16;
        (message.kind == KIND).then(|| {
            let (nfgen, attrs) = message.nfgen()?;
            Self::from_attrs(nfgen.family, nfgen.res_id, attrs)
        })
    }

    /// Reads the [`attrs`](Self::attrs) of a message about that group and family.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_attrs(family: u8, group: u16, attrs: Attrs<'a>) -> Result<Self, Malformed> {
        let mut p = Self {
            family,
            group,
            hw_protocol: None,
            hook: None,
            mark: 0,
            timestamp: None,
            iif: None,
            oif: None,
            physin: None,
            physout: None,
            hw_addr: None,
            hw_type: None,
            hw_header: None,
            hw_len: None,
            l2_header: None,
            vlan: None,
            payload: &[],
            prefix: &[],
            uid: None,
            gid: None,
            seq: None,
            seq_global: None,
            ct: None,
            ct_info: None,
            attrs,
        };
        for attr in attrs {
            let attr = attr?;
            match attr.kind() {
                NFULA_PACKET_HDR => {
                    let [a, b, hook, ..] = fixed::<4>(&attr)?;
                    p.hw_protocol = Some(u16::from_be_bytes([a, b]));
                    p.hook = Some(hook);
                }
                NFULA_MARK => p.mark = attr.u32::<BE>()?,
                NFULA_TIMESTAMP => p.timestamp = Some(timestamp(fixed::<16>(&attr)?)),
                NFULA_IFINDEX_INDEV => p.iif = Some(attr.u32::<BE>()?),
                NFULA_IFINDEX_OUTDEV => p.oif = Some(attr.u32::<BE>()?),
                NFULA_IFINDEX_PHYSINDEV => p.physin = Some(attr.u32::<BE>()?),
                NFULA_IFINDEX_PHYSOUTDEV => p.physout = Some(attr.u32::<BE>()?),
                NFULA_HWADDR => {
                    let len = usize::from(attr.u16::<BE>()?);
                    let room = attr.bytes().get(4..).unwrap_or(&[]);
                    p.hw_addr = Some(&room[..len.min(room.len())]);
                }
                NFULA_PAYLOAD => p.payload = attr.bytes(),
                NFULA_PREFIX => p.prefix = attr.c_str(),
                NFULA_UID => p.uid = Some(attr.u32::<BE>()?),
                NFULA_SEQ => p.seq = Some(attr.u32::<BE>()?),
                NFULA_SEQ_GLOBAL => p.seq_global = Some(attr.u32::<BE>()?),
                NFULA_GID => p.gid = Some(attr.u32::<BE>()?),
                NFULA_HWTYPE => p.hw_type = Some(attr.u16::<BE>()?),
                NFULA_HWHEADER => p.hw_header = Some(attr.bytes()),
                NFULA_HWLEN => p.hw_len = Some(attr.u16::<BE>()?),
                NFULA_CT => p.ct = Some(attr.nested()),
                NFULA_CT_INFO => p.ct_info = Some(attr.u32::<BE>()?),
                NFULA_VLAN => p.vlan = vlan(attr.nested())?,
                NFULA_L2HDR => p.l2_header = Some(attr.bytes()),
                _ => {}
            }
        }
        Ok(p)
    }

    /// The attributes that this version does not know, raw.
    pub fn unknown(&self) -> impl Iterator<Item = Attr<'a>> {
        self.attrs.map_while(Result::ok).filter(|a| a.kind() == 0 || a.kind() > NFULA_MAX)
    }
}

#[inline]
fn fixed<const N: usize>(attr: &Attr<'_>) -> Result<[u8; N], Malformed> {
    attr.bytes().first_chunk::<N>().copied().ok_or(Malformed::Short { want: N, have: attr.bytes().len() })
}

/// Seconds and microseconds, 64 bits each, in network order.
fn timestamp(b: [u8; 16]) -> Duration {
    let half = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| b[at + i]));
    // More microseconds than fit in a second carry over; a nonsensical sum saturates.
    Duration::from_secs(half(0)).saturating_add(Duration::from_micros(half(8)))
}

fn vlan(attrs: Attrs<'_>) -> Result<Option<Vlan>, Malformed> {
    let (mut protocol, mut tci) = (None, None);
    for attr in attrs {
        let attr = attr?;
        match attr.kind() {
            NFULA_VLAN_PROTO => protocol = Some(attr.u16::<BE>()?),
            NFULA_VLAN_TCI => tci = Some(attr.u16::<BE>()?),
            _ => {}
        }
    }
    Ok(protocol.zip(tci).map(|(protocol, tci)| Vlan { protocol, tci }))
}
