//! Something about a packet that may be known, known to be absent, or unknown.

use std::borrow::Cow;

/// A fact of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact<T> {
    /// It has this value.
    Is(T),
    /// It is known not to exist: a forwarded packet has no socket. A match on it fails.
    #[default]
    Absent,
    /// The evidence does not say; the text names what is missing ("socket owner").
    Unknown(Cow<'static, str>),
}

impl<T> Fact<T> {
    /// An unknown fact, named.
    pub fn unknown(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unknown(what.into())
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(v) => Some(v),
            _ => None,
        }
    }

    /// The value itself, if there is one.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Is(v) => Some(v),
            _ => None,
        }
    }

    /// The same fact about something derived from the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Is(v) => Fact::Is(f(v)),
            Self::Absent => Fact::Absent,
            Self::Unknown(w) => Fact::Unknown(w),
        }
    }

    /// The same fact, borrowed.
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Self::Is(v) => Fact::Is(v),
            Self::Absent => Fact::Absent,
            Self::Unknown(w) => Fact::Unknown(w.clone()),
        }
    }

    /// Is it unknown?
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

impl<T> From<Option<T>> for Fact<T> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Absent, Self::Is)
    }
}
