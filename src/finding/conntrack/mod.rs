//! `NB04`: connection tracking.

mod nb0401_nearly_full;
mod nb0402_counters;
mod nb0403_helper;
mod nb0404_invalid;
mod nb0405_short_timeout;
mod nb0406_nat_ports;
mod nb0407_stale_nat;
mod nb0408_untracked;
mod nb0409_zones;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0401_nearly_full::CODE,
    &nb0402_counters::CODE,
    &nb0403_helper::CODE,
    &nb0404_invalid::CODE,
    &nb0405_short_timeout::CODE,
    &nb0406_nat_ports::CODE,
    &nb0407_stale_nat::CODE,
    &nb0408_untracked::CODE,
    &nb0409_zones::CODE,
];
