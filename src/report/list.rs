//! Rulesets for people: what stands at each hook, what stops packets, what policies there are, how fast counters grow.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::blame::{Backend, Counters};
use crate::evaluate::{ChainRef, Hook};
use crate::listing::{Blocker, Chain, Entry, Hooks, Jumps, Listing, Met, Policy, Rates, Stand, chains};

pub mod json;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const DROP: Style = AnsiColor::Red.on_default();

/// All hooks in the order in which packets meet what stands there. Each chain is shown once: a base chain where packets
/// meet it first, what it jumps to beneath it, and what nothing leads to at the end.
///
/// # Errors
/// When writing fails.
pub fn hooks(listing: &Listing<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut view = View { listing, jumps: Jumps::new(listing.rules()), shown: Vec::new(), out };
    let all = Hooks::of(listing.rules());
    for hook in &all {
        view.hook(hook)?;
    }
    let seen: BTreeSet<ChainRef> = view.shown.iter().map(|(chain, _)| *chain).collect();
    let rest: Vec<ChainRef> = chains(listing.rules()).filter(|c| !seen.contains(c)).collect();
    if !rest.is_empty() {
        writeln!(view.out, "{BOLD}reached from no hook{BOLD:#}")?;
        rest.iter().try_for_each(|chain| view.chain(*chain, None))?;
        writeln!(view.out)?;
    }
    objects(listing, view.out)
}

/// What rules refer to by name. Of many elements the first are shown, and how many more there are.
fn objects(listing: &Listing<'_>, out: &mut impl Write) -> io::Result<()> {
    const SHOWN: usize = 20;
    let all = listing.named();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "{BOLD}sets and objects{BOLD:#}")?;
    for object in &all {
        write!(out, "{:>9}{BOLD}{}{BOLD:#}", "", object.name())?;
        if object.backend.is_some() {
            write!(out, " {DIM}({}){DIM:#}", backend(object.backend, object.family))?;
        }
        write!(out, "  {}", object.text)?;
        if let Some(handle) = object.handle {
            write!(out, "  {DIM}# handle {handle}{DIM:#}")?;
        }
        writeln!(out)?;
        let elements = listing.elements(object);
        elements.iter().take(SHOWN).try_for_each(|e| writeln!(out, "{:>15}{e}", ""))?;
        if elements.len() > SHOWN {
            writeln!(out, "{:>15}{DIM}and {} more{DIM:#}", "", elements.len() - SHOWN)?;
        }
    }
    writeln!(out)
}

struct View<'a, 'r, W> {
    listing: &'a Listing<'r>,
    jumps: Jumps,
    /// What has been shown, and under which hook.
    shown: Vec<(ChainRef, String)>,
    out: W,
}

impl<W: Write> View<'_, '_, W> {
    fn hook(&mut self, hook: &Hooks) -> io::Result<()> {
        writeln!(self.out, "{BOLD}{}{BOLD:#}", hook.name())?;
        for Stand { priority, tied, met } in &hook.stands {
            match met {
                Met::Conntrack => writeln!(self.out, "{priority:>7}  {DIM}connection tracking{DIM:#}")?,
                Met::Nat => {
                    let what = match hook.hook {
                        Hook::Prerouting | Hook::Output => "destination",
                        _ => "source",
                    };
                    writeln!(self.out, "{priority:>7}  {DIM}{what} address translation{DIM:#}")?;
                }
                Met::Foreign(name) => writeln!(
                    self.out,
                    "{priority:>7}  {BOLD}{name}{BOLD:#}  {DIM}in no ruleset; can take packets{DIM:#}"
                )?,
                Met::Chain(chain) | Met::NatChain(chain) => {
                    if let Some((_, before)) = self.shown.iter().find(|(c, _)| c == chain) {
                        let name = self.listing.chain(*chain).name();
                        writeln!(self.out, "{priority:>7}  {name}  {DIM}as under {before}{DIM:#}")?;
                        continue;
                    }
                    let tie = if *tied { "  [others have the same priority]" } else { "" };
                    self.chain(*chain, Some((*priority, tie)))?;
                    self.shown.push((*chain, hook.name()));
                    for to in self.jumps.reached_from(*chain) {
                        if self.shown.iter().all(|(c, _)| *c != to) {
                            self.chain(to, None)?;
                            self.shown.push((to, hook.name()));
                        }
                    }
                }
            }
        }
        writeln!(self.out)
    }

    /// A chain with its rules.
    fn chain(&mut self, at: ChainRef, base: Option<(i32, &str)>) -> io::Result<()> {
        let chain = self.listing.chain(at);
        match base {
            Some((priority, tie)) => writeln!(self.out, "{priority:>7}  {}{DIM}{tie}{DIM:#}", header(&chain))?,
            None => writeln!(self.out, "{:>9}{}", "", header(&chain))?,
        }
        for entry in self.listing.entries(at) {
            let position = entry.rule_position.unwrap_or_default();
            writeln!(self.out, "{position:>13}  {}", line(&entry))?;
        }
        Ok(())
    }
}

/// What is worth saying of a chain in a line.
fn header(c: &Chain) -> String {
    let mut s = format!("{BOLD}{}{BOLD:#} {DIM}({}){DIM:#}", c.name(), backend(Some(c.backend), Some(c.family)));
    if !c.devices.is_empty() {
        let _ = write!(s, " {DIM}on {}{DIM:#}", c.devices.join(", "));
    }
    match c.policy.as_deref() {
        Some("drop") => _ = write!(s, "  {DROP}policy drop{DROP:#}"),
        Some(policy) => _ = write!(s, "  policy {policy}"),
        None => {}
    }
    let _ = write!(s, "{}", Count(c.counters));
    if let Some(port) = c.owner {
        let _ = write!(s, "  {DIM}owned by netlink port {port}{DIM:#}");
    }
    if let Some(manager) = &c.manager {
        let _ = write!(s, "  {DIM}managed by {manager}{DIM:#}");
    }
    if c.dormant {
        s.push_str("  dormant");
    }
    s
}

