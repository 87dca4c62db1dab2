//! What a watch sees of packets is what `explain` said of them before: on hosts as they are found, with packets between the
//! addresses and ports that their rules name. The trace and the evaluator know of each other's mistakes here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod packets;
#[path = "../differential_nft/rng.rs"]
mod rng;
#[path = "../watch/watcher.rs"]
#[allow(dead_code, reason = "the tests of watch use the rest")]
mod watcher;

use std::time::Duration;

use nfblame::blame::{Blame, Confidence, Culprit, Verdict};
use nfblame::explain::{Explainer, Question, Side};
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;
use nfblame::watch::Options;
use nfblame_sys::tun::Tap;

use common::Netns;
use common::hosts::HOSTS;
use common::kernel::{self, kernel_tests};
use packets::{Packets, Sent};
use watcher::{Said, Watcher, traced};

kernel_tests! {
    what_is_seen_is_what_was_explained needs
        ["nft", "ip", "sh", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy", "ipset"];
}

fn main() {
    kernel::run(cases());
}

/// Packets for each host, unless `NFBLAME_AGREEMENT_PACKETS` says otherwise.
const PACKETS: usize = 25;

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

fn what_is_seen_is_what_was_explained() {
    let (packets, seed) = (number("NFBLAME_AGREEMENT_PACKETS", PACKETS), number("NFBLAME_AGREEMENT_SEED", 1));
    let mut wrong = String::new();
    let mut tally = [0; 4];
    for (name, script) in HOSTS {
        let host = host(script);
        // What answers by itself stays in the namespace of its thread.
        let told = host.ns.run(|| compare(&host, Packets::new(script, seed as u64), packets, &mut tally));
        wrong.extend(told.into_iter().map(|t| format!("{name}: {t}\n")));
    }
    let [same, open, unseen, differ] = tally;
    eprintln!("{same} the same, {open} left open, {unseen} met no hook, {differ} differ");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(same > 5 * (open + unseen), "too much is left open");
}

/// A router whose neighbours need not be asked for, with these rules.
struct Host {
    ns: Netns,
    taps: Vec<(&'static str, Tap)>,
}

fn host(script: &str) -> Host {
    let ns = Netns::new();
    let taps = ["eth0", "eth1"].map(|name| {
        let tap = ns.run(|| Tap::new(name)).unwrap();
        let index = ns.index(name);
        ns.rt(|rt| {
            rt.set_address(index, &packets::mac(name))?;
            rt.set_quiet(index)
        })
        .unwrap();
        ns.cmd("ip", &["link", "set", name, "up"], "");
        (name, tap)
    });
    for (name, address) in
        [("eth0", "192.0.2.1/24"), ("eth1", "10.0.0.1/24"), ("eth0", "2001:db8:1::1/64"), ("eth1", "2001:db8:2::1/64")]
    {
        ns.address(name, address);
    }
    ns.route("0.0.0.0/0", "192.0.2.254");
    ns.route("::/0", "2001:db8:1::fe");
    for key in ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] {
        ns.sysctl(key, "1");
    }
    for key in ["net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"] {
        ns.sysctl(key, "0");
    }
    ns.cmd("sh", &["-ec", script], "");
    for link in ns.rt(|rt| rt.links()).unwrap().iter().filter(|l| !l.is_loopback()) {
        let name = link.name.as_str().unwrap();
        ns.cmd("ip", &["link", "set", name, "arp", "off"], "");
        ns.sysctl(&format!("net.ipv4.conf.{name}.send_redirects"), "0");
    }
    ns.sysctl("net.ipv4.conf.all.send_redirects", "0");
    Host { ns, taps: taps.into() }
}

/// Explains packets, sends them, and tells of each that was seen to go another way.
fn compare(host: &Host, mut packets: Packets, count: usize, tally: &mut [usize; 4]) -> Vec<String> {
    let rules = Ruleset::read().unwrap();
    let kernel = KernelHost::open().unwrap();
    let watch = Watcher::start(&host.ns, Options { all: true, ..traced("ip or ip6") });
    let mut wrong = Vec::new();
    for n in 0..count {
        let sent = packets.next(n);
        kernel.forget();
        let mut question = Question::new(sent.network, sent.bytes.clone());
        question.side = Side::In(sent.device.into());
        question.link = Some(sent.link.clone());
        let said = Explainer::new(&rules, &kernel).brief().explain(&question).unwrap().blame;
        let tap = host.taps.iter().find(|(name, _)| *name == sent.device).map(|(_, tap)| tap).unwrap();
        tap.send(&[&sent.link[..], &sent.bytes].concat()).unwrap();
        let hooked = said.verdict == Verdict::Accept || said.path.iter().any(|s| s.table_name.is_some());
        let Some(seen) = seen(&watch, &sent, hooked) else {
            // What is lost before the first hook is no trace's.
            tally[2] += 1;
            if said.verdict == Verdict::Accept && said.confidence == Confidence::Certain {
                wrong.push(format!("{sent:?}\n    said {}\n    not seen", tell(&said)));
                tally[3] += 1;
            }
            continue;
        };
        if said.confidence == Confidence::Certain && seen.confidence == Confidence::Certain && same(&said, &seen) {
            tally[0] += 1;
        } else if agree(&said, &seen) {
            tally[1] += 1;
        } else {
            tally[3] += 1;
            wrong.push(format!("{sent:?}\n    said {}\n    seen {}", tell(&said), tell(&seen)));
        }
    }
    wrong
}

fn tell(b: &Blame) -> String {
    format!("{} ({})", watcher::line(b), watcher::more(b))
}

/// What the watch tells of a packet. `hooked`: it is said to come to a hook.
fn seen(watch: &Watcher, sent: &Sent, hooked: bool) -> Option<Blame> {
    let patience = if hooked { common::DEADLINE } else { Duration::from_millis(400) };
    loop {
        match watch.next_within(patience)? {
            Said::Blame(blame) if sent.is(&blame.packet) => return Some(*blame),
            Said::Blame(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn place(c: &Culprit) -> impl PartialEq + '_ {
    let setting = c.sysctl.as_ref().map(|s| &s.key);
    (c.kind, c.family, &c.table_name, &c.chain_name, c.rule_position, c.rule_handle, setting)
}

fn same(a: &Blame, b: &Blame) -> bool {
    a.verdict == b.verdict && place(&a.culprit) == place(&b.culprit)
}

/// Is what one of the two is sure of among what the other thinks possible?
fn agree(a: &Blame, b: &Blame) -> bool {
    let open = |x: &Blame| x.confidence == Confidence::Unknown;
    let thinks = |x: &Blame, c: &Culprit| {
        x.confidence != Confidence::Certain
            && std::iter::once(&x.culprit).chain(&x.alternatives).any(|o| place(o) == place(c))
    };
    same(a, b) || open(a) || open(b) || thinks(a, &b.culprit) || thinks(b, &a.culprit)
}
