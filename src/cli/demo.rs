//! `nfblame demo`.

use std::error::Error;
use std::io::Write;

use nfblame::demo::{Demo, Progress};
use nfblame::report;

use super::args::Global;
use super::exit::Exit;
use super::output;

/// Runs the demo and prints each case with its blame.
pub fn run(global: &Global) -> Result<Exit, Box<dyn Error>> {
    let demo = Demo::new().map_err(|e| {
        format!(
            "{e}\nthe demo makes network namespaces of its own: run it as root, or where users may make user namespaces"
        )
    })?;
    let mut out = output::stdout(global.color);
    let mut failed: Option<std::io::Error> = None;
    let mut tell = |progress: Progress<'_>| -> std::io::Result<()> {
        match progress {
            Progress::Without(host, why) if global.json => report::json::line(
                &mut out,
                &serde_json::json!({"event": "skipped", "host": format!("{host:?}"), "why": why}),
            ),
            Progress::Without(host, why) => writeln!(out, "left out: the {host:?} host: {why}\n"),
            Progress::Case(_, outcome) if global.json => match &outcome.blame {
                Some(blame) => report::json::line(&mut out, blame),
                None => report::json::line(&mut out, &serde_json::json!({"event": "failed", "why": outcome.trouble})),
            },
            Progress::Case(case, outcome) => {
                let mark = if outcome.right { "ok  " } else { "FAIL" };
                writeln!(out, "{mark} {}", case.title)?;
                if let Some(blame) = &outcome.blame {
                    write!(out, "{}", report::text::block(blame))?;
                }
                if let Some(trouble) = &outcome.trouble {
                    writeln!(out, "     {trouble}")?;
                }
                writeln!(out)
            }
        }
    };
    let (right, all) = demo.run(&mut |p| {
        if failed.is_none() {
            failed = tell(p).err();
        }
    })?;
    if let Some(e) = failed {
        return Err(e.into());
    }
    if !global.json {
        writeln!(out, "{right} of {all} drops were blamed rightly")?;
    }
    Ok(if right == all && all > 0 { Exit::Nothing } else { Exit::Something })
}
