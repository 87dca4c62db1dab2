#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use super::join::{Joiner, Now, QUEUED, QUIET};
use super::journey::{Edge, End, Journey, Record};
use crate::blame::Time;
use crate::evaluate::headers::Network;
use crate::evaluate::hook::Hook;
use crate::evidence::legacy::{Comment, LegacyTrace};
use crate::evidence::packet::LoggedPacket;
use crate::sys::Text;
use crate::sys::nft::{Family, Trace, TraceKind, Verdict};

pub(super) const OURS: &str = "nfblame-7";

/// An IPv4 header with that identification, to that address.
pub(super) fn header(id: u8, to: u8) -> Vec<u8> {
    vec![0x45, 0, 0, 28, 0, id, 0, 0, 64, 17, 1, 2, 10, 0, 0, 1, 10, 0, 0, to]
}

const UDP: [u8; 8] = [0, 9, 0, 53, 0, 8, 3, 4];

pub(super) fn record(id: u32, table: &str, chain: &str) -> Trace {
    Trace {
        family: Family::Inet,
        id,
        kind: TraceKind::Policy,
        table: table.into(),
        chain: chain.into(),
        rule_handle: None,
        verdict: None,
        policy: Some(Verdict::Accept),
        link_header: Box::default(),
        network_header: Box::default(),
        transport_header: Box::default(),
        iif: None,
        iif_type: None,
        oif: None,
        oif_type: None,
        mark: None,
        nfproto: Some(Family::Ip),
        ct_id: None,
        ct_direction: None,
        ct_status: None,
        ct_state: None,
        unread: Vec::new(),
    }
}

/// The first record of a base chain.
pub(super) fn first(id: u32, table: &str, chain: &str, header: Vec<u8>) -> Trace {
    Trace { network_header: header.into(), transport_header: UDP.into(), iif: Some(2), ..record(id, table, chain) }
}

pub(super) fn rule(id: u32, chain: &str, handle: u64, verdict: Verdict, header: Vec<u8>) -> Trace {
    let record = first(id, "t", chain, header);
    Trace { kind: TraceKind::Rule, rule_handle: Some(handle), verdict: Some(verdict), policy: None, ..record }
}

pub(super) fn legacy(hook: Hook, number: u32, mut header: Vec<u8>) -> LegacyTrace {
    header[8] -= 1; // another TTL
    header.extend(UDP);
    let packet = LoggedPacket {
        group: 0,
        family: 2,
        network: Network::Ip4,
        hook: Some(hook),
        iif: Some(2),
        oif: None,
        physin: None,
        physout: None,
        mark: 0,
        uid: None,
        gid: None,
        prefix: Text::default(),
        time: None,
        received: Time(0),
        hw_type: None,
        link: Box::default(),
        vlan: None,
        payload: header.into(),
        ct: Box::default(),
        ct_info: None,
        count: 1,
        seq: None,
    };
    let chain = hook.builtin_chain().unwrap().into();
    LegacyTrace { table: "filter".into(), chain, comment: Comment::Rule, number, packet }
}

pub(super) struct Rig {
    pub(super) joiner: Joiner,
    start: Instant,
    elapsed: Duration,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self { joiner: Joiner::new(OURS.into()), start: Instant::now(), elapsed: Duration::ZERO }
    }

    pub(super) fn now(&self) -> Now {
        Now { time: Time(self.elapsed.as_nanos() as u64), instant: self.start + self.elapsed }
    }

    pub(super) fn nft(&mut self, trace: Trace) {
        self.joiner.nft(trace, self.now());
    }

    fn legacy(&mut self, trace: LegacyTrace) {
        self.joiner.legacy(trace, self.now());
    }

    pub(super) fn settle(&mut self) -> Vec<Journey> {
        let mut out = Vec::new();
        self.joiner.give_up(self.now());
        self.joiner.settle(|j| out.push(j));
        out
    }

    pub(super) fn after(&mut self, d: Duration) -> Vec<Journey> {
        self.elapsed += d;
        self.settle()
    }
}

/// `edge hook`, `table chain` or `legacy number`, step by step.
pub(super) fn steps(j: &Journey) -> Vec<String> {
    let hook = |h: Option<Hook>| h.map_or("?", Hook::name);
    let text = |s: &super::Step| match &s.record {
        Record::Edge(Edge::Enters, _) => format!("> {}", hook(s.hook)),
        Record::Edge(Edge::Leaves, _) => format!("< {}", hook(s.hook)),
        Record::Nft(t) => format!("{} {}", hook(s.hook), t.chain),
        Record::Legacy(l) => format!("{} legacy {}", hook(s.hook), l.number),
    };
    j.steps.iter().map(text).collect()
}

