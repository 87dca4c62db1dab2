//! Many questions, each answered by the rules and the host as they are when it is asked.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::explainer::Explainer;
use crate::host::KernelHost;
use crate::ruleset::Ruleset;
use crate::sys::Error;
use crate::sys::netlink::{Client, Family, Socket};
use crate::sys::nft::{self, Expr, SetFlags};

/// How long what the host answered is taken for the present, while questions come without a pause.
const FRESH: Duration = Duration::from_millis(20);
/// Legacy tables, ipsets and elements of sets change unannounced: how long they are taken for the present, at the least.
const UNANNOUNCED: Duration = Duration::from_millis(250);
/// Reading them, and making them ready for packets, may take this part of the time.
const SHARE: u32 = 20;

/// What comes next in a session.
#[derive(Debug)]
pub struct Next<T> {
    /// The question.
    pub item: T,
    /// It had to be waited for: whoever asks may have changed something, or sent a packet, since the last answer.
    pub waited: bool,
}

/// Takes questions from `next` until there are no more, and has `each` answer them. The rulesets are read again when their
/// generation has changed, after a pause also for what announces no changes, and now and then anyway.
///
/// # Errors
/// When the rulesets cannot be read.
pub fn session<T>(
    host: &KernelHost,
    mut next: impl FnMut() -> Option<Next<T>>,
    mut each: impl FnMut(&Explainer<'_>, T) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut present = Presence { client: None };
    let mut carried = next().map(|n| n.item);
    while carried.is_some() {
        let begun = Instant::now();
        let rules = Ruleset::read()?;
        let read = Instant::now();
        let mut fresh = UNANNOUNCED.max((read - begun) * SHARE);
        let silent = changes_unannounced(&rules);
        let explainer = Explainer::new(&rules, host).brief();
        host.forget();
        let mut asked = read;
        let mut first = true;
        loop {
            let (item, waited) = match carried.take() {
                Some(item) => (item, false),
                None => match next() {
                    Some(next) => (next.item, next.waited),
                    None => return Ok(()),
                },
            };
            let now = Instant::now();
            let stale = now - read > fresh
                || present.generation() != rules.generation
                || waited && (silent || has_legacy_tables() == rules.xt.is_empty());
            if stale {
                carried = Some(item);
                break;
            }
            if waited || now - asked > FRESH {
                host.forget();
                asked = now;
            }
            if each(&explainer, item).is_break() {
                return Ok(());
            }
            // Chains are made ready when the first packet comes to them.
            if std::mem::take(&mut first) {
                fresh = fresh.max(begun.elapsed() * SHARE);
            }
        }
    }
    Ok(())
}

/// Is there anything in these rulesets that packets or people change without a new generation?
fn changes_unannounced(rules: &Ruleset) -> bool {
    let changing = SetFlags::EVAL | SetFlags::TIMEOUT;
    let counts = |exprs: &[Expr]| exprs.iter().any(|e| matches!(e, Expr::Quota(_)));
    !rules.xt.is_empty()
        || rules.ipsets.iter().next().is_some()
        || rules.nft.iter().any(|t| {
            !t.objects.is_empty()
                || t.sets.iter().any(|s| s.def.flags.intersects(changing) || counts(&s.def.exprs))
                || t.chains.iter().flat_map(|c| &c.rules).any(|r| counts(&r.exprs))
        })
}

/// Does any legacy table exist?
fn has_legacy_tables() -> bool {
    let mut rules = Ruleset::default();
    rules.read_legacy();
    !rules.xt.is_empty()
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
