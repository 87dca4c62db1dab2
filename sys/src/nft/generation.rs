//! The generation of the ruleset: it grows with every transaction.

use serde::Serialize;

use super::fields::{AttrExt, RawAttr, Required, read_all};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Message;
use crate::uapi::nf_tables::*;

/// A generation (`NFTA_GEN_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Its number. Every other message carries the low 16 bits of it as `res_id`.
    pub id: u32,
    /// The process whose transaction made it; in answers to `NFT_MSG_GETGEN`, the process that asked.
    pub pid: Option<u32>,
    /// The name of that process.
    pub process: Option<Text>,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Generation {
    /// Decodes `NFT_MSG_NEWGEN`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (_, attrs) = m.nfgen()?;
        let (mut id, mut pid, mut process, mut unread) = (None, None, None, Vec::new());
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_GEN_ID => id = Some(a.be32()?),
                NFTA_GEN_PROC_PID => pid = Some(a.be32()?),
                NFTA_GEN_PROC_NAME => process = Some(a.text()),
                _ => return Ok(false),
            }
            Ok(true)
        });
        Ok(Self { id: id.required("NFTA_GEN_ID")?, pid, process, unread })
    }
}
