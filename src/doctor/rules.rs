//! Reading the rulesets.

use nix::errno::Errno;

use super::feature::{Feature, Part, count};
use crate::ruleset::hooks::Registered;
use crate::sys::ipset::Ipset;
use crate::sys::netlink::{Client, Family as Netlink};
use crate::sys::nft::{self, Dumper};
use crate::sys::xt::{Family, Legacy};
use crate::sys::{Error, Result, Text, rt};

/// nf_tables.
pub const NF_TABLES: Part = Part { module: "nf_tables", symbol: "nf_tables_newrule", config: "CONFIG_NF_TABLES" };
const NFT_COMPAT: Part = Part { module: "nft_compat", symbol: "nft_match_validate", config: "CONFIG_NFT_COMPAT" };
const IP_SET: Part = Part { module: "ip_set", symbol: "ip_set_create", config: "CONFIG_IP_SET" };

const NFNETLINK_HOOK: Part = Part {
    module: "nfnetlink_hook",
    symbol: "nfnl_hook_dump_one",
    config: "CONFIG_NETFILTER_NETLINK_HOOK, of Linux 5.14 or later",
};

/// The backends that rules may be in.
pub fn all() -> Vec<Feature> {
    vec![
        Feature::new("nf_tables", "native nft rules, and the rules of iptables-nft").ask(&NF_TABLES, nf_tables),
        // Nothing is asked: the kernel would look the extension up by loading it.
        Feature::new("nft_compat", "matches and targets of iptables-nft rules").ask(&NFT_COMPAT, || Ok(String::new())),
        legacy(Family::Ip, "legacy ip tables", "iptables-legacy rules", IP_TABLES),
        legacy(Family::Ip6, "legacy ip6 tables", "ip6tables-legacy rules", IP6_TABLES),
        legacy(Family::Arp, "legacy arp tables", "arptables-legacy rules", ARP_TABLES),
        Feature::new("ipset", "sets that iptables rules refer to").ask(&IP_SET, ipsets),
        Feature::new("hook order", "which of two base chains of equal priority comes first, and foreign hooks")
            .optional()
            .ask(&NFNETLINK_HOOK, registered),
        Feature::new("rtnetlink", "interfaces, addresses, routes").answer(&RTNETLINK, links()),
    ]
}

fn nf_tables() -> Result<String> {
    let mut client = Client::open(Netlink::Netfilter)?;
    let generation = nft::dump::generation(&mut client)?.id;
    let mut tables = 0;
    Dumper::without_generation(&mut client).tables(nft::Family::Unspec, |_| tables += 1)?;
    Ok(format!("generation {generation}, {}", count(tables, "table")))
}

const IP_TABLES: Part = Part {
    module: "ip_tables",
    symbol: "ipt_do_table",
    config: "CONFIG_IP_NF_IPTABLES_LEGACY (CONFIG_IP_NF_IPTABLES before 6.17)",
};
const IP6_TABLES: Part = Part {
    module: "ip6_tables",
    symbol: "ip6t_do_table",
    config: "CONFIG_IP6_NF_IPTABLES_LEGACY (CONFIG_IP6_NF_IPTABLES before 6.17)",
};
const ARP_TABLES: Part = Part {
    module: "arp_tables",
    symbol: "arpt_do_table",
    config: "CONFIG_NETFILTER_XTABLES_LEGACY and CONFIG_IP_NF_ARPTABLES",
};

/// A kernel without them shows no list of them, and has no rules there that could be missed.
fn legacy(family: Family, feature: &'static str, purpose: &'static str, part: Part) -> Feature {
    let listed = match family {
        Family::Ip6 => "ip6_tables_names",
        Family::Arp => "arp_tables_names",
        Family::Ip | Family::Bridge => "ip_tables_names",
    };
    let feature = Feature::new(feature, purpose);
    if !crate::sys::ns::proc_net(listed).exists() {
        let reason = format!("{} is not there, so no such rules are either", part.module);
        return feature.optional().no(reason, part.remedy());
    }
    let read = || {
        let tables = Legacy::open(family)?.tables()?;
        let names: Vec<&Text> = tables.iter().map(|t| t.name()).collect();
        Ok(match names.as_slice() {
            [] => "no table has been made".to_owned(),
            names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    };
    feature.answer(&part, read())
}

fn ipsets() -> Result<String> {
    Ok(match Ipset::open()? {
        Some(mut ipset) => format!("protocol {}, {}", ipset.protocol(), count(ipset.headers()?.len(), "set")),
        None => "no sets".to_owned(),
    })
}

/// An answer that there is none to be had is a refusal too.
fn registered() -> Result<String> {
    let mut client = Client::open(Netlink::Netfilter)?;
    let told = Registered::read(&mut client, &[])?;
    let told = told.ok_or_else(|| Error::os("list", "what is registered at the hooks", Errno::EOPNOTSUPP))?;
    Ok(count(told.points().map(|(_, functions)| functions.len()).sum(), "function"))
}

const RTNETLINK: Part = Part { module: "rtnetlink", symbol: "rtnetlink_rcv", config: "CONFIG_NET" };

fn links() -> Result<String> {
    Ok(count(rt::Handle::open()?.links()?.len(), "interface"))
}
