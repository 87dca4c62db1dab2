//! Tracing: what `watch --trace` needs.

use nix::unistd::{AccessFlags, access};
use std::path::Path;

use super::feature::{Feature, Part, State};
use super::log::NFNETLINK_LOG;
use super::rules::NF_TABLES;
use crate::evidence::{legacy, logger};
use crate::ruleset::Ruleset;
use crate::sys::netlink::{Client, Family as Netlink};
use crate::sys::nft::expr::{Immediate, MetaKey, MetaSet};
use crate::sys::nft::write::{Batch, Place};
use crate::sys::nft::{BaseChain, Chain, Family, Hook, Reg, Rule, Table, TableFlags};
use crate::sys::{Error, Result, nflog, ns, xt};

/// Tables of a socket came in 5.12.
const OWNED: Part = Part { config: "CONFIG_NF_TABLES_INET, of Linux 5.12 or later", ..NF_TABLES };

/// Tracing of both kinds.
pub fn all(rules: Option<&Ruleset>) -> Vec<Feature> {
    vec![
        Feature::new("nf_tables trace", "watch --trace: a table that goes when we go, and switches tracing on")
            .ask(&OWNED, || check().map(|()| String::new())),
        legacy_trace(rules),
    ]
}

/// Has the kernel check what tracing would install, without installing it.
fn check() -> Result<()> {
    // Never made, so its name need not be ours alone.
    let (family, table) = (Family::Inet, "nfblame-doctor");
    let chain = "prerouting";
    let base = BaseChain::filter(Hook::Prerouting, i32::MIN);
    let exprs = vec![Immediate::data(Reg::R1, [1]).into(), MetaSet::store(MetaKey::Nftrace).into()];
    let mut batch = Batch::new(None);
    batch
        .add_table(&Table::new(family, table, TableFlags::OWNER))
        .add_chain(&Chain::new(family, table, chain, Some(base)))
        .add_rule(&Rule::new(family, table, chain, exprs), Place::Append);
    batch.check(&mut Client::open(Netlink::Netfilter)?).map_err(|mut e| e.errors.swap_remove(0))
}

/// The records of legacy tables come to NFLOG group 0 once the family's logger is nfnetlink_log.
fn legacy_trace(rules: Option<&Ruleset>) -> Feature {
    let feature = Feature::new("legacy trace", "watch --trace in the legacy tables, through NFLOG group 0");
    let tables = rules.map(|r| r.xt.iter().filter(|t| t.family() != xt::Family::Arp).count());
    let feature = match tables {
        Some(0) | None => feature.optional(),
        Some(_) => feature,
    };
    if let Some(h) = nflog::holders().unwrap_or_default().iter().find(|h| h.group == legacy::GROUP) {
        return feature.no(format!("group 0 is held by {h}"), "stop that program while nfblame traces");
    }
    let feature = feature.ask(&NFNETLINK_LOG, || Ok(String::new()));
    if feature.state != State::Works {
        return feature;
    }
    for (family, listed) in [(2, "ip_tables_names"), (10, "ip6_tables_names")] {
        let setting = format!("/proc/sys/net/netfilter/nf_log/{family}");
        if ns::proc_net(listed).exists() && access(setting.as_str(), AccessFlags::W_OK).is_err() {
            let reason = format!("net.netfilter.nf_log.{family} cannot be set");
            return feature.no(reason, "run as root of the network namespace, with /proc/sys writable");
        }
    }
    match can_note() {
        Ok(()) => feature,
        Err(e) => {
            feature.no(e.to_string(), format!("make {} writable: what is changed is noted there first", logger::NOTES))
        }
    }
}

fn can_note() -> Result<()> {
    let notes = Path::new(logger::NOTES);
    let place = if notes.exists() { notes } else { notes.parent().unwrap_or(notes) };
    access(place, AccessFlags::W_OK).map_err(|e| Error::os("write to", place.display().to_string(), e))
}
