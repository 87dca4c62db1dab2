//! Reading real rulesets from the real kernel, against the real tools.

mod common;
mod libnftnl;

use common::{Netns, require};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use nfblame::ruleset::classify::of_rule;
use nfblame::ruleset::{Backend, Ruleset};
use nfblame_sys::Text;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::*;

const EVERY_EXPRESSION: &str = include_str!("rulesets/every-expression.nft");

fn read(ns: &Netns) -> Ruleset {
    ns.run(Ruleset::read).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_expression_is_understood_to_its_last_attribute() {
    if !require(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    ns.nft(EVERY_EXPRESSION);
    let r = read(&ns);
    assert_eq!(r.problems, []);
    for t in &r.nft {
        assert!(t.def.unread.is_empty(), "{:?}", t.def);
        for c in &t.chains {
            assert!(c.def.unread.is_empty(), "{:?}", c.def);
            for rule in &c.rules {
                assert!(rule.is_whole(), "{} {}: {rule:#?}", t.def.name, c.def.name);
            }
        }
        for s in &t.sets {
            assert!(s.def.unread.is_empty(), "{:?}", s.def);
            assert!(s.elements.iter().all(Element::is_whole), "{s:#?}");
        }
        for o in &t.objects {
            assert!(o.unread.is_empty() && !matches!(o.data, None | Some(ObjectData::Unknown { .. })), "{o:#?}");
        }
    }
}

/// Writes the tables of `r` into `ns`. Anonymous sets get their names anew, so rules find them by id.
fn write(ns: &Netns, r: &Ruleset) {
    let mut batch = Batch::new(None);
    for t in &r.nft {
        batch.add_table(&t.def);
        for o in &t.objects {
            batch.add_object(o);
        }
        for c in &t.chains {
            batch.add_chain(&c.def);
        }
        let mut ids = HashMap::new();
        for (id, s) in (1..).zip(&t.sets) {
            let mut def = s.def.clone();
            def.id = Some(id);
            ids.insert(def.name.clone(), id);
            if def.flags.contains(SetFlags::ANONYMOUS) {
                let kind = if def.flags.contains(SetFlags::MAP) { "__map%d" } else { "__set%d" };
                def.name = kind.into();
            }
            batch.add_set(&def);
            let elements = s.elements.clone();
            let (family, table, set) = (def.family, def.table.clone(), def.name.clone());
            batch.add_elements(&Elements { family, table, set, elements, unread: vec![] }, Some(id));
        }
        for c in &t.chains {
            for rule in &c.rules {
                let mut rule = rule.clone();
                rule.exprs.iter_mut().for_each(|e| by_id(e, &ids));
                batch.add_rule(&rule, Place::Append);
            }
        }
    }
    ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())).unwrap_or_else(|e| panic!("{e}"));
}

fn by_id(expr: &mut Expr, ids: &HashMap<Text, u32>) {
    let (set, id) = match expr {
        Expr::Lookup(l) => (&mut l.set, &mut l.set_id),
        Expr::ObjrefMap(o) => (&mut o.set, &mut o.set_id),
        _ => return,
    };
    if set.as_bytes().starts_with(b"__") {
        *id = ids.get(&*set).copied();
        *set = "__by_id".into();
    }
}

