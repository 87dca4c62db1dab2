//! Chains.

use nfblame_sys::nft::{BaseChain, ChainFlags, Family, Hook, Verdict};

use super::rule::rules;
use super::view::View;
use super::{Out, Writer, put};
use crate::ruleset::{RuleTexts, nft};

/// How far rules stand from the margin.
pub(super) const INDENT: &str = "\t\t";

/// Writes a chain and its rules, which may be written already.
pub(super) fn write<'r, E>(
    cx: Writer<'_>,
    view: &'r View<'r>,
    chain: &'r nft::Chain,
    texts: Option<&RuleTexts>,
    out: &mut Out,
    flush: &mut impl FnMut(&mut Out) -> Result<(), E>,
) -> Result<(), E> {
    let def = &chain.def;
    out.str("\tchain ");
    out.bytes(def.name.as_bytes());
    out.str(" {");
    cx.handle(def.handle, out);
    if let Some(comment) = def.comment() {
        out.str("\n\t\tcomment \"");
        out.bytes(comment.as_bytes());
        out.str("\"");
    }
    out.str("\n");
    if let Some(base) = &def.base {
        declaration(cx, def.family, base, def.flags, out);
    }
    match texts {
        Some(texts) => {
            out.bytes(texts.of(view.table(), chain));
            flush(out)?;
        }
        None => _ = rules(cx, view, chain, INDENT, out, flush)?,
    }
    out.str("\t}\n");
    Ok(())
}

fn declaration(cx: Writer<'_>, family: Family, base: &BaseChain, flags: ChainFlags, out: &mut Out) {
    put!(out, "\t\ttype {} hook ", base.kind);
    hook(base.hook, out);
    let mut devices: Vec<_> = base.devices.iter().collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    match devices.as_slice() {
        [] => {}
        [device] => {
            out.str(" device \"");
            out.bytes(device.name.as_bytes());
            out.str(if device.prefix { "*\"" } else { "\"" });
        }
        _ => {
            out.str(" devices = ");
            device_list(&devices, out);
        }
    }
    out.str(" priority ");
    priority(cx, family, base.hook, base.priority, out);
    out.str("; policy ");
    out.str(match base.policy {
        Verdict::Accept => "accept",
        Verdict::Drop => "drop",
        _ => "unknown",
    });
    out.str(";");
    if flags.contains(ChainFlags::HW_OFFLOAD) {
        out.str(" flags offload;");
    }
    out.str("\n");
}

/// Writes `{ a, b }`.
pub(super) fn device_list(devices: &[&nfblame_sys::nft::Device], out: &mut Out) {
    for (i, device) in devices.iter().enumerate() {
        out.str(if i == 0 { "{ " } else { ", " });
        out.bytes(device.name.as_bytes());
        if device.prefix {
            out.str("*");
        }
    }
    out.str(" }");
}

pub(super) fn hook(hook: Hook, out: &mut Out) {
    match hook {
        Hook::Unknown(_) => out.str("unknown"),
        known => put!(out, "{known}"),
    }
}

/// Names of priorities, and in which families and hooks they are used.
const PRIORITIES: [(i32, &str); 6] =
    [(-300, "raw"), (-150, "mangle"), (-100, "dstnat"), (0, "filter"), (50, "security"), (100, "srcnat")];
const BRIDGE_PRIORITIES: [(i32, &str); 4] = [(-300, "dstnat"), (-200, "filter"), (100, "out"), (300, "srcnat")];

/// Writes a priority by name, if one is at most ten away: `filter - 5`.
pub(super) fn priority(cx: Writer<'_>, family: Family, hook: Hook, priority: i32, out: &mut Out) {
    const REACH: u32 = 10;
    let names: &[(i32, &str)] = if family == Family::Bridge { &BRIDGE_PRIORITIES } else { &PRIORITIES };
    let near = names.iter().find(|(value, _)| priority.abs_diff(*value) <= REACH);
    match near.filter(|(_, name)| !cx.numeric && is_used(name, family, hook)) {
        None => put!(out, "{priority}"),
        Some((value, name)) => match i64::from(priority) - i64::from(*value) {
            0 => out.str(name),
            over @ 1.. => put!(out, "{name} + {over}"),
            under => put!(out, "{name} - {}", -under),
        },
    }
}

fn is_used(name: &str, family: Family, hook: Hook) -> bool {
    match (name, family) {
        ("dstnat", Family::Bridge | Family::Inet | Family::Ip | Family::Ip6) => hook == Hook::Prerouting,
        ("srcnat", Family::Bridge | Family::Inet | Family::Ip | Family::Ip6) => hook == Hook::Postrouting,
        ("out", _) => hook == Hook::Output,
        ("filter", _) => true,
        ("raw" | "mangle" | "security", Family::Inet | Family::Ip | Family::Ip6) => true,
        _ => false,
    }
}
