//! Who made a table, and what libnftnl reads from the same bytes.

use nfblame::ruleset::Backend;
use nfblame::ruleset::classify::of_rule;
use nfblame_sys::nft::*;

use crate::common::{Netns, kernel_tests};
use crate::world::{EVERY_EXPRESSION, read};
use std::collections::HashMap;

kernel_tests! {
    what_iptables_nft_made_is_told_from_what_nft_made needs ["nft", "iptables-nft", "ip6tables-nft", "arptables-nft", "ebtables-nft"];
    libnftnl_reads_the_same_from_the_same_bytes needs ["nft", "linux 6.1"];
}

fn what_iptables_nft_made_is_told_from_what_nft_made() {
    let ns = Netns::new();
    // No match or target of xtables anywhere: only names, hooks and priorities tell.
    ns.cmd("iptables-nft", &["-P", "INPUT", "DROP"], "");
    ns.cmd("ip6tables-nft", &["-t", "mangle", "-A", "OUTPUT", "-p", "tcp", "-j", "ACCEPT"], "");
    ns.cmd("arptables-nft", &["-A", "INPUT", "--opcode", "1", "-j", "DROP"], "");
    ns.cmd("ebtables-nft", &["-A", "FORWARD", "-p", "arp", "-j", "DROP"], "");
    ns.cmd("iptables-nft", &["-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE"], "");
    ns.cmd("iptables-nft", &["-t", "nat", "-N", "user"], "");
    // The only one of its targets that sets something without an extension.
    ns.cmd("iptables-nft", &["-t", "nat", "-A", "user", "-p", "tcp", "-j", "TRACE"], "");
    ns.nft(
        "table ip filter { chain native { type filter hook input priority 5; policy drop; }; }
         table ip filter { chain INPUT { ct state new accept; }; }
         table ip nat { chain sets { ip saddr { 192.0.2.1, 192.0.2.2 } drop; }; }
         table inet filter { chain INPUT { type filter hook input priority 0; }; }
         table ip6 raw { chain prerouting { type filter hook prerouting priority raw; }; }
         table ip mine { chain INPUT { type filter hook input priority 0; }; }",
    );
    let r = read(&ns);
    let said: Vec<String> = r
        .nft
        .iter()
        .flat_map(|t| {
            let table = format!("{} {}: {}", t.def.family, t.def.name, t.backend.name());
            let chains = t.chains.iter().map(|c| {
                let rules: Vec<_> = c.rules.iter().map(|r| of_rule(c, r).name()).collect();
                format!("  {}: {} [{}]", c.def.name, c.backend.name(), rules.join(" "))
            });
            std::iter::once(table).chain(chains)
        })
        .collect();
    assert_eq!(
        said,
        [
            "ip filter: nft-compat",
            "  INPUT: nft-compat [nft]",
            "  native: nft []",
            "ip6 mangle: nft-compat",
            "  OUTPUT: nft-compat [nft-compat]",
            "arp filter: nft-compat",
            "  INPUT: nft-compat [nft-compat]",
            "bridge filter: nft-compat",
            "  FORWARD: nft-compat [nft-compat]",
            "ip nat: nft-compat",
            "  POSTROUTING: nft-compat [nft-compat]",
            "  user: nft-compat [nft-compat]",
            "  sets: nft [nft]",
            "inet filter: nft",
            "  INPUT: nft []",
            "ip6 raw: nft",
            "  prerouting: nft []",
            "ip mine: nft",
            "  INPUT: nft []",
        ]
    );
    let policy = r.nft[0].chains[0].def.base.as_ref().map(|b| &b.policy);
    assert_eq!((policy, r.nft[0].chains[0].backend), (Some(&Verdict::Drop), Backend::NftCompat));
}

/// What `nft --debug=netlink` says of each rule (by family, table, chain and handle) and of the elements of each set.
fn second_opinion(ns: &Netns) -> (HashMap<String, Vec<String>>, HashMap<String, Vec<String>>) {
    let (mut rules, mut sets) = (HashMap::<_, Vec<String>>::new(), HashMap::<_, Vec<String>>::new());
    let mut rule = String::new();
    let mut set = String::new();
    for line in ns.cmd("nft", &["--debug=netlink", "list", "ruleset"], "").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if line.starts_with("table ") {
            break; // the listing itself
        } else if line.starts_with("  [") {
            rules.entry(rule.clone()).or_default().push(line.trim().to_owned());
        } else if line.starts_with("\telement") {
            let end = line.find("[end]").unwrap_or_else(|| panic!("{line}"));
            // Its spaces are irregular.
            let text = line[..end + 5].trim_start_matches("\telement");
            sets.entry(set.clone()).or_default().push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        } else if let [family, table, name, rest @ ..] = words.as_slice() {
            match (name.strip_prefix('@'), rest) {
                (Some(name), _) => set = format!("{family} {table} {name}"),
                (None, [handle, ..]) => rule = format!("{family} {table} {name} {handle}"),
                _ => {}
            }
        }
    }
    (rules, sets)
}

fn libnftnl_reads_the_same_from_the_same_bytes() {
    let ns = Netns::new();
    ns.nft(EVERY_EXPRESSION);
    let r = read(&ns);
    let (rules, sets) = second_opinion(&ns);
    let (mut exprs, mut elements, mut differ) = (0, 0, Vec::new());
    for t in &r.nft {
        let (family, table) = (t.def.family, &t.def.name);
        for (c, rule) in t.chains.iter().flat_map(|c| c.rules.iter().map(move |r| (c, r))) {
            let name = format!("{family} {table} {} {}", c.def.name, rule.handle);
            let ours: Vec<String> = rule.exprs.iter().map(crate::libnftnl::expr).collect();
            if rules.get(&name) != Some(&ours) {
                differ.push(format!("{name}: {:?} != {ours:?}", rules.get(&name)));
            }
            exprs += ours.len();
        }
        for s in &t.sets {
            let name = format!("{family} {table} {}", s.def.name);
            let join = |e: &Element| crate::libnftnl::element(e).split_whitespace().collect::<Vec<_>>().join(" ");
            let mut ours: Vec<String> = s.elements.iter().map(join).collect();
            let mut theirs = sets.get(&name).cloned().unwrap_or_default();
            // nft sorts what it lists.
            ours.sort_unstable();
            theirs.sort_unstable();
            if theirs != ours {
                differ.push(format!("{name}: {theirs:?} != {ours:?}"));
            }
            elements += ours.len();
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(exprs > 400 && elements > 40, "{exprs} expressions, {elements} elements");
}
