//! What rules are written with: the elements of sets, and the chains that belong to rules.

use nix::errno::Errno;

use super::{Refused, is_bound, share};
use crate::ruleset::nft::Table;
use crate::sys::netlink::Transport;
use crate::sys::nft::{Dumper, Element, Rule, RulesOf};

/// From how many sets on two sockets are faster than one.
const MANY: usize = 32;

/// By the indices of its table, and of itself there.
enum Job {
    Set(usize, usize),
    Chain(usize, usize),
}

enum Content {
    Elements(usize, usize, Vec<Element>),
    Rules(usize, usize, Vec<Rule>),
}

/// What one reader has read.
#[derive(Default)]
struct Share {
    contents: Vec<Content>,
    refused: Refused,
    vanished: bool,
}

/// Reads them into their tables. Says whether one of them has vanished.
pub(super) fn read<T: Transport + Send>(
    dumper: &mut Dumper<'_, T>,
    tables: &mut [Table],
    refused: &mut Refused,
) -> bool {
    let mut jobs = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        jobs.extend((0..table.sets.len()).map(|set| Job::Set(at, set)));
        let bound = table.chains.iter().enumerate().filter(|(_, c)| is_bound(c));
        jobs.extend(bound.map(|(chain, _)| Job::Chain(at, chain)));
    }
    let shares = share::read(dumper, &jobs, jobs.len() >= MANY, |dumper, jobs| {
        let mut share = Share::default();
        while let Some(job) = jobs.next() {
            share.read(dumper, tables, job);
        }
        share
    });
    let mut vanished = false;
    for share in shares {
        refused.join(share.refused);
        vanished |= share.vanished;
        for content in share.contents {
            match content {
                Content::Elements(table, set, elements) => {
                    let set = tables.get_mut(table).and_then(|t| t.sets.get_mut(set));
                    _ = set.map(|s| s.elements = elements);
                }
                Content::Rules(table, chain, rules) => {
                    let chain = tables.get_mut(table).and_then(|t| t.chains.get_mut(chain));
                    _ = chain.map(|c| c.rules = rules);
                }
            }
        }
    }
    vanished
}

impl Share {
    fn read<T: Transport>(&mut self, dumper: &mut Dumper<'_, T>, tables: &[Table], job: &Job) {
        let (Job::Set(at, _) | Job::Chain(at, _)) = *job;
        let Some(Table { def, sets, chains, .. }) = tables.get(at) else { return };
        match *job {
            Job::Set(_, set) => {
                let Some(name) = sets.get(set).map(|s| &s.def.name) else { return };
                let mut elements = Vec::new();
                let read = dumper.elements(def.family, &def.name, name, |portion| {
                    if elements.is_empty() {
                        elements = portion.elements;
                    } else {
                        elements.extend(portion.elements);
                    }
                });
                match read {
                    Err(e) if e.errno() == Some(Errno::ENOENT as i32) => self.vanished = true,
                    read => {
                        self.refused.note(&format!("elements of set {name} of table {}", def.name), def.family, read)
                    }
                }
                self.contents.push(Content::Elements(at, set, elements));
            }
            Job::Chain(_, chain) => {
                let Some(name) = chains.get(chain).map(|c| &c.def.name) else { return };
                let mut rules = Vec::new();
                let read = dumper.rules(def.family, RulesOf::Chain(&def.name, name), |r| rules.push(r));
                self.refused.note("rules", def.family, read);
                self.contents.push(Content::Rules(at, chain, rules));
            }
        }
    }
}
