//! Changes and trace records of the real kernel, as they happen.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should fail loudly")]

mod common;

use std::net::UdpSocket;

use common::{Netns, kernel, kernel_tests};
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::monitor::{Interest, Received};
use nfblame_sys::nft::*;

kernel_tests! {
    a_transaction_is_told_with_its_author needs ["nft"];
    a_loss_is_told_and_the_following_is_still_heard needs ["nft"];
    trace_records_name_rule_policy_packet_and_connection needs ["nft"];
}

fn main() {
    kernel::run(cases());
}

/// A monitor that does not wait, opened in `ns`.
fn monitor(ns: &Netns, interest: Interest) -> Monitor {
    let m = ns.run(|| Monitor::open(interest)).unwrap_or_else(|e| panic!("{e}"));
    m.set_nonblocking(true).unwrap();
    m
}

/// Everything that is there to be read.
fn drain(m: &mut Monitor) -> Vec<Notification> {
    let mut all = Vec::new();
    loop {
        match m.receive(|n| all.push(n)).unwrap_or_else(|e| panic!("{e}")) {
            Received::Notifications(_) => {}
            Received::Nothing => return all,
            lost => panic!("{lost:?}"),
        }
    }
}

const CHANGES: Interest = Interest { changes: true, trace: false };
const TRACE: Interest = Interest { changes: false, trace: true };

fn a_transaction_is_told_with_its_author() {
    let ns = Netns::new();
    let mut m = monitor(&ns, CHANGES);
    ns.nft(
        "table inet t { set s { type ipv4_addr; elements = { 192.0.2.1 }; }; counter c { }; \
         chain in { type filter hook input priority 0; policy drop; ip saddr @s counter accept comment \"why\"; }; }",
    );
    let told = drain(&mut m);
    let generation = ns.run(|| dump::generation(&mut Client::open(Netlink::Netfilter).unwrap())).unwrap().id;
    let [.., last] = told.as_slice() else { panic!("nothing was told") };
    let Event::Generation(g) = &last.event else { panic!("the last is {last:?}") };
    assert_eq!(g.id, generation);
    assert_eq!(g.process, Some("nft".into()));
    assert!(g.pid.is_some());
    assert!(told.iter().all(|n| n.generation == generation as u16 && n.port == last.port), "{told:#?}");
    assert!(told.iter().any(|n| matches!(&n.event, Event::Table(Change::New, t) if t.name == "t")));
    assert!(told.iter().any(|n| matches!(&n.event, Event::Set(Change::New, s) if s.name == "s")));
    assert!(told.iter().any(|n| matches!(&n.event, Event::Elements(Change::New, e) if e.elements.len() == 1)));
    assert!(told.iter().any(|n| matches!(&n.event, Event::Object(Change::New, o) if o.name == "c")));
    let chain = told.iter().find_map(|n| if let Event::Chain(Change::New, c) = &n.event { Some(c) } else { None });
    assert_eq!(chain.and_then(|c| c.base.as_ref()).map(|b| b.policy.clone()), Some(Verdict::Drop));
    let rule = told.iter().find_map(|n| if let Event::Rule(Change::New, r) = &n.event { Some(r) } else { None });
    assert_eq!(rule.and_then(|r| r.comment()), Some("why".into()));

    ns.cmd("nft", &["delete", "rule", "inet", "t", "in", "handle", &rule.unwrap().handle.to_string()], "");
    let gone = drain(&mut m);
    let gone = gone.iter().find_map(|n| if let Event::Rule(Change::Deleted, r) = &n.event { Some(r) } else { None });
    assert_eq!(gone.map(|r| r.handle), rule.map(|r| r.handle));
    ns.nft("flush ruleset");
    let gone = drain(&mut m);
    for (what, told) in [
        ("table", gone.iter().any(|n| matches!(n.event, Event::Table(Change::Deleted, _)))),
        ("chain", gone.iter().any(|n| matches!(n.event, Event::Chain(Change::Deleted, _)))),
        ("set", gone.iter().any(|n| matches!(n.event, Event::Set(Change::Deleted, _)))),
        ("object", gone.iter().any(|n| matches!(n.event, Event::Object(Change::Deleted, _)))),
    ] {
        assert!(told, "the end of the {what} was not told: {gone:#?}");
    }
    assert!(gone.iter().all(|n| !matches!(n.event, Event::Unknown { .. })), "{gone:#?}");
}

fn a_loss_is_told_and_the_following_is_still_heard() {
    let ns = Netns::new();
    let mut m = monitor(&ns, CHANGES);
    let rules: String =
        (0..60_000).map(|i| format!("add rule ip t c ip saddr 10.{}.{}.1 counter\n", i >> 8, i & 255)).collect();
    ns.nft(&format!("add table ip t\nadd chain ip t c\n{rules}"));
    let mut lost = false;
    loop {
        match m.receive(|_| ()).unwrap_or_else(|e| panic!("{e}")) {
            Received::Lost => lost = true,
            Received::Nothing => break,
            Received::Notifications(_) => {}
            Received::Truncated => panic!("truncated"),
        }
    }
    assert!(lost, "60000 notifications fit into the buffer: make the test larger");
    ns.nft("add table ip after");
    assert!(drain(&mut m).iter().any(|n| matches!(&n.event, Event::Table(Change::New, t) if t.name == "after")));
}

