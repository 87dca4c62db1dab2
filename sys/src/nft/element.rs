//! Elements of sets and maps.

use std::sync::LazyLock;

use bitflags::bitflags;
use serde::Serialize;

use super::data::{Data, Value};
use super::expr::Expr;
use super::family::Family;
use super::fields::{AttrExt, Fields, Put, RawAttr, Required, read_all};
use super::userdata::{self, Userdata};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attrs, Builder, Message};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_SET_ELEM_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct ElementFlags: u32 {
        /// It ends the interval before it: its key is the first that is outside.
        const INTERVAL_END = NFT_SET_ELEM_INTERVAL_END;
        /// `*`: what no other element matches.
        const CATCHALL = NFT_SET_ELEM_CATCHALL;
        const _ = !0;
    }
}

/// An element (`NFTA_SET_ELEM_*`).
///
/// In a set with intervals of a single field, an interval is two elements: its first key, and the first key behind
/// it with [`ElementFlags::INTERVAL_END`]. In a set with concatenated ranges, it is one with `key_end`, the last
/// key inside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Element {
    /// Its key; empty for the catch-all element.
    pub key: Data,
    /// The last key of a concatenated range.
    pub key_end: Option<Data>,
    /// What it maps to: data or a verdict.
    pub value: Option<Value>,
    /// Its flags.
    pub flags: ElementFlags,
    /// What most elements do not have.
    pub extra: Option<Box<ElementExtra>>,
}

/// The rarer attributes of an element.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ElementExtra {
    /// The stateful object that it names.
    pub object: Option<Text>,
    /// How long it lives, in milliseconds, where that is not the set's default; 0 for ever.
    pub timeout: Option<u64>,
    /// How long it still had to live when it was read, in milliseconds.
    pub expiration: Option<u64>,
    /// What user space stored with it.
    pub userdata: Userdata,
    /// Expressions that a match of it runs: counters, limits.
    pub exprs: Vec<Expr>,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Element {
    /// The rarer attributes, empty where it has none.
    pub fn extra(&self) -> &ElementExtra {
        static NONE: LazyLock<ElementExtra> = LazyLock::new(ElementExtra::default);
        self.extra.as_deref().unwrap_or(&NONE)
    }

    /// Is it the end of the interval before it?
    pub fn is_interval_end(&self) -> bool {
        self.flags.contains(ElementFlags::INTERVAL_END)
    }

    /// Is it the catch-all element?
    pub fn is_catchall(&self) -> bool {
        self.flags.contains(ElementFlags::CATCHALL)
    }

    /// The comment that nft stored with it.
    pub fn comment(&self) -> Option<Text> {
        self.extra.as_ref()?.userdata.text(userdata::COMMENT)
    }

    /// Was it understood to its last attribute?
    pub fn is_whole(&self) -> bool {
        self.extra.as_ref().is_none_or(|e| e.unread.is_empty() && e.exprs.iter().all(Expr::is_whole))
    }

    /// Writes the inside of an `NFTA_LIST_ELEM`. What was not understood is not written.
    pub(super) fn write(&self, b: &mut Builder) {
        if !self.is_catchall() {
            b.data(NFTA_SET_ELEM_KEY, &self.key);
        }
        if let Some(end) = &self.key_end {
            b.data(NFTA_SET_ELEM_KEY_END, end);
        }
        if let Some(value) = &self.value {
            b.value(NFTA_SET_ELEM_DATA, value);
        }
        if !self.flags.is_empty() {
            b.be32(NFTA_SET_ELEM_FLAGS, self.flags.bits());
        }
        let Some(x) = &self.extra else { return };
        if let Some(object) = &x.object {
            b.str(NFTA_SET_ELEM_OBJREF, object);
        }
        b.opt_be64(NFTA_SET_ELEM_TIMEOUT, x.timeout).opt_be64(NFTA_SET_ELEM_EXPIRATION, x.expiration);
        if !x.userdata.is_empty() {
            b.attr(NFTA_SET_ELEM_USERDATA, &x.userdata.0);
        }
        Expr::write_some(&x.exprs, b, NFTA_SET_ELEM_EXPR, NFTA_SET_ELEM_EXPRESSIONS);
    }

    /// Decodes the attributes of one element.
    pub fn decode(attrs: Attrs<'_>) -> Self {
        let mut e = Self::default();
        let mut x = ElementExtra::default();
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            let mut f = Fields::new(a.nested());
            match a.kind() {
                NFTA_SET_ELEM_KEY => match Value::read(&mut f)? {
                    Value::Data(d) => e.key = d,
                    Value::Verdict(_) => return Ok(false),
                },
                NFTA_SET_ELEM_KEY_END => match Value::read(&mut f)? {
                    Value::Data(d) => e.key_end = Some(d),
                    Value::Verdict(_) => return Ok(false),
                },
                NFTA_SET_ELEM_DATA => e.value = Some(Value::read(&mut f)?),
                NFTA_SET_ELEM_FLAGS => e.flags = ElementFlags::from_bits_retain(a.be32()?),
                NFTA_SET_ELEM_TIMEOUT => x.timeout = Some(a.be64()?),
                NFTA_SET_ELEM_EXPIRATION => x.expiration = Some(a.be64()?),
                NFTA_SET_ELEM_USERDATA => x.userdata = Userdata::new(a.bytes()),
                NFTA_SET_ELEM_OBJREF => x.object = Some(a.text()),
                // A single expression comes as the first, several as the second.
                NFTA_SET_ELEM_EXPR => x.exprs = vec![Expr::decode(a.nested())],
                NFTA_SET_ELEM_EXPRESSIONS => x.exprs = Expr::list(a.nested()),
                NFTA_SET_ELEM_PAD => {}
                _ => return Ok(false),
            }
            Ok(!f.passed_over())
        });
        x.unread = unread;
        if x != ElementExtra::default() {
            e.extra = Some(Box::new(x));
        }
        e
    }
}

/// A message about elements of one set (`NFTA_SET_ELEM_LIST_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elements {
    /// The family of the table.
    pub family: Family,
    /// The table.
    pub table: Text,
    /// The set.
    pub set: Text,
    /// The elements, in the kernel's order.
    pub elements: Vec<Element>,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Elements {
    /// Decodes `NFT_MSG_NEWSETELEM` or `NFT_MSG_DELSETELEM`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let (mut table, mut set, mut elements, mut unread) = (None, None, Vec::new(), Vec::new());
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_SET_ELEM_LIST_TABLE => table = Some(a.text()),
                NFTA_SET_ELEM_LIST_SET => set = Some(a.text()),
                NFTA_SET_ELEM_LIST_ELEMENTS => return Ok(Self::read_list(a.nested(), &mut elements)),
                _ => return Ok(false),
            }
            Ok(true)
        });
        Ok(Self {
            family: nfgen.family.into(),
            table: table.required("NFTA_SET_ELEM_LIST_TABLE")?,
            set: set.required("NFTA_SET_ELEM_LIST_SET")?,
            elements,
            unread,
        })
    }

    /// Appends the elements of a list; false when it is broken or holds anything else.
    fn read_list(attrs: Attrs<'_>, elements: &mut Vec<Element>) -> bool {
        let mut whole = true;
        for a in attrs {
            match a {
                Ok(a) if a.kind() == NFTA_LIST_ELEM => elements.push(Element::decode(a.nested())),
                _ => whole = false,
            }
        }
        whole
    }
}
