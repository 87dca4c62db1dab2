//! What is read is all there is, and of one generation.

use nfblame::ruleset::Ruleset;
use nfblame::ruleset::render::nft;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::object::*;
use nfblame_sys::nft::*;

use crate::common::{Netns, kernel_tests};
use crate::world::{EVERY_EXPRESSION, read, write};
use std::sync::atomic::{AtomicBool, Ordering};

kernel_tests! {
    every_expression_is_understood_to_its_last_attribute needs ["nft", "linux 6.1"];
    what_is_read_and_written_back_lists_the_same needs ["nft", "iptables-nft", "linux 6.1"];
    a_ruleset_that_changes_under_the_reader_is_whole_or_labelled needs ["nft"];
    a_hundred_thousand_rules_are_of_one_generation_or_labelled needs [];
    a_client_reads_the_namespace_that_it_was_opened_in needs ["nft"];
}

fn every_expression_is_understood_to_its_last_attribute() {
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

fn what_is_read_and_written_back_lists_the_same() {
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

fn a_ruleset_that_changes_under_the_reader_is_whole_or_labelled() {
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
        for _ in 0..15 {
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

/// As many in chains in the middle; the two at the ends get a rule each in every change.
const MANY: usize = 100_000;

fn a_hundred_thousand_rules_are_of_one_generation_or_labelled() {
    const CHAINS: usize = 20;
    let ns = Netns::new();
    let rule = |chain: &str| Rule::new(Family::Ip, "t", chain, vec![Expr::Counter(Counter { packets: 0, bytes: 0 })]);
    let commit = |batch: Batch| {
        ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())).unwrap_or_else(|e| panic!("{e}"));
    };
    let middle: Vec<String> = (0..CHAINS).map(|n| format!("c{n}")).collect();
    let names = || std::iter::once("first").chain(middle.iter().map(String::as_str)).chain(["last"]);
    let mut batch = Batch::new(None);
    batch.add_table(&Table::new(Family::Ip, "t", TableFlags::empty()));
    names().for_each(|name| _ = batch.add_chain(&Chain::new(Family::Ip, "t", name, None)));
    commit(batch);
    for name in &middle {
        let mut batch = Batch::new(None);
        (0..MANY / CHAINS).for_each(|_| _ = batch.add_rule(&rule(name), Place::Append));
        commit(batch);
    }
    let change = || {
        let mut batch = Batch::new(None);
        batch.add_rule(&rule("first"), Place::Append).add_rule(&rule("last"), Place::Append);
        commit(batch);
    };
    // Rules of the first and the last chain, of those between, and whether they are said to be torn.
    let kept = || {
        let r = read(&ns);
        let counts: Vec<usize> = r.nft[0].chains.iter().map(|c| c.rules.len()).collect();
        (counts, r.problems.iter().any(|p| p.torn))
    };
    let as_text = || {
        let mut r = Ruleset::default();
        let read = || {
            let lines = nft::Lines::new(nft::Options::default(), &());
            r.read_nft_as_text(&mut Client::open(Netlink::Netfilter).unwrap(), Family::Unspec, &lines)
        };
        let texts = ns.run(read).unwrap_or_else(|e| panic!("{e}"));
        let lines = |c| texts.of(&r.nft[0], c).split(|&b| b == b'\n').count() - 1;
        (r.nft[0].chains.iter().map(lines).collect::<Vec<_>>(), r.problems.iter().any(|p| p.torn))
    };
    let readers: [&dyn Fn() -> (Vec<usize>, bool); 2] = [&kept, &as_text];
    for changes in [0, 2, 150] {
        for reader in readers {
            let (counts, torn) = std::thread::scope(|s| {
                s.spawn(|| (0..changes).for_each(|_| change()));
                reader()
            });
            let [first, middle @ .., last] = &counts[..] else { panic!("{counts:?}") };
            let whole = first == last && middle == [MANY / CHAINS; CHAINS];
            assert!(whole || torn, "{counts:?} while it changed {changes} times");
            assert!(!torn || changes > 2, "what keeps still for long enough is read whole");
        }
    }
}

/// Also where there is so much to read that a second socket takes a part of it.
fn a_client_reads_the_namespace_that_it_was_opened_in() {
    let (here, there) = (Netns::new(), Netns::new());
    let rules = |comment: &str| format!("counter comment \"{comment}\"\n").repeat(300);
    let chains = |comment: &str| (0..4).map(|n| format!("chain c{n} {{\n{}}}\n", rules(comment))).collect::<String>();
    let sets: String = (0..40).map(|n| format!("set s{n} {{\ntype mark\nelements = {{ {n} }}\n}}\n")).collect();
    here.nft(&format!("table ip t {{\n{}}}\n", chains("here")));
    there.nft(&format!("table ip t {{\n{sets}{}}}\n", chains("there")));
    let mut client = there.run(|| Client::open(Netlink::Netfilter)).unwrap();
    let mut r = Ruleset::default();
    here.run(|| r.read_nft(&mut client)).unwrap();
    assert_eq!(r.problems, []);
    let rules: Vec<&Rule> = r.nft[0].chains.iter().flat_map(|c| &c.rules).collect();
    assert_eq!(rules.len(), 1200);
    assert!(rules.iter().all(|r| r.comment() == Some("there".into())));
    assert!(r.nft[0].sets.len() == 40 && r.nft[0].sets.iter().all(|s| s.elements.len() == 1));
}

/// Does something when it is dropped, also because of a failed assertion.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
