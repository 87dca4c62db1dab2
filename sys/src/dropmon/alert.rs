//! One dropped packet.

use std::time::Duration;

use byteorder::NativeEndian;

use crate::error::Malformed;
use crate::genl::HEADER;
use crate::netlink::{Attrs, Message};
use crate::uapi::net_dropmon::*;

/// A dropped packet (`NET_DM_CMD_PACKET_ALERT`), borrowed from the receive buffer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert<'a> {
    /// The kernel's name of the reason (`enum skb_drop_reason` without its prefix): what it does not name itself it calls
    /// `NOT_SPECIFIED`. None before Linux 5.17.
    pub reason: Option<&'a [u8]>,
    /// Where it was freed: `nf_hook_slow+0xa5`, with ` [module]`. Possibly cut at 39 bytes.
    pub symbol: &'a [u8],
    /// The address of that place; 0 without privilege to see it.
    pub pc: u64,
    /// Index of the device it came in by, in the namespace (which is not told) that dropped it. None: it was made there,
    /// or came from another namespace of this machine.
    pub iif: Option<u32>,
    /// Name of that device; only hardware tells.
    pub port_name: Option<&'a [u8]>,
    /// When, since the epoch.
    pub timestamp: Option<Duration>,
    /// The Ethertype.
    pub protocol: u16,
    /// From the link layer header on, possibly cut.
    pub payload: &'a [u8],
    /// Its length from the link layer header on.
    pub length: usize,
    /// The trap, where a device dropped it.
    pub hardware: Option<Hardware<'a>>,
}

/// The trap of a device that dropped a packet by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardware<'a> {
    /// The group of traps.
    pub group: &'a [u8],
    /// The trap.
    pub trap: &'a [u8],
}

impl<'a> Alert<'a> {
    /// Reads a message of the family; None if it is no dropped packet.
    pub fn parse(m: &Message<'a>) -> Option<Result<Self, Malformed>> {
        match m.after(HEADER) {
            Ok((head, attrs)) if head.first() == Some(&NET_DM_CMD_PACKET_ALERT) => Some(Self::read(attrs)),
            Ok(_) => None,
            Err(e) => Some(Err(e)),
        }
    }

    fn read(attrs: Attrs<'a>) -> Result<Self, Malformed> {
        let mut alert = Self::default();
        let mut hardware = Hardware { group: &[], trap: &[] };
        let mut in_hardware = false;
        for attr in attrs {
            let attr = attr?;
            match attr.kind() {
                NET_DM_ATTR_REASON => alert.reason = Some(attr.c_str()),
                NET_DM_ATTR_SYMBOL => alert.symbol = attr.c_str(),
                NET_DM_ATTR_PC => alert.pc = attr.u64::<NativeEndian>()?,
                NET_DM_ATTR_IN_PORT => {
                    for port in attr.nested() {
                        let port = port?;
                        match port.kind() {
                            NET_DM_ATTR_PORT_NETDEV_IFINDEX => alert.iif = Some(port.u32::<NativeEndian>()?),
                            NET_DM_ATTR_PORT_NETDEV_NAME => alert.port_name = Some(port.c_str()),
                            _ => {}
                        }
                    }
                }
                NET_DM_ATTR_TIMESTAMP => alert.timestamp = Some(Duration::from_nanos(attr.u64::<NativeEndian>()?)),
                NET_DM_ATTR_PROTO => alert.protocol = attr.u16::<NativeEndian>()?,
                NET_DM_ATTR_PAYLOAD => alert.payload = attr.bytes(),
                NET_DM_ATTR_ORIG_LEN => alert.length = attr.u32::<NativeEndian>()? as usize,
                NET_DM_ATTR_ORIGIN => in_hardware = attr.u16::<NativeEndian>()? == NET_DM_ORIGIN_HW,
                NET_DM_ATTR_HW_TRAP_GROUP_NAME => hardware.group = attr.c_str(),
                NET_DM_ATTR_HW_TRAP_NAME => hardware.trap = attr.c_str(),
                _ => {}
            }
        }
        alert.hardware = in_hardware.then_some(hardware);
        alert.length = alert.length.max(alert.payload.len());
        Ok(alert)
    }
}
