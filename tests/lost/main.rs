//! Packets that the kernel really loses, asked about with `why`; and the change that it proposes made for real, after which
//! they arrive.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod arp;
mod behind;
mod bridge;
mod lost;
mod seen;
#[path = "../watch/watcher.rs"]
#[allow(dead_code, reason = "the tests of watch use the rest")]
mod watcher;
mod words;

use common::kernel;

fn main() {
    kernel::run([arp::cases(), bridge::cases(), behind::cases(), seen::cases(), words::cases()].concat());
}