#[test]
fn a_drop_by_a_rule_ends_the_journey_at_once() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.nft(record(5, OURS, "leave-prerouting"));
    rig.nft(first(5, OURS, "enter-input", header(1, 2)));
    rig.nft(record(5, OURS, "enter-input"));
    assert!(rig.settle().is_empty());
    rig.nft(rule(5, "in", 9, Verdict::Drop, header(1, 2)));
    let done = rig.settle();
    assert_eq!(done.len(), 1);
    assert_eq!(steps(&done[0]), ["> prerouting", "< prerouting", "> input", "input in"]);
    assert_eq!((done[0].end, done[0].selected, done[0].id), (End::Dropped, true, Some(5)));
    assert!(done[0].reached(Hook::Prerouting, Edge::Leaves) && !done[0].reached(Hook::Input, Edge::Leaves));
    assert!(rig.after(QUIET * 3).is_empty());
}

#[test]
fn a_packet_that_comes_out_of_the_last_hook_has_passed() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-output", header(1, 2)));
    rig.nft(first(5, OURS, "enter-postrouting", header(1, 2)));
    rig.nft(first(5, OURS, "leave-postrouting", header(1, 2)));
    let done = rig.settle();
    assert_eq!(done.iter().map(|j| j.end).collect::<Vec<_>>(), [End::Passed(Hook::Postrouting)]);
}

#[test]
fn legacy_records_join_by_their_headers_and_silence_ends_the_journey() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.nft(first(5, OURS, "leave-prerouting", header(1, 3))); // DNAT
    rig.nft(first(5, OURS, "enter-forward", header(1, 3)));
    rig.nft(first(6, OURS, "mark-prerouting", header(2, 2)));
    rig.legacy(legacy(Hook::Prerouting, 1, header(1, 2)));
    rig.legacy(legacy(Hook::Forward, 4, header(1, 3)));
    assert!(rig.settle().is_empty());
    assert!(rig.after(QUIET - Duration::from_millis(1)).is_empty());
    let done = rig.after(Duration::from_millis(1));
    assert_eq!(done.len(), 2);
    assert_eq!(
        steps(&done[0]),
        ["> prerouting", "prerouting legacy 1", "< prerouting", "> forward", "forward legacy 4"]
    );
    assert_eq!((done[0].end, done[0].ambiguous), (End::Silent, false));
    assert_eq!(steps(&done[1]), ["> prerouting"]);
}

#[test]
fn a_legacy_record_that_is_read_before_or_after_its_fellows_still_joins() {
    let mut rig = Rig::new();
    rig.legacy(legacy(Hook::Input, 1, header(1, 2)));
    assert!(rig.settle().is_empty());
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.nft(first(5, OURS, "enter-input", header(1, 2)));
    rig.nft(rule(5, "in", 9, Verdict::Drop, header(1, 2)));
    rig.legacy(legacy(Hook::Input, 2, header(1, 2)));
    let done = rig.settle();
    assert_eq!(done.len(), 1);
    assert_eq!(steps(&done[0]), ["> prerouting", "> input", "input in", "input legacy 1", "input legacy 2"]);
    let mut j = done.into_iter().next().unwrap();
    j.order(|s| match &s.record {
        Record::Edge(..) => None,
        Record::Legacy(_) => Some(0),
        Record::Nft(_) => Some(10),
    });
    assert_eq!(steps(&j), ["> prerouting", "> input", "input legacy 1", "input legacy 2", "input in"]);
}

#[test]
fn order_keeps_legacy_records_between_the_edges_of_their_hook() {
    let mut rig = Rig::new();
    for (chain, to) in [("mark-prerouting", 2), ("enter-input", 2)] {
        rig.nft(first(5, OURS, chain, header(1, to)));
    }
    rig.nft(rule(5, "early", 1, Verdict::Accept, header(1, 2)));
    rig.nft(rule(5, "late", 2, Verdict::Accept, header(1, 2)));
    rig.legacy(legacy(Hook::Input, 1, header(1, 2)));
    rig.nft(first(5, OURS, "leave-input", header(1, 2)));
    let mut j = rig.settle().pop().unwrap();
    j.order(|s| match &s.record {
        Record::Legacy(_) => Some(0),
        Record::Nft(t) if t.chain == "early" => Some(-5),
        Record::Nft(_) => Some(5),
        Record::Edge(..) => None,
    });
    assert_eq!(steps(&j), ["> prerouting", "> input", "input early", "input legacy 1", "input late", "< input"]);
}

#[test]
fn order_puts_nothing_behind_a_drop() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.nft(first(5, OURS, "enter-input", header(1, 2)));
    rig.nft(rule(5, "in", 9, Verdict::Drop, header(1, 2)));
    rig.legacy(legacy(Hook::Input, 1, header(1, 2)));
    let mut j = rig.settle().pop().unwrap();
    j.order(|s| (!matches!(s.record, Record::Edge(..))).then_some(0));
    assert_eq!(steps(&j), ["> prerouting", "> input", "input legacy 1", "input in"]);
}

