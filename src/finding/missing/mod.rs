//! `NB02`: rules that are missing.

mod nb0201_established;
mod nb0202_loopback;
mod nb0203_too_big;
mod nb0204_neighbours;
mod nb0205_forward_answers;
mod nb0206_essential_output;
mod nb0207_families;
mod nb0208_late_established;
mod nb0209_invalid;

use super::code::Code;
use super::fix::Fix;
use super::view::View;
use crate::explain::Question;
use crate::fix::{NewRule, let_pass};

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0201_established::CODE,
    &nb0202_loopback::CODE,
    &nb0203_too_big::CODE,
    &nb0204_neighbours::CODE,
    &nb0205_forward_answers::CODE,
    &nb0206_essential_output::CODE,
    &nb0207_families::CODE,
    &nb0208_late_established::CODE,
    &nb0209_invalid::CODE,
];

/// The rule for packets of connections that were let through before, where it is missing.
fn mended(view: &View<'_>, lost: &[Question], v6: bool) -> Option<Fix> {
    let_pass(view.rules, view.host, lost, |_, _| NewRule { v6, established: true, ..NewRule::default() })
}
