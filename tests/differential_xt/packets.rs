//! Random packets of every protocol that a rule can look at, some of them broken.

use std::fmt;
use std::net::IpAddr;

use nfblame::evaluate::checksum;
use nfblame_sys::xt::Family;

use crate::random::Random;
use crate::world::{IN0, IN1, World, locals, mac};

/// Where a packet begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// From outside, by this device, to this kind of hardware address.
    In { device: &'static str, to: To },
    /// From a raw socket of the host.
    Out,
}

/// Whom the link layer addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    Us,
    All,
    Group,
}

/// One packet and how it is sent.
#[derive(Debug, Clone)]
pub struct Shot {
    pub entry: Entry,
    pub bytes: Vec<u8>,
    source_mac: [u8; 6],
}

/// Ports that rules ask for too.
pub const PORTS: &[u16] = &[0, 22, 53, 80, 443, 1024, 1701, 5060, 8080, 65535];

/// The hardware addresses that packets come from.
pub const MACS: [[u8; 6]; 3] = [[2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2], [0xfe, 0x11, 0x22, 0x33, 0x44, 0x55]];

impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} from {:02x?}: ", self.entry, self.source_mac)?;
        self.bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl Shot {
    pub fn random(random: &mut Random, world: &World) -> Self {
        let v6 = world.family == Family::Ip6;
        let entry = match random.below(5) {
            0 => Entry::Out,
            n => Entry::In {
                device: if n == 1 { IN1 } else { IN0 },
                to: match random.below(12) {
                    0 => To::All,
                    1 => To::Group,
                    _ => To::Us,
                },
            },
        };
        let source = source(random, v6);
        let destination = match (random.below(5), entry) {
            (0 | 1, Entry::In { .. }) => random.pick(&locals(world.family)).to_string(),
            (2, Entry::In { device: IN0, .. }) => group(v6).to_owned(),
            _ => forward(random, v6),
        };
        let (source, destination): (IpAddr, IpAddr) = (source.parse().unwrap(), destination.parse().unwrap());
        let source_mac = *random.pick(&MACS);
        let bytes = match (source, destination) {
            (IpAddr::V4(s), IpAddr::V4(d)) => ip4(random, s.octets(), d.octets()),
            (IpAddr::V6(s), IpAddr::V6(d)) => ip6(random, s.octets(), d.octets(), source_mac),
            _ => unreachable!(),
        };
        Self { entry, bytes, source_mac }
    }

    /// The first packet of a connection that there was none like before: `n` goes into its source port or id.
    pub fn begins(random: &mut Random, world: &World, n: u16) -> Self {
        let v6 = world.family == Family::Ip6;
        loop {
            let mut shot = Self::random(random, world);
            let n = n.to_be_bytes();
            let (protocol, mut payload) = match random.below(9) {
                0..=3 => {
                    let mut b = tcp(random);
                    b.truncate(20);
                    // Now and then flags that conntrack takes for invalid.
                    (b[12], b[13]) = (0x50, if random.one_in(8) { 0x29 } else { 0x02 });
                    b[..2].copy_from_slice(&n);
                    (6, b)
                }
                4..=6 => {
                    let mut b = ports(random);
                    b.extend([0, 12, 0, 0, 1, 2, 3, 4]);
                    b[..2].copy_from_slice(&n);
                    (17, b)
                }
                7 => {
                    let mut b = vec![if v6 { 128 } else { 8 }, 0, 0, 0, 0, 0, 0, 1];
                    b[4..6].copy_from_slice(&n);
                    (if v6 { 58 } else { 1 }, b)
                }
                _ => (253, vec![1, 2, 3, 4, 5, 6, 7, 8]),
            };
            let header = if v6 { 40 } else { 20 };
            let length = if v6 { payload.len() } else { header + payload.len() } as u16;
            let b = &mut shot.bytes;
            b.truncate(header);
            if v6 {
                b[4..6].copy_from_slice(&length.to_be_bytes());
                b[6] = protocol;
                b[7] = 64;
            } else {
                b[0] = 0x45;
                b[2..4].copy_from_slice(&length.to_be_bytes());
                b[6..8].fill(0);
                (b[8], b[9]) = (64, protocol);
                b[10..12].fill(0);
                let sum = checksum::of(b);
                b[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            b.append(&mut payload);
            fix_checksum(b, protocol, header, v6);
            // Groups begin no connections here, and the link layer means us.
            let to_group = if v6 { b[24] == 0xff } else { b[16] == 0xff };
            if let Entry::In { to, .. } = &mut shot.entry {
                *to = To::Us;
            }
            if !to_group {
                return shot;
            }
        }
    }

    /// The Ethernet header.
    pub fn frame(&self) -> Vec<u8> {
        let Entry::In { device, to } = self.entry else { return Vec::new() };
        let to = match to {
            To::Us => mac(device),
            To::All => [0xff; 6],
            To::Group => [0x01, 0, 0x5e, 0, 0, 1],
        };
        let kind = if self.bytes[0] >> 4 == 6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        [&to[..], &self.source_mac, &kind].concat()
    }

    /// `skb->pkt_type`
    pub fn pkttype(&self) -> u8 {
        match self.entry {
            Entry::In { to: To::All, .. } => 1,
            Entry::In { to: To::Group, .. } => 2,
            _ => 0,
        }
    }
}

pub fn source(random: &mut Random, v6: bool) -> String {
    if v6 {
        match random.below(4) {
            0 => "fd00:9::fc11:22ff:fe33:4455".to_owned(),
            n => format!("fd00:9::{}{:x}", if n == 1 { "1:" } else { "" }, random.below(6)),
        }
    } else {
        format!("10.9.{}.{}", random.below(3), random.below(6))
    }
}

pub fn forward(random: &mut Random, v6: bool) -> String {
    if v6 {
        format!("fd00:3:0:{:x}::{:x}", random.below(2), random.below(6))
    } else {
        format!("10.3.{}.{}", random.below(2), random.below(6))
    }
}

fn group(v6: bool) -> &'static str {
    if v6 { "ff02::1" } else { "255.255.255.255" }
}

fn ip4(random: &mut Random, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
    let (protocol, payload) = transport(random, false);
    let options = if random.one_in(10) { vec![1u8; 4 * (1 + random.below(3) as usize)] } else { Vec::new() };
    let header = 20 + options.len();
    let fragment: u16 = match random.below(12) {
        0 => 0x2000,
        1 => 1 | if random.one_in(2) { 0x2000 } else { 0 },
        2 => 1 + random.below(100) as u16,
        3 => 0x4000,
        _ => 0,
    };
    let payload = broken(random, payload);
    let mut b = vec![0x40 | (header / 4) as u8, tos(random)];
    b.extend(((header + payload.len()) as u16).to_be_bytes());
    // Fragments of different packets must not be taken for those of one.
    b.extend([random.byte(), random.byte() | 1]);
    b.extend(fragment.to_be_bytes());
    b.extend([ttl(random), protocol, 0, 0]);
    b.extend(source);
    b.extend(destination);
    b.extend(options);
    let sum = checksum::of(&b);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
    b.extend(payload);
    if !random.one_in(8) && fragment & 0x1fff == 0 {
        fix_checksum(&mut b, protocol, header, false);
    }
    b
}

fn ip6(random: &mut Random, source: [u8; 16], destination: [u8; 16], mac: [u8; 6]) -> Vec<u8> {
    let _ = mac;
    let (last, payload) = transport(random, true);
    let payload = broken(random, payload);
    let mut headers: Vec<(u8, Vec<u8>)> = Vec::new();
    if random.one_in(8) {
        headers.push((0, options(random)));
    }
    if random.one_in(10) {
        headers.push((60, options(random)));
    }
    if random.one_in(10) {
        let mut h = vec![0, 2, 0, random.below(3) as u8];
        if random.one_in(2) {
            h[2] = 4;
            h.extend([random.below(3) as u8, 0, 0, random.below(4) as u8]);
        } else {
            h.extend([0; 4]);
        }
        h.extend([0xfd, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, random.below(4) as u8]);
        headers.push((43, h));
    }
    let mut later = false;
    if random.one_in(8) {
        let offset: u16 = if random.one_in(2) { 0 } else { 8 * (1 + random.below(40) as u16) };
        later = offset != 0;
        let field = offset | if random.one_in(2) { 1 } else { 0 };
        let mut h = vec![0, if random.one_in(6) { 1 } else { 0 }];
        h.extend(field.to_be_bytes());
        h.extend([0, 0, 0, random.below(4) as u8]);
        headers.push((44, h));
    }
    if random.one_in(12) {
        let mut h = vec![0, 4, 0, random.below(2) as u8];
        h.extend((random.below(4) as u32 * 100).to_be_bytes());
        h.extend([0; 16]);
        headers.push((51, h));
    }
    let mut body = Vec::new();
    let kinds: Vec<u8> = headers.iter().map(|h| h.0).chain([last]).collect();
    for (i, (_, mut bytes)) in headers.into_iter().enumerate() {
        bytes[0] = kinds[i + 1];
        // Now and then a length that leads out of the packet; the stack itself looks at hop-by-hop headers.
        if kinds[i] != 0 && kinds[i] != 44 && random.one_in(30) {
            bytes[1] = 200;
        }
        body.extend(bytes);
    }
    let at = 40 + body.len();
    body.extend(payload);
    if random.one_in(40) && kinds[0] != 0 {
        body.truncate(random.below(body.len() as u64 + 1) as usize);
    }
    let class = tos(random);
    let mut b = vec![0x60 | class >> 4, class << 4, 0, 0];
    b.extend((body.len() as u16).to_be_bytes());
    b.extend([kinds[0], ttl(random)]);
    b.extend(source);
    b.extend(destination);
    b.extend(body);
    if !random.one_in(8) && !later && at < b.len() {
        fix_checksum(&mut b, last, at, true);
    }
    b
}

/// Hop-by-hop or destination options that the stack accepts.
fn options(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => vec![0, 0, 1, 4, 0, 0, 0, 0],
        1 => vec![0, 0, 0x1e, 2, 7, 7, 1, 0],
        _ => vec![0, 1, 0x1e, 4, 1, 2, 3, 4, 0x3e, 4, 0, 0, 0, 0, 1, 0],
    }
}

