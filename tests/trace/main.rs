//! Journeys of real packets through the three backends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod logger;
mod many;
mod rules;
mod way;
mod world;

use common::kernel;

fn main() {
    kernel::run([logger::cases(), many::cases(), rules::cases(), way::cases()].concat());
}
