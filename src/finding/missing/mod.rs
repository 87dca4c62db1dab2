//! `NB02`: rules that are missing.

mod nb0201_established;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[&nb0201_established::CODE];
