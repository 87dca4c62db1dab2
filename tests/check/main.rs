//! `nfblame check` on the real kernel. For each code: hosts made so that it is true, hosts where it is not, and the fix
//! applied for real, after which traffic passes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod beyond;
mod cli;
mod conntrack;
mod fix;
mod healthy;
mod host;
mod listed;
mod logging;
mod managers;
mod maps;
mod missing;
mod nat;
mod owners;
mod record;
mod routing;
mod rules;
mod sockets;
mod symptom;
mod world;

use common::kernel;

fn main() {
    let groups = [
        beyond::cases(),
        cli::cases(),
        conntrack::cases(),
        fix::cases(),
        healthy::cases(),
        host::cases(),
        listed::cases(),
        logging::cases(),
        managers::cases(),
        maps::cases(),
        missing::cases(),
        nat::cases(),
        owners::cases(),
        routing::cases(),
        rules::cases(),
        sockets::cases(),
        symptom::cases(),
    ];
    let outcome = kernel::outcome(groups.concat());
    // Only all of them show what is missing.
    if outcome.num_filtered_out == 0 && outcome.num_ignored == 0 && outcome.num_failed == 0 && outcome.num_passed > 0 {
        let missing = record::missing(&world::pages());
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }
    outcome.exit();
}
