//! Matches and targets of xtables, as nft shows them.

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::XtBlob;

use super::Writer;
use super::header::Header;
use crate::ruleset::render::out::Out;

/// A match or target in a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement<'r> {
    blob: &'r XtBlob,
    is_match: bool,
    family: Family,
    network: Option<&'static Header>,
    transport: Option<&'static Header>,
}

impl<'r> Statement<'r> {
    pub fn new_match(blob: &'r XtBlob) -> Self {
        Self { blob, is_match: true, family: Family::Unspec, network: None, transport: None }
    }

    pub fn new_target(blob: &'r XtBlob) -> Self {
        Self { is_match: false, ..Self::new_match(blob) }
    }

    /// With what the rule says about the packet.
    pub fn in_rule(self, family: Family, network: Option<&'static Header>, transport: Option<&'static Header>) -> Self {
        Self { family, network, transport, ..self }
    }
}

pub(super) fn write(_cx: Writer<'_>, xt: Statement<'_>, out: &mut Out) -> bool {
    out.str(if xt.is_match { "xt match " } else { "xt target " });
    out.bytes(xt.blob.name.as_bytes());
    false
}
