//! Reading the rulesets of a network namespace.

mod index;
mod portions;
mod tally;
mod texts;

use nix::errno::Errno;

use super::ipset::IpSets;
use super::nft::{Chain, Set, Table};
use super::render::nft::View;
use super::{Problem, Ruleset};
use crate::sys::netlink::{Client, Family as Netlink, Transport};
use crate::sys::nft::{self, ChainFlags, Dumper, Family, Rule, RulesOf};
use crate::sys::{Error, xt};
use index::{Index, Places};
use tally::Tally;
use texts::Batch;

pub use texts::{RuleTexts, RuleWriter};

/// How often a reading that met a change is begun again before it is kept, labelled as torn.
const TRIES: u32 = 8;

impl Ruleset {
    /// Reads all rulesets of the calling thread's network namespace. Changes nothing and loads no module.
    ///
    /// What could not be read, or only while it changed, is named in [`problems`](Self::problems).
    ///
    /// # Errors
    /// Without `CAP_NET_ADMIN` in the namespace.
    pub fn read() -> Result<Self, Error> {
        let mut ruleset = Self::default();
        if nft::is_present() {
            let mut client = Client::open(Netlink::Netfilter)?;
            ruleset.read_nft(&mut client)?;
        }
        ruleset.read_legacy();
        ruleset.read_ipsets();
        Ok(ruleset)
    }

    /// Reads the legacy tables that exist, in place of those read before. The kernel numbers no generations of them and
    /// announces no changes: whoever needs the present ones reads again.
    pub fn read_legacy(&mut self) {
        self.xt.clear();
        for family in [xt::Family::Ip, xt::Family::Ip6, xt::Family::Arp] {
            match xt::Legacy::open(family).and_then(|l| l.tables()) {
                Ok(tables) => self.xt.extend(tables),
                Err(e) => self.problem(format!("legacy {family:?} tables"), &e),
            }
        }
    }

    /// Reads the ipsets, in place of those read before.
    pub fn read_ipsets(&mut self) {
        self.take_ipsets(crate::sys::ipset::read());
    }

    /// Reads what rules need to know of the ipsets to be rendered: their names.
    pub fn read_ipset_names(&mut self) {
        self.take_ipsets(crate::sys::ipset::read_headers());
    }

    fn take_ipsets(&mut self, read: Result<Option<Vec<crate::sys::ipset::Set>>, Error>) {
        match read {
            Ok(sets) => self.ipsets = IpSets::new(sets.unwrap_or_default()),
            Err(e) => self.problem("ipsets".into(), &e),
        }
    }

    fn problem(&mut self, object: String, error: &Error) {
        self.problems.push(Problem { object, message: error.to_string(), torn: false });
    }

    /// Reads the tables of nf_tables over `client`, in place of those read before.
    ///
    /// # Errors
    /// When not even the tables could be listed: without `CAP_NET_ADMIN`, for instance. Any later refusal is a
    /// [`Problem`].
    pub fn read_nft<T: Transport>(&mut self, client: &mut Client<T>) -> Result<(), Error> {
        self.read_nft_family(client, Family::Unspec)
    }

    /// Reads the tables of one family of nf_tables ([`Family::Unspec`]: of all) over `client`, in place of those read
    /// before.
    ///
    /// # Errors
    /// Those of [`read_nft`](Self::read_nft).
    pub fn read_nft_family<T: Transport>(&mut self, client: &mut Client<T>, family: Family) -> Result<(), Error> {
        let kept = self.read_whole(client, family, |tables, rules| {
            let room = |c: &Chain| Vec::with_capacity(c.def.uses.min(1 << 16) as usize);
            let mut kept: Vec<Vec<Vec<_>>> = tables.iter().map(|t| t.chains.iter().map(room).collect()).collect();
            rules.each(tables, |(table, chain), rule| {
                if let Some(chain) = kept.get_mut(table).and_then(|t| t.get_mut(chain)) {
                    chain.push(rule);
                }
            });
            kept
        })?;
        for (table, kept) in self.nft.iter_mut().zip(kept) {
            for (chain, kept) in table.chains.iter_mut().zip(kept) {
                if !is_bound(chain) {
                    chain.rules = kept;
                }
            }
        }
        Ok(())
    }

    /// Reads the same, but keeps of the rules only what `writer` makes of them: a listing needs but a tenth of the
    /// memory.
    ///
    /// # Errors
    /// Those of [`read_nft`](Self::read_nft).
    pub fn read_nft_as_text<T: Transport>(
        &mut self,
        client: &mut Client<T>,
        family: Family,
        writer: &impl RuleWriter,
    ) -> Result<RuleTexts, Error> {
        self.read_whole(client, family, |tables, rules| {
            let views: Vec<View<'_>> = tables.iter().map(View::new).collect();
            let mut texts = RuleTexts::default();
            let mut batch = Batch::default();
            rules.each(tables, |at, rule| batch.take(at, rule, &views, writer, &mut texts));
            batch.write(&views, writer, &mut texts);
            texts
        })
    }

    /// Tries until an attempt is of one generation. `with_rules` is called once in each, with the tables but for their
    /// rules.
    fn read_whole<T: Transport, V>(
        &mut self,
        client: &mut Client<T>,
        family: Family,
        with_rules: impl Fn(&[Table], &mut Rules<'_, '_, T>) -> V,
    ) -> Result<V, Error> {
        let mut tries_left = TRIES;
        loop {
            tries_left -= 1;
            let (reading, made) = Reading::new(client, family, &with_rules)?;
            if !reading.consistent && tries_left > 0 {
                continue;
            }
            self.generation = reading.generation;
            self.nft = reading.tables;
            self.problems.extend(reading.problems);
            if !reading.consistent {
                self.problems.push(Problem {
                    object: "nf_tables".into(),
                    message: format!("changed while it was being read, {TRIES} times in a row"),
                    torn: true,
                });
            }
            return Ok(made);
        }
    }
}