#[test]
fn what_is_read_and_written_back_lists_the_same() {
    if !require(&["nft", "iptables-nft"]) {
        return;
    }
    let (a, b) = (Netns::new(), Netns::new());
    // The kernel wants the id of a chain that is bound to its rule, and does not tell it.
    let bound = |line: &&str| !line.contains("jump {");
    a.nft(&EVERY_EXPRESSION.lines().filter(bound).collect::<Vec<_>>().join("\n"));
    for rule in [
        "-A INPUT -p tcp -m tcp --dport 22 --tcp-flags SYN,RST SYN -m conntrack --ctstate NEW -j LOG --log-prefix p",
        "-A INPUT ! -p udp -m comment --comment why -j REJECT --reject-with icmp-host-prohibited",
        "-t nat -A PREROUTING -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 192.0.2.1:8080",
        "-t mangle -A OUTPUT -m owner --uid-owner 7 -j MARK --set-xmark 0x7/0xff",
    ] {
        a.cmd("iptables-nft", &rule.split(' ').collect::<Vec<_>>(), "");
    }
    write(&b, &read(&a));
    let save = |ns: &Netns| {
        let text = ns.cmd("iptables-nft-save", &[], "");
        text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(save(&a), save(&b));
    // Time goes by between the two: an element's rest of life is cut off.
    let list = |ns: &Netns| -> Vec<String> {
        let text = ns.cmd("nft", &["list", "ruleset"], "");
        text.lines().map(|l| l.split(" expires ").next().unwrap_or(l).to_owned()).collect()
    };
    let (listed, again) = (list(&a), list(&b));
    assert!(listed.len() > 600, "{} lines", listed.len());
    for (a, b) in listed.iter().zip(&again) {
        assert_eq!(a, b);
    }
    assert_eq!(listed.len(), again.len());
}

#[test]
fn what_iptables_nft_made_is_told_from_what_nft_made() {
    if !require(&["nft", "iptables-nft", "ip6tables-nft", "arptables-nft", "ebtables-nft"]) {
        return;
    }
    let ns = Netns::new();
    // No match or target of xtables anywhere: only names, hooks and priorities tell.
    ns.cmd("iptables-nft", &["-P", "INPUT", "DROP"], "");
    ns.cmd("ip6tables-nft", &["-t", "mangle", "-A", "OUTPUT", "-p", "tcp", "-j", "ACCEPT"], "");
    ns.cmd("arptables-nft", &["-A", "INPUT", "--opcode", "1", "-j", "DROP"], "");
    ns.cmd("ebtables-nft", &["-A", "FORWARD", "-p", "arp", "-j", "DROP"], "");
    ns.cmd("iptables-nft", &["-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE"], "");
    ns.cmd("iptables-nft", &["-t", "nat", "-N", "user"], "");
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
            "  user: nft-compat []",
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

#[test]
fn a_ruleset_that_changes_under_the_reader_is_whole_or_labelled() {
    if !require(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    // Two rulesets of equal size, one in place of the other all the time: a mixture would show.
    let ruleset = |mark: u32| {
        let rules: String = (0..3000).map(|_| format!("add rule ip t c meta mark {mark} counter\n")).collect();
        format!("table ip t {{ chain c {{ }}; }}\nflush chain ip t c\n{rules}")
    };
    ns.nft(&ruleset(1));
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        let _end = OnDrop(|| stop.store(true, Ordering::Relaxed));
        s.spawn(|| {
            let both = [ruleset(2), ruleset(1)];
            for text in both.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                ns.nft(text);
            }
        });
        for _ in 0..40 {
            let r = read(&ns);
            let rules = &r.nft[0].chains[0].rules;
            let marks = |e: &Expr| if let Expr::Cmp(c) = e { c.data.host32() } else { None };
            let mut seen: Vec<u32> = rules.iter().flat_map(|r| r.exprs.iter().filter_map(marks)).collect();
            let count = seen.len();
            seen.dedup();
            let whole = count == 3000 && seen.len() == 1;
            let torn = r.problems.iter().any(|p| p.torn);
            assert!(whole || torn, "{count} rules, {seen:?}, {:?}", r.problems);
        }
    });
}

/// Does something when it is dropped, also because of a failed assertion.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
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

#[test]
fn libnftnl_reads_the_same_from_the_same_bytes() {
    if !require(&["nft"]) {
        return;
    }
    let ns = Netns::new();
    ns.nft(EVERY_EXPRESSION);
    let r = read(&ns);
    let (rules, sets) = second_opinion(&ns);
    let (mut exprs, mut elements, mut differ) = (0, 0, Vec::new());
    for t in &r.nft {
        let (family, table) = (t.def.family, &t.def.name);
        for (c, rule) in t.chains.iter().flat_map(|c| c.rules.iter().map(move |r| (c, r))) {
            let name = format!("{family} {table} {} {}", c.def.name, rule.handle);
            let ours: Vec<String> = rule.exprs.iter().map(libnftnl::expr).collect();
            if rules.get(&name) != Some(&ours) {
                differ.push(format!("{name}: {:?} != {ours:?}", rules.get(&name)));
            }
            exprs += ours.len();
        }
        for s in &t.sets {
            let name = format!("{family} {table} {}", s.def.name);
            let join = |e: &Element| libnftnl::element(e).split_whitespace().collect::<Vec<_>>().join(" ");
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
