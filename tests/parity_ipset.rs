//! ipsets of the running kernel, made by the real `ipset`: read, said in its words, and asked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::net::{IpAddr, Ipv4Addr};

use common::parity::Tally;
use common::{Netns, kernel, kernel_tests};
use nfblame::evaluate::Fact;
use nfblame::ruleset::ipset::{Ask, IpSets, Subject};
use nfblame::ruleset::render::Out;
use nfblame::ruleset::render::ipset::save;
use nfblame_sys::Text;
use nfblame_sys::ipset::{Mac, Port};
use nfblame_sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};

kernel_tests! {
    sets_are_said_as_ipset_save_says_them needs ["ipset"];
    what_is_said_makes_the_same_sets_again needs ["ipset"];
    ipset_forgets_forceadd_and_we_do_not needs ["ipset"];
    sets_of_many_messages_are_read_whole needs ["ipset"];
    names_go_with_indices needs ["ipset"];
    sets_contain_what_the_kernel_says_they_contain needs ["ipset"];
}

fn main() {
    kernel::run(cases());
}

/// Makes sets from a script, line by line; lines that the kernel has no type for are left out and named. Returns how
/// many.
fn make(ns: &Netns, script: &str) -> usize {
    let mut refused = 0;
    let mut missing: Vec<&str> = Vec::new();
    let mut kept = String::new();
    for line in script.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (verb, name) = (words.next().unwrap(), words.next().unwrap());
        if verb == "create" {
            let out = ns.try_cmd("ipset", &["restore"], &format!("{line}\n"));
            if !out.status.success() {
                let error = String::from_utf8_lossy(&out.stderr);
                assert!(error.contains("not supported"), "{line}: {error}");
                eprintln!("skipped: this kernel has no {}", words.next().unwrap());
                missing.push(name);
                refused += 1;
            }
        } else if missing.contains(&name) {
            refused += 1;
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    ns.cmd("ipset", &["restore"], &kept);
    refused
}

fn read(ns: &Netns) -> IpSets {
    IpSets::new(ns.run(nfblame_sys::ipset::read).unwrap().unwrap_or_default())
}

fn rendered(sets: &IpSets) -> String {
    let mut out = Out::new();
    for set in sets.iter() {
        save(set, &mut out);
    }
    assert!(out.is_complete(), "something was not said in the tool's words");
    String::from_utf8(out.into_bytes()).unwrap()
}

fn sets_are_said_as_ipset_save_says_them() {
    let ns = Netns::new();
    let refused = make(&ns, include_str!("corpus/ipset/save.txt"));
    // Timeouts run down between two readings: try again if a second went by.
    for _ in 0..5 {
        let (ours, theirs) = (rendered(&read(&ns)), ns.cmd("ipset", &["save"], ""));
        if theirs == ours {
            let lines = ours.lines().count();
            Tally { tried: lines, equal: lines, refused, ..Tally::default() }.report("ipset save", "save.txt");
            return;
        }
        let same = |(a, b): (&str, &str)| a == b || a.contains(" timeout ") && b.contains(" timeout ");
        let odd = ours.lines().zip(theirs.lines()).find(|pair| !same(*pair));
        assert_eq!(odd, None, "ours, theirs");
    }
    panic!("ours and theirs never came out the same");
}

fn what_is_said_makes_the_same_sets_again() {
    let (a, b) = (Netns::new(), Netns::new());
    make(&a, include_str!("corpus/ipset/save.txt"));
    make(&a, "create force hash:ip forceadd\nadd force 192.0.2.1\n");
    let sets = read(&a);
    b.cmd("ipset", &["restore"], &rendered(&sets));
    let strip = |sets: &IpSets| -> Vec<_> {
        let strip_member = |m: &nfblame_sys::ipset::Member| {
            let mut m = m.clone();
            m.timeout = m.timeout.map(|t| u32::from(t != 0));
            format!("{m:?}")
        };
        let mut all: Vec<_> = Vec::new();
        for set in sets.iter() {
            let mut members: Vec<_> = set.members().iter().map(strip_member).collect();
            if set.header().kind != nfblame_sys::ipset::Kind::ListSet {
                members.sort();
            }
            let mut header = set.header().clone();
            (header.memsize, header.index) = (0, None);
            all.push((format!("{header:?}"), members));
        }
        all
    };
    assert_eq!(strip(&sets), strip(&read(&b)));
}

/// docs/parity-differences.md, ipset-forceadd.
fn ipset_forgets_forceadd_and_we_do_not() {
    let ns = Netns::new();
    ns.cmd("ipset", &["create", "f", "hash:ip", "forceadd", "comment"], "");
    let (ours, theirs) = (rendered(&read(&ns)), ns.cmd("ipset", &["save"], ""));
    assert_ne!(ours, theirs, "no difference any more");
    assert_eq!(ours.replace(" forceadd", ""), theirs);
}

fn sets_of_many_messages_are_read_whole() {
    let ns = Netns::new();
    let mut script = String::from(
        "create hash hash:ip,port comment\ncreate map bitmap:ip range 10.0.0.0/16 counters\nadd map 10.0.0.0-10.0.255.255\n\
         create list list:set size 90 comment\n",
    );
    for n in 0..5000 {
        let comment = "x".repeat(n % 200);
        script.push_str(&format!("add hash 10.0.{}.{},{n} comment \"a{comment}\"\n", n / 256, n % 256));
    }
    for n in 0..80 {
        script.push_str(&format!("create s{n} hash:net\nadd list s{n} comment \"{}\"\n", "y".repeat(250)));
    }
    ns.cmd("ipset", &["restore"], &script);
    let (ours, theirs) = (rendered(&read(&ns)), ns.cmd("ipset", &["save"], ""));
    assert_eq!(theirs.lines().count(), 83 + 5000 + 65536 + 80);
    assert_eq!(ours.lines().zip(theirs.lines()).find(|(a, b)| a != b), None);
    assert_eq!(ours, theirs);
}

fn names_go_with_indices() {
    let ns = Netns::new();
    ns.cmd("ipset", &["restore"], "create a hash:ip\ncreate b hash:net\ncreate c list:set\n");
    let sets = read(&ns);
    ns.run(|| {
        let mut ipset = nfblame_sys::ipset::Ipset::open().unwrap().unwrap();
        let headers = ipset.headers().unwrap();
        assert_eq!(headers.len(), 3);
        for header in headers {
            let index = header.index.unwrap();
            assert_eq!(ipset.name(index).unwrap().as_ref(), Some(&header.name));
            assert_eq!(sets.by_index(index).unwrap().header().name, header.name);
        }
        assert_eq!(ipset.name(200).unwrap(), None);
    });
    assert!(read(&Netns::new()).iter().next().is_none());
}

/// A packet whose facts are all known.
struct Packet {
    address: IpAddr,
    port: Port,
    interface: &'static str,
}

impl Subject for Packet {
    fn family(&self) -> u8 {
        if self.address.is_ipv4() { NFPROTO_IPV4 } else { NFPROTO_IPV6 }
    }
    fn address(&self, _: bool) -> Fact<IpAddr> {
        Fact::Is(self.address)
    }
    fn port(&self, _: bool) -> Fact<Port> {
        Fact::Is(self.port)
    }
    fn mac(&self, _: bool) -> Fact<Mac> {
        Fact::Absent
    }
    fn interface(&self, _: bool, bridge_port: bool) -> Fact<Text> {
        if bridge_port { Fact::Absent } else { Fact::Is(Text::from(self.interface)) }
    }
    fn mark(&self) -> Fact<u32> {
        Fact::Is(0)
    }
}

/// Members of few bits, so that prefixes nest and exceptions meet what they except.
fn nested_nets(set: &str, suffix: &str, seed: &mut u32) -> String {
    let mut random = |n: u32| {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*seed >> 16) % n
    };
    let mut script = String::new();
    for _ in 0..12 {
        let prefix = [8, 9, 10, 14, 16, 24, 31, 32][random(8) as usize];
        let bits = (0x0a00_0000 | random(4) << 22 | random(2) << 17 | random(2) << 8 | random(2)) >> (32 - prefix);
        let net = Ipv4Addr::from_bits(bits << (32 - prefix));
        let iface = if suffix.contains("IF") { ["eth0", "eth1", "eth wildcard"][random(3) as usize] } else { "" };
        let suffix = suffix.replace("IF", iface);
        let nomatch = if random(3) == 0 { " nomatch" } else { "" };
        script.push_str(&format!("add {set} {net}/{prefix}{suffix}{nomatch}\n"));
    }
    script
}

