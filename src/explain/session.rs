//! Many questions, each answered by the rules and the host as they are when it is asked.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::explainer::Explainer;
use crate::host::KernelHost;
use crate::ruleset::Ruleset;
use crate::sys::Error;
use crate::sys::netlink::{Client, Family, Socket};
use crate::sys::nft;

/// How long what the host answered is taken for the present.
const FRESH: Duration = Duration::from_millis(20);
/// Legacy tables, ipsets and elements of sets change unannounced: how long they are taken for the present, at the least.
const UNANNOUNCED: Duration = Duration::from_millis(250);
/// Reading them may take this part of the time.
const SHARE: u32 = 20;

/// Takes questions from `next` until there are no more, and has `each` answer them. The rulesets are read again when their
/// generation has changed, and now and then for what announces no changes.
///
/// # Errors
/// When the rulesets cannot be read.
pub fn session<T>(
    host: &KernelHost,
    mut next: impl FnMut() -> Option<T>,
    mut each: impl FnMut(&Explainer<'_>, T) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut present = Presence { client: None };
    let mut carried = next();
    while carried.is_some() {
        let begun = Instant::now();
        let rules = Ruleset::read()?;
        let read = Instant::now();
        let fresh = UNANNOUNCED.max((read - begun) * SHARE);
        let explainer = Explainer::new(&rules, host).brief();
        host.forget();
        let mut asked = read;
        loop {
            let Some(item) = carried.take().or_else(&mut next) else { return Ok(()) };
            let now = Instant::now();
            if now - read > fresh || present.generation() != rules.generation {
                carried = Some(item);
                break;
            }
            if now - asked > FRESH {
                host.forget();
                asked = now;
            }
            if each(&explainer, item).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What tells whether nf_tables have changed.
struct Presence {
    client: Option<Client<Socket>>,
}

impl Presence {
    fn generation(&mut self) -> Option<u32> {
        if self.client.is_none() && nft::is_present() {
            self.client = Client::open(Family::Netfilter).ok();
        }
        nft::dump::generation(self.client.as_mut()?).ok().map(|g| g.id)
    }
}
