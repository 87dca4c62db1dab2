//! Reading the rulesets of a network namespace.

mod contents;
mod index;
mod portions;
mod share;
mod tally;
mod texts;

use super::ipset::IpSets;
use super::nft::{Chain, Table};
use super::render::nft::View;
use super::{Problem, Ruleset};
use crate::sys::netlink::{Client, Family as Netlink, Transport};
use crate::sys::nft::{self, ChainFlags, Dumper, Family, Rule};
use crate::sys::{Error, hook, xt};
use index::{Index, Places};
use portions::Portion;
use share::Jobs;
use tally::Tally;
use texts::{Batch, Part};

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
            for _ in 0..TRIES {
                ruleset = Self::default();
                ruleset.read_nft(&mut client)?;
                ruleset.read_legacy();
                // What never stands still is not tried as often again.
                let torn = ruleset.problems.iter().any(|p| p.torn);
                if ruleset.read_registered(&mut client) || torn {
                    break;
                }
            }
        } else {
            ruleset.read_legacy();
            // What is present has its transport loaded; where nothing can be loaded, that may be missing.
            if let Some(mut client) = hook::is_present().then(|| Client::open(Netlink::Netfilter).ok()).flatten() {
                ruleset.read_registered(&mut client);
            }
        }
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

    pub(super) fn problem(&mut self, object: String, error: &Error) {
        self.problems.push(Problem { object, message: error.to_string(), torn: false });
    }

    /// Reads the tables of nf_tables over `client`, in place of those read before.
    ///
    /// # Errors
    /// When not even the tables could be listed: without `CAP_NET_ADMIN`, for instance. Any later refusal is a
    /// [`Problem`].
    pub fn read_nft<T: Transport + Send>(&mut self, client: &mut Client<T>) -> Result<(), Error> {
        self.read_nft_family(client, Family::Unspec)
    }

    /// Reads the tables of one family of nf_tables ([`Family::Unspec`]: of all) over `client`, in place of those read
    /// before.
    ///
    /// # Errors
    /// Those of [`read_nft`](Self::read_nft).
    pub fn read_nft_family<T: Transport + Send>(
        &mut self,
        client: &mut Client<T>,
        family: Family,
    ) -> Result<(), Error> {
        let kept = self.read_whole(client, family, |tables, rules| {
            let room = |at: (usize, usize)| {
                let chain = tables.get(at.0).and_then(|t| t.chains.get(at.1));
                Vec::with_capacity(chain.map_or(0, |c| c.def.uses.min(1 << 16) as usize))
            };
            let mut kept: Vec<((usize, usize), Vec<Rule>)> = Vec::new();
            rules.each(tables, |at, rule| match kept.last_mut() {
                Some((last, rules)) if *last == at => rules.push(rule),
                _ => {
                    let mut rules = room(at);
                    rules.push(rule);
                    kept.push((at, rules));
                }
            });
            kept
        })?;
        for ((table, chain), rules) in kept.into_iter().flatten() {
            if let Some(chain) = self.nft.get_mut(table).and_then(|t| t.chains.get_mut(chain)) {
                match chain.rules.is_empty() {
                    true => chain.rules = rules,
                    false => chain.rules.extend(rules),
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
    pub fn read_nft_as_text<T: Transport + Send>(
        &mut self,
        client: &mut Client<T>,
        family: Family,
        writer: &(impl RuleWriter + Sync),
    ) -> Result<RuleTexts, Error> {
        let parts = self.read_whole(client, family, |tables, rules| {
            let views: Vec<View<'_>> = tables.iter().map(View::new).collect();
            let mut texts = Part::default();
            let mut batch = Batch::default();
            rules.each(tables, |at, rule| batch.take(at, rule, &views, writer, &mut texts));
            batch.write(&views, writer, &mut texts);
            texts
        })?;
        Ok(RuleTexts::new(parts))
    }

    /// Tries until an attempt is of one generation. In each, `with_rules` is called by each reader, with the tables but
    /// for their rules.
    fn read_whole<T: Transport + Send, V: Send>(
        &mut self,
        client: &mut Client<T>,
        family: Family,
        with_rules: impl Fn(&[Table], &mut Rules<'_, '_, T>) -> V + Sync,
    ) -> Result<Vec<V>, Error> {
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
    fn new<T: Transport + Send, V: Send>(
        client: &mut Client<T>,
        family: Family,
        with_rules: impl Fn(&[Table], &mut Rules<'_, '_, T>) -> V + Sync,
    ) -> Result<(Self, Vec<V>), Error> {
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
        let vanished = contents::read(&mut dumper, &mut tables, &mut refused);
        let mut tally = Tally::new(&tables);
        let portions = portions::of(&tables);
        let parts = share::read(&mut dumper, &portions, portions::are_worth_sharing(&portions), |dumper, portions| {
            let (refused, tally) = (Refused::default(), Tally::empty(&tables));
            let mut rules = Rules { dumper, portions, places: &places, refused, tally, strays: 0 };
            (with_rules(&tables, &mut rules), rules.refused, rules.tally, rules.strays)
        });
        let mut made = Vec::new();
        for (v, r, t, s) in parts {
            made.push(v);
            refused.join(r);
            tally.join(t);
            strays += s;
        }
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

/// The rules of an attempt, on their way to one reader.
struct Rules<'a, 'c, T: Transport> {
    dumper: &'a mut Dumper<'c, T>,
    portions: &'a Jobs<'a, Portion<'a>>,
    places: &'a Places,
    refused: Refused,
    tally: Tally,
    strays: usize,
}

impl<T: Transport> Rules<'_, '_, T> {
    /// Reads this reader's share, and hands each over with the indices of its table and chain: all of a chain in order, one
    /// chain after the other. Those of chains that belong to a rule are in the tables already.
    fn each(&mut self, tables: &[Table], mut take: impl FnMut((usize, usize), Rule)) {
        let Self { dumper, portions, places, refused, tally, strays } = self;
        let mut last = None;
        while let Some(portion) = portions.next() {
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
    fn join(&mut self, other: Self) {
        let news: Vec<_> = other.problems.into_iter().filter(|p| !self.problems.contains(p)).collect();
        self.problems.extend(news);
    }

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
