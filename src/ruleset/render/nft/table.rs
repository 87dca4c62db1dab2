//! Tables with all that is in them.

use nfblame_sys::nft::{ChainFlags, SetFlags, TableFlags};

use super::set::SetView;
use super::view::View;
use super::{Out, Writer, chain, flowtable, object, put, set};
use crate::ruleset::{RuleTexts, nft};

/// Writes a table, whose rules may be written already. `flush` may take what is written so far out of the buffer.
pub(super) fn write<E>(
    cx: Writer<'_>,
    table: &nft::Table,
    texts: Option<&RuleTexts>,
    out: &mut Out,
    flush: &mut impl FnMut(&mut Out) -> Result<(), E>,
) -> Result<(), E> {
    let view = View::new(table);
    let def = &table.def;
    put!(out, "table {} ", def.family);
    out.bytes(def.name.as_bytes());
    out.str(" {");
    if cx.handles || def.flags.contains(TableFlags::OWNER) {
        out.str(" #");
    }
    if cx.handles {
        put!(out, " handle {}", def.handle);
    }
    if def.flags.contains(TableFlags::OWNER) {
        out.str(" progname ");
        match def.owner.and_then(|port| cx.names.program(port)) {
            Some(program) => out.bytes(program.as_bytes()),
            None => out.str("(null)"),
        }
    }
    out.str("\n");
    let mut delim = flags(def.flags, out);
    if let Some(comment) = def.comment() {
        out.str("\tcomment \"");
        out.bytes(comment.as_bytes());
        out.str("\"\n");
    }
    let mut next = |out: &mut Out| out.str(std::mem::replace(&mut delim, "\n"));
    for object in &table.objects {
        next(out);
        object::write(cx, object, out);
        flush(out)?;
    }
    for set in table.sets.iter().filter(|s| !s.def.flags.contains(SetFlags::ANONYMOUS)) {
        next(out);
        set::declaration(cx, &SetView::new(set), out);
        flush(out)?;
    }
    for flowtable in &table.flowtables {
        next(out);
        flowtable::write(cx, flowtable, out);
    }
    for chain in table.chains.iter().filter(|c| !c.def.flags.contains(ChainFlags::BINDING)) {
        next(out);
        chain::write(cx, &view, chain, texts, out, flush)?;
    }
    out.str("}\n");
    Ok(())
}

/// Writes the flags that nft knows, and says what separates them from what follows.
fn flags(flags: TableFlags, out: &mut Out) -> &'static str {
    if flags.is_empty() {
        return "";
    }
    let mut delim = "\tflags ";
    for (flag, name) in
        [(TableFlags::DORMANT, "dormant"), (TableFlags::OWNER, "owner"), (TableFlags::PERSIST, "persist")]
    {
        if flags.contains(flag) {
            put!(out, "{delim}{name}");
            delim = ",";
        }
    }
    out.str("\n");
    "\n"
}
