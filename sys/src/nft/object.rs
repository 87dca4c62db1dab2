//! Stateful objects.

use serde::Serialize;

use super::expr::{Connlimit, Counter, Limit, Quota, Synproxy};
use super::family::Family;
use super::fields::{AttrExt, Fields, RawAttr, Required, read_all};
use super::userdata::{self, Userdata};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attr, Attrs, Builder, Message};
use crate::text::Hex;
use crate::uapi::nf_tables::*;
use crate::wire_enum::wire_enum;

mod ct;
mod tunnel;

pub use ct::{CtExpectation, CtHelper, CtTimeout};
pub use tunnel::{Endpoints, TunnelFlags, TunnelObject, TunnelOption};

wire_enum! {
    /// The kind of an object (`NFT_OBJECT_*`), in nft's words.
    pub enum ObjectKind(u32) {
        /// Packets and bytes.
        Counter = NFT_OBJECT_COUNTER => "counter",
        /// A number of bytes.
        Quota = NFT_OBJECT_QUOTA => "quota",
        /// A helper for connections of one protocol.
        CtHelper = NFT_OBJECT_CT_HELPER => "ct helper",
        /// A rate.
        Limit = NFT_OBJECT_LIMIT => "limit",
        /// A number of connections.
        Connlimit = NFT_OBJECT_CONNLIMIT => "ct count",
        /// Metadata for a tunnel device.
        Tunnel = NFT_OBJECT_TUNNEL => "tunnel",
        /// Timeouts of connections.
        CtTimeout = NFT_OBJECT_CT_TIMEOUT => "ct timeout",
        /// A security context.
        Secmark = NFT_OBJECT_SECMARK => "secmark",
        /// A connection to be expected.
        CtExpectation = NFT_OBJECT_CT_EXPECT => "ct expectation",
        /// Answers to SYN on a server's behalf.
        Synproxy = NFT_OBJECT_SYNPROXY => "synproxy",
    }
}

/// What an object holds (`NFTA_OBJ_DATA`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectData {
    /// `counter`
    Counter(Counter),
    /// `quota`
    Quota(Quota),
    /// `ct helper`
    CtHelper(CtHelper),
    /// `limit`
    Limit(Limit),
    /// `ct count`
    Connlimit(Connlimit),
    /// `tunnel`
    Tunnel(Box<TunnelObject>),
    /// `ct timeout`
    CtTimeout(CtTimeout),
    /// `secmark`: the security context (`NFTA_SECMARK_CTX`).
    Secmark(Text),
    /// `ct expectation`
    CtExpectation(CtExpectation),
    /// `synproxy`
    Synproxy(Synproxy),
    /// Not understood, or not to the last attribute.
    Unknown {
        /// The attributes as they came.
        #[serde(serialize_with = "Hex::serialize")]
        raw: Box<[u8]>,
        /// What could be read of it.
        known: Option<Box<ObjectData>>,
    },
}

/// A named stateful object (`NFTA_OBJ_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Object {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: Text,
    /// Its name, unique within table and kind.
    pub name: Text,
    /// Its kind.
    pub kind: ObjectKind,
    /// Its handle.
    pub handle: u64,
    /// How many rules and elements refer to it.
    pub uses: u32,
    /// What it holds; absent in messages about deletion.
    pub data: Option<ObjectData>,
    /// What user space stored with it.
    pub userdata: Userdata,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Object {
    /// Decodes `NFT_MSG_NEWOBJ` or `NFT_MSG_DELOBJ`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let (mut table, mut name, mut kind, mut data) = (None, None, None, None);
        let (mut handle, mut uses, mut userdata, mut unread) = (0, 0, Userdata::default(), Vec::new());
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_OBJ_TABLE => table = Some(a.text()),
                NFTA_OBJ_NAME => name = Some(a.text()),
                NFTA_OBJ_TYPE => kind = Some(ObjectKind::from(a.be32()?)),
                NFTA_OBJ_DATA => data = Some(a),
                NFTA_OBJ_HANDLE => handle = a.be64()?,
                NFTA_OBJ_USE => uses = a.be32()?,
                NFTA_OBJ_USERDATA => userdata = Userdata::new(a.bytes()),
                NFTA_OBJ_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        let kind = kind.required("NFTA_OBJ_TYPE")?;
        Ok(Self {
            family: nfgen.family.into(),
            table: table.required("NFTA_OBJ_TABLE")?,
            name: name.required("NFTA_OBJ_NAME")?,
            kind,
            handle,
            uses,
            data: data.map(|a| ObjectData::decode(kind, a)),
            userdata,
            unread,
        })
    }

    /// The comment that nft stored with it.
    pub fn comment(&self) -> Option<Text> {
        self.userdata.text(userdata::COMMENT)
    }
}

impl ObjectData {
    /// Writes the inside of `NFTA_OBJ_DATA`; what was not understood, as it came.
    pub(super) fn write(&self, b: &mut Builder) {
        match self {
            Self::Counter(o) => o.write(b),
            Self::Quota(o) => o.write(b),
            Self::CtHelper(o) => o.write(b),
            Self::Limit(o) => o.write(b),
            Self::Connlimit(o) => o.write(b),
            Self::Tunnel(o) => o.write(b),
            Self::CtTimeout(o) => o.write(b),
            Self::Secmark(context) => {
                b.str(NFTA_SECMARK_CTX, context);
            }
            Self::CtExpectation(o) => o.write(b),
            Self::Synproxy(o) => o.write(b),
            Self::Unknown { raw, .. } => {
                for a in Attrs::new(raw).map_while(Result::ok) {
                    b.attr(a.raw_kind(), a.bytes());
                }
            }
        }
    }

    fn decode(kind: ObjectKind, attr: Attr<'_>) -> Self {
        let mut f = Fields::new(attr.nested());
        let read = match kind {
            ObjectKind::Counter => Counter::read(&mut f).map(Self::Counter),
            ObjectKind::Quota => Quota::read(&mut f).map(Self::Quota),
            ObjectKind::CtHelper => CtHelper::read(&mut f).map(Self::CtHelper),
            ObjectKind::Limit => Limit::read(&mut f).map(Self::Limit),
            ObjectKind::Connlimit => Connlimit::read(&mut f).map(Self::Connlimit),
            ObjectKind::Tunnel => TunnelObject::read(&mut f).map(Box::new).map(Self::Tunnel),
            ObjectKind::CtTimeout => CtTimeout::read(&mut f).map(Self::CtTimeout),
            ObjectKind::Secmark => secmark(&mut f).map(Self::Secmark),
            ObjectKind::CtExpectation => CtExpectation::read(&mut f).map(Self::CtExpectation),
            ObjectKind::Synproxy => Synproxy::read(&mut f).map(Self::Synproxy),
            ObjectKind::Unknown(_) => Err(Malformed::Value("kind of object")),
        };
        match read {
            Ok(data) if !f.passed_over() => data,
            partly => Self::Unknown { raw: attr.bytes().into(), known: partly.ok().map(Box::new) },
        }
    }
}

fn secmark(f: &mut Fields<'_>) -> Result<Text, Malformed> {
    let mut context = None;
    while let Some(a) = f.next()? {
        match a.kind() {
            NFTA_SECMARK_CTX => context = Some(a.text()),
            _ => f.pass_over(),
        }
    }
    context.required("NFTA_SECMARK_CTX")
}
