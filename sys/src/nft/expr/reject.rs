//! `reject`: drops the packet and tells its sender.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// How (`NFT_REJECT_*`).
    pub enum RejectKind(u32) {
        /// ICMP or ICMPv6 unreachable with a code of that protocol.
        IcmpUnreach = NFT_REJECT_ICMP_UNREACH => "icmp",
        /// TCP reset.
        TcpRst = NFT_REJECT_TCP_RST => "tcp reset",
        /// ICMP or ICMPv6 unreachable with an [`IcmpxCode`].
        IcmpxUnreach = NFT_REJECT_ICMPX_UNREACH => "icmpx",
    }
}

wire_enum! {
    /// A code for both protocols (`NFT_REJECT_ICMPX_*`).
    pub enum IcmpxCode(u8) {
        /// No route.
        NoRoute = NFT_REJECT_ICMPX_NO_ROUTE as u8 => "no-route",
        /// Port unreachable.
        PortUnreachable = NFT_REJECT_ICMPX_PORT_UNREACH as u8 => "port-unreachable",
        /// Host unreachable.
        HostUnreachable = NFT_REJECT_ICMPX_HOST_UNREACH as u8 => "host-unreachable",
        /// Forbidden.
        AdminProhibited = NFT_REJECT_ICMPX_ADMIN_PROHIBITED as u8 => "admin-prohibited",
    }
}

/// `reject` (`NFTA_REJECT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// How.
    pub kind: RejectKind,
    /// The code; without meaning for a TCP reset.
    pub code: Option<u8>,
}

impl Reject {
    /// The code as one for both protocols, if it is one.
    pub fn icmpx(&self) -> Option<IcmpxCode> {
        self.code.filter(|_| self.kind == RejectKind::IcmpxUnreach).map(IcmpxCode::from)
    }

    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut kind, mut code) = (None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_REJECT_TYPE => kind = Some(a.be32()?.into()),
                NFTA_REJECT_ICMP_CODE => code = Some(a.u8()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { kind: kind.required("NFTA_REJECT_TYPE")?, code })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_REJECT_TYPE, self.kind.code());
        if let Some(code) = self.code {
            b.u8(NFTA_REJECT_ICMP_CODE, code);
        }
    }
}
