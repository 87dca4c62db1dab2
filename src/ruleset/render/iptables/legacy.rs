//! Legacy tables as `iptables-legacy-save` prints them.

use nfblame_sys::TextRef;
use nfblame_sys::error::Malformed;
use nfblame_sys::xt::{Action, Chain, Family, Rule, Selector, Table, Verdict};

use super::line::{self, Jump, Rendered};
use super::{Context, Names, Out, arp, put};

/// A rule as `-A CHAIN …`, with `[packets:bytes] ` before it if asked for.
pub fn legacy_rule(chain: &[u8], rule: &Rule<'_>, with_counters: bool, names: &dyn Names) -> Rendered {
    let mut out = Out::new();
    append_rule(chain, rule, with_counters, &Context::new(rule.family(), names), &mut out);
    Rendered::new(out)
}

/// Appends a whole table: its name, its chains with policies, its rules, `COMMIT`.
pub fn legacy_table(table: &Table, with_counters: bool, names: &dyn Names, out: &mut Out) {
    let cx = &Context::new(table.family(), names);
    out.str("*");
    out.bytes(table.name().as_bytes());
    out.str("\n");
    let mut chains: Vec<Chain<'_>> = table.chains().collect();
    // Built-in chains come in the order of their hooks; the tool sorts the others.
    chains.sort_by(|a, b| match (a.hook(), b.hook()) {
        (None, None) => a.name().cmp(b.name()),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    for chain in &chains {
        out.str(":");
        out.bytes(chain.name().as_bytes());
        match chain.policy() {
            Some(policy) => put!(out, " {}", verdict_name(policy).unwrap_or("-")),
            None => out.str(" -"),
        }
        if table.family() != Family::Arp {
            let counters = if chain.hook().is_some() { chain.counters() } else { Default::default() };
            put!(out, " [{}:{}]", counters.packets, counters.bytes);
        }
        out.str("\n");
    }
    for chain in &chains {
        for rule in chain.rules() {
            append_rule(chain.name().as_bytes(), &rule, with_counters, cx, out);
            out.str("\n");
        }
    }
    out.str(if table.family() == Family::Arp { "\n" } else { "COMMIT\n" });
}

fn append_rule(chain: &[u8], rule: &Rule<'_>, with_counters: bool, cx: &Context<'_>, out: &mut Out) {
    if with_counters {
        line::counters(rule.entry.counters, out);
    }
    out.str("-A ");
    out.bytes(chain);
    let mut broken = None;
    let mut matches = Vec::new();
    for m in rule.entry.matches() {
        match m {
            Ok(m) => matches.push(m.decode(cx.family)),
            Err(e) => broken = Some(e),
        }
    }
    let (jump, trouble) = jump(rule, cx);
    match &rule.entry.selector {
        Selector::Arp(s) => arp::legacy(s, &jump, cx, out),
        s => line::body(s, matches.iter().copied(), &jump, cx, out),
    }
    if let Some(e) = broken {
        out.unknown(format_args!("a match that {e}"));
    }
    match trouble {
        None => {}
        Some(Trouble::Malformed(e)) => out.unknown(format_args!("a target that {e}")),
        Some(Trouble::Nowhere(offset)) => out.unknown(format_args!("jump to offset {offset}, where no chain begins")),
        Some(Trouble::Verdict(raw)) => out.unknown(format_args!("unknown verdict {raw}")),
    }
}

enum Trouble {
    Malformed(Malformed),
    Nowhere(i32),
    Verdict(i32),
}

fn jump<'a>(rule: &Rule<'a>, cx: &Context<'_>) -> (Jump<'a>, Option<Trouble>) {
    match rule.action() {
        Ok(Action::Verdict(verdict)) => match verdict_name(verdict) {
            Some(name) => (Jump::Jump(TextRef::new(name.as_bytes())), None),
            None => (Jump::None, Some(Trouble::Verdict(verdict.to_standard()))),
        },
        Ok(Action::Jump(chain)) => (Jump::Jump(chain), None),
        Ok(Action::Goto(chain)) => (Jump::Goto(chain), None),
        Ok(Action::Continue) => (Jump::None, None),
        Ok(Action::Nowhere(offset)) => (Jump::None, Some(Trouble::Nowhere(offset))),
        Ok(Action::Target(target)) => (Jump::Target(target.decode(cx.family)), None),
        Err(e) => (Jump::None, Some(Trouble::Malformed(e))),
    }
}

pub(super) fn verdict_name(verdict: Verdict) -> Option<&'static str> {
    Some(match verdict {
        Verdict::Accept => "ACCEPT",
        Verdict::Drop => "DROP",
        Verdict::Queue => "QUEUE",
        Verdict::Return => "RETURN",
        Verdict::Other(_) => return None,
    })
}