fn line(e: &Entry) -> String {
    let mut s = e.text.clone().unwrap_or_default();
    if let Some(handle) = e.rule_handle {
        let _ = write!(s, "  {DIM}# handle {handle}{DIM:#}");
    }
    let _ = write!(s, "{}", Count(e.counters));
    if let Some(manager) = &e.manager {
        let _ = write!(s, "  {DIM}managed by {manager}{DIM:#}");
    }
    s
}

/// How people call a backend.
fn backend(b: Option<Backend>, family: Option<&str>) -> &'static str {
    b.map_or("unknown", |b| b.tool(family.unwrap_or_default()))
}

/// `  [3 packets, 180 bytes]`.
struct Count(Option<Counters>);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(c) => write!(f, "  {DIM}[{} packets, {} bytes]{DIM:#}", c.packets, c.bytes),
            None => Ok(()),
        }
    }
}

/// Where an entry stands: `ip filter INPUT rule 2 (legacy)`.
fn place(e: &Entry) -> String {
    let name = |n: &Option<String>| n.clone().unwrap_or_else(|| "?".into());
    let which = match (e.policy, e.rule_position) {
        (false, Some(n)) => format!("rule {n}"),
        _ => "policy".into(),
    };
    let family = e.family.unwrap_or("?");
    format!("{family} {} {} {which} ({})", name(&e.table_name), name(&e.chain_name), backend(e.backend, e.family))
}

/// A number, or a dash for what is not counted.
fn number(n: Option<u64>) -> String {
    n.map_or_else(|| "-".into(), |n| n.to_string())
}

/// Everything that stops packets, a line each.
///
/// # Errors
/// When writing fails.
pub fn blockers(all: &[Blocker], out: &mut impl Write) -> io::Result<()> {
    let places: Vec<String> = all.iter().map(|b| place(&b.entry)).collect();
    let width = places.iter().map(String::len).max().unwrap_or(0).max("WHERE".len());
    if !all.is_empty() {
        writeln!(out, "{BOLD}{:>12} {:>14}  {:<6}  {:<width$}  WHAT{BOLD:#}", "PACKETS", "BYTES", "KIND", "WHERE")?;
    }
    for (b, place) in all.iter().zip(&places) {
        let packets = number(b.blocked.map(|c| c.packets));
        let bytes = number(b.blocked.map(|c| c.bytes));
        let text = b.entry.text.as_deref().unwrap_or_default();
        let mut what = match (&b.map, &b.element) {
            // The name that the kernel gave an anonymous map says nothing.
            (Some(map), Some(element)) if map.starts_with("__map") => format!("{text}  {DIM}element{DIM:#} {element}"),
            (Some(map), Some(element)) => format!("{text}  {DIM}element of {map}{DIM:#} {element}"),
            _ => text.to_owned(),
        };
        if let Some(detail) = &b.detail {
            let _ = write!(what, "  {DIM}{detail}{DIM:#}");
        }
        if b.hooks.is_empty() {
            let _ = write!(what, "  {DIM}[reached from no hook]{DIM:#}");
        }
        writeln!(out, "{packets:>12} {bytes:>14}  {:<6}  {place:<width$}  {what}", b.kind.name())?;
    }
    Ok(())
}

/// The policies of all base chains, a line each.
///
/// # Errors
/// When writing fails.
pub fn policies(all: &[Policy], out: &mut impl Write) -> io::Result<()> {
    let name = |p: &Policy| format!("{} ({})", p.chain.name(), backend(Some(p.chain.backend), Some(p.chain.family)));
    let width = all.iter().map(|p| name(p).len()).max().unwrap_or(0).max("CHAIN".len());
    if !all.is_empty() {
        writeln!(
            out,
            "{BOLD}{:<7} {:<12} {:>9}  {:<width$}  {:<7} {:>12} {:>14}{BOLD:#}",
            "FAMILY", "HOOK", "PRIORITY", "CHAIN", "POLICY", "PACKETS", "BYTES"
        )?;
    }
    for p in all {
        let c = &p.chain;
        let policy = c.policy.as_deref().unwrap_or("-");
        let style = if policy == "drop" { DROP } else { Style::new() };
        writeln!(
            out,
            "{:<7} {:<12} {:>9}  {:<width$}  {style}{policy:<7}{style:#} {:>12} {:>14}",
            p.packets,
            c.hook.as_deref().unwrap_or("-"),
            c.priority.map_or_else(|| "-".into(), |p| p.to_string()),
            name(p),
            number(c.counters.map(|n| n.packets)),
            number(c.counters.map(|n| n.bytes)),
        )?;
    }
    Ok(())
}

/// What grew, the fastest first.
///
/// # Errors
/// When writing fails.
pub fn rates(rates: &Rates, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{BOLD}{:>12} {:>14} {:>12}  RULE OR POLICY{BOLD:#}", "PACKETS/S", "BYTES/S", "PACKETS")?;
    for r in &rates.rates {
        writeln!(
            out,
            "{:>12.1} {:>14.1} {:>12}  {}  {}",
            r.packets_per_second,
            r.bytes_per_second,
            number(r.entry.counters.map(|c| c.packets)),
            place(&r.entry),
            r.entry.text.as_deref().unwrap_or_default(),
        )?;
    }
    for table in &rates.changed {
        writeln!(out, "{DIM}legacy table {table} changed: its rates begin anew{DIM:#}")?;
    }
    Ok(())
}
