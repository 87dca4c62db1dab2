//! Prints what changes in nf_tables in this network namespace, who did it, and what is lost, until interrupted.
//!
//! ```text
//! cargo run -p nfblame-sys --example follow_changes
//! ```

use nfblame_sys::Error;
use nfblame_sys::nft::monitor::{Interest, Received};
use nfblame_sys::nft::{Event, Monitor};

fn main() -> Result<(), Error> {
    let mut monitor = Monitor::open(Interest { changes: true, trace: true })?;
    loop {
        let received = monitor.receive(|n| match n.event {
            Event::Generation(g) => println!("generation {} by {:?} (pid {:?})", g.id, g.process, g.pid),
            event => println!("{event:?}"),
        })?;
        if matches!(received, Received::Lost | Received::Truncated) {
            println!("some were lost: {received:?}");
        }
    }
}
