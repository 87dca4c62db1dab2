//! `NB03`: address translation.

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[];
