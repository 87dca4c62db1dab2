//! Blames for people: a block for each packet, or with `brief` one line.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::blame::{Blame, Confidence, Culprit, CulpritKind, PacketFields, Verdict};
use crate::sys::text::Escaped;

use super::lines::{self, Lines};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

/// The column behind the labels.
const INDENT: &str = "              ";
/// Reasons that are longer together get a line each.
const WIDE: usize = 100;

pub(super) fn verdict_style(v: Verdict) -> Style {
    match v {
        Verdict::Drop | Verdict::Reject => AnsiColor::Red.on_default().bold(),
        Verdict::Accept => AnsiColor::Green.on_default().bold(),
        _ => AnsiColor::Yellow.on_default().bold(),
    }
}

/// A blame as a block of labelled lines, styled; strip the styles for anything but a terminal.
pub fn block(b: &Blame) -> String {
    let mut s = String::new();
    let when = b.time.map_or_else(String::new, |t| t.of_day());
    let style = verdict_style(b.verdict);
    let verdict = b.verdict.name().to_uppercase();
    let _ = writeln!(s, "{when:<12}  {style}{verdict:<7}{style:#} {}", packet(&b.packet));
    line(&mut s, "BY", &by(&b.culprit));
    line(&mut s, "WHY", &why(b));
    if b.confidence != Confidence::Certain {
        for u in &b.unknowns {
            line(&mut s, "UNKNOWN", u);
        }
        for a in &b.alternatives {
            line(&mut s, "OR", &by(a));
        }
    }
    if let Some(prefix) = &b.packet.prefix {
        let group = b.packet.group.map_or_else(String::new, |g| format!(" (NFLOG group {g})"));
        line(&mut s, "LOGGED", &format!("\"{prefix}\"{group}"));
    }
    if let Some(c) = &b.culprit.changed_by {
        let who = match (&c.program, c.pid) {
            (Some(p), Some(pid)) => format!("{p} (pid {pid})"),
            (Some(p), None) => p.clone(),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => "an unnamed process".into(),
        };
        line(&mut s, "ADDED", &format!("by {who} at {}, generation {}", c.time.of_day(), c.generation));
    }
    for n in &b.near_misses {
        let place = [n.family, n.table_name.as_deref(), n.chain_name.as_deref()].into_iter().flatten();
        let place = place.collect::<Vec<_>>().join(" ");
        let rule = n.rule_position.map_or_else(|| "?".into(), |p| p.to_string());
        line(&mut s, "NEAR", &format!("{place} rule {rule} ({}): {}", n.action, n.message));
        if let Some(t) = &n.text {
            let _ = writeln!(s, "{INDENT}        {CODE}{}{CODE:#}", Escaped(t.as_bytes()));
        }
    }
    for f in &b.fix {
        let proven = if f.verified { "" } else { "  [not verified]" };
        line(&mut s, "FIX", &format!("{}{proven}", f.message));
        for c in &f.commands {
            let _ = writeln!(s, "{INDENT}        {CODE}{c}{CODE:#}");
        }
        for c in &f.persistent {
            let _ = writeln!(s, "{INDENT}        {CODE}{c}{CODE:#}   {DIM}# to make it last{DIM:#}");
        }
        for a in &f.also_allows {
            let _ = writeln!(s, "{INDENT}        also allows {a}");
        }
    }
    for a in &b.advice {
        line(&mut s, "ADVICE", &format!("{}: {}", a.manager, a.message));
        for c in &a.commands {
            let _ = writeln!(s, "{INDENT}        {CODE}{c}{CODE:#}");
        }
    }
    s
}

/// The reasons, with how sure they are: in one line, or where that gets too long in a line each.
fn why(b: &Blame) -> String {
    let code = |c: Option<&str>| c.map_or_else(String::new, |c| format!(" ({c})"));
    let reasons: Vec<_> = b.why.iter().map(|w| format!("{}{}", w.message, code(w.code))).collect();
    let sure = format!("[{}]", b.confidence.name());
    let together = reasons.join("; ");
    match reasons.split_first() {
        None => sure,
        Some((first, others)) if together.len() > WIDE => {
            others.iter().fold(format!("{first}  {sure}"), |all, next| all + "\n" + INDENT + "        " + next)
        }
        Some(_) => format!("{together}  {sure}"),
    }
}

fn line(s: &mut String, label: &str, text: &str) {
    let _ = writeln!(s, "{INDENT}{DIM}{label:<7}{DIM:#} {text}");
}

/// A blame as one line.
pub fn brief(b: &Blame) -> String {
    let mut line = Vec::new();
    Lines::new(true).add(&mut line, b, 1, None);
    String::from_utf8_lossy(&line).into_owned()
}

/// A packet in tcpdump's manner: `tcp 10.0.0.1:4242 > 10.0.0.2:80 syn, len 60, in eth0`.
pub fn packet(p: &PacketFields) -> String {
    let mut bytes = Vec::new();
    lines::own(&mut bytes, p);
    String::from_utf8_lossy(&bytes).into_owned() + &way(p)
}

