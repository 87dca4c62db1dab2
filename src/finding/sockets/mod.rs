//! `NB05`: sockets.

mod nb0501_not_allowed;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[&nb0501_not_allowed::CODE];
