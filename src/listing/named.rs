//! What rules refer to by name: sets, maps, counters and other objects, and ipsets.

use serde::Serialize;

use super::Listing;
use crate::blame::Backend;
use crate::blame::describe::family_name;
use crate::ruleset::render::{self, Out};
use crate::sys::Text;

/// A set, map, object or ipset, without its elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The backend that holds it; none for an ipset, which belongs to no table.
    pub backend: Option<Backend>,
    /// The table's family.
    pub family: Option<&'static str>,
    /// The table.
    pub table_name: Option<String>,
    /// What it is: `set`, `map`, `ipset`, `flowtable`, `counter`, `quota` …
    pub kind: String,
    /// Its name.
    pub object_name: String,
    /// Its handle in nf_tables.
    pub handle: Option<u64>,
    /// Its properties in the words of nft or ipset.
    pub text: String,
    /// How many elements it has; none for what has no elements.
    #[serde(rename = "element_count")]
    pub len: Option<usize>,
    #[serde(skip)]
    at: At,
}

/// Where its elements are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    Nft(usize, Text),
    Ipset(Text),
}

impl Named {
    /// What people call it: `inet fw set allowed`.
    pub fn name(&self) -> String {
        let parts = [self.family, self.table_name.as_deref(), Some(&self.kind), Some(&self.object_name)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl Listing<'_> {
    /// Everything that has a name and is no chain.
    pub fn named(&self) -> Vec<Named> {
        let mut all = Vec::new();
        for (t, table) in self.rules.nft.iter().enumerate() {
            all.extend(self.lines.named(t).into_iter().map(|n| Named {
                backend: Some(table.backend),
                family: Some(family_name(table.def.family)),
                table_name: Some(table.def.name.to_string()),
                kind: n.kind,
                object_name: n.name.to_string(),
                handle: Some(n.handle),
                text: n.properties.defanged(),
                len: n.len,
                at: At::Nft(t, n.name.clone()),
            }));
        }
        if self.ipsets {
            all.extend(self.rules.ipsets.iter().map(|set| {
                let name = &set.header().name;
                let mut out = Out::new();
                render::ipset::create(set.header(), &mut out);
                Named {
                    backend: None,
                    family: None,
                    table_name: None,
                    kind: "ipset".into(),
                    object_name: name.to_string(),
                    handle: None,
                    text: behind("create", name, out),
                    len: Some(set.members().len()),
                    at: At::Ipset(name.clone()),
                }
            }));
        }
        all
    }

    /// The elements of one, as nft or ipset lists them.
    pub fn elements(&self, of: &Named) -> Vec<String> {
        match &of.at {
            At::Nft(..) if of.len.is_none() => Vec::new(),
            At::Nft(table, set) => self.lines.full_elements(*table, set),
            At::Ipset(name) => {
                let Some(set) = self.rules.ipsets.by_name(name.as_bytes()) else { return Vec::new() };
                let text = |member| {
                    let mut out = Out::new();
                    render::ipset::add(set.header(), member, &mut out);
                    behind("add", name, out)
                };
                set.members().iter().map(text).collect()
            }
        }
    }
}

/// What stands behind `create NAME` or `add NAME`.
fn behind(command: &str, name: &Text, line: Out) -> String {
    let start = command.len() + name.len() + 2;
    Text::new(line.as_bytes().get(start..).unwrap_or_default().trim_ascii_end()).defanged()
}
