//! `nfblame list --watch`.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use nfblame::evaluate::Place;
use nfblame::evidence::Stop;
use nfblame::listing::{Blockers, Listing, Meter, Order, Rates};
use nfblame::report::{json, list as report};
use nfblame::ruleset::Ruleset;

use super::{Args, has_reader, tell_problems};
use crate::cli::args::Global;
use crate::cli::{output, signals};

/// Home, and clear to the end of the screen.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Prints what grew, round by round, until a signal or for as many rounds as were asked for.
pub fn watch(global: &Global, args: &Args) -> Result<(), Box<dyn Error>> {
    let rounds = match &args.count {
        None => u64::MAX,
        Some(n) => {
            n.as_deref().unwrap_or_default().parse().map_err(|_| "-c: with --watch it takes a number of rounds")?
        }
    };
    let interval = Duration::try_from_secs_f64(args.interval).map_err(|e| format!("--interval: {e}"))?;
    let interval = interval.max(Duration::from_millis(10));
    let signals = signals::block()?;
    let stop = Stop::new()?;
    signals.stop_on_signal(stop.clone())?;
    let screen = !global.json && std::io::stdout().is_terminal();
    let mut out = output::stdout(global.color);
    let mut meter = Meter::default();
    read(args, &mut meter)?;
    let mut next = Instant::now() + interval;
    for _ in 0..rounds {
        if stop.wait_until(next)? {
            break;
        }
        next = (next + interval).max(Instant::now());
        let Some(rates) = read(args, &mut meter)? else { continue };
        if global.json {
            json::line(&mut out, &report::json::RatesLine::new(&rates))?;
            continue;
        }
        if screen {
            write!(out, "{CLEAR}")?;
        }
        report::rates(&rates, &mut out)?;
        if !screen {
            writeln!(out)?;
        }
        out.flush()?;
    }
    Ok(())
}

fn read(args: &Args, meter: &mut Meter) -> Result<Option<Rates>, Box<dyn Error>> {
    let mut rules = Ruleset::read()?;
    tell_problems(&rules);
    args.selector().apply(&mut rules)?;
    if !args.blockers {
        return Ok(meter.read(&rules, |_| true));
    }
    let listing = Listing::new(&rules);
    let blockers = Blockers::new(&listing, has_reader()?).find(Order::Place);
    let places: BTreeSet<Place> = blockers.iter().map(|b| b.place()).collect();
    Ok(meter.read(&rules, |at| places.contains(&at)))
}
