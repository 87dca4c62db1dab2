//! `NB01`: rules by themselves, without packets and host.

mod dead;
mod nb0101_shadowed;
mod nb0102_unreachable;
mod nb0103_redundant;
mod nb0106_contradictory;
mod nb0111_too_complex;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0101_shadowed::CODE,
    &nb0102_unreachable::CODE,
    &nb0103_redundant::CODE,
    &nb0106_contradictory::CODE,
    &nb0111_too_complex::CODE,
];
