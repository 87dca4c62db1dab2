//! Chains.

use std::fmt;

use bitflags::bitflags;
use serde::{Serialize, Serializer};

use super::data::Verdict;
use super::expr::Counter;
use super::family::{Family, Hook};
use super::fields::{AttrExt, Fields, RawAttr, Required, read_all};
use super::userdata::{self, Userdata};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attr, Attrs, Builder, Message};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_CHAIN_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct ChainFlags: u32 {
        /// It hangs on a hook.
        const BASE = NFT_CHAIN_BASE;
        /// It is offloaded to hardware.
        const HW_OFFLOAD = NFT_CHAIN_HW_OFFLOAD;
        /// It is anonymous and bound to one rule (`jump { … }`).
        const BINDING = NFT_CHAIN_BINDING;
        const _ = !0;
    }
}

/// The type of a base chain (`NFTA_CHAIN_TYPE`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// Sees every packet.
    Filter,
    /// Sees the first packet of each connection.
    Nat,
    /// As filter on output; a packet whose mark, addresses or TOS it changed is routed again.
    Route,
    /// A name that this version does not know.
    Unknown(Text),
}

impl From<&[u8]> for ChainKind {
    fn from(name: &[u8]) -> Self {
        match name {
            b"filter" => Self::Filter,
            b"nat" => Self::Nat,
            b"route" => Self::Route,
            _ => Self::Unknown(Text::new(name)),
        }
    }
}

impl ChainKind {
    /// The kernel's name.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Filter => b"filter",
            Self::Nat => b"nat",
            Self::Route => b"route",
            Self::Unknown(name) => name.as_bytes(),
        }
    }
}

impl fmt::Display for ChainKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter => f.write_str("filter"),
            Self::Nat => f.write_str("nat"),
            Self::Route => f.write_str("route"),
            Self::Unknown(name) => name.fmt(f),
        }
    }
}

impl Serialize for ChainKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A device that a base chain or flowtable hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Device {
    /// Its name, or what names begin with.
    pub name: Text,
    /// `NFTA_DEVICE_PREFIX`: every device whose name begins so (Linux 6.18).
    pub prefix: bool,
}

impl Device {
    /// Is it, or does it stand for, the device of that name?
    pub fn takes(&self, name: &[u8]) -> bool {
        if self.prefix { name.starts_with(self.name.as_bytes()) } else { name == self.name.as_bytes() }
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.str(if self.prefix { NFTA_DEVICE_PREFIX } else { NFTA_DEVICE_NAME }, &self.name);
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.prefix { "*" } else { "" })
    }
}

/// What makes a chain a base chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseChain {
    /// Its type.
    pub kind: ChainKind,
    /// Its hook.
    pub hook: Hook,
    /// Its place among the base chains of the hook: lower is earlier.
    pub priority: i32,
    /// What happens to a packet that no rule decided: accept or drop.
    pub policy: Verdict,
    /// The devices it hangs on, for ingress and egress.
    pub devices: Vec<Device>,
    /// `NFTA_CHAIN_COUNTERS`: packets that met the policy, where user space asked to count them.
    pub counters: Option<Counter>,
}

impl BaseChain {
    /// A filter chain that accepts what no rule decides.
    pub fn filter(hook: Hook, priority: i32) -> Self {
        let (kind, policy) = (ChainKind::Filter, Verdict::Accept);
        Self { kind, hook, priority, policy, devices: Vec::new(), counters: None }
    }
}