/// Where it came from and goes to, and what the kernel knew of it.
pub(super) fn way(p: &PacketFields) -> String {
    let mut s = String::new();
    for (word, name) in [("in", &p.iif), ("out", &p.oif)] {
        if let Some(n) = name {
            let _ = write!(s, ", {word} {n}");
        }
    }
    if let Some(m) = p.mark.filter(|&m| m != 0) {
        let _ = write!(s, ", mark 0x{m:x}");
    }
    if let Some(c) = p.ct_state {
        let _ = write!(s, ", {c}");
    }
    if let Some(h) = p.hook {
        let _ = write!(s, " ({h})");
    }
    s
}

/// A blame as one sentence, without styles.
pub fn sentence(b: &Blame) -> String {
    let p = &b.packet;
    let to = match (p.destination, p.destination_port) {
        (Some(std::net::IpAddr::V6(a)), Some(port)) => format!("[{a}]:{port}"),
        (Some(a), Some(port)) => format!("{a}:{port}"),
        (Some(a), None) => a.to_string(),
        (None, _) => "its destination".into(),
    };
    let from = p.source.map_or_else(String::new, |a| format!(" from {a}"));
    let what = format!("{}{from} to {to}", p.transport.as_deref().unwrap_or(&p.family));
    let by = b.culprit.place();
    let sure = match b.confidence {
        Confidence::Certain => "",
        Confidence::Likely => " likely",
        Confidence::Unknown => " possibly",
    };
    match b.verdict {
        Verdict::Drop => format!("{what} is{sure} dropped by {by}."),
        Verdict::Reject => {
            let with = b.reject_with.as_deref().map_or_else(String::new, |w| format!(" with {w}"));
            format!("{what} is{sure} rejected{with} by {by}.")
        }
        Verdict::Queue => format!("{what} is{sure} lost in {by}."),
        Verdict::Stolen => format!("{what} is{sure} taken by {by}."),
        Verdict::Accept if b.culprit.kind == CulpritKind::None => {
            format!(
                "{what} passes: nothing here stops it{}.",
                if sure.is_empty() { "" } else { ", as far as is known" }
            )
        }
        Verdict::Accept => format!("{what} passes, and is{sure} led astray by {by}."),
        Verdict::Unknown => format!("What becomes of {what} is not known."),
    }
}

pub(super) fn icmp(transport: Option<&str>, t: u8, code: u8) -> String {
    let name = match (transport, t) {
        (Some("icmp"), 0) | (Some("icmp6"), 129) => "echo-reply",
        (Some("icmp"), 8) | (Some("icmp6"), 128) => "echo-request",
        (Some("icmp"), 3) | (Some("icmp6"), 1) => "destination-unreachable",
        (Some("icmp"), 5) | (Some("icmp6"), 137) => "redirect",
        (Some("icmp"), 11) | (Some("icmp6"), 3) => "time-exceeded",
        (Some("icmp6"), 2) => "packet-too-big",
        (Some("icmp6"), 133) => "router-solicitation",
        (Some("icmp6"), 134) => "router-advertisement",
        (Some("icmp6"), 135) => "neighbour-solicitation",
        (Some("icmp6"), 136) => "neighbour-advertisement",
        _ => return format!("type {t} code {code}"),
    };
    if code == 0 { name.into() } else { format!("{name} code {code}") }
}

fn by(c: &Culprit) -> String {
    let mut s = format!("{BOLD}{}{BOLD:#}", c.place());
    if let Some(t) = &c.text {
        let _ = write!(s, "\n{INDENT}        {CODE}{}{CODE:#}", Escaped(t.as_bytes()));
    }
    if let Some(n) = &c.counters {
        let plural = if n.packets == 1 { "" } else { "s" };
        let _ = write!(s, "  {DIM}[{} packet{plural}, {} bytes]{DIM:#}", n.packets, n.bytes);
    }
    if let Some(m) = &c.manager {
        let _ = write!(s, "  {DIM}managed by {m}{DIM:#}");
    }
    if let Some(v) = &c.sysctl {
        let which = if c.kind == CulpritKind::Sysctl { String::new() } else { format!("{} = {}, ", v.key, v.value) };
        let _ = write!(s, "  {DIM}({which}wanted: {}){DIM:#}", v.wanted);
    }
    s
}

/// The account at the end of a watch.
pub fn summary(s: &crate::watch::Summary) -> String {
    let mut text = format!(
        "{} packets seen, {} dropped, {} of them attributed ({} with certainty), {} got through",
        s.seen, s.drops, s.attributed, s.certain, s.accepted
    );
    if s.unknown > 0 {
        let _ = write!(text, ", {} unknown", s.unknown);
    }
    if s.noise > 0 {
        let _ = write!(text, ", {} more dropped in normal life (--all shows them)", s.noise);
    }
    if s.ruleset_changes > 0 {
        let _ = write!(text, "; the ruleset changed {} times", s.ruleset_changes);
    }
    text.push('\n');
    for (what, n) in &s.losses {
        let _ = writeln!(text, "lost: {what}: {n}");
    }
    if s.lost > 0 {
        let _ = writeln!(text, "lost in all: {}{}", if s.lost_at_least { "at least " } else { "" }, s.lost);
    }
    text
}
