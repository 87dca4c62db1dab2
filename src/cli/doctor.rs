//! `nfblame doctor`.

use std::error::Error;
use std::io::Write;

use nfblame::doctor::Report;
use nfblame::evidence::logger;
use nfblame::report;

use super::args::{Doctor, Global};
use super::exit::Exit;
use super::output;

/// Repairs if asked to, then looks.
pub fn run(global: &Global, args: &Doctor) -> Result<Exit, Box<dyn Error>> {
    if args.repair {
        for leftover in logger::leftovers() {
            let inode = leftover.inode();
            leftover.undo()?;
            if !global.quiet {
                eprintln!("nfblame: put back the loggers of network namespace net:[{inode}]");
            }
        }
    }
    let found = Report::new();
    let mut out = output::stdout(global.color);
    if global.json {
        report::json::line(&mut out, &found)?;
    } else {
        write!(out, "{}", report::doctor::report(&found, global.quiet))?;
    }
    Ok(if found.healthy { Exit::Nothing } else { Exit::Something })
}
