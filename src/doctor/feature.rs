//! One thing that works or does not.

use serde::Serialize;

use crate::sys::modules::{Presence, presence};
use crate::sys::{Error, Result};

/// Does it work?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Yes.
    Works,
    /// No; [`Feature::reason`] says why.
    No,
    /// It cannot be told; [`Feature::reason`] says why.
    Unknown,
}

/// One thing that works or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its name, which stays the same from version to version.
    pub feature: &'static str,
    /// What it is good for.
    pub purpose: &'static str,
    /// Does it work?
    pub state: State,
    /// Does nfblame lack something here if it does not? Not if, for instance, nothing of that backend is in use.
    pub needed: bool,
    /// What was found.
    pub detail: Vec<String>,
    /// Why it does not work.
    pub reason: Option<String>,
    /// What to do about it: a module, an option of the kernel's build, a capability, a command.
    pub remedy: Option<String>,
}

impl Feature {
    /// One that works, until something else is said.
    pub fn new(feature: &'static str, purpose: &'static str) -> Self {
        let (detail, reason, remedy) = (Vec::new(), None, None);
        Self { feature, purpose, state: State::Works, needed: true, detail, reason, remedy }
    }

    /// nfblame does without it.
    pub fn optional(mut self) -> Self {
        self.needed = false;
        self
    }

    /// Something was found.
    pub fn found(mut self, detail: impl Into<String>) -> Self {
        self.detail.push(detail.into());
        self
    }

    /// It does not work.
    pub fn no(mut self, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.state = State::No;
        self.reason = Some(reason.into());
        self.remedy = Some(remedy.into());
        self
    }

    /// It cannot be told whether it works.
    pub fn unknown(self, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Unknown, ..self.no(reason, remedy) }
    }

    /// The answer to a question: what was found, or why it was refused.
    pub fn answer(self, part: &Part, asked: Result<String>) -> Self {
        match asked {
            Ok(found) if found.is_empty() => self,
            Ok(found) => self.found(found),
            Err(e) => self.refused(part, e),
        }
    }

    /// It was refused.
    pub fn refused(self, part: &Part, mut error: Error) -> Self {
        let errno = error.errno();
        let hint = match &mut error {
            Error::Kernel { hint, .. } => hint.take(),
            _ => None,
        };
        let remedy = match (errno, hint) {
            (Some(nix::libc::EPERM | nix::libc::EACCES), Some(hint)) => hint.to_owned(),
            (_, hint) => hint.map_or_else(|| part.remedy(), str::to_owned),
        };
        self.no(error.to_string(), remedy)
    }

    /// Asks only where asking loads no module. A part that is not loaded is not in use: then nothing is missing.
    pub fn ask(self, part: &Part, ask: impl FnOnce() -> Result<String>) -> Self {
        match part.presence() {
            Presence::Present => self.answer(part, ask()),
            Presence::Loadable => {
                let reason = format!("{} is not loaded, and nfblame loads nothing", part.module);
                self.optional().no(reason, part.remedy())
            }
            Presence::Unknown => {
                let reason = format!("no list of modules says whether {} is loaded; asking could load it", part.module);
                self.unknown(reason, "run as root, with /proc mounted")
            }
        }
    }
}

/// A part of the kernel that may be a module.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The module.
    pub module: &'static str,
    /// A function in it.
    pub symbol: &'static str,
    /// The option of the kernel's build that makes it.
    pub config: &'static str,
}

impl Part {
    /// Is it loaded?
    pub fn presence(&self) -> Presence {
        presence(self.module, self.symbol)
    }

    /// What to do where it is missing.
    pub fn remedy(&self) -> String {
        if std::path::Path::new("/proc/modules").exists() {
            format!("modprobe {} (a kernel built with {})", self.module, self.config)
        } else {
            format!("a kernel built with {}", self.config)
        }
    }
}

/// `3 tables`, `1 table`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
