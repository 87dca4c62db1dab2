//! Binds an NFLOG group and throws the packets away: how fast can anybody be who listens there?
//!
//! ```text
//! cargo run --release -p nfblame-sys --example bare_nflog -- 5
//! ```

use std::os::fd::AsFd;

use nfblame_sys::nflog::{Config, Listener, Received};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let group = std::env::args().nth(1).ok_or("bare_nflog GROUP")?.parse()?;
    let mut listener = Listener::open(Config::default())?;
    listener.bind(group)?;
    let (mut seen, mut lost) = (0u64, 0u64);
    loop {
        while listener.receive(|r| match r {
            Received::Packet(_) => seen += 1,
            Received::Lost(l) => lost += u64::from(l.count.unwrap_or(1)),
        })? {}
        // Whoever measures ends it by a signal, and reads the last line.
        println!("{seen} {lost}");
        poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
    }
}
