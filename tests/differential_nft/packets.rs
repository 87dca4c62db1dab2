//! Random packets, each with a mark of its own by which its trace records are found: the IPv4 id, the IPv6 flow label.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::rng::Rng;

/// TTL and hop limit of our packets; nobody else's here have it.
pub const TTL: u8 = 61;
/// The addresses of the host under test.
pub const HERE4: &str = "10.9.0.2";
/// The same in IPv6.
pub const HERE6: &str = "2001:db8:9::2";

pub const SOURCES4: &[&str] = &["10.9.0.1", "10.9.0.7", "10.9.0.77", "192.0.2.9", "10.64.3.2", "203.0.113.200"];
pub const TARGETS4: &[&str] = &["10.9.0.2", "10.9.0.2", "10.9.1.1", "10.9.1.9", "10.9.1.130"];
pub const SOURCES6: &[&str] = &["2001:db8:9::1", "2001:db8:9::7", "2001:db8:77::9", "fd00::5", "2001:db8:9:0:1::1"];
pub const TARGETS6: &[&str] = &["2001:db8:9::2", "2001:db8:9::2", "2001:db8:10::1", "2001:db8:10::9"];
pub const PORTS: &[u16] = &[1, 22, 53, 80, 443, 1024, 8080, 8443, 32768, 65535];

/// Where a packet enters the host under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// By a device.
    Wire,
    /// From a raw socket of its own.
    Here,
}

/// A packet to be sent.
#[derive(Debug, Clone)]
pub struct Probe {
    /// From the network header on.
    pub bytes: Vec<u8>,
    /// Where it comes from.
    pub entry: Entry,
    /// Its own mark.
    pub id: u32,
    /// Is it for the host itself?
    #[allow(dead_code, reason = "shown with a failure")]
    pub local: bool,
    /// Does it stop before the input hook: a fragment that waits for the others?
    pub fragment: bool,
    /// Does nobody behind the ingress hook take it: its headers contradict each other?
    pub broken: bool,
    pub ip6: bool,
}

impl Probe {
    /// What its Ethertype says.
    pub fn is_ip6(&self) -> bool {
        self.ip6
    }
}

