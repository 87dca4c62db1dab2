//! What did not arrive, and the account of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::sys::nflog;

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// One NFLOG group.
    Group(u16),
    /// NFLOG, where the group is not known.
    Nflog,
    /// Trace records of nf_tables.
    Trace,
    /// TRACE records of the legacy tables.
    LegacyTrace,
    /// The kernel's drop monitor.
    DropMonitor,
    /// Frames at devices.
    Tap,
    /// Notifications of ruleset changes.
    Ruleset,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(f, "nflog group {group}"),
            Self::Nflog => f.write_str("nflog"),
            Self::Trace => f.write_str("trace"),
            Self::LegacyTrace => f.write_str("legacy trace"),
            Self::DropMonitor => f.write_str("drop monitor"),
            Self::Tap => f.write_str("device tap"),
            Self::Ruleset => f.write_str("ruleset notifications"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Why evidence is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossCause {
    /// The kernel's side of the socket was full (`ENOBUFS`).
    NoBuffers,
    /// Sequence numbers are missing, and the socket did not say why.
    SequenceGap,
    /// A datagram was larger than the buffer (`MSG_TRUNC`).
    Truncated,
    /// A message broke its own format.
    Malformed,
    /// Our own stream was full: whoever takes events out was too slow.
    RingOverflow,
    /// The kernel's own queue was full.
    KernelQueue,
    /// More packets were on their way at once than are followed.
    TooMany,
    /// Watching was stopped before they were judged.
    Stopped,
}

impl fmt::Display for LossCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBuffers => "ENOBUFS",
            Self::SequenceGap => "sequence gap",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::RingOverflow => "ring overflow",
            Self::KernelQueue => "kernel queue full",
            Self::TooMany => "too many packets at once",
            Self::Stopped => "stopped before they were judged",
        })
    }
}

impl Serialize for LossCause {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl From<nflog::Cause> for LossCause {
    fn from(c: nflog::Cause) -> Self {
        match c {
            nflog::Cause::NoBuffers => Self::NoBuffers,
            nflog::Cause::SequenceGap => Self::SequenceGap,
            nflog::Cause::Truncated => Self::Truncated,
            nflog::Cause::Malformed => Self::Malformed,
        }
    }
}

/// Evidence that is missing from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Where it would have come from.
    pub source: Source,
    /// How many packets (for traces: records). None: at least one; the kernel does not say how many.
    pub count: Option<u64>,
    /// Why it is missing.
    pub cause: LossCause,
}

impl Loss {
    /// The least that is lost.
    pub fn at_least(&self) -> u64 {
        self.count.unwrap_or(1)
    }
}

impl From<nflog::Lost> for Loss {
    fn from(l: nflog::Lost) -> Self {
        Self {
            source: l.group.map_or(Source::Nflog, Source::Group),
            count: l.count.map(u64::from),
            cause: l.cause.into(),
        }
    }
}

/// What was seen of one source, and what was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Packets or journeys that came out of the stream.
    pub seen: u64,
    /// At least so many did not.
    pub lost: u64,
    /// Is `lost` a lower bound only?
    pub or_more: bool,
}

/// The account of all sources, for the summary.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accounts: BTreeMap<Source, Account>,
    causes: BTreeMap<(Source, LossCause), u64>,
}

impl Ledger {
    /// Enters one packet or journey.
    pub fn saw(&mut self, source: Source) {
        self.saw_many(source, 1);
    }

    /// Enters so many.
    pub fn saw_many(&mut self, source: Source, count: u64) {
        self.accounts.entry(source).or_default().seen += count;
    }

    /// Enters a loss.
    pub fn lost(&mut self, loss: &Loss) {
        let account = self.accounts.entry(loss.source).or_default();
        account.lost += loss.at_least();
        account.or_more |= loss.count.is_none();
        *self.causes.entry((loss.source, loss.cause)).or_default() += loss.at_least();
    }

    /// Everything together.
    pub fn total(&self) -> Account {
        self.accounts.values().fold(Account::default(), |sum, a| Account {
            seen: sum.seen + a.seen,
            lost: sum.lost + a.lost,
            or_more: sum.or_more || a.or_more,
        })
    }

    /// Source by source.
    pub fn accounts(&self) -> impl Iterator<Item = (Source, Account)> {
        self.accounts.iter().map(|(s, a)| (*s, *a))
    }

    /// How many were lost, by source and cause.
    pub fn causes(&self) -> impl Iterator<Item = (Source, LossCause, u64)> {
        self.causes.iter().map(|((s, c), n)| (*s, *c, *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_adds_up_and_says_when_it_is_a_lower_bound() {
        let mut ledger = Ledger::default();
        ledger.saw(Source::Group(5));
        ledger.lost(&Loss { source: Source::Group(5), count: Some(3), cause: LossCause::SequenceGap });
        assert_eq!(ledger.total(), Account { seen: 1, lost: 3, or_more: false });
        ledger.lost(&Loss { source: Source::Trace, count: None, cause: LossCause::NoBuffers });
        assert_eq!(ledger.total(), Account { seen: 1, lost: 4, or_more: true });
        assert_eq!(ledger.causes().count(), 2);
    }

    #[test]
    fn a_loss_serialises_as_the_contract_says() {
        let loss = Loss { source: Source::Group(5), count: Some(312), cause: LossCause::NoBuffers };
        let json = serde_json::to_string(&loss).unwrap_or_default();
        assert_eq!(json, r#"{"source":"nflog group 5","count":312,"cause":"ENOBUFS"}"#);
    }
}
