//! The three misconfigured firewalls, written straight into the kernel.

mod compat;
mod exprs;
mod legacy;
mod native;

use crate::sys::Error;
use crate::sys::nft::write::Refused;

use super::lab::Host;

/// Loads the firewall of a host, in whose namespace the calling thread is.
///
/// # Errors
/// When the kernel lacks the backend, or refuses.
pub fn load(host: Host) -> Result<(), Error> {
    match host {
        Host::Nft => native::load(),
        Host::Compat => compat::load(),
        Host::Legacy => legacy::load(),
    }
}

fn refused(r: Refused) -> Error {
    let words = r.to_string();
    r.errors.into_iter().next().unwrap_or_else(|| Error::os("load", "ruleset", std::io::Error::other(words)))
}
