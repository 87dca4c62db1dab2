//! Reading real rulesets from the real kernel, against the real tools.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should fail loudly")]

mod common;
mod libnftnl;

use common::{Netns, kernel, kernel_tests};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use nfblame::ruleset::classify::of_rule;
use nfblame::ruleset::render::nft;
use nfblame::ruleset::{Backend, Ruleset};
use nfblame_sys::Text;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::object::*;
use nfblame_sys::nft::*;
use nix::errno::Errno;

kernel_tests! {
    every_expression_is_understood_to_its_last_attribute needs ["nft", "linux 6.1"];
    what_is_read_and_written_back_lists_the_same needs ["nft", "iptables-nft", "linux 6.1"];
    what_iptables_nft_made_is_told_from_what_nft_made needs ["nft", "iptables-nft", "ip6tables-nft", "arptables-nft", "ebtables-nft"];
    a_ruleset_that_changes_under_the_reader_is_whole_or_labelled needs ["nft"];
    a_hundred_thousand_rules_are_of_one_generation_or_labelled needs [];
    a_client_reads_the_namespace_that_it_was_opened_in needs ["nft"];
    libnftnl_reads_the_same_from_the_same_bytes needs ["nft", "linux 6.1"];
    what_nft_cannot_write_reads_back_as_written needs ["nft"];
    objects_and_devices_that_nft_cannot_write_read_back_as_written needs ["nft"];
}

fn main() {
    kernel::run(cases());
}

const EVERY_EXPRESSION: &str = include_str!("rulesets/every-expression.nft");

fn read(ns: &Netns) -> Ruleset {
    ns.run(Ruleset::read).unwrap_or_else(|e| panic!("{e}"))
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

/// Is it that this kernel lacks what was asked for?
fn lacking(e: &Refused) -> bool {
    [Errno::ENOENT, Errno::EOPNOTSUPP].iter().any(|&n| e.errno() == Some(n as i32))
}

/// Expressions that nft 1.0.6 cannot write, and in what kind of chain they may stand: written by us, checked by the
/// kernel, read back.
fn what_nft_cannot_write_reads_back_as_written() {
    let bitwise = |op| Expr::Bitwise(Bitwise { sreg: Reg(4), dreg: Reg(4), len: 4, op });
    let load = |dreg| Expr::Meta(Meta { key: MetaKey::Mark, dreg });
    let inner = |kind, flags, hdrsize, expr: Expr| Expr::Inner(Inner { kind, flags, hdrsize, expr: Box::new(expr) });
    let vxlan = InnerFlags::HDRSIZE | InnerFlags::LL | InnerFlags::NH | InnerFlags::TH;
    let queue = |target| Expr::Queue(Queue { target, flags: QueueFlags::BYPASS });
    let exthdr = |op, kind| {
        let (offset, len, flags, dreg) = (0, 1, ExthdrFlags::PRESENT, Reg::R1);
        Expr::Exthdr(Exthdr { op, kind, offset, len, flags, dreg })
    };
    let cases: Vec<(&str, &str, Vec<Expr>)> = vec![
        ("last", "ip", vec![Expr::Last(Last { msecs: None })]),
        ("bitwise and", "ip", vec![load(Reg(4)), load(Reg(5)), bitwise(BitwiseOp::And(Operand::Reg(Reg(5))))]),
        ("bitwise or", "ip", vec![load(Reg(4)), load(Reg(5)), bitwise(BitwiseOp::Or(Operand::Reg(Reg(5))))]),
        ("bitwise xor", "ip", vec![load(Reg(4)), bitwise(BitwiseOp::Xor(Operand::Data(Data::new([1, 2, 3, 4]))))]),
        (
            "byteorder",
            "ip",
            vec![
                Expr::Immediate(Immediate::data(Reg(4), [1, 2, 3, 4, 5, 6, 7, 8])),
                Expr::Byteorder(Byteorder { sreg: Reg(4), dreg: Reg(4), op: ByteorderOp::Hton, len: 8, size: 2 }),
            ],
        ),
        ("dccp", "ip", vec![exthdr(ExthdrOp::Dccp, 3)]),
        (
            "inner vxlan",
            "ip",
            vec![inner(InnerKind::Vxlan, vxlan, 8, Payload::load(PayloadBase::Network, 12, 4).into())],
        ),
        (
            "inner vxlan vni",
            "ip",
            vec![inner(InnerKind::Vxlan, vxlan, 8, Payload::load(PayloadBase::Tunnel, 4, 3).into())],
        ),
        ("inner meta", "ip", vec![inner(InnerKind::Geneve, vxlan, 8, Meta::load(MetaKey::L4proto).into())]),
        ("tunnel", "netdev", vec![Expr::Tunnel(Tunnel { key: TunnelKey::Id, mode: TunnelMode::Rx, dreg: Reg::R1 })]),
        ("queue", "ip", vec![queue(QueueTarget::Range { first: 3, total: 2 })]),
        ("queue register", "ip", vec![load(Reg(4)), queue(QueueTarget::Reg(Reg(4)))]),
        ("cgroupv2", "inet", vec![Expr::Socket(Socket { key: SocketKey::Cgroupv2, level: Some(1), dreg: Reg::R1 })]),
        ("broute", "bridge", vec![Expr::Meta(Meta { key: MetaKey::BriIifname, dreg: Reg::R1 })]),
        ("bridge address", "bridge", vec![Expr::Meta(Meta { key: MetaKey::BriIifhwaddr, dreg: Reg::R1 })]),
        ("flow_offload", "ip", vec![Expr::FlowOffload(FlowOffload { table: "none".into() })]),
        (
            "symhash",
            "ip6",
            vec![Expr::Hash(Hash {
                kind: HashKind::Symhash,
                sreg: None,
                len: None,
                dreg: Reg::R1,
                modulus: 7,
                seed: None,
                offset: 2,
            })],
        ),
    ];
    let ns = Netns::new();
    ns.nft(
        "table ip t { chain c { }; }
         table ip6 t { chain c { }; }
         table inet t { chain c { }; }
         table bridge t { chain c { }; }
         table netdev t { chain c { }; }",
    );
    let mut tried = 0;
    for (name, family, exprs) in cases {
        let families = [Family::Ip, Family::Ip6, Family::Inet, Family::Bridge, Family::Netdev];
        let family = families.into_iter().find(|f| f.to_string() == family).unwrap();
        let (table, chain): (Text, Text) = ("t".into(), "c".into());
        let (previous, compat, userdata, unread) = (None, None, Userdata::default(), vec![]);
        let rule = Rule { family, table, chain, handle: 0, previous, exprs, compat, userdata, unread };
        let mut batch = Batch::new(None);
        batch.flush_chain(family, &rule.table, &rule.chain).add_rule(&rule, Place::Append);
        match ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())) {
            Ok(()) => tried += 1,
            Err(e) if lacking(&e) => {
                eprintln!("not tried: {name}: this kernel lacks it ({e})");
                continue;
            }
            Err(e) => panic!("{name}: {e}"),
        }
        let r = read(&ns);
        let back = r.nft.iter().find(|t| t.def.family == family).map(|t| &t.chains[0].rules).unwrap();
        assert_eq!(back.len(), 1, "{name}");
        assert_eq!(back[0].exprs, rule.exprs, "{name}");
    }
    assert!(tried >= 5, "only {tried} could be tried");
}

