//! `nfblame list`.

mod native;
mod rates;

use std::error::Error;
use std::io::{BufWriter, Write};

use clap::ValueEnum;
use nfblame::evaluate::{Environment, Fact};
use nfblame::host::KernelHost;
use nfblame::listing::{Blockers, Listing, Order, Selector, policies};
use nfblame::report::list as report;
use nfblame::ruleset::Ruleset;

use super::args::Global;
use super::exit::Exit;
use super::output;

/// `nfblame list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these tables: `filter`, `inet filter`; a family alone means all of its tables. With `--as ipset-save`: sets
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
    /// In a tool's own words, byte for byte but without comment lines. What the kernel holds is printed as it is: names
    /// and comments in it may hold what a terminal obeys
    #[arg(long = "as", value_enum, value_name = "TOOL")]
    pub form: Option<Form>,
    /// With --as nft: with handles
    #[arg(short = 'a', long)]
    pub handle: bool,
    /// With --as nft: without counters and other state
    #[arg(short = 's', long)]
    pub stateless: bool,
    /// With --as nft: without the elements of named sets
    #[arg(short = 't', long)]
    pub terse: bool,
    /// With --as iptables-save and its kin: with counters. With --watch: end after N rounds
    #[arg(short = 'c', long = "count", value_name = "N", num_args = 0..=1)]
    pub count: Option<Option<String>>,
    /// With --as iptables-save and its kin: from which tables [default: those of nf_tables where iptables-nft has made
    /// any, else the legacy ones]
    #[arg(long, value_enum, value_name = "WHICH", requires = "form")]
    pub backend: Option<Which>,
    /// Everything that ends packets: rules, policies, elements of verdict maps, queues that nobody reads
    #[arg(long, conflicts_with_all = ["form", "policies"])]
    pub blockers: bool,
    /// The policies of all base chains
    #[arg(long, conflicts_with_all = ["form", "watch"])]
    pub policies: bool,
    /// How fast counters grow, until Ctrl-C or for -c N rounds; with --blockers only theirs
    #[arg(long, conflicts_with = "form")]
    pub watch: bool,
    /// With --watch: the time between two rounds, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, requires = "watch")]
    pub interval: f64,
    /// With --blockers: what comes first
    #[arg(long, value_enum, value_name = "BY", default_value_t = Sort::Packets, requires = "blockers")]
    pub sort: Sort,
}

/// In whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// `nft list ruleset`
    Nft,
    /// `iptables-save`
    IptablesSave,
    /// `ip6tables-save`
    Ip6tablesSave,
    /// `arptables-save`
    ArptablesSave,
    /// `ipset save`
    IpsetSave,
}

/// Which of the two that iptables may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// The legacy tables
    Legacy,
    /// The tables of nf_tables
    Nft,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Most packets
    Packets,
    /// Most bytes
    Bytes,
    /// As they stand in the rulesets
    Place,
}

impl From<Sort> for Order {
    fn from(s: Sort) -> Self {
        match s {
            Sort::Packets => Self::Packets,
            Sort::Bytes => Self::Bytes,
            Sort::Place => Self::Place,
        }
    }
}

impl Args {
    /// The words that name tables. `-c` takes a number only with --watch; else what follows it is a table.
    fn selector(&self) -> Selector {
        let after_c = self.count.as_ref().and_then(Option::as_ref).filter(|_| !self.watch);
        Selector::new(after_c.into_iter().chain(&self.tables))
    }
}

/// Reads and prints.
pub fn run(global: &Global, args: &Args) -> Result<Exit, Box<dyn Error>> {
    if let Some(form) = args.form {
        if global.json {
            return Err("--as prints what that tool would print, which is not JSON: leave out one of them".into());
        }
        native::print(global, args, form)?;
        return Ok(Exit::Nothing);
    }
    if args.watch {
        rates::watch(global, args)?;
        return Ok(Exit::Nothing);
    }
    let mut rules = Ruleset::read()?;
    tell_problems(&rules);
    let selector = args.selector();
    selector.apply(&mut rules)?;
    let mut listing = Listing::new(&rules);
    if !selector.is_empty() {
        listing = listing.without_ipsets();
    }
    let mut out = BufWriter::new(output::stdout(global.color));
    if args.blockers {
        let blockers = Blockers::new(&listing, has_reader()?).find(args.sort.into());
        match global.json {
            true => report::json::blockers(&listing, &blockers, &mut out)?,
            false => report::blockers(&blockers, &mut out)?,
        }
    } else if args.policies {
        let policies = policies(&listing);
        match global.json {
            true => report::json::policies(&listing, &policies, &mut out)?,
            false => report::policies(&policies, &mut out)?,
        }
    } else if global.json {
        report::json::hooks(&listing, &mut out)?;
    } else {
        report::hooks(&listing, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Nothing)
}

/// What is not the whole truth is said where it cannot be taken for data.
fn tell_problems(rules: &Ruleset) {
    for p in &rules.problems {
        eprintln!("nfblame: {}: {}", p.object, p.message);
    }
}

/// Does anybody read that queue?
fn has_reader() -> Result<impl Fn(u16) -> Fact<bool>, Box<dyn Error>> {
    let host = KernelHost::open()?;
    Ok(move |queue| host.queue_has_reader(queue))
}
