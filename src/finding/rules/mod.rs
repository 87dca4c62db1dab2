//! `NB01`: rules by themselves, without packets and host.

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[];
