//! `objref`: runs a named object.

use serde::Serialize;

use super::Expr;
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::Reg;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::nft::object::ObjectKind;
use crate::uapi::nf_tables::*;

/// `objref` that names the object (`NFTA_OBJREF_IMM_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objref {
    /// The kind of the object.
    pub kind: ObjectKind,
    /// Its name.
    pub name: Text,
}

/// `objref` that looks the object up in a map (`NFTA_OBJREF_SET_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjrefMap {
    /// The map.
    pub set: Text,
    /// The map's id within a transaction.
    pub set_id: Option<u32>,
    /// The key.
    pub sreg: Reg,
}

pub(super) fn read(f: &mut Fields<'_>) -> Result<Expr, Malformed> {
    let (mut kind, mut name, mut sreg, mut set, mut set_id) = (None, None, None, None, None);
    while let Some(a) = f.next()? {
        match a.kind() {
            NFTA_OBJREF_IMM_TYPE => kind = Some(a.be32()?.into()),
            NFTA_OBJREF_IMM_NAME => name = Some(a.text()),
            NFTA_OBJREF_SET_SREG => sreg = Some(a.reg()?),
            NFTA_OBJREF_SET_NAME => set = Some(a.text()),
            NFTA_OBJREF_SET_ID => set_id = Some(a.be32()?),
            _ => f.pass_over(),
        }
    }
    Ok(match set {
        Some(set) => Expr::ObjrefMap(ObjrefMap { set, set_id, sreg: sreg.required("NFTA_OBJREF_SET_SREG")? }),
        None => Expr::Objref(Objref {
            kind: kind.required("NFTA_OBJREF_IMM_TYPE")?,
            name: name.required("NFTA_OBJREF_IMM_NAME")?,
        }),
    })
}

impl Objref {
    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_OBJREF_IMM_TYPE, self.kind.code()).str(NFTA_OBJREF_IMM_NAME, &self.name);
    }
}

impl ObjrefMap {
    pub(super) fn write(&self, b: &mut Builder) {
        b.str(NFTA_OBJREF_SET_NAME, &self.set).opt_be32(NFTA_OBJREF_SET_ID, self.set_id);
        b.reg(NFTA_OBJREF_SET_SREG, self.sreg);
    }
}