fn sum(bytes: &[u8], start: u32) -> u16 {
    let mut sum = start;
    for c in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([c[0], c.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Random packets.
pub struct Packets {
    pub rng: Rng,
    /// No fragments: connection tracking would collect them.
    pub whole: bool,
    /// Broken ones, too.
    pub broken: bool,
    /// The source port of the last packet, where each has its own, so that each begins a connection.
    pub port: Option<u16>,
    id: u32,
}

impl Packets {
    pub fn new(rng: Rng, whole: bool, broken: bool, port: Option<u16>) -> Self {
        Self { rng, whole, broken, port, id: 100 }
    }

    pub fn next(&mut self) -> Probe {
        self.id += 1;
        self.port = self.port.map(|p| p.checked_add(1).unwrap_or(2000));
        let entry = if self.rng.chance(30) { Entry::Here } else { Entry::Wire };
        let mut p = if self.rng.chance(50) { self.ip4(entry) } else { self.ip6(entry) };
        if self.broken && p.entry == Entry::Wire && self.rng.chance(40) {
            self.damage(&mut p);
        }
        p
    }

    /// Makes the headers lie.
    fn damage(&mut self, p: &mut Probe) {
        p.broken = true;
        let (r, b) = (&mut self.rng, &mut p.bytes);
        let six = p.ip6;
        let at = if six { 4 } else { 2 };
        match r.below(5) {
            0 => b.truncate(r.range(if six { 41 } else { 21 }, b.len() as u64) as usize),
            1 => b[at..at + 2].copy_from_slice(&(r.below(200) as u16).to_be_bytes()),
            2 => b.extend([0; 7]),
            // Nothing that makes an extension header longer than the packet: Linux 6.18 takes it for what it says and
            // then warns that it cannot trace that.
            3 if six => b[6] = r.pick(&[51, 59]),
            3 => b[0] = 0x40 | r.below(16) as u8,
            _ => b[0] = (r.below(16) << 4) as u8 | (b[0] & 15),
        }
    }

    fn ip4(&mut self, entry: Entry) -> Probe {
        let r = &mut self.rng;
        let (source, target): (Ipv4Addr, Ipv4Addr) = match entry {
            Entry::Wire => (r.pick(SOURCES4).parse().unwrap(), r.pick(TARGETS4).parse().unwrap()),
            Entry::Here => (HERE4.parse().unwrap(), r.pick(&["10.9.0.1", "10.9.1.1", "10.9.1.130"]).parse().unwrap()),
        };
        let options: &[u8] = match r.below(12) {
            0 => &[148, 4, 0, 0],
            1 => &[1, 1, 148, 4, 0, 0, 1, 0],
            _ => &[],
        };
        let fragment: u16 = if self.whole || !options.is_empty() {
            0
        } else {
            match r.below(14) {
                0 => 0x2000,
                1 => r.pick(&[3, 0x2004, 185]),
                _ => 0,
            }
        };
        let (protocol, mut payload) = match self.port {
            Some(port) => beginning(r, port, false),
            None => transport(r, false),
        };
        finish(r, protocol, &mut payload, &source.octets(), &target.octets(), self.port.is_none());
        let header = 20 + options.len();
        let mut b = vec![0x40 | (header / 4) as u8, r.pick(&[0u8, 0, 0x20, 0x28, 0xb8, 0x01])];
        b.extend(((header + payload.len()) as u16).to_be_bytes());
        b.extend((self.id as u16).to_be_bytes());
        b.extend(fragment.to_be_bytes());
        b.extend([TTL, protocol, 0, 0]);
        b.extend(source.octets());
        b.extend(target.octets());
        b.extend(options);
        let check = sum(&b, 0);
        b[10..12].copy_from_slice(&check.to_be_bytes());
        b.extend(payload);
        let local = target.to_string() == HERE4;
        Probe { bytes: b, entry, id: self.id, local, fragment: fragment != 0, broken: false, ip6: false }
    }

    fn ip6(&mut self, entry: Entry) -> Probe {
        let r = &mut self.rng;
        let (source, target): (Ipv6Addr, Ipv6Addr) = match entry {
            Entry::Wire => (r.pick(SOURCES6).parse().unwrap(), r.pick(TARGETS6).parse().unwrap()),
            Entry::Here => (HERE6.parse().unwrap(), r.pick(&["2001:db8:9::1", "2001:db8:10::1"]).parse().unwrap()),
        };
        let (protocol, mut payload) = match self.port {
            Some(port) => beginning(r, port, true),
            None => transport(r, true),
        };
        finish(r, protocol, &mut payload, &source.octets(), &target.octets(), self.port.is_none());
        let mut headers: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut is_fragment = false;
        // Hop-by-hop options are looked at before any hook: these are right.
        if r.chance(8) {
            headers.push((0, vec![0, 0, 1, 4, 0, 0, 0, 0]));
        }
        if r.chance(8) {
            headers.push((60, vec![0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        }
        if self.port.is_none() && r.chance(4) {
            headers.push((43, vec![0, 0, 4, 0, 0, 0, 0, 0]));
        }
        if !self.whole && r.chance(12) {
            let offset: u16 = r.pick(&[0u16, 1, 1, 8 << 3, (9 << 3) | 1]);
            is_fragment = true;
            let mut h = vec![0, 0];
            h.extend(offset.to_be_bytes());
            h.extend(self.id.to_be_bytes());
            headers.push((44, h));
        }
        if self.port.is_none() && r.chance(4) {
            // An authentication header that nobody can check.
            headers.push((51, vec![0, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        }
        let mut chain = Vec::new();
        let types: Vec<u8> = headers.iter().map(|h| h.0).chain([protocol]).collect();
        for ((_, mut h), next) in headers.into_iter().zip(types.iter().skip(1)) {
            h[0] = *next;
            chain.extend(h);
        }
        chain.extend(payload);
        let class = r.pick(&[0u32, 0, 0x20, 0xb8]);
        let mut b = (0x6000_0000 | (class << 20) | self.id).to_be_bytes().to_vec();
        b.extend((chain.len() as u16).to_be_bytes());
        b.extend([types[0], TTL]);
        b.extend(source.octets());
        b.extend(target.octets());
        b.extend(chain);
        let local = target.to_string() == HERE6;
        Probe { bytes: b, entry, id: self.id, local, fragment: is_fragment, broken: false, ip6: true }
    }
}

/// The first packet of a connection that nobody else has, without checksum.
fn beginning(r: &mut Rng, port: u16, ip6: bool) -> (u8, Vec<u8>) {
    let ports = [port.to_be_bytes(), r.pick(PORTS).to_be_bytes()].concat();
    match r.below(5) {
        0 | 1 => {
            let mut b = ports;
            b.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 4, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4]);
            (6, b)
        }
        2 | 3 => {
            let mut b = ports;
            b.extend([0, 12, 0, 0, 1, 2, 3, 4]);
            (17, b)
        }
        _ => {
            let mut b = vec![if ip6 { 128 } else { 8 }, 0, 0, 0];
            b.extend(port.to_be_bytes());
            b.extend([0, 1, 7, 7, 7, 7]);
            (if ip6 { 58 } else { 1 }, b)
        }
    }
}

/// A transport header and some payload, without checksum.
fn transport(r: &mut Rng, ip6: bool) -> (u8, Vec<u8>) {
    let (from, to) = (r.pick(PORTS), r.pick(PORTS));
    let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
    let data = vec![0x61; r.pick(&[0usize, 0, 4, 20, 101])];
    match r.below(11) {
        0..=3 => {
            let options: &[u8] = match r.below(6) {
                0 => &[2, 4, 5, 0xb4],
                1 => &[2, 4, 2, 0x18, 4, 2, 1, 1],
                2 => &[1, 3, 3, 7],
                3 => &[8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1],
                _ => &[],
            };
            let flags = r.pick(&[0x02u8, 0x02, 0x12, 0x10, 0x18, 0x04, 0x01, 0x11, 0x14, 0x29, 0x00, 0xc2]);
            let mut b = ports;
            b.extend((r.next() as u32).to_be_bytes());
            b.extend([0, 0, 0, if flags & 0x10 != 0 { 9 } else { 0 }]);
            b.extend([(((20 + options.len()) / 4) << 4) as u8, flags]);
            b.extend(r.pick(&[0u16, 1024, 65535]).to_be_bytes());
            b.extend([0, 0, 0, 0]);
            b.extend(options);
            b.extend(data);
            (6, b)
        }
        4..=6 => {
            let mut b = ports;
            b.extend(((8 + data.len()) as u16).to_be_bytes());
            b.extend([0, 0]);
            b.extend(data);
            (17, b)
        }
        7 | 8 => {
            let kind = if ip6 { r.pick(&[128u8, 129, 1, 3, 144]) } else { r.pick(&[8u8, 0, 3, 11, 13]) };
            let code = r.pick(&[0u8, 0, 1, 3]);
            let mut b = vec![kind, code, 0, 0, 0, 7, 0, r.below(4) as u8];
            b.extend([0x45; 28]);
            b.extend(data);
            (if ip6 { 58 } else { 1 }, b)
        }
        9 => {
            let mut b = ports;
            b.extend([0, 0, 0, 5, 0, 0, 0, 0]);
            match r.below(4) {
                0 => {}
                1 => b.extend([0, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9]),
                2 => b.extend([1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 16, 0, 0, 5, 0, 6, 0, 0, 0, 1]),
                _ => b.extend([11, 0, 0, 4, 0, 3, 0, 18, 0, 0, 0, 7, 0, 1, 0, 2, 0, 0, 0, 4, 1, 1, 0, 0]),
            }
            (132, b)
        }
        _ => (r.pick(&[47u8, 50, 89, 136, 253]), vec![0, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    }
}

/// Puts the checksum in; sometimes a wrong one.
fn finish(r: &mut Rng, protocol: u8, payload: &mut [u8], source: &[u8], target: &[u8], errors: bool) {
    let at = match protocol {
        6 => 16,
        17 | 136 => 6,
        1 | 58 => 2,
        _ => return,
    };
    if payload.len() < at + 2 {
        return;
    }
    payload[at..at + 2].fill(0);
    let pseudo: u32 = if protocol == 1 {
        0
    } else {
        let s: u32 = [source, target].concat().chunks(2).map(|c| u32::from(u16::from_be_bytes([c[0], c[1]]))).sum();
        s + u32::from(protocol) + payload.len() as u32
    };
    let mut check = sum(payload, pseudo);
    if errors && r.chance(5) {
        check ^= 0x0101;
    }
    payload[at..at + 2].copy_from_slice(&check.to_be_bytes());
}
