//! nf_tables messages, recorded from Linux 6.18 by `examples/record_nft.rs`: rules of every kind that nft 1.0.6 can
//! write (`tests/rulesets/every-expression.nft` of the root package), two of iptables-nft, and what was told while a
//! ruleset came, traced a packet, changed and went.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should fail loudly")]

use nfblame_sys::error::Malformed;
use nfblame_sys::netlink::fake::Fake;
use nfblame_sys::netlink::{Attrs, Builder, Client, Message, Messages};
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::monitor::Received;
use nfblame_sys::nft::*;
use nfblame_sys::uapi::nf_tables::*;
use nfblame_sys::{Error, Text};
use proptest::prelude::*;

const TABLES: &[u8] = include_bytes!("../testdata/nft/tables.bin");
const CHAINS: &[u8] = include_bytes!("../testdata/nft/chains.bin");
const RULES: &[u8] = include_bytes!("../testdata/nft/rules.bin");
const SETS: &[u8] = include_bytes!("../testdata/nft/sets.bin");
const ELEMENTS: &[u8] = include_bytes!("../testdata/nft/elements.bin");
const OBJECTS: &[u8] = include_bytes!("../testdata/nft/objects.bin");
const EVENTS: &[u8] = include_bytes!("../testdata/nft/events.bin");
const GENERATION: &[u8] = include_bytes!("../testdata/nft/generation.bin");