/// A table of ours that belongs to the client's socket and traces what `lo` sends to one port.
fn trace_table(port: u16) -> Batch {
    let (family, table, chain): (Family, nfblame_sys::Text, nfblame_sys::Text) =
        (Family::Inet, "probe".into(), "out".into());
    let mut batch = Batch::new(None);
    batch.add_table(&Table {
        family,
        name: table.clone(),
        flags: TableFlags::OWNER,
        uses: 0,
        handle: 0,
        owner: None,
        userdata: Userdata::default(),
        unread: vec![],
    });
    let base = BaseChain {
        kind: ChainKind::Filter,
        hook: Hook::Output,
        priority: -500,
        policy: Verdict::Accept,
        devices: vec![],
        counters: None,
    };
    batch.add_chain(&Chain {
        family,
        table: table.clone(),
        name: chain.clone(),
        handle: 0,
        base: Some(base),
        uses: 0,
        flags: ChainFlags::empty(),
        id: None,
        userdata: Userdata::default(),
        unread: vec![],
    });
    let exprs = vec![
        Meta::load(MetaKey::L4proto).into(),
        Cmp::eq(Reg::R1, [17]).into(),
        Payload::load(PayloadBase::Transport, 2, 2).into(),
        Cmp::eq(Reg::R1, port.to_be_bytes()).into(),
        Immediate::data(Reg::R1, [1]).into(),
        MetaSet::store(MetaKey::Nftrace).into(),
    ];
    let userdata = Userdata::of_comment("traced for a test");
    let (previous, compat, unread) = (None, None, vec![]);
    batch.add_rule(&Rule { family, table, chain, handle: 0, previous, exprs, compat, userdata, unread }, Place::Append);
    batch
}

fn trace_records_name_rule_policy_packet_and_connection() {
    let ns = Netns::new();
    ns.nft(
        "table ip fw { chain svc { udp dport 9 counter; return; }
         chain out { type filter hook output priority 0; ct state new counter; jump svc; }
         chain in { type filter hook input priority 0; policy drop; meta mark set 7; }; }",
    );
    let mut m = monitor(&ns, TRACE);
    let client = ns.run(|| {
        let mut client = Client::open(Netlink::Netfilter).unwrap();
        trace_table(9).commit(&mut client).unwrap_or_else(|e| panic!("{e}"));
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"hello", "127.0.0.1:9").unwrap();
        client
    });
    let listed = ns.cmd("nft", &["list", "table", "inet", "probe"], "");
    assert!(listed.contains("udp dport 9 meta nftrace set 1 comment \"traced for a test\""), "{listed}");
    let traces: Vec<Trace> = drain(&mut m)
        .into_iter()
        .map(|n| match n.event {
            Event::Trace(t) => *t,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(traces.iter().all(|t| t.unread.is_empty()), "{traces:#?}");
    // Over the loopback, the packet that comes in has another id than when it went out.
    let (out, inward): (Vec<_>, Vec<_>) = traces.iter().partition(|t| t.chain != "in");
    for part in [&out, &inward] {
        assert!(part.iter().all(|t| t.id == part[0].id), "{traces:#?}");
    }
    let said: Vec<String> = traces
        .iter()
        .map(|t| {
            let what = t.verdict.as_ref().or(t.policy.as_ref()).map(Verdict::to_string).unwrap_or_default();
            let rule = if t.rule_handle.is_some() { "#" } else { "" };
            format!("{} {} {}{rule} {what}", t.table, t.chain, t.kind)
        })
        .collect();
    assert_eq!(
        said,
        [
            "probe out rule# continue",
            "probe out rule continue",
            "probe out policy accept",
            "fw out rule# continue",
            "fw out rule# jump svc",
            "fw svc rule# continue",
            "fw svc rule# return",
            "fw out rule continue",
            "fw out policy accept",
            "fw in rule# continue",
            "fw in rule continue",
            "fw in policy drop",
        ]
    );
    let first = traces.iter().find(|t| t.chain == "out" && t.table == "fw").unwrap();
    assert_eq!(first.nfproto, Some(Family::Ip));
    assert_eq!(first.oif, Some(1));
    assert_eq!(first.network_header.first(), Some(&0x45));
    assert_eq!(first.transport_header.get(2..4), Some([0, 9].as_slice()));
    assert_eq!(inward[0].iif, Some(1));
    assert_eq!(traces.last().and_then(|t| t.mark), Some(7), "the mark that a rule set");
    if first.ct_id.is_some() {
        // 8 = new, as a bit in the words of `ct state`.
        assert_eq!((first.ct_state, first.ct_direction), (Some(8), Some(0)));
        let id: u32 =
            ns.cmd("sh", &["-c", "cat /proc/net/nf_conntrack 2>/dev/null | wc -l"], "").trim().parse().unwrap();
        let _ = id;
    }
    drop(client);
    let tables = ns.cmd("nft", &["list", "tables"], "");
    assert!(!tables.contains("probe"), "it outlived its socket: {tables}");
}
