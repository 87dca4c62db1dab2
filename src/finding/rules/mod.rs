//! `NB01`: rules by themselves, without packets and host.

mod dead;
mod deciding;
mod nb0101_shadowed;
mod nb0102_unreachable;
mod nb0103_redundant;
mod nb0104_order;
mod nb0106_contradictory;
mod nb0107_goto;
mod nb0108_empty_map;
mod nb0109_empty_set;
mod nb0110_not_final;
mod nb0111_too_complex;
mod nb0112_unused_chain;
mod nb0113_no_such_interface;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0101_shadowed::CODE,
    &nb0102_unreachable::CODE,
    &nb0103_redundant::CODE,
    &nb0104_order::GENERALISATION,
    &nb0104_order::CORRELATION,
    &nb0106_contradictory::CODE,
    &nb0107_goto::CODE,
    &nb0108_empty_map::CODE,
    &nb0109_empty_set::CODE,
    &nb0110_not_final::CODE,
    &nb0111_too_complex::CODE,
    &nb0112_unused_chain::CODE,
    &nb0113_no_such_interface::CODE,
];
