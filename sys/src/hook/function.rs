//! One function that is registered at a hook.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::{Attrs, Message};
use crate::nft::{AttrExt, Family, RawAttr, Required, read_all};
use crate::text::Text;
use crate::uapi::nfnetlink_hook::*;

/// A function that sees packets at a hook (`struct nf_hook_ops`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Lower comes first; of equals, the kernel's order stands.
    pub priority: i32,
    /// Its name: `nft_do_chain_inet`, `ipv4_conntrack_in`. None on a kernel without symbols (`CONFIG_KALLSYMS`).
    pub name: Option<Text>,
    /// The module that it belongs to; none where it is built in.
    pub module: Option<Text>,
    /// What it runs, where it is one of those functions that run what user space made.
    pub runs: Option<Runs>,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

/// What a function runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Runs {
    /// A base chain of nf_tables. One that a transaction is still adding, or has just removed, is not told.
    Chain {
        /// The family of its table.
        family: Family,
        /// Its table.
        table: Text,
        /// Its name.
        name: Text,
    },
    /// A flowtable of nf_tables.
    Flowtable {
        /// The family of its table.
        family: Family,
        /// Its table.
        table: Text,
        /// Its name.
        name: Text,
    },
    /// A BPF program, by its id.
    Bpf(u32),
    /// A type that this version does not know.
    Unknown(u32),
}

impl Function {
    /// Decodes `NFNL_MSG_HOOK_GET`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (_, attrs) = m.nfgen()?;
        let (mut priority, mut name, mut module, mut runs, mut unread) = (None, None, None, None, Vec::new());
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                // Which hook is known: it was asked for.
                NFNLA_HOOK_HOOKNUM => {}
                NFNLA_HOOK_PRIORITY => priority = Some(a.be32()? as i32),
                NFNLA_HOOK_FUNCTION_NAME => name = Some(a.text()),
                NFNLA_HOOK_MODULE_NAME => module = Some(a.text()),
                NFNLA_HOOK_CHAIN_INFO => runs = Some(Runs::decode(a.nested())?),
                _ => return Ok(false),
            }
            Ok(true)
        });
        Ok(Self { priority: priority.required("NFNLA_HOOK_PRIORITY")?, name, module, runs, unread })
    }
}

impl Runs {
    fn decode(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let kind = attrs.find(NFNLA_HOOK_INFO_TYPE).required("NFNLA_HOOK_INFO_TYPE")?.be32()?;
        let described = attrs.find(NFNLA_HOOK_INFO_DESC).map_or_else(|| Attrs::new(&[]), |a| a.nested());
        let object = || -> Result<(Family, Text, Text), Malformed> {
            Ok((
                Family::from(described.find(NFNLA_CHAIN_FAMILY).required("NFNLA_CHAIN_FAMILY")?.u8()?),
                described.find(NFNLA_CHAIN_TABLE).required("NFNLA_CHAIN_TABLE")?.text(),
                described.find(NFNLA_CHAIN_NAME).required("NFNLA_CHAIN_NAME")?.text(),
            ))
        };
        Ok(match kind {
            NFNL_HOOK_TYPE_NFTABLES => {
                let (family, table, name) = object()?;
                Self::Chain { family, table, name }
            }
            NFNL_HOOK_TYPE_NFT_FLOWTABLE => {
                let (family, table, name) = object()?;
                Self::Flowtable { family, table, name }
            }
            NFNL_HOOK_TYPE_BPF => Self::Bpf(described.find(NFNLA_HOOK_BPF_ID).required("NFNLA_HOOK_BPF_ID")?.be32()?),
            other => Self::Unknown(other),
        })
    }
}
