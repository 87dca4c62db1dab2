//! Names the culprit of each packet that rules log to NFLOG, or that the drop monitor reports: `nfblame watch` in a program
//! of one's own. Needs `CAP_NET_ADMIN`; ends after the number of packets that is given.
//!
//! ```text
//! cargo run --example blame_drops -- 10
//! ```

use std::error::Error;
use std::ops::ControlFlow;

use nfblame::host::KernelHost;
use nfblame::watch::{Options, Output, Watch};

fn main() -> Result<(), Box<dyn Error>> {
    let mut left: u64 = std::env::args().nth(1).map_or(Ok(10), |n| n.parse())?;
    let host = KernelHost::open()?;
    let watch = Watch::start(Options { drop_monitor: true, ..Options::default() })?;
    println!("watching");
    let summary = watch.run(&host, &mut |output| {
        match output {
            Output::Blame(blame, _) => {
                let culprit = &blame.culprit;
                let text = culprit.text.as_deref().or(culprit.detail.as_deref()).unwrap_or("nothing that is known");
                println!("{:?} by {:?}: {text} ({:?})", blame.verdict, culprit.kind, blame.confidence);
                left = left.saturating_sub(1);
            }
            // Evidence that did not arrive is told of where it is missing.
            Output::Lost(loss) => println!("lost: {loss:?}"),
            Output::Note(note) => println!("note: {note}"),
            Output::Idle => {}
        }
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    println!("{} seen, {} dropped, {} lost", summary.seen, summary.drops, summary.lost);
    Ok(())
}