fn tos(random: &mut Random) -> u8 {
    *random.pick(&[0, 0, 0, 1, 2, 3, 0x10, 0x20, 0x28, 0xb8, 0xff])
}

fn ttl(random: &mut Random) -> u8 {
    *random.pick(&[64, 64, 64, 63, 128, 255, 2, 1, 10])
}

/// Some payloads end too early.
fn broken(random: &mut Random, mut payload: Vec<u8>) -> Vec<u8> {
    if random.one_in(9) {
        payload.truncate(random.below(payload.len() as u64 + 1) as usize);
    }
    payload
}

fn transport(random: &mut Random, v6: bool) -> (u8, Vec<u8>) {
    match random.below(20) {
        0..=6 => (6, tcp(random)),
        7..=11 => {
            let mut b = ports(random);
            let data = data(random);
            b.extend(((8 + data.len()) as u16).to_be_bytes());
            b.extend([0, 0]);
            b.extend(data);
            (17, b)
        }
        12 | 13 => (if v6 { 58 } else { 1 }, icmp(random, v6)),
        14 => (132, sctp(random)),
        15 => (33, dccp(random)),
        16 => {
            let mut b = (random.below(4) as u32 * 100).to_be_bytes().to_vec();
            b.extend([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
            (50, b)
        }
        17 => {
            if v6 {
                let b = vec![if random.one_in(4) { 6 } else { 59 }, 0, random.below(6) as u8, 0, 0, 0, 0, 0];
                return (135, b);
            }
            let mut b = vec![6, 4, 0, 0];
            b.extend((random.below(4) as u32 * 100).to_be_bytes());
            b.extend([0; 16]);
            (51, b)
        }
        18 => (108, vec![6, 0, 0, random.below(3) as u8 * 100, 1, 2]),
        _ => {
            let protocol = *random.pick(&[136, 47, 115, 4, 255, 59]);
            let mut b = ports(random);
            b.extend([0, 8, 0, 0]);
            b.extend(data(random));
            (if protocol == 59 && !v6 { 253 } else { protocol }, b)
        }
    }
}

fn ports(random: &mut Random) -> Vec<u8> {
    let (a, b) = (random.pick(PORTS).to_be_bytes(), random.pick(PORTS).to_be_bytes());
    vec![a[0], a[1], b[0], b[1]]
}

fn data(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => Vec::new(),
        1 => b"GET /index.html HTTP/1.0\r\n\r\n".to_vec(),
        2 => b"some needle in a haystack".to_vec(),
        3 => vec![0xc0, 0x02, 0, 12, 0, random.below(3) as u8, 0, random.below(3) as u8, 0, 0, 0, 0],
        4 => vec![0x80, 0x03, 0, 0, 0, 0, 0, random.below(3) as u8, 0, 0, 0, 0],
        _ => {
            let n = random.below(40) as usize;
            random.bytes(n)
        }
    }
}

fn tcp(random: &mut Random) -> Vec<u8> {
    let mut b = ports(random);
    b.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    let options: Vec<u8> = match random.below(8) {
        0 => vec![2, 4, 0x05, 0xb4],
        1 => vec![1, 1, 2, 4, 0x02, 0x18, 1, 0],
        2 => vec![4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        3 => vec![3, 3, 7, 2, 4, 0x05, 0xb4, 1],
        4 => vec![3, 0, 2, 4],
        5 => vec![0xfd, 2, 30, 200],
        _ => Vec::new(),
    };
    let offset = match random.below(16) {
        0 => random.below(16) as usize,
        _ => 5 + options.len() / 4,
    };
    let flags = *random.pick(&[0x02, 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0x29, 0x3f, 0xc2, 0x42]);
    b.extend([(offset << 4) as u8, flags, 0x72, 0x10, 0, 0, 0, 0]);
    b.extend(options);
    b.extend(data(random));
    b
}

fn icmp(random: &mut Random, v6: bool) -> Vec<u8> {
    let (kind, code) = if v6 {
        *random.pick(&[(128, 0), (129, 0), (1, 0), (1, 4), (3, 0), (4, 1), (200, 1)])
    } else {
        *random.pick(&[(8, 0), (0, 0), (3, 0), (3, 3), (3, 4), (11, 0), (13, 0), (255, 0), (30, 1)])
    };
    let mut b = vec![kind, code, 0, 0, 0, random.below(3) as u8, 0, 1];
    b.extend(data(random));
    b
}

fn sctp(random: &mut Random) -> Vec<u8> {
    let mut b = ports(random);
    b.extend([0, 0, 0, 7, 0, 0, 0, 0]);
    for _ in 0..random.below(4) {
        let n = random.below(9) as usize;
        let length = if random.one_in(10) { 0 } else { 4 + n };
        b.extend([*random.pick(&[0, 1, 2, 3, 7, 14]), random.below(8) as u8]);
        b.extend((length as u16).to_be_bytes());
        b.extend(vec![0; n.next_multiple_of(4)]);
    }
    b
}

fn dccp(random: &mut Random) -> Vec<u8> {
    let mut b = ports(random);
    let kind = random.below(12) as u8;
    let extended = random.one_in(2);
    b.extend([3 + random.below(8) as u8, 0, 0, 0, kind << 1 | u8::from(extended), 0, 0, 1]);
    let n = random.below(40) as usize;
    b.extend((0..n).map(|_| random.below(6) as u8));
    b
}

/// Fills in the right transport checksum.
fn fix_checksum(b: &mut [u8], protocol: u8, at: usize, v6: bool) {
    let Some(place) = checksum::place(protocol).map(|p| at + p) else { return };
    if place + 2 > b.len() {
        return;
    }
    b[place..place + 2].fill(0);
    let length = (b.len() - at) as u32;
    let addresses = if v6 { &b[8..40] } else { &b[12..20] };
    let mut covered = Vec::new();
    if v6 || protocol != 1 {
        covered.extend(addresses);
        covered.extend(length.to_be_bytes());
        covered.extend([0, 0, 0, protocol]);
    }
    covered.extend(&b[at..]);
    let sum = checksum::of(&covered);
    b[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}
