//! Rules that the kernel here refuses, read from what nft would have sent: `nft --check --debug=mnl` prints each word.

use nfblame::ruleset::Backend;
use nfblame::ruleset::nft::{Chain, Set, Table};
use nfblame_sys::netlink::Messages;
use nfblame_sys::nft::{Element, Event, Notification, Rule};

use crate::common::Netns;

const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;

/// The last rule of a script with the table it is in, or nothing where nft itself refuses the script.
pub fn rule(ns: &Netns, script: &str) -> Option<(Table, Rule)> {
    let out = ns.try_cmd("nft", &["--check", "--debug=mnl", "-f", "-"], script);
    let (mut table, mut rule) = (None::<Table>, None);
    for message in Messages::new(&messages(&String::from_utf8_lossy(&out.stdout))) {
        let message = message.unwrap();
        match (Notification::decode(&message)?.event, &mut table) {
            (Event::Table(_, def), None) => table = Some(empty(def)),
            (Event::Chain(_, def), Some(t)) => {
                t.chains.push(Chain { def: *def, backend: Backend::Nft, rules: Vec::new() });
            }
            (Event::Set(_, def), Some(t)) => t.sets.push(Set { def: *def, elements: Vec::new() }),
            // nft numbers the elements, which the kernel does not.
            (Event::Elements(..), Some(t)) => {
                let list = message.nfgen().unwrap().1.find(NFTA_SET_ELEM_LIST_ELEMENTS)?;
                t.sets.last_mut()?.elements.extend(list.nested().map(|e| Element::decode(e.unwrap().nested())));
            }
            (Event::Object(_, object), Some(t)) => t.objects.push(*object),
            (Event::Flowtable(_, flowtable), Some(t)) => t.flowtables.push(flowtable),
            (Event::Rule(_, r), _) => rule = Some(*r),
            _ => {}
        }
    }
    Some((table?, rule?))
}

fn empty(def: nfblame_sys::nft::Table) -> Table {
    let (chains, sets, objects, flowtables) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Table { def, backend: Backend::Nft, chains, sets, objects, flowtables }
}

/// The messages about nf_tables that make something new, from a dump with a line for each four bytes.
fn messages(dump: &str) -> Vec<u8> {
    let (mut all, mut message) = (Vec::new(), Vec::new());
    let dump = without_colors(dump);
    for line in dump.lines().chain(["| end |\t| message length |"]) {
        let Some((word, what)) = line.strip_prefix('|').and_then(|l| l.split_once("|\t|")) else { continue };
        let fields: Vec<&str> = word.split([' ', '|']).filter(|f| !f.is_empty()).collect();
        let number = |at: usize| fields[at].parse::<u32>().unwrap();
        match what.split('|').next().unwrap().trim() {
            "message length" => {
                // The kernel's numbers for the messages of nf_tables that carry a new thing.
                if matches!(message.get(4..6), Some([0 | 3 | 6 | 9 | 12 | 18 | 22, 10])) && message.len() > 20 {
                    all.append(&mut message);
                }
                message.clear();
                if word != " end " {
                    message.extend(number(0).to_ne_bytes());
                }
            }
            "type" => message.extend(number(0).to_ne_bytes()),
            "len" => {
                let flags = fields[1].as_bytes();
                let kind = number(2) as u16 | u16::from(flags[0] == b'N') << 15 | u16::from(flags[1] == b'B') << 14;
                message.extend((number(0) as u16).to_ne_bytes());
                message.extend(kind.to_ne_bytes());
            }
            "sequence number" | "port ID" => message.extend(number(0).to_ne_bytes()),
            _ => message.extend(fields.iter().map(|b| u8::from_str_radix(b, 16).unwrap())),
        }
    }
    all
}

fn without_colors(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default();
    parts.fold(first.to_owned(), |all, part| all + part.split_once('m').unwrap_or_default().1)
}
