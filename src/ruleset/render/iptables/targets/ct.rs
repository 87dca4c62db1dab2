//! `-j CT` and `-j NOTRACK`

use nfblame_sys::xt::targets::Ct;

use super::{Out, put};

/// Names of `IPCT_*`, by bit.
const EVENTS: [&str; 10] =
    ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];
/// Names of `IPEXP_*`, by bit.
const EXPECTATION_EVENTS: [&str; 1] = ["new"];

pub(super) fn render(t: &Ct<'_>, out: &mut Out) {
    if t.flags & Ct::NOTRACK_ALIAS != 0 {
        return;
    }
    if t.flags & Ct::NOTRACK != 0 {
        out.str(" --notrack");
    }
    for (option, value) in [("--helper", t.helper), ("--timeout", t.timeout)] {
        if !value.is_empty() {
            put!(out, " {option} ");
            out.bytes(value.as_bytes());
        }
    }
    events("--ctevents", t.events, &EVENTS, out);
    events("--expevents", t.expectation_events, &EXPECTATION_EVENTS, out);
    if t.flags & Ct::ZONE_MARK != 0 || t.zone != 0 {
        out.str(" --zone");
        match (t.flags & Ct::ZONE_ORIGINAL != 0, t.flags & Ct::ZONE_REPLY != 0) {
            (true, false) => out.str("-orig"),
            (false, true) => out.str("-reply"),
            _ => {}
        }
        if t.flags & Ct::ZONE_MARK != 0 {
            out.str(" mark");
        } else {
            put!(out, " {}", t.zone);
        }
    }
}

fn events(option: &str, mask: u32, names: &[&str], out: &mut Out) {
    if mask == 0 {
        return;
    }
    put!(out, " {option} ");
    let set = |n: &usize| mask >> n & 1 != 0;
    let names_set = names.iter().enumerate().filter(|(n, _)| set(n)).map(|(_, name)| *name);
    for (i, name) in names_set.enumerate() {
        put!(out, "{}{name}", if i == 0 { "" } else { "," });
    }
    let unnamed = mask >> names.len();
    if unnamed != 0 {
        out.unknown(format_args!("unnamed events {:#x}", unnamed << names.len()));
    }
}