#[test]
fn order_leaves_legacy_records_behind_the_hook_of_a_bridge_that_came_before() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    for chain in ["enter-postrouting", "leave-postrouting"] {
        rig.nft(Trace { family: Family::Bridge, ..first(5, OURS, chain, header(1, 2)) });
    }
    rig.nft(first(5, OURS, "enter-postrouting", header(1, 2)));
    rig.legacy(legacy(Hook::Postrouting, 1, header(1, 2)));
    let mut j = rig.after(QUIET).pop().unwrap();
    j.order(|s| matches!(s.record, Record::Legacy(_)).then_some(-150));
    let end = ["> postrouting", "< postrouting", "> postrouting", "postrouting legacy 1"];
    assert_eq!(steps(&j)[1..], end);
}

#[test]
fn the_same_trace_id_begins_anew() {
    let mut rig = Rig::new();
    for _ in 0..2 {
        rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
        rig.legacy(legacy(Hook::Prerouting, 1, header(1, 2)));
    }
    let done = rig.settle();
    assert_eq!(done.len(), 1, "the second meeting of a chain is another packet");
    assert_eq!(steps(&done[0]), ["> prerouting", "prerouting legacy 1"]);
    let done = rig.after(QUIET);
    assert_eq!(steps(&done[0]), ["> prerouting", "prerouting legacy 1"]);
}

#[test]
fn packets_with_the_same_headers_are_told_apart_by_order_and_marked() {
    let mut rig = Rig::new();
    for id in [5, 6] {
        rig.nft(first(id, OURS, "mark-prerouting", header(1, 2)));
    }
    for number in [1, 2, 1, 2] {
        rig.legacy(legacy(Hook::Prerouting, number, header(1, 2)));
    }
    let done = rig.after(QUIET);
    assert_eq!(done.len(), 2);
    for j in done {
        assert_eq!(steps(&j), ["> prerouting", "prerouting legacy 1", "prerouting legacy 2"]);
        assert!(j.ambiguous);
    }
}

#[test]
fn a_queued_packet_is_waited_for_longer() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.nft(rule(5, "pre", 1, Verdict::Queue { num: 0, bypass: false }, header(1, 2)));
    assert!(rig.after(QUIET * 2).is_empty());
    assert!(rig.joiner.next_alarm().is_some());
    let done = rig.after(QUEUED);
    assert_eq!(done[0].end, End::Silent);
    assert_eq!(rig.joiner.next_alarm(), None);
}

#[test]
fn a_fragment_that_goes_quiet_went_into_reassembly() {
    let mut rig = Rig::new();
    let mut fragment = header(1, 2);
    fragment[6] = 0x20;
    rig.nft(first(5, OURS, "mark-prerouting", fragment));
    assert_eq!(rig.after(QUIET)[0].end, End::Reassembly);
}

#[test]
fn what_was_lost_or_cut_short_is_marked() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.joiner.lost_nft();
    rig.nft(first(6, OURS, "mark-prerouting", header(2, 2)));
    let mut done = Vec::new();
    rig.joiner.finish(|j| done.push((j.id, j.end, j.incomplete)));
    assert_eq!(done, [(Some(5), End::Interrupted, true), (Some(6), End::Interrupted, false)]);
}

#[test]
fn between_the_news_of_a_gap_and_its_end_every_journey_is_in_doubt() {
    let mut rig = Rig::new();
    rig.nft(first(5, OURS, "mark-prerouting", header(1, 2)));
    rig.joiner.gap_ahead(true);
    // Another loss, whose place is known, does not end it.
    rig.joiner.lost_nft();
    // The kernel uses the number again: what became of the first is not known.
    rig.nft(first(5, OURS, "mark-prerouting", header(2, 2)));
    rig.joiner.gap_ahead(false);
    rig.nft(first(6, OURS, "mark-prerouting", header(3, 2)));
    let mut done = Vec::new();
    rig.joiner.finish(|j| done.push((j.id, j.end, j.incomplete)));
    let all = [(Some(5), End::Silent, true), (Some(5), End::Interrupted, true), (Some(6), End::Interrupted, false)];
    assert_eq!(done, all);
}

