//! `explain` and `why` on the command line: questions, captures and batches, asked of real hosts. What is said of a packet
//! has to be what the kernel then does with it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;

mod batch;
mod captured;
mod complaint;
mod learned;
mod way;
mod world;

use common::kernel;

fn main() {
    kernel::run([batch::cases(), captured::cases(), complaint::cases(), learned::cases(), way::cases()].concat());
}
