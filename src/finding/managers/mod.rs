//! `NB07`: who manages the rules, and who works against whom.

mod nb0701_two_backends;
mod nb0702_cut_off;
mod nb0703_nobodys;
mod nb0704_not_saved;
mod nb0705_flush_at_restart;
mod nb0706_both_families;
mod nb0707_setting_not_saved;
mod saved;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0701_two_backends::CODE,
    &nb0702_cut_off::CODE,
    &nb0703_nobodys::CODE,
    &nb0704_not_saved::CODE,
    &nb0705_flush_at_restart::CODE,
    &nb0706_both_families::CODE,
    &nb0707_setting_not_saved::CODE,
];