/// A chain (`NFTA_CHAIN_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: Text,
    /// Its name, unique within the table.
    pub name: Text,
    /// Its handle.
    pub handle: u64,
    /// What makes it a base chain; nothing for a chain that is only jumped to.
    pub base: Option<BaseChain>,
    /// How many rules it holds and jumps lead to it.
    pub uses: u32,
    /// Its flags.
    pub flags: ChainFlags,
    /// Its id within a transaction.
    pub id: Option<u32>,
    /// What user space stored with it.
    pub userdata: Userdata,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Chain {
    /// A chain to be created.
    pub fn new(family: Family, table: impl Into<Text>, name: impl Into<Text>, base: Option<BaseChain>) -> Self {
        Self {
            family,
            table: table.into(),
            name: name.into(),
            handle: 0,
            base,
            uses: 0,
            flags: ChainFlags::empty(),
            id: None,
            userdata: Userdata::default(),
            unread: Vec::new(),
        }
    }

    /// Decodes `NFT_MSG_NEWCHAIN` or `NFT_MSG_DELCHAIN`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let family = Family::from(nfgen.family);
        let (mut table, mut name) = (None, None);
        let mut c = Self::new(family, Text::default(), Text::default(), None);
        let (mut hook, mut kind, mut policy, mut counters) = (None, None, None, None);
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_CHAIN_TABLE => table = Some(a.text()),
                NFTA_CHAIN_NAME => name = Some(a.text()),
                NFTA_CHAIN_HANDLE => c.handle = a.be64()?,
                NFTA_CHAIN_HOOK => {
                    let (read, whole) = HookSpec::read(a.nested(), family)?;
                    hook = Some(read);
                    return Ok(whole);
                }
                NFTA_CHAIN_POLICY => policy = Some(Verdict::from_kernel(a.be32()? as i32, Text::default())),
                NFTA_CHAIN_USE => c.uses = a.be32()?,
                NFTA_CHAIN_TYPE => kind = Some(ChainKind::from(a.c_str())),
                NFTA_CHAIN_COUNTERS => {
                    let mut f = Fields::new(a.nested());
                    counters = Some(Counter::read(&mut f)?);
                    return Ok(!f.passed_over());
                }
                NFTA_CHAIN_FLAGS => c.flags = ChainFlags::from_bits_retain(a.be32()?),
                NFTA_CHAIN_ID => c.id = Some(a.be32()?),
                NFTA_CHAIN_USERDATA => c.userdata = Userdata::new(a.bytes()),
                NFTA_CHAIN_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        c.base = hook.map(|h| BaseChain {
            // Messages about deletion leave out what is not needed to name the chain.
            kind: kind.unwrap_or(ChainKind::Filter),
            hook: h.hook,
            priority: h.priority,
            policy: policy.unwrap_or(Verdict::Accept),
            devices: h.devices,
            counters,
        });
        c.table = table.required("NFTA_CHAIN_TABLE")?;
        c.name = name.required("NFTA_CHAIN_NAME")?;
        c.unread = unread;
        Ok(c)
    }

    /// The comment that nft stored with it.
    pub fn comment(&self) -> Option<Text> {
        self.userdata.text(userdata::COMMENT)
    }
}

/// `NFTA_CHAIN_HOOK` or `NFTA_FLOWTABLE_HOOK`: the first three attributes have the same numbers and meaning, except
/// that a flowtable lists its devices where a chain names a single one.
pub(super) struct HookSpec {
    pub hook: Hook,
    pub priority: i32,
    pub devices: Vec<Device>,
}

impl HookSpec {
    /// Also says whether everything was understood.
    fn read(attrs: Attrs<'_>, family: Family) -> Result<(Self, bool), Malformed> {
        let (mut number, mut priority, mut single, mut list) = (None, 0, None, None);
        let mut whole = true;
        for a in attrs {
            let a = a?;
            match a.kind() {
                NFTA_HOOK_HOOKNUM => number = Some(a.be32()?),
                NFTA_HOOK_PRIORITY => priority = a.be32()? as i32,
                // The kernel names a single device both ways.
                NFTA_HOOK_DEV => single = Some(Device { name: a.text(), prefix: false }),
                NFTA_HOOK_DEVS => list = Some(devices(a)?),
                _ => whole = false,
            }
        }
        let hook = Hook::from_kernel(family, number.required("NFTA_HOOK_HOOKNUM")?);
        let devices = list.unwrap_or_else(|| single.into_iter().collect());
        Ok((Self { hook, priority, devices }, whole))
    }
}

/// A list of `NFTA_DEVICE_*`.
pub(super) fn devices(attr: Attr<'_>) -> Result<Vec<Device>, Malformed> {
    let mut devices = Vec::new();
    for a in attr.nested() {
        let a = a?;
        let prefix = match a.kind() {
            NFTA_DEVICE_NAME => false,
            NFTA_DEVICE_PREFIX => true,
            _ => return Err(Malformed::Value("device attribute")),
        };
        devices.push(Device { name: a.text(), prefix });
    }
    Ok(devices)
}
