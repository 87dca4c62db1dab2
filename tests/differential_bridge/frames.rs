//! Random frames.

use std::fmt;

use nfblame::evaluate::checksum;

use crate::rng::Rng;
use crate::world::{DEVICES, hex, mac};

/// A frame, and where it comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// By which device; none: a raw socket of the host sends what follows the Ethernet header.
    pub from: Option<&'static str>,
    /// The Ethernet header, with a VLAN tag or without.
    pub link: Vec<u8>,
    /// What follows it.
    pub bytes: Vec<u8>,
    /// The number in its payload.
    pub id: u16,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.from.unwrap_or("from here"), hex(&self.link), hex(&self.bytes))
    }
}

const SOURCES: [[u8; 6]; 6] = [
    [2, 0x11, 0, 0, 0, 1],
    [2, 0x11, 0, 0, 0, 1],
    [2, 0x11, 0, 0, 0, 3],
    [2, 0x22, 0, 0, 0, 9],
    [1, 0, 0x5e, 0, 0, 9],
    [0; 6],
];

/// What a payload has of its frame.
pub fn marker(id: u16) -> [u8; 6] {
    let [a, b] = id.to_be_bytes();
    [0xfb, 0xfb, a, b, 0xfb, 0xfb]
}

impl Frame {
    /// The Ethertype of what follows.
    pub fn kind(&self) -> u16 {
        let at = self.link.len() - 2;
        u16::from_be_bytes([self.link[at], self.link[at + 1]])
    }

    pub fn random(r: &mut Rng, id: u16) -> Self {
        if r.chance(10) {
            let to = r.pick(&[[10, 8, 0, 8], [10, 8, 0, 9]]);
            let bytes = whole4(r, id, [10, 8, 0, 1], to);
            return Self { from: None, link: vec![0; 12].into_iter().chain([8, 0]).collect(), bytes, id };
        }
        let from = r.pick(&[DEVICES[0], DEVICES[0], DEVICES[0], DEVICES[1], DEVICES[2], DEVICES[3]]);
        let to = match r.below(20) {
            0..=3 => mac("br0"),
            4 => mac("p1"),
            5 => mac("p2"),
            6..=7 => [0xff; 6],
            8 => [1, 0, 0x5e, 0, 0, 1],
            9 => [1, 0, 0x5e, 1, 2, 3],
            10 => [0x33, 0x33, 0, 0, 0, 1],
            11 => [1, 0x80, 0xc2, 0, 0, r.pick(&[0, 1, 3, 0x0e, 0x10])],
            12 => mac("v4"),
            13 => [2, 0x11, 0, 0, 0, 4],
            14 => [2, 0x33, 0, 0, 0, 5],
            15 => [0; 6],
            _ => r.pick(&[[2, 0x11, 0, 0, 0, 1], [2, 0x11, 0, 0, 0, 2], [2, 0x11, 0, 0, 0, 2], [2, 0x11, 0, 0, 0, 3]]),
        };
        let odd = r.chance(10);
        let mut link = [&to[..], &r.pick(&SOURCES[..if odd { 6 } else { 4 }])].concat();
        if r.chance(10) {
            link.extend(r.pick(&[[0x81, 0, 0, 5], [0x81, 0, 0x60, 0], [0x88, 0xa8, 0, 7]]));
        }
        let (kind, bytes) = match r.below(20) {
            0..=9 => {
                let from = r.pick(&[[10, 8, 0, 7], [10, 8, 0, 7], [10, 8, 0, 8], [10, 99, 0, 1]]);
                let to = r.pick(&[
                    [10, 8, 0, 1],
                    [10, 8, 0, 1],
                    [10, 8, 0, 8],
                    [10, 8, 0, 255],
                    [10, 99, 0, 9],
                    [224, 0, 0, 1],
                    [239, 1, 2, 3],
                ]);
                (0x0800u16, ip4(r, id, from, to))
            }
            10..=13 => (0x86dd, ip6(r, id)),
            14..=17 => (0x0806, arp(r)),
            18 => (0x88b5, [&marker(id)[..], &[0; 50]].concat()),
            _ => (0x0842, marker(id).to_vec()),
        };
        link.extend(kind.to_be_bytes());
        Self { from: Some(from), link, bytes, id }
    }
}

