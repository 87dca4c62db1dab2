//! `NB08`: programs beyond netfilter that see packets.

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[];
