//! `NB06`: logging and queues.

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[];