/// A transport header with the marker behind it.
fn transport(r: &mut Rng, id: u16, six: bool, pseudo: &[u8]) -> (u8, Vec<u8>) {
    let to: u16 = r.pick(&[53, 80, 8080, 9]);
    let (protocol, place, mut b) = match r.below(10) {
        0..=5 => {
            let mut b = [7777u16.to_be_bytes(), to.to_be_bytes(), 14u16.to_be_bytes(), [0, 0]].concat();
            b.extend(marker(id));
            (17u8, 6, b)
        }
        6..=8 => {
            let mut b = [7777u16.to_be_bytes(), to.to_be_bytes()].concat();
            b.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0]);
            b.extend(marker(id));
            (6, 16, b)
        }
        _ if six => (58, 2, [&[128, 0, 0, 0, 0, 1, 0, 1][..], &marker(id)].concat()),
        _ => (1, 2, [&[8, 0, 0, 0, 0, 1, 0, 1][..], &marker(id)].concat()),
    };
    // Too long for a port with a small MTU, at times.
    if protocol == 17 && r.chance(5) {
        b.resize(1350, 0);
        let n = b.len() as u16;
        b[4..6].copy_from_slice(&n.to_be_bytes());
    }
    let mut covered = Vec::new();
    if protocol != 1 {
        covered.extend(pseudo);
        covered.extend((b.len() as u32).to_be_bytes());
        covered.extend([0, 0, 0, protocol]);
    }
    covered.extend(&b);
    let sum = checksum::of(&covered);
    b[place..place + 2].copy_from_slice(&sum.to_be_bytes());
    if r.chance(4) {
        b[place] ^= 1;
    }
    (protocol, b)
}

fn whole4(r: &mut Rng, id: u16, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let (protocol, payload) = transport(r, id, false, &[from, to].concat());
    let ttl = r.pick(&[61, 61, 61, 61, 1]);
    let mut b = vec![0x45, 0];
    b.extend((20 + payload.len() as u16).to_be_bytes());
    b.extend(id.to_be_bytes());
    b.extend([0, 0, ttl, protocol, 0, 0]);
    b.extend(from);
    b.extend(to);
    let sum = checksum::of(&b);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
    b.extend(payload);
    b
}

/// Sometimes a broken one.
fn ip4(r: &mut Rng, id: u16, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut b = whole4(r, id, from, to);
    match r.below(40) {
        0 => b.truncate(30),
        1 => b[0] = 0x44,
        2 => b[10] ^= 1,
        3 => b[3] = 200,
        _ => {}
    }
    b
}

fn ip6(r: &mut Rng, id: u16) -> Vec<u8> {
    let address = |n: u8| [0x20, 1, 0xd, 0xb8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, n];
    let to = r.pick(&[address(1), address(1), address(8), [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]]);
    let (protocol, payload) = transport(r, id, true, &[address(7), to].concat());
    let mut b = vec![0x60, 0];
    b.extend(id.to_be_bytes());
    b.extend((payload.len() as u16).to_be_bytes());
    b.extend([protocol, 61]);
    b.extend(address(7));
    b.extend(to);
    b.extend(payload);
    if r.chance(4) {
        b[5] = 200;
    }
    b
}

/// An ARP packet, sometimes a broken one.
fn arp(r: &mut Rng) -> Vec<u8> {
    let mut b = vec![0, 1, 8, 0, 6, 4, 0, r.pick(&[1, 1, 1, 2, 3])];
    b.extend(r.pick(&SOURCES));
    b.extend(r.pick(&[[10, 8, 0, 7], [10, 8, 0, 8], [0; 4], [10, 99, 0, 1]]));
    b.extend([0; 6]);
    b.extend(r.pick(&[[10, 8, 0, 1], [10, 8, 0, 1], [10, 8, 0, 8], [10, 99, 0, 9], [127, 0, 0, 1]]));
    match r.below(12) {
        0 => b.truncate(20),
        1 => b[1] = 6,
        2 => b[4] = 8,
        3 => b[2] = 9,
        4 => b.truncate(27),
        _ => {}
    }
    b
}
