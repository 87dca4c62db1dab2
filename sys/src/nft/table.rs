//! Tables.

use bitflags::bitflags;
use serde::Serialize;

use super::family::Family;
use super::fields::{AttrExt, RawAttr, Required, read_all};
use super::userdata::{self, Userdata};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Message;
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_TABLE_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct TableFlags: u32 {
        /// Its base chains are not registered.
        const DORMANT = NFT_TABLE_F_DORMANT;
        /// It belongs to one netlink socket and vanishes when that closes.
        const OWNER = NFT_TABLE_F_OWNER;
        /// It outlives its owner.
        const PERSIST = NFT_TABLE_F_PERSIST;
        const _ = !0;
    }
}

/// A table (`NFTA_TABLE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name, unique within the family.
    pub name: Text,
    /// Its flags.
    pub flags: TableFlags,
    /// How many chains, sets, objects and flowtables it holds.
    pub uses: u32,
    /// Its handle.
    pub handle: u64,
    /// The port id of the netlink socket that owns it, with [`TableFlags::OWNER`].
    pub owner: Option<u32>,
    /// What user space stored with it.
    pub userdata: Userdata,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Table {
    /// A table to be created.
    pub fn new(family: Family, name: impl Into<Text>, flags: TableFlags) -> Self {
        Self {
            family,
            name: name.into(),
            flags,
            uses: 0,
            handle: 0,
            owner: None,
            userdata: Userdata::default(),
            unread: Vec::new(),
        }
    }

    /// Decodes `NFT_MSG_NEWTABLE` or `NFT_MSG_DELTABLE`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let mut name = None;
        let mut t = Self::new(nfgen.family.into(), Text::default(), TableFlags::empty());
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_TABLE_NAME => name = Some(a.text()),
                NFTA_TABLE_FLAGS => t.flags = TableFlags::from_bits_retain(a.be32()?),
                NFTA_TABLE_USE => t.uses = a.be32()?,
                NFTA_TABLE_HANDLE => t.handle = a.be64()?,
                NFTA_TABLE_USERDATA => t.userdata = Userdata::new(a.bytes()),
                NFTA_TABLE_OWNER => t.owner = Some(a.be32()?),
                NFTA_TABLE_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        t.name = name.required("NFTA_TABLE_NAME")?;
        t.unread = unread;
        Ok(t)
    }

    /// The comment that nft stored with it.
    pub fn comment(&self) -> Option<Text> {
        self.userdata.text(userdata::COMMENT)
    }
}
