//! Output: one file for each form. Nothing here decides anything.

pub mod conntrack;
pub mod json;
pub mod pcapng;
#[cfg(feature = "cli")]
pub mod text;
