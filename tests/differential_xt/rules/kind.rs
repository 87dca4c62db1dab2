//! Kinds of matches and targets: where they may stand, and how one is made up.

use super::*;

/// Hooks as bits.
pub type Hooks = u8;
pub const PREROUTING: Hooks = 1;
pub const INPUT: Hooks = 2;
pub const FORWARD: Hooks = 4;
pub const OUTPUT: Hooks = 8;
pub const POSTROUTING: Hooks = 16;
pub(super) const ANY: Hooks = 31;
pub(super) const ARRIVED: Hooks = PREROUTING | INPUT | FORWARD;
pub(super) const OURS: Hooks = OUTPUT | POSTROUTING;

/// A kind of match or target.
#[derive(Clone, Copy)]
pub struct Kind {
    pub(super) name: &'static str,
    /// The protocol that the rule must name.
    pub(super) proto: &'static str,
    pub(super) hooks: Hooks,
    /// The tables it may stand in; all, if none is named.
    pub(super) tables: &'static [&'static str],
    pub(super) make: fn(&mut Random, bool) -> String,
}

pub(super) const fn kind(
    name: &'static str,
    proto: &'static str,
    hooks: Hooks,
    tables: &'static [&'static str],
    make: fn(&mut Random, bool) -> String,
) -> Kind {
    Kind { name, proto, hooks, tables, make }
}

pub(super) fn not(r: &mut Random) -> &'static str {
    if r.one_in(4) { "! " } else { "" }
}

pub(super) fn port(r: &mut Random) -> u16 {
    *r.pick(PORTS)
}

pub(super) fn ports(r: &mut Random) -> String {
    let (a, b) = (port(r), port(r));
    if r.one_in(2) || a == b { a.to_string() } else { format!("{}:{}", a.min(b), a.max(b)) }
}

pub(super) fn spis(r: &mut Random) -> String {
    let a = r.below(4) * 100;
    if r.one_in(2) { a.to_string() } else { format!("{a}:{}", a + r.below(3) * 100) }
}

pub(super) fn flags(r: &mut Random) -> String {
    let names = ["SYN", "ACK", "FIN", "RST", "URG", "PSH"];
    let some: Vec<&str> = names.into_iter().filter(|_| r.one_in(3)).collect();
    if some.is_empty() { "NONE".to_owned() } else { some.join(",") }
}

pub(super) fn address(r: &mut Random, v6: bool) -> String {
    match r.below(5) {
        0 | 1 => source(r, v6),
        2 | 3 => forward(r, v6),
        _ => r.pick(&locals(if v6 { Family::Ip6 } else { Family::Ip })).to_string(),
    }
}

/// Matches that depend on what the kernel counts.
pub(super) const STATEFUL: [&str; 6] = ["limit", "statistic nth", "quota", "recent", "hashlimit", "cpu"];

/// An extension can be named once only in a rule.
pub(super) fn same_extension(a: &str, b: &str) -> bool {
    a.split(' ').next() == b.split(' ').next()
}
