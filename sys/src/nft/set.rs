//! Sets and maps.

use bitflags::bitflags;
use serde::Serialize;
use smallvec::SmallVec;

use super::expr::Expr;
use super::family::Family;
use super::fields::{AttrExt, RawAttr, Required, read_all};
use super::object::ObjectKind;
use super::userdata::{self, Userdata};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attrs, Message};
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

bitflags! {
    /// `NFT_SET_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct SetFlags: u32 {
        /// It belongs to one rule and has a name of the kernel's making.
        const ANONYMOUS = NFT_SET_ANONYMOUS;
        /// Its elements do not change while a rule uses it.
        const CONSTANT = NFT_SET_CONSTANT;
        /// Its elements are intervals.
        const INTERVAL = NFT_SET_INTERVAL;
        /// Each element has data or a verdict.
        const MAP = NFT_SET_MAP;
        /// Its elements may expire.
        const TIMEOUT = NFT_SET_TIMEOUT;
        /// Rules may add elements.
        const EVAL = NFT_SET_EVAL;
        /// Each element names a stateful object.
        const OBJECT = NFT_SET_OBJECT;
        /// Its keys are concatenations of ranges.
        const CONCAT = NFT_SET_CONCAT;
        /// Its elements carry expressions.
        const EXPR = NFT_SET_EXPR;
        const _ = !0;
    }
}

wire_enum! {
    /// What the kernel should favour in the choice of a data structure (`NFT_SET_POL_*`).
    pub enum SetPolicy(u32) {
        /// Speed.
        Performance = NFT_SET_POL_PERFORMANCE => "performance",
        /// Size.
        Memory = NFT_SET_POL_MEMORY => "memory",
    }
}

/// A set or map without its elements (`NFTA_SET_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Set {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: Text,
    /// Its name, unique within the table.
    pub name: Text,
    /// Its handle.
    pub handle: u64,
    /// Its flags.
    pub flags: SetFlags,
    /// nft's number for the type of its keys, 6 bits per field; the kernel does not look at it.
    pub key_type: u32,
    /// The length of its keys in bytes.
    pub key_len: u32,
    /// nft's number for the type of a map's data; `NFT_DATA_VERDICT` (0xffffff00) for verdicts.
    pub data_type: Option<u32>,
    /// The length of a map's data in bytes.
    pub data_len: Option<u32>,
    /// The kind of the objects of an object map.
    pub object_kind: Option<ObjectKind>,
    /// Set when it is not [`SetPolicy::Performance`].
    pub policy: Option<SetPolicy>,
    /// `NFTA_SET_DESC_SIZE`: how many elements it may hold.
    pub size: Option<u32>,
    /// `NFTA_SET_DESC_CONCAT`: the length of each field of a concatenation, in bytes, without padding to 4.
    pub fields: SmallVec<[u32; 4]>,
    /// How long its elements live when they do not say, in milliseconds.
    pub timeout: Option<u64>,
    /// How often expired elements are collected, in milliseconds.
    pub gc_interval: Option<u32>,
    /// What user space stored with it: byte orders, `typeof`, comment.
    pub userdata: Userdata,
    /// Expressions that new elements get.
    pub exprs: Vec<Expr>,
    /// Its id within a transaction.
    pub id: Option<u32>,
    /// `NFTA_SET_TYPE`: the kernel's data structure, such as `nft_set_hash` (Linux 6.14).
    pub backend: Option<Text>,
    /// `NFTA_SET_COUNT`: how many elements it holds (Linux 6.14).
    pub count: Option<u32>,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Set {
    /// Decodes `NFT_MSG_NEWSET` or `NFT_MSG_DELSET`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let (mut table, mut name) = (None, None);
        let mut s = Self {
            family: nfgen.family.into(),
            table: Text::default(),
            name: Text::default(),
            handle: 0,
            flags: SetFlags::empty(),
            key_type: 0,
            key_len: 0,
            data_type: None,
            data_len: None,
            object_kind: None,
            policy: None,
            size: None,
            fields: SmallVec::new(),
            timeout: None,
            gc_interval: None,
            userdata: Userdata::default(),
            exprs: Vec::new(),
            id: None,
            backend: None,
            count: None,
            unread: Vec::new(),
        };
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_SET_TABLE => table = Some(a.text()),
                NFTA_SET_NAME => name = Some(a.text()),
                NFTA_SET_HANDLE => s.handle = a.be64()?,
                NFTA_SET_FLAGS => s.flags = SetFlags::from_bits_retain(a.be32()?),
                NFTA_SET_KEY_TYPE => s.key_type = a.be32()?,
                NFTA_SET_KEY_LEN => s.key_len = a.be32()?,
                NFTA_SET_DATA_TYPE => s.data_type = Some(a.be32()?),
                NFTA_SET_DATA_LEN => s.data_len = Some(a.be32()?),
                NFTA_SET_OBJ_TYPE => s.object_kind = Some(a.be32()?.into()),
                NFTA_SET_POLICY => s.policy = Some(a.be32()?.into()),
                NFTA_SET_DESC => return s.read_desc(a.nested()),
                NFTA_SET_ID => s.id = Some(a.be32()?),
                NFTA_SET_TIMEOUT => s.timeout = Some(a.be64()?),
                NFTA_SET_GC_INTERVAL => s.gc_interval = Some(a.be32()?),
                NFTA_SET_USERDATA => s.userdata = Userdata::new(a.bytes()),
                // A single expression comes as the first, several as the second.
                NFTA_SET_EXPR => s.exprs = vec![Expr::decode(a.nested())],
                NFTA_SET_EXPRESSIONS => s.exprs = Expr::list(a.nested()),
                NFTA_SET_TYPE => s.backend = Some(a.text()),
                NFTA_SET_COUNT => s.count = Some(a.be32()?),
                NFTA_SET_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        s.table = table.required("NFTA_SET_TABLE")?;
        s.name = name.required("NFTA_SET_NAME")?;
        s.unread = unread;
        Ok(s)
    }

    /// `NFTA_SET_DESC`; says whether everything in it was understood.
    fn read_desc(&mut self, attrs: Attrs<'_>) -> Result<bool, Malformed> {
        let mut whole = true;
        for a in attrs {
            let a = a?;
            match a.kind() {
                NFTA_SET_DESC_SIZE => self.size = Some(a.be32()?),
                NFTA_SET_DESC_CONCAT => {
                    for field in a.nested() {
                        let len = field?.nested().find(NFTA_SET_FIELD_LEN).required("NFTA_SET_FIELD_LEN")?;
                        self.fields.push(len.be32()?);
                    }
                }
                _ => whole = false,
            }
        }
        Ok(whole)
    }

    /// Do its elements map to verdicts?
    pub fn is_verdict_map(&self) -> bool {
        self.flags.contains(SetFlags::MAP) && self.data_type == Some(NFT_DATA_VERDICT)
    }

    /// The comment that nft stored with it.
    pub fn comment(&self) -> Option<Text> {
        self.userdata.text(userdata::SET_COMMENT)
    }
}
