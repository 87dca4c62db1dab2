//! Reading the rulesets of a network namespace.

mod portions;

use nix::errno::Errno;
use rustc_hash::FxHashMap;

use super::ipset::IpSets;
use super::nft::{Chain, Set, Table};
use super::{Backend, Problem, Ruleset, classify};
use crate::sys::netlink::{Client, Family as Netlink, Transport};
use crate::sys::nft::{self, Dumper, Family};
use crate::sys::{Error, Text, xt};

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
        for tries_left in (0..TRIES).rev() {
            let reading = Reading::new(client, family)?;
            if reading.consistent || tries_left == 0 {
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
                break;
            }
        }
        Ok(())
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
    fn new<T: Transport>(client: &mut Client<T>, family: Family) -> Result<Self, Error> {
        let mut dumper = Dumper::begin(client)?;
        let mut index = Index::default();
        dumper.tables(family, |t| index.add_table(t))?;

        let mut families: Vec<Family> = index.tables.iter().map(|t| t.def.family).collect();
        families.sort_unstable();
        families.dedup();
        let mut refused = Vec::new();
        let mut note = |what: &str, family: Family, read: Result<(), Error>| {
            if let Err(e) = read {
                refused.push(Problem {
                    object: format!("{what} of family {family}"),
                    message: e.to_string(),
                    torn: false,
                });
            }
        };
        for &family in &families {
            note("chains", family, dumper.chains(family, |c| index.add_chain(c)));
            for portion in portions::of(index.tables.iter().filter(|t| t.def.family == family)) {
                note("rules", family, dumper.rules(family, portion.rules(), |r| index.add_rule(r)));
            }
            note("sets", family, dumper.sets(family, |s| index.add_set(s)));
            note("objects", family, dumper.objects(family, |o| index.add_object(o)));
            note("flowtables", family, dumper.flowtables(family, |f| index.add_flowtable(f)));
        }
        let Index { mut tables, strays, .. } = index;
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
                    read => note(&format!("elements of set {} of table {name}", def.name), family, read),
                }
            }
        }
        // A thing whose table, chain or set was not listed came, or went, while we read.
        let consistent = dumper.is_consistent()? && !vanished && strays == 0 && tables.iter().all(adds_up);
        let generation = dumper.generation();
        let unreadable = std::mem::take(&mut dumper.unreadable);
        refused.extend(unreadable.into_iter().map(|u| Problem {
            object: u.what.into(),
            message: format!("a message of {} bytes {}", u.bytes.len(), u.why),
            torn: false,
        }));
        tables.iter_mut().for_each(classify::classify);
        Ok(Self { generation, tables, problems: refused, consistent })
    }
}

/// Does each chain hold as many rules as the kernel counted uses of it, beside the jumps to it?
///
/// The kernel announces a new generation a moment before it switches to it, so that neither the generation nor the
/// dump's own mark betrays a reading that falls into that moment.
fn adds_up(table: &Table) -> bool {
    let mut jumps: FxHashMap<&Text, usize> = FxHashMap::default();
    let verdicts = |v: Option<&nft::Verdict>| v.and_then(nft::Verdict::chain).cloned();
    let in_rules = table.chains.iter().flat_map(|c| &c.rules).flat_map(|r| &r.exprs).filter_map(|e| match e {
        nft::Expr::Immediate(i) => verdicts(i.verdict()),
        _ => None,
    });
    let in_sets = table.sets.iter().flat_map(|s| &s.elements).filter_map(|e| verdicts(e.value.as_ref()?.verdict()));
    let named: Vec<Text> = in_rules.chain(in_sets).collect();
    for to in &named {
        *jumps.entry(to).or_default() += 1;
    }
    table.chains.iter().all(|c| {
        let jumps = jumps.get(&c.def.name).copied().unwrap_or(0);
        // A chain that belongs to a rule is counted in its own way.
        c.def.flags.contains(nft::ChainFlags::BINDING) || c.rules.len() + jumps == c.def.uses as usize
    })
}

/// Puts each thing where it belongs. The kernel lists things table by table and rules chain by chain, so what
/// comes next is nearly always where the last one was.
#[derive(Default)]
struct Index {
    tables: Vec<Table>,
    by_name: FxHashMap<(Family, Text), usize>,
    chains: FxHashMap<(usize, Text), usize>,
    last: Option<(usize, usize)>,
    strays: usize,
}

impl Index {
    fn add_table(&mut self, def: nft::Table) {
        self.by_name.insert((def.family, def.name.clone()), self.tables.len());
        self.tables.push(Table {
            def,
            backend: Backend::Nft,
            chains: Vec::new(),
            sets: Vec::new(),
            objects: Vec::new(),
            flowtables: Vec::new(),
        });
    }

    fn table(&mut self, family: Family, name: &Text) -> Option<(usize, &mut Table)> {
        let i = *self.by_name.get(&(family, name.clone()))?;
        self.tables.get_mut(i).map(|t| (i, t))
    }

    fn add_chain(&mut self, def: nft::Chain) {
        let Some((i, table)) = self.table(def.family, &def.table) else {
            self.strays += 1;
            return;
        };
        let (name, at) = (def.name.clone(), table.chains.len());
        // What refers to a chain is mostly its own rules.
        let rules = Vec::with_capacity(def.uses.min(1 << 16) as usize);
        table.chains.push(Chain { def, backend: Backend::Nft, rules });
        self.chains.insert((i, name), at);
    }

    fn add_rule(&mut self, rule: nft::Rule) {
        let last = self.last.and_then(|(t, c)| self.tables.get(t)?.chains.get(c));
        let here =
            last.is_some_and(|c| c.def.name == rule.chain && c.def.table == rule.table && c.def.family == rule.family);
        if !here {
            let table = self.table(rule.family, &rule.table).map(|(i, _)| i);
            self.last = table.and_then(|t| Some((t, *self.chains.get(&(t, rule.chain.clone()))?)));
        }
        match self.last.and_then(|(t, c)| self.tables.get_mut(t)?.chains.get_mut(c)) {
            Some(chain) => chain.rules.push(rule),
            None => self.strays += 1,
        }
    }

    fn add_set(&mut self, def: nft::Set) {
        match self.table(def.family, &def.table) {
            Some((_, table)) => table.sets.push(Set { def, elements: Vec::new() }),
            None => self.strays += 1,
        }
    }

    fn add_object(&mut self, object: nft::Object) {
        match self.table(object.family, &object.table) {
            Some((_, table)) => table.objects.push(object),
            None => self.strays += 1,
        }
    }

    fn add_flowtable(&mut self, flowtable: nft::Flowtable) {
        match self.table(flowtable.family, &flowtable.table) {
            Some((_, table)) => table.flowtables.push(flowtable),
            None => self.strays += 1,
        }
    }
}
