//! `flow_offload`: hands the connection to a flowtable.

use serde::Serialize;

use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{Fields, Required};
use crate::uapi::nf_tables::*;

/// `flow_offload` (`NFTA_FLOW_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlowOffload {
    /// The flowtable.
    pub table: Text,
}

impl FlowOffload {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let mut table = None;
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_FLOW_TABLE_NAME => table = Some(a.text()),
                _ => f.pass_over(),
            }
        }
        Ok(Self { table: table.required("NFTA_FLOW_TABLE_NAME")? })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.str(NFTA_FLOW_TABLE_NAME, &self.table);
    }
}
