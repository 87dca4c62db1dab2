//! Reading real rulesets from the real kernel, against the real tools.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should fail loudly")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../libnftnl/mod.rs"]
mod libnftnl;

mod origin;
mod whole;
mod world;
mod written;

use common::kernel;

fn main() {
    kernel::run([origin::cases(), whole::cases(), written::cases()].concat());
}
