//! Whom a bridge knows to be behind which of its ports (`RTM_GETNEIGH` of `AF_BRIDGE`).

use byteorder::NativeEndian;
use neli::consts::rtnl::{RtAddrFamily, Rtm};
use neli::types::RtBuffer;
use serde::Serialize;

use super::Handle;
use super::neighbour::{HEADER, neighbour_request};
use crate::error::{Malformed, Result};
use crate::netlink::Attrs;

/// `NDA_VLAN`, `NDA_MASTER` (include/uapi/linux/neighbour.h).
const NDA_VLAN: u16 = 5;
const NDA_MASTER: u16 = 9;

/// An entry of a bridge's forwarding database (`struct net_bridge_fdb_entry`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Station {
    /// The bridge.
    pub bridge: u32,
    /// The port that it is behind; the bridge itself for some of the host's own.
    pub port: u32,
    /// Its hardware address.
    pub address: Vec<u8>,
    /// Is it an address of the host that the bridge is of?
    pub local: bool,
    /// The VLAN in which that holds; 0 for none.
    pub vlan: u16,
}

impl Station {
    /// Reads the payload of an `RTM_NEWNEIGH`. None: it is of no bridge.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let (mut bridge, mut address, mut vlan) = (None, None, 0);
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                libc::NDA_LLADDR => address = Some(attr.bytes().to_vec()),
                NDA_MASTER => bridge = Some(attr.u32::<NativeEndian>()?),
                NDA_VLAN => vlan = attr.u16::<NativeEndian>()?,
                _ => {}
            }
        }
        let state = u16::from_ne_bytes([h[8], h[9]]);
        Ok(bridge.zip(address).map(|(bridge, address)| Self {
            bridge,
            port: u32::from_ne_bytes([h[4], h[5], h[6], h[7]]),
            address,
            local: state & libc::NUD_PERMANENT != 0,
            vlan,
        }))
    }
}

impl Handle {
    /// The forwarding databases of all bridges.
    ///
    /// # Errors
    /// What the kernel says where it has no bridges.
    pub fn stations(&mut self) -> Result<Vec<Station>> {
        let request = || neighbour_request(RtAddrFamily::from(libc::AF_BRIDGE as u8), 0, RtBuffer::new());
        self.dump("list what bridges know", Rtm::Getneigh, request, Station::parse)
    }
}
