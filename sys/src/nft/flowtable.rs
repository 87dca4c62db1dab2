//! Flowtables: connections that bypass the rules.

use bitflags::bitflags;
use serde::Serialize;

use super::chain::{Device, devices};
use super::family::{Family, Hook};
use super::fields::{AttrExt, RawAttr, Required, read_all};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attrs, Message};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_FLOWTABLE_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct FlowtableFlags: u32 {
        /// Flows go to hardware.
        const HW_OFFLOAD = NFT_FLOWTABLE_HW_OFFLOAD;
        /// Flows are counted.
        const COUNTER = NFT_FLOWTABLE_COUNTER;
        const _ = !0;
    }
}

/// A flowtable (`NFTA_FLOWTABLE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flowtable {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: Text,
    /// Its name.
    pub name: Text,
    /// Its handle.
    pub handle: u64,
    /// Its hook; always ingress so far.
    pub hook: Option<Hook>,
    /// Its place among what hangs on the hook.
    pub priority: i32,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Its flags.
    pub flags: FlowtableFlags,
    /// How many rules refer to it.
    pub uses: u32,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Flowtable {
    /// Decodes `NFT_MSG_NEWFLOWTABLE` or `NFT_MSG_DELFLOWTABLE`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let (mut table, mut name) = (None, None);
        let mut t = Self {
            family: nfgen.family.into(),
            table: Text::default(),
            name: Text::default(),
            handle: 0,
            hook: None,
            priority: 0,
            devices: Vec::new(),
            flags: FlowtableFlags::empty(),
            uses: 0,
            unread: Vec::new(),
        };
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_FLOWTABLE_TABLE => table = Some(a.text()),
                NFTA_FLOWTABLE_NAME => name = Some(a.text()),
                NFTA_FLOWTABLE_HANDLE => t.handle = a.be64()?,
                NFTA_FLOWTABLE_HOOK => return t.read_hook(a.nested()),
                NFTA_FLOWTABLE_FLAGS => t.flags = FlowtableFlags::from_bits_retain(a.be32()?),
                NFTA_FLOWTABLE_USE => t.uses = a.be32()?,
                NFTA_FLOWTABLE_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        t.table = table.required("NFTA_FLOWTABLE_TABLE")?;
        t.name = name.required("NFTA_FLOWTABLE_NAME")?;
        t.unread = unread;
        Ok(t)
    }

    fn read_hook(&mut self, attrs: Attrs<'_>) -> Result<bool, Malformed> {
        let mut whole = true;
        for a in attrs {
            let a = a?;
            match a.kind() {
                // The numbers are those of the netdev family, whatever the family of the table.
                NFTA_FLOWTABLE_HOOK_NUM => self.hook = Some(Hook::from_kernel(Family::Netdev, a.be32()?)),
                NFTA_FLOWTABLE_HOOK_PRIORITY => self.priority = a.be32()? as i32,
                NFTA_FLOWTABLE_HOOK_DEVS => self.devices = devices(a)?,
                _ => whole = false,
            }
        }
        Ok(whole)
    }
}