#[test]
fn a_gap_in_the_legacy_records_concerns_all_packets_before_the_next_one() {
    let mut rig = Rig::new();
    let begin = |id: u8| first(id.into(), OURS, "mark-prerouting", header(id, 2));
    rig.nft(begin(1));
    rig.joiner.lost_legacy();
    assert!(!rig.joiner.legacy(legacy(Hook::Prerouting, 1, header(3, 2)), rig.now()), "of a packet still to be read");
    rig.settle();
    let mut done = Vec::new();
    for id in 2..4 {
        rig.nft(begin(id));
        rig.settle();
    }
    rig.nft(rule(3, "in", 3, Verdict::Drop, header(3, 2)));
    done.extend(rig.settle());
    rig.nft(begin(4));
    rig.joiner.finish(|j| done.push(j));
    let mut done: Vec<_> = done.iter().map(|j| (j.id, j.incomplete, steps(j).len())).collect();
    done.sort();
    // The third is the one behind the gap; it may have been in it as well.
    assert_eq!(done, [(Some(1), true, 1), (Some(2), true, 1), (Some(3), true, 3), (Some(4), false, 1)]);
}

#[test]
fn a_gap_also_concerns_a_packet_on_another_cpu_that_is_told_of_between_beginning_and_end_of_the_next_one() {
    for read_first in [false, true] {
        let mut rig = Rig::new();
        let begin = |id: u8| first(id.into(), OURS, "mark-prerouting", header(id, 2));
        // The kernel's order: 1 begins, 2 begins, a record of 2 is lost, one of 1 is not, 2 ends, 1 ends, 3 comes.
        if read_first {
            rig.nft(begin(1));
        }
        rig.joiner.lost_legacy();
        rig.legacy(legacy(Hook::Prerouting, 1, header(1, 2)));
        if !read_first {
            rig.nft(begin(1));
        }
        let mut done = rig.settle();
        for id in [2, 1, 3] {
            if id != 1 {
                rig.nft(begin(id));
            }
            rig.nft(rule(id.into(), "in", 3, Verdict::Drop, header(id, 2)));
            done.extend(rig.settle());
        }
        let mut done: Vec<_> = done.iter().map(|j| (j.id, j.incomplete, steps(j).len())).collect();
        done.sort();
        assert_eq!(done, [(Some(1), true, 3), (Some(2), true, 2), (Some(3), false, 2)], "{read_first}");
    }
}

#[test]
fn a_trace_of_someone_else_is_followed_but_stray_edges_are_not_reported() {
    let mut rig = Rig::new();
    rig.nft(first(5, "nfblame-8", "mark-prerouting", header(1, 2)));
    rig.nft(rule(5, "pre", 3, Verdict::Continue, header(1, 2)));
    rig.nft(first(6, OURS, "leave-input", header(1, 2)));
    let done = rig.after(QUIET);
    assert_eq!(done.len(), 1);
    assert_eq!((steps(&done[0]), done[0].selected), (vec!["? pre".to_owned()], false));
}

#[test]
fn a_packet_that_one_device_hands_to_another_stays_one_packet() {
    let mut rig = Rig::new();
    let netdev = |id, chain: &str, n| Trace { family: Family::Netdev, ..first(id, OURS, chain, header(n, 2)) };
    rig.nft(netdev(5, "mark-ingress", 1));
    rig.nft(netdev(6, "mark-ingress", 2));
    rig.nft(netdev(7, "enter-ingress-9", 1)); // the device on top
    rig.nft(first(7, OURS, "enter-prerouting", header(1, 2)));
    rig.nft(rule(7, "pre", 9, Verdict::Drop, header(1, 2)));
    let done = rig.settle();
    assert_eq!(done.len(), 1);
    assert_eq!(steps(&done[0]), ["> ingress", "> prerouting", "prerouting pre"]);
    assert_eq!((done[0].id, done[0].selected), (Some(5), true));
    let done = rig.after(QUIET);
    assert_eq!(done.iter().map(|j| j.id).collect::<Vec<_>>(), [Some(6)]);
    assert!(rig.joiner.next_alarm().is_none());
}

#[test]
fn a_frame_for_somebody_else_is_told_from_one_for_this_host() {
    let journey = |to: [u8; 6], more: bool| {
        let mut rig = Rig::new();
        let mut link = to.to_vec();
        link.extend([2, 0, 0, 0, 0, 1, 8, 0]);
        let seen =
            Trace { family: Family::Netdev, link_header: link.into(), ..first(5, OURS, "mark-ingress", header(1, 2)) };
        rig.nft(seen);
        if more {
            rig.nft(first(5, OURS, "enter-prerouting", header(1, 2)));
        }
        rig.after(QUIET).pop().unwrap()
    };
    let own = [2, 0, 0, 0, 0, 9];
    let addresses = [(2, own.to_vec())].into_iter().collect();
    assert!(journey([2, 0, 0, 0, 0, 8], false).is_for_others(&addresses));
    assert!(!journey([2, 0, 0, 0, 0, 8], true).is_for_others(&addresses));
    assert!(!journey(own, false).is_for_others(&addresses));
    assert!(!journey([0xff; 6], false).is_for_others(&addresses));
    assert!(!journey([2, 0, 0, 0, 0, 8], false).is_for_others(&Default::default()));
}