fn all<T>(bytes: &[u8], decode: impl Fn(&Message<'_>) -> Result<T, Malformed>) -> Vec<T> {
    Messages::new(bytes).map(|m| decode(&m.unwrap()).unwrap()).collect()
}

fn rules_of(chain: &str) -> Vec<Rule> {
    all(RULES, Rule::decode).into_iter().filter(|r| r.chain == chain).collect()
}

/// The expressions of the only rule of a chain.
fn exprs(chain: &str) -> Vec<Expr> {
    let [rule] = rules_of(chain).try_into().unwrap();
    rule.exprs
}

fn kernel_name(e: &Expr) -> Text {
    Text::new(e.name())
}

#[test]
fn every_recorded_thing_is_understood_to_its_last_attribute() {
    assert!(all(TABLES, Table::decode).iter().all(|t| t.unread.is_empty()));
    assert!(all(CHAINS, Chain::decode).iter().all(|c| c.unread.is_empty()));
    assert!(all(SETS, Set::decode).iter().all(|s| s.unread.is_empty()));
    let whole = |o: &Object| o.unread.is_empty() && !matches!(o.data, Some(ObjectData::Unknown { .. }) | None);
    assert!(all(OBJECTS, Object::decode).iter().all(whole));
    let elements = all(ELEMENTS, Elements::decode);
    assert!(elements.iter().all(|l| l.unread.is_empty() && l.elements.iter().all(Element::is_whole)));
    let rules = all(RULES, Rule::decode);
    assert!(rules.len() > 150);
    for rule in &rules {
        assert!(rule.is_whole(), "{rule:#?}");
    }
    let mut kinds: Vec<_> = rules.iter().flat_map(|r| r.exprs.iter().map(kernel_name)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() > 34, "{kinds:?}");
}

#[test]
fn expressions_mean_what_the_rule_says() {
    // ip saddr != @plain counter
    let exprs_of = exprs("x_lookup_not");
    let [.., payload, lookup, counter] = exprs_of.as_slice() else { panic!("{exprs_of:?}") };
    let expected = Payload { base: PayloadBase::Network, offset: 12, len: 4, dreg: Reg::R1 };
    assert_eq!(*payload, Expr::Payload(expected));
    let Expr::Lookup(lookup) = lookup else { panic!("{lookup:?}") };
    assert!(lookup.inverted() && lookup.set == "plain" && lookup.dreg.is_none());
    assert_eq!(*counter, Expr::Counter(Counter { packets: 0, bytes: 0 }));
    // tcp dport vmap @verdicts
    let lookup = exprs("x_vmap").pop().unwrap();
    assert!(matches!(lookup, Expr::Lookup(Lookup { dreg: Some(Reg::VERDICT), .. })), "{lookup:?}");
    // ip saddr . tcp dport @typed: the port goes into the second word
    let typed = exprs("x_lookup_typed");
    assert!(typed.iter().any(|e| matches!(e, Expr::Payload(Payload { dreg: Reg(5), offset: 2, .. }))), "{typed:?}");
    // limit rate over 10 kbytes/hour
    let over = Limit { rate: 10240, unit: 3600, burst: 0, kind: LimitKind::Bytes, flags: LimitFlags::INV };
    assert_eq!(exprs("x_limit_over"), [Expr::Limit(over)]);
    // log prefix "q" group 3 snaplen 64 queue-threshold 10
    let Some(Expr::Log(log)) = exprs("x_log_group").pop() else { panic!() };
    assert_eq!((log.group, log.snaplen, log.qthreshold), (Some(3), Some(64), Some(10)));
    assert_eq!(log.prefix, Some("q".into()));
    // reject with icmpx type admin-prohibited
    let Some(Expr::Reject(reject)) = exprs("x_reject_icmpx").pop() else { panic!() };
    assert_eq!(reject.icmpx(), Some(IcmpxCode::AdminProhibited));
    // reset tcp option sack-perm
    let strip = exprs("x_exthdr_tcp_reset").pop().unwrap();
    assert_eq!(strip, Expr::ExthdrStrip(ExthdrStrip { op: ExthdrOp::Tcpopt, kind: 4 }));
    // meta mark set meta mark << 4
    let shift = exprs("x_bitwise_left");
    assert!(shift.iter().any(|e| matches!(e, Expr::Bitwise(Bitwise { op: BitwiseOp::ShiftLeft(4), .. }))), "{shift:?}");
    // goto x_target
    assert_eq!(exprs("x_verdict_goto"), [Expr::from(Verdict::Goto("x_target".into()))]);
    // add @dyn { ip saddr limit rate 10/second counter }
    let Some(Expr::Dynset(dynset)) = exprs("x_dynset_two").pop() else { panic!() };
    assert_eq!((dynset.op, dynset.exprs.len()), (DynsetOp::Add, 2));
    // masquerade to :1024-2000
    let Some(Expr::Masq(masq)) = exprs("x_masquerade_ports").pop() else { panic!() };
    assert_eq!((masq.proto_min, masq.proto_max), (Some(Reg(4)), Some(Reg(8))));
    // counter comment "a rule comment"
    assert_eq!(rules_of("x_comment")[0].comment(), Some("a rule comment".into()));
}

#[test]
fn a_rule_of_iptables_nft_keeps_its_blobs_and_its_protocol() {
    let [rule] = rules_of("INPUT").try_into().unwrap();
    let blobs: Vec<_> = rule
        .exprs
        .iter()
        .filter_map(|e| match e {
            Expr::Match(x) => Some(("match", x)),
            Expr::Target(x) => Some(("target", x)),
            _ => None,
        })
        .map(|(kind, x)| (kind, x.name.to_string(), x.revision, x.data.len()))
        .collect();
    let expected = [
        ("match", "comment".to_owned(), 0, 256),
        ("match", "conntrack".to_owned(), 3, 168),
        ("target", "LOG".to_owned(), 0, 32),
    ];
    assert_eq!(blobs, expected);
    assert_eq!(rule.compat, None, "the kernel does not tell it");
    assert_eq!(rule.implied_compat(), Some(Compat { proto: 6, flags: CompatFlags::empty() }));
}

#[test]
fn chains_sets_elements_and_objects_carry_all_they_have() {
    let chains = all(CHAINS, Chain::decode);
    let chain = |name: &str| chains.iter().find(|c| c.name == name).unwrap();
    let ingress = chain("x_ingress").base.as_ref().unwrap();
    assert_eq!((ingress.hook, ingress.priority, &ingress.kind), (Hook::Ingress, -5, &ChainKind::Filter));
    assert_eq!(ingress.devices.iter().map(Device::to_string).collect::<Vec<_>>(), ["lo"]);
    let post = chain("x_post").base.as_ref().unwrap();
    assert_eq!((post.hook, post.priority, &post.kind), (Hook::Postrouting, 100, &ChainKind::Nat));
    assert_eq!(post.policy, Verdict::Drop);
    assert!(chain("x_target").base.is_none());

    let sets = all(SETS, Set::decode);
    let set = |name: &str| sets.iter().find(|s| s.name == name).unwrap();
    assert_eq!(set("plain").comment(), Some("set comment".into()));
    assert_eq!((set("ports6").key_len, set("ports6").fields.as_slice()), (20, [16, 2].as_slice()));
    assert_eq!((set("dyn").timeout, set("dyn").size, set("dyn").gc_interval), (Some(60_000), Some(1024), Some(10_000)));
    assert!(set("verdicts").is_verdict_map() && !set("addresses").is_verdict_map());
    assert_eq!(set("objects").object_kind, Some(ObjectKind::Counter));
    assert_eq!(set("counted").exprs.len(), 1);

    let lists = all(ELEMENTS, Elements::decode);
    let elements =
        |name: &str| lists.iter().filter(|l| l.set == name).flat_map(|l| l.elements.clone()).collect::<Vec<_>>();
    assert!(elements("plain").iter().any(|e| e.comment() == Some("first".into())));
    // 192.168.0.0-192.168.3.7 ends before 192.168.3.8
    let ends: Vec<_> = elements("intervals").into_iter().filter(Element::is_interval_end).map(|e| e.key).collect();
    assert!(ends.contains(&Data::new([192, 168, 3, 8])), "{ends:?}");
    assert!(elements("ranges").iter().any(|e| e.is_catchall() && e.key.is_empty() && e.value.is_some()));
    let jump = elements("verdicts").into_iter().find(|e| e.key == Data::new(443u16.to_be_bytes())).unwrap();
    assert_eq!(jump.value, Some(Value::Verdict(Verdict::Jump("x_target".into()))));
    assert_eq!(elements("objects")[0].extra().object, Some("hits".into()));
    let timed = elements("timed").pop().unwrap();
    assert_eq!(timed.extra().timeout, Some(3_600_000));
    assert!(timed.extra().expiration.is_some_and(|ms| ms <= 1_800_000));

    let objects = all(OBJECTS, Object::decode);
    let data = |name: &str| objects.iter().find(|o| o.name == name).and_then(|o| o.data.clone()).unwrap();
    assert_eq!(data("hits"), ObjectData::Counter(Counter { packets: 5, bytes: 500 }));
    let ObjectData::CtExpectation(e) = data("expect") else { panic!() };
    assert_eq!((e.dport, e.timeout, e.size, e.l4proto), (9876, 120_000, 12, 17));
    let ObjectData::CtTimeout(t) = data("short") else { panic!() };
    assert!(t.timeouts.iter().any(|(_, seconds)| *seconds == 100) && t.l4proto == 6);
}

#[test]
fn notifications_come_in_the_order_of_the_transaction() {
    let told: Vec<_> = Messages::new(EVENTS).filter_map(|m| Notification::decode(&m.unwrap())).collect();
    assert!(told.iter().all(|n| !matches!(n.event, Event::Unknown { .. })), "{told:#?}");
    let first: Vec<_> = told.iter().take_while(|n| !matches!(n.event, Event::Generation(_))).collect();
    assert!(matches!(first[0].event, Event::Table(Change::New, _)));
    assert!(first.iter().all(|n| n.generation == first[0].generation));
    let Some(Event::Generation(g)) = told.get(first.len()).map(|n| &n.event) else { panic!() };
    assert_eq!((g.id as u16, g.process.as_ref().map(Text::to_string)), (first[0].generation, Some("nft".into())));
    let traces: Vec<_> =
        told.iter().filter_map(|n| if let Event::Trace(t) = &n.event { Some(t) } else { None }).collect();
    assert!(traces.iter().all(|t| t.unread.is_empty()));
    let last = traces.iter().rfind(|t| t.kind == TraceKind::Policy).unwrap();
    assert_eq!((last.chain.to_string(), last.policy.clone()), ("in".into(), Some(Verdict::Drop)));
    assert!(traces.iter().any(|t| t.ct_id.is_some() && t.ct_state.is_some()), "Linux 6.18 tells the connection");
}

#[test]
fn what_is_written_reads_back_the_same() {
    let rules = all(RULES, Rule::decode);
    let mut client = Client::new(Fake::new().ack(0));
    let mut batch = Batch::new(Some(7));
    for rule in &rules {
        batch.add_rule(rule, Place::Append);
    }
    // The fake acknowledges the last message sent, whatever it was: only what was sent counts here.
    let _ = batch.commit(&mut client);
    let sent = client.transport().sent.concat();
    let sent: Vec<_> = Messages::new(&sent).collect::<Result<_, _>>().unwrap();
    assert_eq!(sent.len(), rules.len() + 2, "begin, rules, end");
    for (m, rule) in sent[1..].iter().zip(&rules) {
        let mut back = Rule::decode(m).unwrap();
        (back.handle, back.previous, back.compat) = (rule.handle, rule.previous, rule.compat);
        for e in &mut back.exprs {
            if let Expr::Dynset(d) = e {
                d.flags -= DynsetFlags::EXPR;
            }
        }
        assert_eq!(&back, rule);
    }
}

/// A message with one rule of one expression.
fn rule_message(name: &str, attrs: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut b = Builder::new();
    b.nf_message(10, NFT_MSG_NEWRULE, 2, 0, 2, 9).str(NFTA_RULE_TABLE, "t").str(NFTA_RULE_CHAIN, "c");
    b.nest(NFTA_RULE_EXPRESSIONS, |b| {
        b.nest(NFTA_LIST_ELEM, |b| {
            b.str(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, attrs);
        });
    });
    b.finish()
}

#[test]
fn an_expression_with_an_attribute_that_we_do_not_know_is_not_taken_for_a_plain_one() {
    let decode = |bytes: &[u8]| Rule::decode(&Messages::new(bytes).next().unwrap().unwrap()).unwrap();
    let newer = decode(&rule_message("lookup", |b| {
        b.str(NFTA_LOOKUP_SET, "s").u32::<byteorder::BE>(NFTA_LOOKUP_SREG, 1).u32::<byteorder::BE>(99, 5);
    }));
    let [Expr::Unknown(u)] = newer.exprs.as_slice() else { panic!("{newer:?}") };
    assert_eq!(u.name, "lookup");
    assert!(matches!(u.known.as_deref(), Some(Expr::Lookup(l)) if l.set == "s"));
    assert!(Attrs::new(u.data()).find(99).is_some());
    assert!(!newer.is_whole());
    // One that nobody ever heard of, and one that lacks what it needs.
    for (name, bytes) in [("frobnicate", rule_message("frobnicate", |_| ())), ("cmp", rule_message("cmp", |_| ()))] {
        let rule = decode(&bytes);
        assert!(matches!(&rule.exprs[..], [Expr::Unknown(Unknown { name: n, known: None, .. })] if *n == name));
    }
    // Numbers are kept.
    let meta = decode(&rule_message("meta", |b| {
        b.u32::<byteorder::BE>(NFTA_META_KEY, 93).u32::<byteorder::BE>(NFTA_META_DREG, 1);
    }));
    assert_eq!(meta.exprs, [Expr::Meta(Meta { key: MetaKey::Unknown(93), dreg: Reg::R1 })]);
    assert_eq!(MetaKey::Unknown(93).to_string(), "unknown(93)");
}

/// The recorded answer to GETGEN with another generation, or that of the recording.
fn generation(id: Option<u32>) -> Vec<u8> {
    let mut b = Builder::new();
    let recorded = Generation::decode(&Messages::new(GENERATION).next().unwrap().unwrap()).unwrap().id;
    let id = id.unwrap_or(recorded);
    b.nf_message(10, NFT_MSG_NEWGEN, 0, 0, 0, id as u16).u32::<byteorder::BE>(NFTA_GEN_ID, id);
    b.finish()
}

#[test]
fn a_dump_that_belongs_to_another_generation_is_noticed() {
    for (after, consistent) in [(None, true), (Some(4711), false)] {
        let fake =
            Fake::new().reply(generation(None)).ack(0).reply(multi(TABLES)).done().reply(generation(after)).ack(0);
        let mut client = Client::new(fake);
        let mut dumper = Dumper::begin(&mut client).unwrap();
        let mut tables = 0;
        dumper.tables(Family::Unspec, |_| tables += 1).unwrap();
        assert_eq!((tables, dumper.is_consistent().unwrap()), (10, consistent));
    }
    // The replies themselves tell it too.
    let fake = Fake::new()
        .reply(generation(Some(4711)))
        .ack(0)
        .reply(multi(TABLES))
        .done()
        .reply(generation(Some(4711)))
        .ack(0);
    let mut client = Client::new(fake);
    let mut dumper = Dumper::begin(&mut client).unwrap();
    dumper.tables(Family::Unspec, |_| ()).unwrap();
    assert!(!dumper.is_consistent().unwrap());
}

/// As parts of a dump.
fn multi(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(len) = bytes.get(at..at + 4).map(|b| u32::from_ne_bytes(b.try_into().unwrap())) {
        bytes[at + 6] |= 2;
        at += (len as usize).next_multiple_of(4);
    }
    bytes
}

#[test]
fn a_refusal_names_the_message_it_is_about() {
    let mut batch = Batch::new(None);
    batch.delete_table(Family::Inet, &"one".into()).delete_table(Family::Ip, &"two".into());
    // The fake answers with the number of the first message: the batch as a whole.
    let mut client = Client::new(Fake::new().ack(libc::ERESTART));
    let refused = batch.commit(&mut client).unwrap_err();
    assert!(refused.is_stale());
    assert!(refused.to_string().starts_with("change nf_tables: "), "{refused}");
    assert!(Batch::new(None).commit(&mut Client::new(Fake::new())).is_ok(), "nothing to do");
}

#[test]
fn losses_are_values() {
    let mut m = Monitor::new(Fake::new().fail(libc::ENOBUFS).reply_truncated(EVENTS).reply(EVENTS));
    assert_eq!(m.receive(|_| ()).unwrap(), Received::Lost);
    assert_eq!(m.receive(|_| ()).unwrap(), Received::Truncated);
    assert!(matches!(m.receive(|_| ()).unwrap(), Received::Notifications(n) if n > 20));
    assert_eq!(m.receive(|_| ()).unwrap(), Received::Nothing);
    assert!(matches!(Monitor::new(Fake::new().fail(libc::EBADF)).receive(|_| ()), Err(Error::Kernel { .. })));
}

#[test]
fn expressions_inside_expressions_without_end_do_not_exhaust_the_stack() {
    fn inner(b: &mut Builder, levels: u32) {
        b.str(NFTA_EXPR_NAME, "inner").nest(NFTA_EXPR_DATA, |b| {
            b.u32::<byteorder::BE>(NFTA_INNER_TYPE, 1);
            if levels > 0 {
                b.nest(NFTA_INNER_EXPR, |b| inner(b, levels - 1));
            }
        });
    }
    let mut b = Builder::new();
    inner(&mut b, 1500);
    let bytes = b.finish();
    let mut expr = &Expr::decode(Attrs::new(&bytes));
    let mut depth = 0;
    while let Expr::Inner(i) = expr {
        expr = &i.expr;
        depth += 1;
    }
    assert!(depth < 10 && matches!(expr, Expr::Unknown(_)), "{depth}");
}

/// Decodes as everything there is; returns how many expressions and elements came out.
fn decode_all(bytes: &[u8]) -> usize {
    let mut count = 0;
    for m in Messages::new(bytes).map_while(Result::ok) {
        let _ =
            (Table::decode(&m), Chain::decode(&m), Object::decode(&m), Flowtable::decode(&m), Generation::decode(&m));
        let _ = (Trace::decode(&m), Notification::decode(&m));
        if let Ok(s) = Set::decode(&m) {
            count += s.exprs.len();
            let _ = (s.comment(), format!("{s:?}"));
        }
        if let Ok(r) = Rule::decode(&m) {
            count += r.exprs.len();
            let _ = (r.comment(), r.is_whole(), format!("{r:?}"));
        }
        if let Ok(e) = Elements::decode(&m) {
            count += e.elements.len();
            let _ = format!("{e:?}");
        }
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is changed in a real message: no panic, no hang, and no more comes out than went in.
    #[test]
    fn mutated_messages_are_harmless(
        which in 0usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let source = [TABLES, CHAINS, RULES, SETS, ELEMENTS, OBJECTS, EVENTS][which];
        let messages: Vec<&[u8]> = {
            let mut at = 0;
            Messages::new(source).map(|m| {
                let len = 16 + m.unwrap().payload.len();
                let bytes = &source[at..at + len];
                at += len.next_multiple_of(4);
                bytes
            }).collect()
        };
        let mut bytes = messages[cut.index(messages.len())].to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        prop_assert!(decode_all(&bytes) <= bytes.len() / 4);
        // And with the length made right again, so that the attributes are reached.
        if let Some(head) = bytes.get(..4).map(<[u8]>::len) {
            let len = bytes.len() as u32;
            bytes[..head].copy_from_slice(&len.to_ne_bytes());
            prop_assert!(decode_all(&bytes) <= bytes.len() / 4);
        }
    }
}
