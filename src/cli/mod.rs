//! Arguments to calls, nothing more. Data goes to stdout, messages to stderr.

mod args;
mod check;
mod conntrack;
mod demo;
mod doctor;
mod exit;
mod explain;
mod list;
mod output;
mod packet;
mod plain;
mod signals;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::Exit;

/// Runs the program.
pub fn main() -> ExitCode {
    match plain::run().unwrap_or_else(parse_and_run) {
        Ok(exit) => exit.into(),
        Err(e) if exit::is_broken_pipe(e.as_ref()) => Exit::Nothing.into(),
        Err(e) => {
            eprintln!("nfblame: {}", exit::chain(e.as_ref()));
            Exit::Error.into()
        }
    }
}

fn parse_and_run() -> Result<Exit, Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    init_diagnostics(cli.global.verbose, cli.global.quiet);
    let netns = cli.global.netns.as_deref();
    match &cli.command {
        Command::Check(args) => match check::document(&cli.global, args) {
            Some(shown) => shown,
            None => enter(netns).and_then(|()| check::run(&cli.global, args)),
        },
        Command::Demo => demo::run(&cli.global),
        Command::Doctor(args) => enter(netns).and_then(|()| doctor::run(&cli.global, args)),
        Command::Conntrack(args) => enter(netns).and_then(|()| conntrack::run(&cli.global, args)),
        Command::List(args) => enter(netns).and_then(|()| list::run(&cli.global, args)),
        Command::Watch(args) => enter(netns).and_then(|()| watch::run(&cli.global, args)),
        Command::Explain(args) => enter(netns).and_then(|()| explain::run(&cli.global, args)),
        Command::Why(args) => enter(netns).and_then(|()| explain::why(&cli.global, args)),
    }
}

/// Moves into the namespace of `--netns`, before any thread is started.
fn enter(netns: Option<&str>) -> Result<(), Box<dyn std::error::Error>> {
    match netns {
        None => Ok(()),
        Some(spec) => Ok(nfblame::sys::ns::NetNs::open(spec)?.enter()?),
    }
}

/// `NFBLAME_LOG` (levels by module, such as `nfblame=debug,warn`) decides what is told on stderr; `-v` and `-q` shift its
/// default.
fn init_diagnostics(verbose: u8, quiet: bool) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let default = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, 0) => LevelFilter::WARN,
        (_, 1) => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let wanted = std::env::var("NFBLAME_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time().with_target(false);
    let layer = layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(default));
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}