fn sets_contain_what_the_kernel_says_they_contain() {
    let ns = Netns::new();
    let mut script = String::from(
        "create net hash:net\ncreate netport hash:net,port\ncreate netif hash:net,iface\ncreate ip hash:ip netmask 10\n\
         create mask hash:ip bitmask 255.128.1.1\ncreate map bitmap:ip range 10.0.0.0/10 netmask 16\nadd ip 10.64.0.0\n\
         add mask 10.0.1.1\nadd map 10.2.0.0\n",
    );
    let mut seed = 7;
    script.push_str(&nested_nets("net", "", &mut seed));
    script.push_str(&nested_nets("netport", ",tcp:80", &mut seed));
    script.push_str(&nested_nets("netif", ",IF", &mut seed));
    ns.cmd("ipset", &["restore", "-exist"], &script);
    let sets = read(&ns);
    let ask = Ask { dimensions: 3, ..Ask::default() };
    let (mut asked, mut hits) = (0, 0);
    for bits in 0..64u32 {
        let bit = |from: u32, to: u32| (bits >> from & 1) << to;
        let address =
            Ipv4Addr::from_bits(0x0a00_0000 | bits >> 4 << 22 | bit(0, 17) | bit(1, 8) | bit(2, 0) | bit(3, 1));
        for set in sets.iter() {
            let name = set.header().name.to_string();
            let interface = if bits % 3 == 0 { "eth0" } else { "eth7" };
            let element = match name.as_str() {
                "netport" => format!("{address},tcp:80"),
                "netif" => format!("{address},{interface}"),
                _ => address.to_string(),
            };
            let packet = Packet { address: address.into(), port: Port { proto: 6, port: 80 }, interface };
            let theirs = ns.try_cmd("ipset", &["test", &name, &element], "").status.success();
            assert_eq!(sets.contains(set, ask, &packet), Some(theirs), "{element} in {name}\n{script}");
            asked += 1;
            hits += u32::from(theirs);
        }
    }
    assert!(hits > asked / 10 && hits < asked * 9 / 10, "{hits} hits of {asked} prove little");
}