/// The generation of nf_tables in the calling thread's namespace; none where it cannot be told.
pub fn current_generation() -> Option<u32> {
    if !nft::is_present() {
        return None;
    }
    let mut client = Client::open(Netlink::Netfilter).ok()?;
    nft::dump::generation(&mut client).ok().map(|g| g.id)
}

/// One attempt.
struct Reading {
    generation: Option<u32>,
    tables: Vec<Table>,
    problems: Vec<Problem>,
    consistent: bool,
}

impl Reading {
    fn new<T: Transport, V>(
        client: &mut Client<T>,
        family: Family,
        with_rules: impl Fn(&[Table], &mut Rules<'_, '_, T>) -> V,
    ) -> Result<(Self, V), Error> {
        let mut dumper = Dumper::begin(client)?;
        let mut index = Index::default();
        dumper.tables(family, |t| index.add_table(t))?;

        let mut families: Vec<Family> = index.tables().iter().map(|t| t.def.family).collect();
        families.sort_unstable();
        families.dedup();
        let mut refused = Refused::default();
        for &family in &families {
            refused.note("chains", family, dumper.chains(family, |c| index.add_chain(c)));
            refused.note("sets", family, dumper.sets(family, |s| index.add_set(s)));
            refused.note("objects", family, dumper.objects(family, |o| index.add_object(o)));
            refused.note("flowtables", family, dumper.flowtables(family, |f| index.add_flowtable(f)));
        }
        let (mut tables, places, mut strays) = index.into_parts();
        let mut vanished = false;
        for table in &mut tables {
            let (family, name) = (table.def.family, &table.def.name);
            for set in &mut table.sets {
                let Set { def, elements } = set;
                let read = dumper.elements(family, name, &def.name, |portion| {
                    if elements.is_empty() {
                        *elements = portion.elements;
                    } else {
                        elements.extend(portion.elements);
                    }
                });
                match read {
                    Err(e) if e.errno() == Some(Errno::ENOENT as i32) => vanished = true,
                    read => refused.note(&format!("elements of set {} of table {name}", def.name), family, read),
                }
            }
            // Rules are written with what the chains that belong to them hold.
            for chain in table.chains.iter_mut().filter(|c| is_bound(c)) {
                let of = RulesOf::Chain(&table.def.name, &chain.def.name);
                let read = dumper.rules(family, of, |r| chain.rules.push(r));
                refused.note("rules", family, read);
            }
        }
        let mut tally = Tally::new(&tables);
        let mut rules =
            Rules { dumper: &mut dumper, places: &places, refused: &mut refused, tally: &mut tally, strays };
        let made = with_rules(&tables, &mut rules);
        strays = rules.strays;
        // A thing whose table, chain or set was not listed came, or went, while we read.
        let consistent = dumper.is_consistent()? && !vanished && strays == 0 && tally.adds_up(&tables);
        let generation = dumper.generation();
        let unreadable = std::mem::take(&mut dumper.unreadable);
        let mut problems = refused.problems;
        problems.extend(unreadable.into_iter().map(|u| Problem {
            object: u.what.into(),
            message: format!("a message of {} bytes {}", u.bytes.len(), u.why),
            torn: false,
        }));
        tally.classify(&mut tables);
        Ok((Self { generation, tables, problems, consistent }, made))
    }
}

/// The rules of an attempt, on their way.
struct Rules<'a, 'c, T: Transport> {
    dumper: &'a mut Dumper<'c, T>,
    places: &'a Places,
    refused: &'a mut Refused,
    tally: &'a mut Tally,
    strays: usize,
}

impl<T: Transport> Rules<'_, '_, T> {
    /// Reads them, and hands each over with the indices of its table and chain: all of a chain in order, one chain after
    /// the other. Those of chains that belong to a rule are in the tables already.
    fn each(&mut self, tables: &[Table], mut take: impl FnMut((usize, usize), Rule)) {
        let Self { dumper, places, refused, tally, strays } = self;
        let mut last = None;
        for portion in portions::of(tables) {
            let read = dumper.rules(portion.family, portion.rules(), |rule| {
                let Some(at) = places.of_rule(&rule, tables, last) else {
                    *strays += 1;
                    return;
                };
                last = Some(at);
                if !tables.get(at.0).and_then(|t| t.chains.get(at.1)).is_some_and(is_bound) {
                    tally.note(at, &rule);
                    take(at, rule);
                }
            });
            refused.note("rules", portion.family, read);
        }
    }
}

/// What could not be read.
#[derive(Default)]
struct Refused {
    problems: Vec<Problem>,
}

impl Refused {
    fn note(&mut self, what: &str, family: Family, read: Result<(), Error>) {
        if let Err(e) = read {
            let (object, message) = (format!("{what} of family {family}"), e.to_string());
            let problem = Problem { object, message, torn: false };
            // One dump of many that ask the same is enough said.
            if self.problems.last() != Some(&problem) {
                self.problems.push(problem);
            }
        }
    }
}

/// Does it belong to a rule?
fn is_bound(chain: &Chain) -> bool {
    chain.def.flags.contains(ChainFlags::BINDING)
}
