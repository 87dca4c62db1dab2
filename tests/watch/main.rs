//! `nfblame watch` on the real kernel: rules by the real tools, real packets, and who is blamed for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod beyond;
mod command;
mod devices;
mod logged;
mod onward;
mod rejected;
mod watcher;

use common::kernel;

fn main() {
    kernel::run(
        [logged::cases(), rejected::cases(), beyond::cases(), onward::cases(), devices::cases(), command::cases()]
            .concat(),
    );
}
