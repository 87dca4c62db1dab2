//! What the host layer says about routing, sockets, connection tracking and neighbours, against the running kernel in
//! networks of its own. Every routing answer is asked for twice: of the kernel, and of the walk over rules, tables
//! and settings that explains the kernel's refusals. They have to agree.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;

mod ends;
mod random;
mod routing;
mod world;

use common::kernel;

fn main() {
    kernel::run([ends::cases(), random::cases(), routing::cases()].concat());
}
