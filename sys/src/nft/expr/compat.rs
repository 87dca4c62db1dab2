//! `match` and `target`: what iptables-nft and its kin leave to xtables (nft_compat).

use serde::Serialize;

use crate::Text;
use crate::error::Malformed;
use crate::netlink::Builder;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::text::Hex;
use crate::uapi::nf_tables_compat::*;

/// An xtables match or target (`NFTA_MATCH_*` and `NFTA_TARGET_*`, which have the same numbers).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct XtBlob {
    /// Its name, such as `conntrack` or `DNAT`.
    pub name: Text,
    /// Its revision.
    pub revision: u8,
    /// Its private structure: in host order, padded, dependent on family and revision (see [`crate::xt`]).
    #[serde(serialize_with = "Hex::serialize")]
    pub data: Box<[u8]>,
}

const _: () = assert!(
    NFTA_MATCH_NAME == NFTA_TARGET_NAME && NFTA_MATCH_REV == NFTA_TARGET_REV && NFTA_MATCH_INFO == NFTA_TARGET_INFO
);

impl XtBlob {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut name, mut revision, mut data) = (None, None, Box::default());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_MATCH_NAME => name = Some(a.text()),
                NFTA_MATCH_REV => revision = Some(a.be32_as_u8()?),
                NFTA_MATCH_INFO => data = a.bytes().into(),
                _ => f.pass_over(),
            }
        }
        Ok(Self { name: name.required("NFTA_MATCH_NAME")?, revision: revision.required("NFTA_MATCH_REV")?, data })
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.str(NFTA_MATCH_NAME, &self.name).be32(NFTA_MATCH_REV, self.revision.into());
        b.attr(NFTA_MATCH_INFO, &self.data);
    }
}
