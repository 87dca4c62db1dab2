//! Trace records: what each rule said to one packet.

use serde::Serialize;

use super::data::Verdict;
use super::family::Family;
use super::fields::{AttrExt, Fields, RawAttr, Required, read_all};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Message;
use crate::text::Hex;
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

wire_enum! {
    /// What a trace record tells of (`NFT_TRACETYPE_*`).
    pub enum TraceKind(u32) {
        /// The policy of a base chain was applied.
        Policy = NFT_TRACETYPE_POLICY => "policy",
        /// The packet came to the end of a chain, or was returned.
        Return = NFT_TRACETYPE_RETURN => "return",
        /// A rule applied.
        Rule = NFT_TRACETYPE_RULE => "rule",
    }
}

/// A trace record (`NFTA_TRACE_*`, `NFT_MSG_TRACE`).
///
/// The first record of a packet in each base chain carries its headers and devices; later ones only say what
/// happened. No trace record tells the generation it belongs to: its `res_id` is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The family of the table.
    pub family: Family,
    /// The same for every record of one packet, until it leaves or comes in by another device (over the loopback, going
    /// out and coming in have two), and perhaps, later, for another packet: a hash of the kernel's buffer, the flow and
    /// the input device.
    pub id: u32,
    /// What it tells of.
    pub kind: TraceKind,
    /// The table.
    pub table: Text,
    /// The chain.
    pub chain: Text,
    /// The rule; absent for a policy, and for the implicit end of a chain.
    pub rule_handle: Option<u64>,
    /// What the rule said, or where the packet returns to.
    pub verdict: Option<Verdict>,
    /// The policy that was applied.
    pub policy: Option<Verdict>,
    /// The packet's link-layer header.
    #[serde(serialize_with = "Hex::serialize")]
    pub link_header: Box<[u8]>,
    /// The beginning of the packet from its network header.
    #[serde(serialize_with = "Hex::serialize")]
    pub network_header: Box<[u8]>,
    /// The beginning of the packet from its transport header.
    #[serde(serialize_with = "Hex::serialize")]
    pub transport_header: Box<[u8]>,
    /// The index of the device it came in by.
    pub iif: Option<u32>,
    /// The type of that device (`ARPHRD_*`).
    pub iif_type: Option<u16>,
    /// The index of the device it leaves by.
    pub oif: Option<u32>,
    /// The type of that device (`ARPHRD_*`).
    pub oif_type: Option<u16>,
    /// The packet's mark.
    pub mark: Option<u32>,
    /// The family whose hook the packet is in (`NFPROTO_*`): for an inet table, ip or ip6.
    pub nfproto: Option<Family>,
    /// The id of its connection (Linux 6.17).
    pub ct_id: Option<u32>,
    /// Its direction in the connection (`IP_CT_DIR_*`): 0 original, 1 reply (Linux 6.17).
    pub ct_direction: Option<u8>,
    /// The status of the connection (`IPS_*`, Linux 6.17).
    pub ct_status: Option<u32>,
    /// The state of the packet in it, as a bit as in `ct state` (Linux 6.17).
    pub ct_state: Option<u32>,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Trace {
    /// Decodes `NFT_MSG_TRACE`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let (mut id, mut kind) = (None, None);
        let mut t = Self {
            family: nfgen.family.into(),
            id: 0,
            kind: TraceKind::Unknown(0),
            table: Text::default(),
            chain: Text::default(),
            rule_handle: None,
            verdict: None,
            policy: None,
            link_header: Box::default(),
            network_header: Box::default(),
            transport_header: Box::default(),
            iif: None,
            iif_type: None,
            oif: None,
            oif_type: None,
            mark: None,
            nfproto: None,
            ct_id: None,
            ct_direction: None,
            ct_status: None,
            ct_state: None,
            unread: Vec::new(),
        };
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_TRACE_TABLE => t.table = a.text(),
                NFTA_TRACE_CHAIN => t.chain = a.text(),
                NFTA_TRACE_RULE_HANDLE => t.rule_handle = Some(a.be64()?),
                NFTA_TRACE_TYPE => kind = Some(TraceKind::from(a.be32()?)),
                NFTA_TRACE_VERDICT => {
                    let mut f = Fields::new(a.nested());
                    t.verdict = Some(Verdict::read(&mut f)?);
                    return Ok(!f.passed_over());
                }
                NFTA_TRACE_ID => id = Some(a.be32()?),
                NFTA_TRACE_LL_HEADER => t.link_header = a.bytes().into(),
                NFTA_TRACE_NETWORK_HEADER => t.network_header = a.bytes().into(),
                NFTA_TRACE_TRANSPORT_HEADER => t.transport_header = a.bytes().into(),
                NFTA_TRACE_IIF => t.iif = Some(a.be32()?),
                NFTA_TRACE_IIFTYPE => t.iif_type = Some(a.be16()?),
                NFTA_TRACE_OIF => t.oif = Some(a.be32()?),
                NFTA_TRACE_OIFTYPE => t.oif_type = Some(a.be16()?),
                NFTA_TRACE_MARK => t.mark = Some(a.be32()?),
                NFTA_TRACE_NFPROTO => t.nfproto = Some(Family::from(a.be32_as_u8()?)),
                NFTA_TRACE_POLICY => t.policy = Some(Verdict::from_kernel(a.be32()? as i32, Text::default())),
                NFTA_TRACE_CT_ID => t.ct_id = Some(a.be32()?),
                NFTA_TRACE_CT_DIRECTION => t.ct_direction = Some(a.u8()?),
                NFTA_TRACE_CT_STATUS => t.ct_status = Some(a.be32()?),
                NFTA_TRACE_CT_STATE => t.ct_state = Some(a.be32()?),
                NFTA_TRACE_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        t.id = id.required("NFTA_TRACE_ID")?;
        t.kind = kind.required("NFTA_TRACE_TYPE")?;
        t.unread = unread;
        Ok(t)
    }
}
