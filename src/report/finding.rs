//! Findings for people, as compilers tell them.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::blame::Backend;
use crate::finding::{Certainty, Code, Finding, RuleRef, Severity};
use crate::sys::text::Escaped;

/// A finding as a block of lines, styled; strip the styles for anything but a terminal.
pub fn finding(f: &Finding) -> String {
    let safe: Vec<Shown> = f.rules.iter().map(Shown::new).collect();
    let level = match f.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let certainty = if f.certainty == Certainty::Possible { " (possible)" } else { "" };
    let title = level.primary_title(format!("{}{certainty}", clean(&f.message))).id(f.code);
    let mut main = Group::with_title(title);
    for (i, s) in safe.iter().enumerate() {
        main = main.element(s.snippet(i == 0));
    }
    for e in &f.evidence {
        main = main.element(Level::NOTE.no_name().message(format!("{} = {}", clean(&e.source), clean(&e.value))));
    }
    for n in &f.notes {
        main = main.element(Level::NOTE.message(clean(n)));
    }
    let mut groups = vec![main];
    for fix in &f.fix {
        let proven = if fix.verified { " (verified)" } else { "" };
        let mut lines = format!("{}{proven}", clean(&fix.message));
        for c in &fix.commands {
            lines.push_str(&format!("\n  {}", clean(c)));
        }
        for c in &fix.persistent {
            lines.push_str(&format!("\n  {}   # to make it last", clean(c)));
        }
        for a in &fix.also_allows {
            lines.push_str(&format!("\nalso allows {}", clean(a)));
        }
        groups.push(Group::with_title(Level::HELP.secondary_title(lines)));
    }
    Renderer::styled().decor_style(DecorStyle::Ascii).render(&groups)
}

/// What could fool a terminal, escaped.
fn clean(text: &str) -> String {
    Escaped(text.as_bytes()).to_string()
}

/// A rule that is safe to show.
struct Shown {
    path: String,
    line: usize,
    text: String,
    span: std::ops::Range<usize>,
    label: String,
}

impl Shown {
    fn new(r: &RuleRef) -> Self {
        let e = &r.entry;
        let parts = [e.family, e.table_name.as_deref(), e.chain_name.as_deref()];
        let mut path = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if e.policy {
            path.push_str(" policy");
        }
        match e.backend {
            None | Some(Backend::Nft) => {}
            Some(other) => path.push_str(&format!(" ({})", other.tool(e.family.unwrap_or_default()))),
        }
        if let Some(m) = &e.manager {
            path.push_str(&format!(" of {}", clean(m)));
        }
        let own = e.text.as_deref().unwrap_or("?");
        let mut text = clean(own);
        // Spans are of the text as it is kept; where escaping moves them, all of it is meant.
        let span = r.span.clone().filter(|_| text == own).unwrap_or(0..text.len());
        // As `nft -a` lists it. The number of the line is that of the rule in its chain.
        if let Some(h) = e.rule_handle {
            text.push_str(&format!(" # handle {h}"));
        }
        let mut label = clean(&r.label);
        if let Some(c) = e.counters {
            let s = if c.packets == 1 { "" } else { "s" };
            let space = if label.is_empty() { "" } else { " " };
            label.push_str(&format!("{space}[{} packet{s}]", c.packets));
        }
        Self { path, line: e.rule_position.map_or(1, |p| p as usize), text, span, label }
    }

    fn snippet(&self, first: bool) -> Snippet<'_, Annotation<'_>> {
        let kind = if first { AnnotationKind::Primary } else { AnnotationKind::Context };
        Snippet::source(self.text.as_str())
            .line_start(self.line)
            .path(self.path.as_str())
            .annotation(kind.span(self.span.clone()).label(self.label.as_str()))
    }
}

/// How many there are of each severity.
pub fn summary(found: &[Finding]) -> String {
    let count = |severity: Severity| {
        let n = found.iter().filter(|f| f.severity == severity).count();
        format!("{n} {}{}", severity.name(), if n == 1 { "" } else { "s" })
    };
    if found.is_empty() {
        return "nothing found".to_owned();
    }
    let all = [Severity::Error, Severity::Warning, Severity::Note].map(count).join(", ");
    format!("{all}; `nfblame check --code CODE` says more about each")
}

/// A code for programs.
pub fn document(code: &Code) -> Value {
    json!({
        "schema": crate::blame::SCHEMA, "event": "code", "code": code.id, "title": code.title,
        "severity": code.severity, "meaning": code.meaning, "page": code.page,
    })
}
