//! What a bridge says of itself and of its ports (`br_fill_info`, `br_port_fill_attrs`), within `IFLA_LINKINFO`.

use byteorder::NativeEndian;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Attr;
use crate::uapi::rtnetlink::*;

/// The options of a bridge that decide about what it switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Bridge {
    /// VLANs are filtered (`vlan_filtering`).
    pub vlan_filtering: bool,
    /// What is switched passes the rules for IPv4, IPv6 and ARP (`nf_call_iptables` and its like), whatever the sysctl says.
    pub calls: [bool; 3],
    /// It looks into multicast (`mcast_snooping`).
    pub snoops: bool,
    /// It speaks the spanning tree protocol (`stp_state`).
    pub stp: bool,
    /// Bit n: it forwards what is sent to 01:80:c2:00:00:0n (`group_fwd_mask`).
    pub group_forward: u16,
}

/// What a bridge holds of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BridgePort {
    /// Its state of the spanning tree (`BR_STATE_*`).
    pub state: u8,
    /// It exchanges nothing with other isolated ports.
    pub isolated: bool,
    /// What comes in by it may leave by it.
    pub hairpin: bool,
    /// The bridge remembers who is behind it.
    pub learns: bool,
    /// It gets what is to nobody known, multicast, and broadcasts.
    pub floods: [bool; 3],
    /// The bridge answers ARP for what is behind it.
    pub proxy_arp: bool,
    /// Only hosts that are known behind it may send.
    pub locked: bool,
    /// Bit n: it forwards what is sent to 01:80:c2:00:00:0n.
    pub group_forward: u16,
}

impl Default for BridgePort {
    fn default() -> Self {
        Self {
            state: BR_STATE_FORWARDING,
            isolated: false,
            hairpin: false,
            learns: true,
            floods: [true; 3],
            proxy_arp: false,
            locked: false,
            group_forward: 0,
        }
    }
}

impl Bridge {
    /// Reads `IFLA_INFO_DATA` of a bridge.
    pub(super) fn parse(data: &Attr<'_>) -> Result<Self, Malformed> {
        let mut bridge = Self::default();
        for option in data.nested() {
            let option = option?;
            let [ip, ip6, arp] = &mut bridge.calls;
            let field = match option.kind() {
                IFLA_BR_VLAN_FILTERING => &mut bridge.vlan_filtering,
                IFLA_BR_MCAST_SNOOPING => &mut bridge.snoops,
                IFLA_BR_NF_CALL_IPTABLES => ip,
                IFLA_BR_NF_CALL_IP6TABLES => ip6,
                IFLA_BR_NF_CALL_ARPTABLES => arp,
                IFLA_BR_STP_STATE => {
                    bridge.stp = option.u32::<NativeEndian>()? != 0;
                    continue;
                }
                IFLA_BR_GROUP_FWD_MASK => {
                    bridge.group_forward = option.u16::<NativeEndian>()?;
                    continue;
                }
                _ => continue,
            };
            *field = option.u8()? != 0;
        }
        Ok(bridge)
    }
}

impl BridgePort {
    /// Reads `IFLA_INFO_SLAVE_DATA` of a bridge's port.
    pub(super) fn parse(data: &Attr<'_>) -> Result<Self, Malformed> {
        let mut port = Self::default();
        for option in data.nested() {
            let option = option?;
            let [unicast, multicast, broadcast] = &mut port.floods;
            let field = match option.kind() {
                IFLA_BRPORT_STATE => {
                    port.state = option.u8()?;
                    continue;
                }
                IFLA_BRPORT_GROUP_FWD_MASK => {
                    port.group_forward = option.u16::<NativeEndian>()?;
                    continue;
                }
                IFLA_BRPORT_ISOLATED => &mut port.isolated,
                IFLA_BRPORT_MODE => &mut port.hairpin,
                IFLA_BRPORT_LEARNING => &mut port.learns,
                IFLA_BRPORT_UNICAST_FLOOD => unicast,
                IFLA_BRPORT_MCAST_FLOOD => multicast,
                IFLA_BRPORT_BCAST_FLOOD => broadcast,
                IFLA_BRPORT_PROXYARP => &mut port.proxy_arp,
                IFLA_BRPORT_LOCKED => &mut port.locked,
                _ => continue,
            };
            *field = option.u8()? != 0;
        }
        Ok(port)
    }
}
