//! Rulesets in the words of the tools.

use std::error::Error;
use std::io::{self, BufWriter, Write};

use nfblame::listing::Selector;
use nfblame::ruleset::render::{Out, ipset, iptables, nft};
use nfblame::ruleset::{Backend, RuleTexts, RuleWriter, Ruleset};
use nfblame::sys::ipset::{Event, Ipset};
use nfblame::sys::netlink::{Client, Family as Netlink};
use nfblame::sys::{nft as wire, xt};

use super::{Args, Form, Which, tell_problems};
use crate::cli::args::Global;

/// How much is collected before it is written.
const CHUNK: usize = 64 << 10;

/// Prints what the tool would.
pub fn print(global: &Global, args: &Args, form: Form) -> Result<(), Box<dyn Error>> {
    // As it is, not through what would take escapes out of it.
    let mut out = BufWriter::with_capacity(CHUNK, io::stdout().lock());
    let selector = args.selector();
    match form {
        Form::Nft => {
            let options = nft::Options {
                handles: args.handle,
                stateless: args.stateless,
                terse: args.terse,
                numeric: global.numeric,
            };
            let mut rules = Ruleset::default();
            let names = nft::System::new();
            let texts = read_nft(&mut rules, wire::Family::Unspec, &nft::Lines::new(options, &names))?;
            selector.apply(&mut rules)?;
            nft::ruleset_of_texts(&rules, &texts, options, &names, &mut out)?;
            tell_problems(&rules);
        }
        Form::IptablesSave => xtables(args, &selector, xt::Family::Ip, &mut out)?,
        Form::Ip6tablesSave => xtables(args, &selector, xt::Family::Ip6, &mut out)?,
        Form::ArptablesSave => xtables(args, &selector, xt::Family::Arp, &mut out)?,
        Form::IpsetSave => ipsets(&args.tables, &mut out)?,
    }
    Ok(out.flush()?)
}

fn read_nft(
    rules: &mut Ruleset,
    family: wire::Family,
    writer: &(impl RuleWriter + Sync),
) -> Result<RuleTexts, nfblame::sys::Error> {
    if !wire::is_present() {
        return Ok(RuleTexts::default());
    }
    rules.read_nft_as_text(&mut Client::open(Netlink::Netfilter)?, family, writer)
}

fn xtables(args: &Args, selector: &Selector, family: xt::Family, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut rules = Ruleset::default();
    rules.read_ipset_names();
    let ipsets = std::mem::take(&mut rules.ipsets);
    let with_counters = args.count.is_some();
    let mut texts = RuleTexts::default();
    let which = match args.backend {
        Some(Which::Legacy) => Which::Legacy,
        wanted => {
            texts = read_nft(&mut rules, family.nfproto().into(), &iptables::CompatLines::new(with_counters, &ipsets))?;
            let made = rules.nft.iter().any(|t| t.backend == Backend::NftCompat);
            match wanted {
                None if !made => Which::Legacy,
                _ => Which::Nft,
            }
        }
    };
    let mut text = Out::new();
    let mut put = |text: &mut Out| {
        let written = out.write_all(text.as_bytes());
        text.truncate(0);
        written
    };
    match which {
        Which::Legacy => {
            rules.nft.clear();
            rules.read_legacy();
            rules.xt.retain(|t| t.family() == family);
            selector.apply(&mut rules)?;
            for table in &rules.xt {
                iptables::legacy_table(table, with_counters, &ipsets, &mut text);
                put(&mut text)?;
            }
        }
        Which::Nft => {
            selector.apply(&mut rules)?;
            rules.nft.sort_by_key(iptables::table_order);
            for table in &rules.nft {
                iptables::compat_table_of_texts(table, &texts, &mut text);
                put(&mut text)?;
            }
        }
    }
    tell_problems(&rules);
    Ok(())
}

/// Streams: sets may have millions of elements.
fn ipsets(wanted: &[String], out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let Some(mut kernel) = Ipset::open()? else { return Ok(()) };
    let mut text = Out::new();
    let mut found = vec![false; wanted.len()];
    let mut failed = None;
    let mut is_wanted = |name: &nfblame::sys::Text| {
        let at = wanted.iter().position(|w| w.as_bytes() == name.as_bytes());
        if let Some(found) = at.and_then(|at| found.get_mut(at)) {
            *found = true;
        }
        wanted.is_empty() || at.is_some()
    };
    kernel.stream(|event| {
        match event {
            Event::Set(header) if is_wanted(&header.name) => ipset::create(&header, &mut text),
            Event::Member(header, member) if is_wanted(&header.name) => ipset::add(header, &member, &mut text),
            _ => {}
        }
        if text.len() >= CHUNK && failed.is_none() {
            failed = out.write_all(text.as_bytes()).err();
            text.truncate(0);
        }
    })?;
    if let Some(e) = failed {
        return Err(e.into());
    }
    out.write_all(text.as_bytes())?;
    match wanted.iter().zip(found).find(|(_, found)| !found) {
        Some((name, _)) => Err(format!("no ipset {name:?} in this network namespace").into()),
        None => Ok(()),
    }
}
