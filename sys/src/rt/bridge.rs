//! What a bridge says of itself and of its ports (`br_fill_info`, `br_port_fill_attrs`), within `IFLA_LINKINFO`.

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
}

/// What a bridge holds of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BridgePort {
    /// Its state lets packets through (`BR_STATE_FORWARDING`).
    pub forwards: bool,
    /// It exchanges nothing with other isolated ports.
    pub isolated: bool,
}

impl Default for BridgePort {
    fn default() -> Self {
        Self { forwards: true, isolated: false }
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
                IFLA_BR_NF_CALL_IPTABLES => ip,
                IFLA_BR_NF_CALL_IP6TABLES => ip6,
                IFLA_BR_NF_CALL_ARPTABLES => arp,
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
            match option.kind() {
                IFLA_BRPORT_STATE => port.forwards = option.u8()? == BR_STATE_FORWARDING,
                IFLA_BRPORT_ISOLATED => port.isolated = option.u8()? != 0,
                _ => {}
            }
        }
        Ok(port)
    }
}
