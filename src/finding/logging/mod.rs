//! `NB06`: logging and queues.

mod nb0601_log_without_limit;
mod nb0602_log_unseen;
mod nb0603_nflog_without_reader;
mod nb0604_queue_without_reader;
mod readers;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0601_log_without_limit::CODE,
    &nb0602_log_unseen::CODE,
    &nb0603_nflog_without_reader::CODE,
    &nb0604_queue_without_reader::CODE,
];
