//! `NB08`: programs beyond netfilter.

mod nb0801_xdp;
mod nb0802_traffic_control;
mod nb0803_cgroup;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[&nb0801_xdp::CODE, &nb0802_traffic_control::CODE, &nb0803_cgroup::CODE];
