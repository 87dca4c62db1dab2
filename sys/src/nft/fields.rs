//! Reading attributes into meaning without losing what is not understood.

use byteorder::BE;
use serde::Serialize;

use super::data::{Data, Reg, Value};
use crate::error::Malformed;
use crate::netlink::{Attr, Attrs, Builder};
use crate::text::Hex;
use crate::uapi::nf_tables::*;

/// An attribute kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RawAttr {
    /// Its type, without flag bits; 0 for the bytes behind a broken length.
    pub kind: u16,
    /// Its payload.
    #[serde(serialize_with = "Hex::serialize")]
    pub bytes: Box<[u8]>,
}

/// The attributes of one expression (or anything else that is either understood to the last attribute or not at
/// all), with a note of whether one was passed over.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    attrs: Attrs<'a>,
    unread: bool,
    /// How many expressions this is inside of.
    pub depth: u8,
}

impl<'a> Fields<'a> {
    pub fn new(attrs: Attrs<'a>) -> Self {
        Self { attrs, unread: false, depth: 0 }
    }

    /// The next attribute.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Attr<'a>>, Malformed> {
        self.attrs.next().transpose()
    }

    /// Notes an attribute that nobody understood.
    pub fn pass_over(&mut self) {
        self.unread = true;
    }

    /// Was anything passed over?
    pub fn passed_over(&self) -> bool {
        self.unread
    }

    /// `NFTA_DATA_VALUE` inside `attr`.
    pub fn data(&mut self, attr: Attr<'a>) -> Result<Data, Malformed> {
        match self.value(attr)? {
            Value::Data(d) => Ok(d),
            Value::Verdict(_) => Err(Malformed::Missing("NFTA_DATA_VALUE")),
        }
    }

    /// `NFTA_DATA_VALUE` or `NFTA_DATA_VERDICT` inside `attr`.
    pub fn value(&mut self, attr: Attr<'a>) -> Result<Value, Malformed> {
        let mut inner = Fields::new(attr.nested());
        let value = Value::read(&mut inner)?;
        self.unread |= inner.unread;
        Ok(value)
    }
}

/// Short readers for the attributes that nf_tables is made of: everything is big-endian.
pub(crate) trait AttrExt {
    fn be16(&self) -> Result<u16, Malformed>;
    fn be32(&self) -> Result<u32, Malformed>;
    fn be64(&self) -> Result<u64, Malformed>;
    fn reg(&self) -> Result<Reg, Malformed>;
    /// A number that the kernel sends as 32 bits although 8 suffice.
    fn be32_as_u8(&self) -> Result<u8, Malformed>;
}

impl AttrExt for Attr<'_> {
    #[inline]
    fn be16(&self) -> Result<u16, Malformed> {
        self.u16::<BE>()
    }

    #[inline]
    fn be32(&self) -> Result<u32, Malformed> {
        self.u32::<BE>()
    }

    #[inline]
    fn be64(&self) -> Result<u64, Malformed> {
        self.u64::<BE>()
    }

    #[inline]
    fn reg(&self) -> Result<Reg, Malformed> {
        Reg::from_kernel(self.be32()?).ok_or(Malformed::Value("register"))
    }

    #[inline]
    fn be32_as_u8(&self) -> Result<u8, Malformed> {
        u8::try_from(self.be32()?).map_err(|_| Malformed::Value("number above 255"))
    }
}

/// Short writers for the same.
pub(crate) trait Put {
    fn be16(&mut self, kind: u16, v: u16) -> &mut Self;
    fn be32(&mut self, kind: u16, v: u32) -> &mut Self;
    fn be64(&mut self, kind: u16, v: u64) -> &mut Self;
    fn reg(&mut self, kind: u16, reg: Reg) -> &mut Self;
    fn opt_be16(&mut self, kind: u16, v: Option<u16>) -> &mut Self;
    fn opt_be32(&mut self, kind: u16, v: Option<u32>) -> &mut Self;
    fn opt_be64(&mut self, kind: u16, v: Option<u64>) -> &mut Self;
    fn opt_reg(&mut self, kind: u16, reg: Option<Reg>) -> &mut Self;
    /// `NFTA_DATA_VALUE` inside an attribute.
    fn data(&mut self, kind: u16, data: &Data) -> &mut Self;
    /// `NFTA_DATA_VALUE` or `NFTA_DATA_VERDICT` inside an attribute.
    fn value(&mut self, kind: u16, value: &Value) -> &mut Self;
}

impl Put for Builder {
    fn be16(&mut self, kind: u16, v: u16) -> &mut Self {
        self.u16::<BE>(kind, v)
    }

    fn be32(&mut self, kind: u16, v: u32) -> &mut Self {
        self.u32::<BE>(kind, v)
    }

    fn be64(&mut self, kind: u16, v: u64) -> &mut Self {
        self.u64::<BE>(kind, v)
    }

    fn reg(&mut self, kind: u16, reg: Reg) -> &mut Self {
        self.be32(kind, reg.to_kernel())
    }

    fn opt_be16(&mut self, kind: u16, v: Option<u16>) -> &mut Self {
        if let Some(v) = v { self.be16(kind, v) } else { self }
    }

    fn opt_be32(&mut self, kind: u16, v: Option<u32>) -> &mut Self {
        if let Some(v) = v { self.be32(kind, v) } else { self }
    }

    fn opt_be64(&mut self, kind: u16, v: Option<u64>) -> &mut Self {
        if let Some(v) = v { self.be64(kind, v) } else { self }
    }

    fn opt_reg(&mut self, kind: u16, reg: Option<Reg>) -> &mut Self {
        if let Some(reg) = reg { self.reg(kind, reg) } else { self }
    }

    fn data(&mut self, kind: u16, data: &Data) -> &mut Self {
        self.nest(kind, |b| {
            b.attr(NFTA_DATA_VALUE, data);
        })
    }

    fn value(&mut self, kind: u16, value: &Value) -> &mut Self {
        match value {
            Value::Data(data) => self.data(kind, data),
            Value::Verdict(verdict) => self.nest(kind, |b| {
                b.nest(NFTA_DATA_VERDICT, |b| {
                    b.be32(NFTA_VERDICT_CODE, verdict.code() as u32);
                    if let Some(chain) = verdict.chain() {
                        b.str(NFTA_VERDICT_CHAIN, chain);
                    }
                });
            }),
        }
    }
}

/// A mandatory attribute.
pub(crate) trait Required<T> {
    fn required(self, name: &'static str) -> Result<T, Malformed>;
}

impl<T> Required<T> for Option<T> {
    #[inline]
    fn required(self, name: &'static str) -> Result<T, Malformed> {
        self.ok_or(Malformed::Missing(name))
    }
}

/// Hands each attribute to `read`; keeps those that it does not know (`Ok(false)`) or cannot read (`Err`).
///
/// A broken length ends the run; what is behind it is kept under kind 0.
pub(crate) fn read_all<'a>(
    mut attrs: Attrs<'a>,
    unread: &mut Vec<RawAttr>,
    mut read: impl FnMut(Attr<'a>) -> Result<bool, Malformed>,
) {
    loop {
        let rest = attrs.as_bytes();
        match attrs.next() {
            None => return,
            Some(Ok(attr)) => {
                if !matches!(read(attr), Ok(true)) {
                    unread.push(RawAttr { kind: attr.kind(), bytes: attr.bytes().into() });
                }
            }
            Some(Err(_)) => unread.push(RawAttr { kind: 0, bytes: rest.into() }),
        }
    }
}
