//! `NB00`: the host: settings, routes, interfaces.

mod nb0003_ip_forward;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[&nb0003_ip_forward::CODE];
