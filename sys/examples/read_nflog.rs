//! Prints the packets that rules log to an NFLOG group, and what is lost of them, until interrupted.
//!
//! ```text
//! nft add rule inet filter input log group 5 prefix '"seen: "'
//! cargo run -p nfblame-sys --example read_nflog -- 5
//! ```
//!
//! Needs `CAP_NET_ADMIN`. A group has one reader: of a group that is taken the error says by whom.

use nfblame_sys::nflog::{Config, Listener, Received};
use nfblame_sys::{Result, TextRef};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;

fn main() -> Result<()> {
    let group = std::env::args().nth(1).and_then(|g| g.parse().ok()).unwrap_or(0);
    let mut listener = Listener::open(Config::default())?;
    listener.bind(group)?;
    eprintln!("reading group {group}");
    loop {
        let some = listener.receive(|received| match received {
            Received::Packet(p) => {
                let prefix = TextRef::new(p.prefix);
                let (hook, length) = (p.hook, p.payload.len());
                println!(
                    "\"{prefix}\" family {} hook {hook:?} in {:?} out {:?}: {length} bytes",
                    p.family, p.iif, p.oif
                );
            }
            Received::Lost(lost) => println!("lost: {lost:?}"),
        })?;
        if !some {
            let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, PollTimeout::NONE);
        }
    }
}
