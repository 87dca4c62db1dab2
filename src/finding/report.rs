//! A finding as it is told.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::code::Code;
use super::fix::Fix;
use super::span;
use crate::blame::SCHEMA;
use crate::evaluate::Place;
use crate::listing::Entry;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Traffic that the rules, routes or services ask for is lost, or something has no effect at all.
    Error,
}

impl Severity {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// It follows from what was read.
    Proven,
    /// It depends on something that was not, or cannot be, known; the finding says on what.
    Possible,
}

impl Certainty {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Possible => "possible",
        }
    }
}

/// A rule or policy that a finding is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleRef {
    /// The rule: where it stands, its text and counters.
    #[serde(flatten)]
    pub entry: Entry,
    /// Which part of its text decides, in bytes; all of it where nothing is said.
    #[serde(serialize_with = "ends", skip_serializing_if = "Option::is_none")]
    pub span: Option<Range<usize>>,
    /// What it has to do with the finding: "every packet of rule 5 is dropped here".
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Where it stands, in the ruleset that was read.
    #[serde(skip)]
    pub at: Place,
}

fn ends<S: Serializer>(span: &Option<Range<usize>>, s: S) -> Result<S::Ok, S::Error> {
    span.as_ref().map(|r| [r.start, r.end]).serialize(s)
}

impl RuleRef {
    /// The same, with what it has to do with the finding.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same, with the first of these words that its text has as the deciding part.
    #[must_use]
    pub fn deciding(mut self, words: &[&str]) -> Self {
        let text = self.entry.text.as_deref().unwrap_or_default();
        self.span = span::word(text, words).or(self.span);
        self
    }

    /// The same, with the first of these conditions as the deciding part, up to the end of its value.
    #[must_use]
    pub fn condition(mut self, names: &[&str]) -> Self {
        let text = self.entry.text.as_deref().unwrap_or_default();
        self.span = span::condition(text, names).or(self.span);
        self
    }

    /// The same, with all from the first to the last of these conditions as the deciding part.
    #[must_use]
    pub fn conditions(mut self, names: &[&str]) -> Self {
        let text = self.entry.text.as_deref().unwrap_or_default();
        self.span = span::conditions(text, names).or(self.span);
        self
    }

    /// The same, with its verdict as the deciding part.
    #[must_use]
    pub fn verdict(self) -> Self {
        self.deciding(&[
            "policy drop",
            "DROP",
            "drop",
            "REJECT",
            "reject",
            "ACCEPT",
            "accept",
            "RETURN",
            "return",
            "goto",
            "jump",
            "-g",
            "-j",
        ])
    }

    /// The same, with what it translates to as the deciding part.
    #[must_use]
    pub fn translation(self) -> Self {
        self.condition(&[
            "--to-destination",
            "--to-source",
            "--to-ports",
            "dnat ip to",
            "dnat ip6 to",
            "dnat to",
            "snat ip to",
            "snat ip6 to",
            "snat to",
            "redirect to",
        ])
        .or_deciding(&["MASQUERADE", "masquerade", "REDIRECT", "redirect", "DNAT", "dnat", "SNAT", "snat"])
    }

    /// The same, with these words where nothing decides yet.
    fn or_deciding(self, words: &[&str]) -> Self {
        if self.span.is_some() { self } else { self.deciding(words) }
    }
}

/// Something that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where: a file of `/proc`, a command that shows the same.
    pub source: String,
    /// What.
    pub value: String,
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The version of this JSON's shape.
    pub schema: u32,
    /// Always `"finding"`.
    pub event: &'static str,
    /// `NBxxxx`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// What it is called.
    pub title: &'static str,
    /// What exactly, here.
    pub message: String,
    /// The services that it is about, by protocol and port as clients name them. Empty: not about single ones.
    #[serde(skip)]
    pub services: Vec<(u8, u16)>,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// The rules that it is about, the first one above all.
    pub rules: Vec<RuleRef>,
    /// What else there is to say: on what it depends, what nearly fits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to change, the best first.
    pub fix: Vec<Fix>,
}

impl Finding {
    pub(super) fn new(code: &Code, message: String) -> Self {
        Self {
            schema: SCHEMA,
            event: "finding",
            code: code.id,
            severity: code.severity,
            certainty: Certainty::Proven,
            title: code.title,
            message,
            services: Vec::new(),
            evidence: Vec::new(),
            rules: Vec::new(),
            notes: Vec::new(),
            fix: Vec::new(),
        }
    }

    /// The same, with another severity than usual.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same, not proven: it depends on this.
    #[must_use]
    pub fn possible(mut self, depends_on: impl Into<String>) -> Self {
        self.certainty = Certainty::Possible;
        self.note(depends_on)
    }

    /// The same, about these services alone.
    #[must_use]
    pub fn about(mut self, services: impl IntoIterator<Item = (u8, u16)>) -> Self {
        self.services.extend(services);
        self
    }

    /// The same, with one more piece of evidence.
    #[must_use]
    pub fn seen(mut self, source: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push(Evidence { source: source.into(), value: value.into() });
        self
    }

    /// The same, with one more rule.
    #[must_use]
    pub fn rule(mut self, rule: RuleRef) -> Self {
        self.rules.push(rule);
        self
    }

    /// The same, with one more note. An empty one is none.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        let note = note.into();
        if !note.is_empty() {
            self.notes.push(note);
        }
        self
    }

    /// The same, with a fix if there is one.
    #[must_use]
    pub fn fixes(mut self, fix: Option<Fix>) -> Self {
        self.fix.extend(fix);
        self
    }

    /// The same, with one more fix.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix.push(fix);
        self
    }
}
