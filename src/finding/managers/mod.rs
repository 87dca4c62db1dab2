//! `NB07`: who manages the rules, and who works against whom.

mod nb0701_two_backends;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[&nb0701_two_backends::CODE];