fn objects_and_devices_that_nft_cannot_write_read_back_as_written() {
    let ns = Netns::new();
    ns.nft("table ip t { }\ntable netdev t { }");
    let table: Text = "t".into();
    let object = |name: &str, kind, data| Object {
        family: if kind == ObjectKind::Tunnel { Family::Netdev } else { Family::Ip },
        table: table.clone(),
        name: name.into(),
        kind,
        handle: 0,
        uses: 0,
        data: Some(data),
        userdata: Userdata::of_comment("why"),
        unread: vec![],
    };
    let tunnel = |endpoints, options| {
        let flags = TunnelFlags::DONT_FRAGMENT;
        let t =
            TunnelObject { id: 7, endpoints: Some(endpoints), flags, tos: 4, ttl: 9, sport: 1, dport: 4789, options };
        ObjectData::Tunnel(Box::new(t))
    };
    let v4 = Endpoints::Ip { source: [192, 0, 2, 1].into(), destination: [192, 0, 2, 2].into() };
    let v6 = Endpoints::Ip6 { source: 1u128.into(), destination: 2u128.into(), flowlabel: 5 };
    let connlimit = Connlimit { count: 3, flags: ConnlimitFlags::INV };
    let objects = [
        object("v4", ObjectKind::Tunnel, tunnel(v4, vec![TunnelOption::Vxlan { gbp: 3 }])),
        object("v6", ObjectKind::Tunnel, tunnel(v6, vec![TunnelOption::Erspan1 { index: 9 }])),
        object("erspan", ObjectKind::Tunnel, tunnel(v4, vec![TunnelOption::Erspan2 { hwid: 3, direction: 1 }])),
        object("connlimit", ObjectKind::Connlimit, ObjectData::Connlimit(connlimit)),
    ];
    for o in &objects {
        let mut batch = Batch::new(None);
        batch.add_object(o);
        match ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())) {
            Ok(()) => {}
            Err(e) if lacking(&e) => {
                eprintln!("not tried: {}: this kernel lacks it ({e})", o.name);
                continue;
            }
            Err(e) => panic!("{}: {e}", o.name),
        }
        let r = read(&ns);
        let back = r.nft.iter().find_map(|t| t.object(o.kind, &o.name)).unwrap_or_else(|| panic!("{r:#?}"));
        assert_eq!((&back.data, back.comment()), (&o.data, Some("why".into())));
    }
    for (name, devices) in [
        ("several", vec![Device { name: "lo".into(), prefix: false }]),
        ("prefix", vec![Device { name: "v".into(), prefix: true }, Device { name: "lo".into(), prefix: false }]),
    ] {
        let (kind, hook, priority, policy) = (ChainKind::Filter, Hook::Ingress, 3, Verdict::Accept);
        let counters = Some(Counter { packets: 1, bytes: 2 });
        let base = BaseChain { kind, hook, priority, policy, devices, counters };
        let chain = Chain {
            family: Family::Netdev,
            table: table.clone(),
            name: name.into(),
            handle: 0,
            base: Some(base),
            uses: 0,
            flags: ChainFlags::BASE,
            id: None,
            userdata: Userdata::of_comment("why"),
            unread: vec![],
        };
        let mut batch = Batch::new(None);
        batch.add_chain(&chain);
        match ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())) {
            Ok(()) => {}
            // Before Linux 6.18, there is no prefix.
            Err(e) if name == "prefix" => {
                eprintln!("not tried: device prefix: {e}");
                continue;
            }
            Err(e) => panic!("{name}: {e}"),
        }
        let mut back = read(&ns).nft[1].chain(&chain.name).unwrap().def.clone();
        back.handle = 0;
        assert_eq!(back, chain);
    }
}
