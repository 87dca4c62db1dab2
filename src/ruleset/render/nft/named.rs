//! What a table holds beside chains, one by one: sets, maps, objects, flowtables.

use nfblame_sys::Text;
use nfblame_sys::nft::SetFlags;

use super::set::SetView;
use super::{Names, Options, Out, View, Writer, flowtable, object, set};

/// Something with a name of its own in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// What it is: `set`, `map`, `flowtable`, or the kind of an object, such as `counter`.
    pub kind: String,
    /// Its name.
    pub name: &'a Text,
    /// Its handle.
    pub handle: u64,
    /// How many elements a set or map has; none for what has no elements.
    pub len: Option<usize>,
    /// Its properties in nft's words, without elements, in a line: `type ipv4_addr; flags interval`.
    pub properties: Text,
}

/// All of them, in nft's order. Anonymous sets are not among them: they stand in their rules.
pub fn named<'a>(view: &View<'a>, options: Options, names: &dyn Names) -> Vec<Named<'a>> {
    let cx = Writer::new(Options { handles: false, terse: true, ..options }, names);
    let table = view.table();
    let objects = table.objects.iter().map(|o| {
        let kind = o.kind.to_string();
        let properties = properties(&kind, &o.name, |out| object::write(cx, o, out));
        Named { kind, name: &o.name, handle: o.handle, len: None, properties }
    });
    let sets = table.sets.iter().filter(|s| !s.def.flags.contains(SetFlags::ANONYMOUS)).map(|s| {
        let def = &s.def;
        let kind = if def.flags.intersects(SetFlags::MAP | SetFlags::OBJECT) { "map" } else { "set" };
        let properties = properties(kind, &def.name, |out| set::declaration(cx, &SetView::new(s), out));
        let len = s.elements.iter().filter(|e| !e.is_interval_end()).count();
        Named { kind: kind.into(), name: &def.name, handle: def.handle, len: Some(len), properties }
    });
    let flowtables = table.flowtables.iter().map(|f| Named {
        kind: "flowtable".into(),
        name: &f.name,
        handle: f.handle,
        len: None,
        properties: properties("flowtable", &f.name, |out| flowtable::write(cx, f, out)),
    });
    objects.chain(sets).chain(flowtables).collect()
}

/// What stands between the braces, its lines joined.
fn properties(kind: &str, name: &Text, write: impl FnOnce(&mut Out)) -> Text {
    let mut out = Out::new();
    write(&mut out);
    let head = "\t ".len() + kind.len() + name.len();
    let body = out.as_bytes().get(head..).unwrap_or_default();
    let body = body.strip_prefix(b" {\n").unwrap_or(body);
    let body = body.strip_suffix(b"\t}\n").unwrap_or(body).trim_ascii();
    let mut line = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, behind)) = rest.split_first() {
        match rest.strip_prefix(b"\n\t\t") {
            Some(next) => {
                line.extend_from_slice(b"; ");
                rest = next;
            }
            None => {
                line.push(byte);
                rest = behind;
            }
        }
    }
    Text::new(line)
}
