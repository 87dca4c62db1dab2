//! Output: one file for each form. Nothing here decides anything.

pub mod conntrack;
#[cfg(feature = "cli")]
pub mod doctor;
#[cfg(feature = "cli")]
pub mod finding;
#[cfg(feature = "cli")]
pub mod journey;
pub mod json;
#[cfg(feature = "cli")]
pub mod lines;
#[cfg(feature = "cli")]
pub mod list;
pub mod pcapng;
#[cfg(feature = "cli")]
pub mod text;
