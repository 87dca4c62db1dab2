//! What can go wrong between us and the kernel.

use std::fmt;
use std::io;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, with the operation, the object it was about, the kernel's own words and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused an operation.
    #[error("{}", Refused { op, object, source, extack: extack.as_ref(), hint: *hint })]
    Kernel {
        /// What was being done, as a verb phrase: `"bind"`, `"list chains of"`.
        op: &'static str,
        /// What it was done to: `"NFLOG group 5"`, `"table inet filter"`. May be empty.
        object: String,
        /// The errno.
        source: io::Error,
        /// The kernel's extended ack, where it sent one (`NLMSGERR_ATTR_MSG`).
        extack: Option<Extack>,
        /// What to do about it, where that is known.
        hint: Option<&'static str>,
    },
    /// A message or structure that does not follow its own format.
    #[error("{what}: {source}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// How it was wrong.
        source: Malformed,
    },
    /// A dump that the kernel marked as interrupted (`NLM_F_DUMP_INTR`) on every try.
    #[error("{what}: changed while it was being read, {tries} times in a row")]
    Torn {
        /// What was being read.
        what: &'static str,
        /// How often it was tried.
        tries: u32,
    },
    /// The kernel cut a message because the buffer was too small (`MSG_TRUNC`).
    #[error("{what}: the kernel cut a message of {size} bytes")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// The size the message had.
        size: usize,
    },
    /// Messages were lost because they were not read fast enough (`ENOBUFS`).
    #[error("{what}: messages were lost (ENOBUFS)")]
    Overrun {
        /// What was being read.
        what: &'static str,
    },
}

impl Error {
    /// An error of a system call that involves no netlink answer.
    pub fn os(op: &'static str, object: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let hint = default_hint(&source);
        Self::Kernel { op, object: object.into(), source, extack: None, hint }
    }

    /// The same error with a hint about what to do next.
    #[must_use]
    pub fn with_hint(mut self, text: &'static str) -> Self {
        if let Self::Kernel { hint, .. } = &mut self {
            *hint = Some(text);
        }
        self
    }

    /// The same error with the name of what it was about.
    #[must_use]
    pub fn with_object(mut self, name: impl Into<String>) -> Self {
        if let Self::Kernel { object, .. } = &mut self {
            *object = name.into();
        }
        self
    }

    /// The errno, where the kernel gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Kernel { source, .. } => source.raw_os_error(),
            Self::Overrun { .. } => Some(libc::ENOBUFS),
            _ => None,
        }
    }
}

fn default_hint(e: &io::Error) -> Option<&'static str> {
    match e.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            Some("this needs CAP_NET_ADMIN in the network namespace's user namespace: run as root")
        }
        _ => None,
    }
}

/// The kernel's own explanation of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extack {
    /// `NLMSGERR_ATTR_MSG`.
    pub message: Option<String>,
    /// `NLMSGERR_ATTR_OFFS`: the offset of the offending attribute in our request, in bytes.
    pub offset: Option<u32>,
}

struct Refused<'a> {
    op: &'static str,
    object: &'a str,
    source: &'a io::Error,
    extack: Option<&'a Extack>,
    hint: Option<&'static str>,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op)?;
        if !self.object.is_empty() {
            write!(f, " {}", self.object)?;
        }
        write!(f, ": {}", self.source)?;
        if let Some(message) = self.extack.and_then(|e| e.message.as_ref()) {
            write!(f, ": the kernel says: {message}")?;
        }
        if let Some(hint) = self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// How a message or structure breaks its own format. Carries no allocation: parsing fails cheaply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It ends before it should.
    #[error("ends after {have} bytes where {want} are needed")]
    Short {
        /// Bytes needed.
        want: usize,
        /// Bytes there.
        have: usize,
    },
    /// A length field contradicts the space it is in.
    #[error("claims a length of {claimed} bytes with {available} available")]
    Length {
        /// The length claimed.
        claimed: usize,
        /// The bytes available.
        available: usize,
    },
    /// A mandatory attribute or field is missing.
    #[error("lacks {0}")]
    Missing(&'static str),
    /// A field has a value that its format does not allow.
    #[error("has an impossible {0}")]
    Value(&'static str),
}

impl Malformed {
    /// Turns it into an [`Error`] about `what`.
    pub fn of(self, what: &'static str) -> Error {
        Error::Malformed { what, source: self }
    }
}
