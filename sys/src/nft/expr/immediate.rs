//! `immediate`: puts data into a register; into the verdict register, it decides.

use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::data::{Reg, Value, Verdict};
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

/// `immediate` (`NFTA_IMMEDIATE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Immediate {
    /// Where to; [`Reg::VERDICT`] for a verdict.
    pub dreg: Reg,
    /// What.
    pub value: Value,
}

impl Immediate {
    /// The verdict, if it is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.value.verdict()
    }

    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut dreg, mut value) = (None, None);
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_IMMEDIATE_DREG => dreg = Some(a.reg()?),
                NFTA_IMMEDIATE_DATA => value = Some(f.value(a)?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { dreg: dreg.required("NFTA_IMMEDIATE_DREG")?, value: value.required("NFTA_IMMEDIATE_DATA")? })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.reg(NFTA_IMMEDIATE_DREG, self.dreg).value(NFTA_IMMEDIATE_DATA, &self.value);
    }
}
