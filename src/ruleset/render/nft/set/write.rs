//! The declaration of a set or map.

use nfblame_sys::nft::{SetFlags, SetPolicy};

use super::{Datum, SetView, write_elements};
use crate::ruleset::render::nft::datatype::{self, Type};
use crate::ruleset::render::nft::{Writer, expression, statement};
use crate::ruleset::render::out::{Out, put};

/// Writes a named set with its elements.
pub fn declaration(cx: Writer<'_>, set: &SetView<'_>, out: &mut Out) {
    let def = set.def;
    let map = def.flags.intersects(SetFlags::MAP | SetFlags::OBJECT);
    out.str(if map { "\tmap " } else { "\tset " });
    out.bytes(def.name.as_bytes());
    out.str(" {");
    cx.handle(def.handle, out);
    out.str("\n\t\t");
    types(cx, set, out);
    out.str("\n");
    if !def.flags.contains(SetFlags::CONSTANT) {
        match def.policy {
            None | Some(SetPolicy::Performance) => {}
            Some(SetPolicy::Memory) => out.str("\t\tpolicy memory\n"),
            Some(SetPolicy::Unknown(_)) => out.str("\t\tpolicy unknown\n"),
        }
        if let Some(size) = def.size.filter(|s| *s > 0) {
            put!(out, "\t\tsize {size}\n");
        }
    }
    flags(set, out);
    for (i, expr) in def.exprs.iter().enumerate() {
        out.str(if i == 0 { "\t\t" } else { " " });
        statement::stateful(cx, expr, true, out);
    }
    if !def.exprs.is_empty() {
        out.str("\n");
    }
    let udata = &def.userdata;
    if udata.u32(nfblame_sys::nft::userdata::SET_MERGE_ELEMENTS).is_some_and(|n| n != 0) {
        out.str("\t\tauto-merge\n");
    }
    if let Some(timeout) = def.timeout.filter(|t| *t != 0) {
        out.str("\t\ttimeout ");
        datatype::duration(timeout, cx.numeric, out);
        out.str("\n");
    }
    if let Some(interval) = def.gc_interval.filter(|t| *t != 0) {
        out.str("\t\tgc-interval ");
        datatype::duration(interval.into(), cx.numeric, out);
        out.str("\n");
    }
    if let Some(comment) = def.comment() {
        out.str("\t\tcomment \"");
        out.bytes(comment.as_bytes());
        out.str("\"\n");
    }
    // What deleting an interval leaves may be no more than the end of the one before the first.
    if !cx.terse && set.elements.iter().any(|e| !e.is_interval_end()) {
        out.str("\t\telements = ");
        write_elements(cx, set, 0, None, out);
        out.str("\n");
    }
    out.str("\t}\n");
}

fn types(cx: Writer<'_>, set: &SetView<'_>, out: &mut Out) {
    let type_of = !set.key.type_of.is_empty();
    out.str(if type_of { "typeof " } else { "type " });
    datum(cx, &set.key, type_of, out);
    if set.def.flags.contains(SetFlags::MAP)
        && let Some(data) = &set.data
    {
        out.str(" : ");
        if data.interval {
            out.str("interval ");
        }
        datum(cx, data, type_of, out);
    } else if set.def.flags.contains(SetFlags::OBJECT)
        && let Some(kind) = set.def.object_kind
    {
        put!(out, " : {kind}");
    }
}

fn datum(cx: Writer<'_>, datum: &Datum, type_of: bool, out: &mut Out) {
    let named = datum.ty.is_concat() || datum.ty.bits() != 0 || datum.ty == Type::VERDICT;
    if (type_of || !named) && !datum.type_of.is_empty() {
        for (i, node) in datum.type_of.iter().enumerate() {
            if i != 0 {
                out.str(" . ");
            }
            expression::leaf(node, out);
        }
    } else if named {
        put!(out, "{}", datum.ty);
    } else {
        // A type without a fixed width: nft shows a value of it, which is nought.
        cx.printer().value(datum.ty, datum.order, 0, datum.bits, out);
    }
}

fn flags(set: &SetView<'_>, out: &mut Out) {
    let def = set.def;
    let mut shown = def.flags & (SetFlags::CONSTANT | SetFlags::INTERVAL | SetFlags::TIMEOUT | SetFlags::EVAL);
    // A default timeout implies the flag; it is named all the same where another flag is.
    if def.timeout.is_some_and(|t| t != 0) && shown == SetFlags::TIMEOUT {
        shown = SetFlags::empty();
    }
    let mut delim = "\t\tflags ";
    for (flag, name) in [
        (SetFlags::CONSTANT, "constant"),
        (SetFlags::EVAL, "dynamic"),
        (SetFlags::INTERVAL, "interval"),
        (SetFlags::TIMEOUT, "timeout"),
    ] {
        if shown.contains(flag) {
            put!(out, "{delim}{name}");
            delim = ",";
        }
    }
    if !shown.is_empty() {
        out.str("\n");
    }
}
