//! `NB04`: connection tracking.

mod nb0401_nearly_full;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[&nb0401_nearly_full::CODE];
