//! Lists the nftables of this network namespace, as `nft -a list ruleset` does: `cargo run --example list_nft`.

use std::io;
use std::process::ExitCode;

use nfblame::ruleset::Ruleset;
use nfblame::ruleset::render::nft::{self, Options, System};

fn main() -> ExitCode {
    let ruleset = match Ruleset::read() {
        Ok(ruleset) => ruleset,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
    for problem in &ruleset.problems {
        eprintln!("{}: {}", problem.object, problem.message);
    }
    let options = Options { handles: true, ..Options::default() };
    match nft::ruleset(&ruleset, options, &System::new(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
