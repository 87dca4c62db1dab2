//! Matches that the kernel at hand lacks, or that need a host to ask.

mod connection;
mod contents;
mod host;

use super::Host;

fn host() -> Host {
    Host::default()
}
