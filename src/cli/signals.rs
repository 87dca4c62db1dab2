//! Ctrl-C and SIGTERM end a stream in good order.

use std::io;
use std::thread;

use nfblame::evidence::Stop;
use nix::sys::signal::{SigSet, Signal};

/// The signals that end us, kept from killing us outright.
pub struct Signals(SigSet);

/// Blocks them in this thread and all that it will start.
pub fn block() -> io::Result<Signals> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGHUP);
    set.thread_block()?;
    Ok(Signals(set))
}

impl Signals {
    /// Waits for one on a thread of its own. The first one stops the evidence, the second one ends the program.
    pub fn stop_on_signal(self, stop: Stop) -> io::Result<()> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            if self.0.wait().is_ok() {
                stop.stop();
            }
            if self.0.wait().is_ok() {
                std::process::exit(130);
            }
        })?;
        Ok(())
    }
}
