//! Random packets into the host: those of the nft test, with more flags, more ways in, and what follows a connection's first
//! packet.

#[path = "../differential_nft/packets.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod probes;

use std::fmt;
use std::net::IpAddr;

use nfblame::evaluate::{Fact, Network, Packet, checksum};
use probes::Packets;
pub use probes::{Entry, PORTS, SOURCES4, SOURCES6, TARGETS4, TARGETS6, TTL};

use crate::before::Before;
use crate::random::Random;
use crate::rng::Rng;
use crate::world::{IN0, IN1, Left, OPEN, locals, mac};

/// The hardware addresses that packets come from.
pub const MACS: [[u8; 6]; 3] = [[2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2], [0xfe, 0x11, 0x22, 0x33, 0x44, 0x55]];

/// For rules: an address that packets come from.
pub fn source(random: &mut Random, v6: bool) -> String {
    (*random.pick(if v6 { SOURCES6 } else { SOURCES4 })).to_owned()
}

/// For rules: an address that packets are forwarded to.
pub fn forward(random: &mut Random, v6: bool) -> String {
    let all = if v6 { TARGETS6 } else { TARGETS4 };
    loop {
        let to = *random.pick(all);
        if !locals(v6).contains(&to.parse().unwrap()) {
            return to.to_owned();
        }
    }
}

/// A packet, and how it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Shot {
    /// From the network header on.
    pub bytes: Vec<u8>,
    /// By this device with this Ethernet header; nothing: from a raw socket.
    pub from: Option<(&'static str, Vec<u8>)>,
    /// Its mark: the IPv4 id, the IPv6 flow label.
    pub id: u16,
    /// What is done before it.
    pub first: Vec<Before>,
}

impl fmt::Debug for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        self.first.iter().try_for_each(|before| write!(f, "{before:?}"))?;
        match &self.from {
            Some((device, link)) => write!(f, "in by {device}: {} {}", hex(link), hex(&self.bytes)),
            None => write!(f, "sent from here: {}", hex(&self.bytes)),
        }
    }
}

impl Shot {
    /// Is it IPv6?
    pub fn is_v6(&self) -> bool {
        self.bytes[0] >> 4 == 6
    }

    /// In by a device, to this host as the link layer has it.
    pub fn inward(bytes: Vec<u8>, device: &'static str, from: [u8; 6], id: u16) -> Self {
        let kind = if bytes[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
        let link = [&mac(device)[..], &from, &kind].concat();
        Self { bytes, from: Some((device, link)), id, first: Vec::new() }.marked(id)
    }

    /// The same with another mark.
    pub fn marked(mut self, id: u16) -> Self {
        self.id = id;
        let b = &mut self.bytes;
        if b[0] >> 4 == 6 {
            b[1] &= 0xf0;
            b[2..4].copy_from_slice(&id.to_be_bytes());
        } else {
            b[4..6].copy_from_slice(&id.to_be_bytes());
            fix_header(b);
        }
        self
    }
}

/// Is a packet the one with this mark, whatever rules made of it?
pub fn is_marked(bytes: &[u8], id: u16) -> bool {
    match bytes.first().map(|b| b >> 4) {
        Some(4) => bytes.get(4..6) == Some(&id.to_be_bytes()),
        Some(6) => bytes.get(1).is_some_and(|b| b & 15 == 0) && bytes.get(2..4) == Some(&id.to_be_bytes()),
        _ => false,
    }
}

fn fix_header(b: &mut [u8]) {
    let header = usize::from(b[0] & 15) * 4;
    b[10..12].fill(0);
    let sum = checksum::of(&b[..header]);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Makes the packets of one ruleset.
pub struct Shots {
    packets: Packets,
    rng: Rng,
    /// The source port of connections that are to be like no other before.
    fresh: Option<u16>,
    tracked: bool,
    /// What was sent, and what left the host of it, and where.
    past: Vec<(Shot, Option<Left>)>,
}

impl Shots {
    /// `fragments`: some are fragments. `tracked`: connections have replies.
    pub fn new(seed: u64, tracked: bool, fragments: bool, port: u16) -> Self {
        let rng = Rng::new(seed ^ 0x5eed);
        Self {
            packets: Packets::new(Rng::new(seed ^ 0xace), !fragments, false, None),
            rng,
            fresh: tracked.then_some(port),
            tracked,
            past: Vec::new(),
        }
    }

    /// What came of the last one.
    pub fn sent(&mut self, shot: Shot, left: Option<Left>) {
        self.past.push((shot, left));
    }

    /// The next one.
    pub fn next(&mut self, id: u16) -> Shot {
        if self.tracked && !self.past.is_empty() && self.rng.chance(45) {
            let (shot, left) = self.past[self.past.len() - 1 - self.rng.below(self.past.len().min(6))].clone();
            let next = match left {
                Some((device, bytes)) if self.rng.chance(65) => self.answer(device, &bytes, id),
                _ => self.again(shot, id),
            };
            if let Some(next) = next {
                return next;
            }
        }
        self.first(id)
    }

    fn first(&mut self, id: u16) -> Shot {
        // Most connections are new ones.
        self.packets.port = self.fresh.filter(|_| self.rng.chance(70));
        self.fresh = self.fresh.map(|p| p.checked_add(1).unwrap_or(2000));
        let mut probe = self.packets.next();
        let r = &mut self.rng;
        if r.chance(25) {
            flags(r, &mut probe.bytes);
        }
        if r.chance(5) {
            cut(r, &mut probe.bytes);
        }
        if probe.entry == Entry::Here {
            // Now and then to ourselves.
            if r.chance(15) {
                let (at, own): (usize, Vec<u8>) = if probe.ip6 {
                    (24, [&[0x20, 1, 0xd, 0xb8, 0, 9][..], &[0; 9], &[2]].concat())
                } else {
                    (16, vec![10, 9, 0, 2])
                };
                probe.bytes[at..at + own.len()].copy_from_slice(&own);
                fix(&mut probe.bytes);
            }
            return Shot { bytes: probe.bytes, from: None, id, first: Vec::new() }.marked(id);
        }
        if r.chance(25) {
            to_socket(r, &mut probe.bytes);
        } else if r.chance(8) {
            sctp(r, &mut probe.bytes);
        }
        let device = if r.chance(20) { IN1 } else { IN0 };
        let mut shot = Shot::inward(probe.bytes, device, r.pick(&MACS), id);
        if r.chance(6)
            && let Some((_, link)) = &mut shot.from
        {
            let to: [u8; 6] = r.pick(&[[0xff; 6], [1, 0, 0x5e, 0, 0, 1], [2, 9, 9, 9, 9, 9]]);
            link[..6].copy_from_slice(&to);
        }
        if !probe.ip6 && r.chance(3) {
            let to: [u8; 4] = r.pick(&[[255; 4], [10, 9, 0, 255], [127, 0, 0, 1], [224, 0, 0, 1], [0; 4]]);
            shot.bytes[16..20].copy_from_slice(&to);
            fix(&mut shot.bytes);
        }
        if r.chance(3) {
            let at = if probe.ip6 { 7 } else { 8 };
            shot.bytes[at] = r.pick(&[0, 1, 2, 255]);
            if !probe.ip6 {
                fix_header(&mut shot.bytes);
            }
        }
        shot
    }

    /// Another packet in the direction of an earlier one.
    fn again(&mut self, mut shot: Shot, id: u16) -> Option<Shot> {
        if self.rng.chance(60) {
            flags(&mut self.rng, &mut shot.bytes);
            if plain(&shot.bytes).is_some_and(|(protocol, _)| protocol == 132) {
                sctp(&mut self.rng, &mut shot.bytes);
            }
        }
        Some(shot.marked(id))
    }

    /// An answer to a packet as it left by a device.
    fn answer(&mut self, device: &'static str, sent: &[u8], id: u16) -> Option<Shot> {
        let r = &mut self.rng;
        let six = sent[0] >> 4 == 6;
        let mut b = sent.to_vec();
        let (at, n) = if six { (8, 16) } else { (12, 4) };
        for i in 0..n {
            b.swap(at + i, at + n + i);
        }
        let (protocol, header) = plain(&b)?;
        if r.chance(20) {
            return Some(Shot::inward(error(r, sent, six), device, MACS[0], id));
        }
        match protocol {
            6 | 17 | 132 => {
                for i in 0..2 {
                    b.swap(header + i, header + 2 + i);
                }
                if protocol == 6 {
                    let flags = r.pick(&[0x12u8, 0x12, 0x12, 0x14, 0x10, 0x11, 0x02, 0x18]);
                    *b.get_mut(header + 13)? = flags;
                    let (seq, len) = (header + 4, b.len());
                    let asked = b.get(seq..seq + 4)?.to_vec();
                    let asked = u32::from_be_bytes(asked.try_into().ok()?);
                    if len >= header + 20 {
                        b[seq..seq + 4].copy_from_slice(&[0, 0, 0, 9]);
                        b[seq + 4..seq + 8].copy_from_slice(&asked.wrapping_add(1).to_be_bytes());
                    }
                }
            }
            1 | 58 => {
                let kind = b.get_mut(header)?;
                *kind = match *kind {
                    8 => 0,
                    128 => 129,
                    _ => return None,
                };
            }
            _ => {}
        }
        b[if six { 7 } else { 8 }] = TTL;
        if protocol == 132 {
            sctp(r, &mut b);
        }
        fix(&mut b);
        Some(Shot::inward(b, device, MACS[0], id))
    }
}

/// The transport protocol and where it begins, in a packet without extension headers that is no fragment.
pub fn plain(b: &[u8]) -> Option<(u8, usize)> {
    match b[0] >> 4 {
        6 => Some((b[6], 40)).filter(|p| matches!(p.0, 6 | 17 | 58 | 132)),
        _ => Some((b[9], usize::from(b[0] & 15) * 4)).filter(|_| b[6] & 0x3f == 0 && b[7] == 0),
    }
    .filter(|(_, at)| b.len() >= at + 8)
}

/// To a port that a socket of the host waits at; long enough now and then that its checksum is not looked at twice.
fn to_socket(r: &mut Rng, b: &mut Vec<u8>) {
    let Some((17, at)) = plain(b) else { return };
    let six = b[0] >> 4 == 6;
    let own = r.pick(&locals(six)[..]);
    match own {
        IpAddr::V4(own) => b[16..20].copy_from_slice(&own.octets()),
        IpAddr::V6(own) => b[24..40].copy_from_slice(&own.octets()),
    }
    b[at + 2..at + 4].copy_from_slice(&r.pick(&OPEN).to_be_bytes());
    b.resize(b.len().max(at + 8 + r.below(120)), 0x62);
    let length = (b.len() - at) as u16;
    b[at + 4..at + 6].copy_from_slice(&length.to_be_bytes());
    size(b);
    fix(b);
    if r.chance(10) {
        b[at + 6] ^= 1;
    }
}

/// Writes the length into the network header.
fn size(b: &mut [u8]) {
    let whole = b.len() as u16;
    match b[0] >> 4 {
        6 => b[4..6].copy_from_slice(&(whole - 40).to_be_bytes()),
        _ => b[2..4].copy_from_slice(&whole.to_be_bytes()),
    }
}

/// Makes it a packet of SCTP, with chunks that may come next in an association, or not.
pub fn sctp(r: &mut Rng, b: &mut Vec<u8>) {
    let Some((_, at)) = plain(b) else { return };
    let field = if b[0] >> 4 == 6 { 6 } else { 9 };
    b[field] = 132;
    b.truncate(at + 4);
    let kinds: &[u8] =
        r.pick(&[&[1u8][..], &[1], &[2], &[10], &[11], &[0], &[3, 0], &[4], &[5], &[6], &[7], &[8], &[14], &[9, 4]]);
    let tag: u32 = if kinds == [1] && r.chance(90) { 0 } else { r.pick(&[1, 1, 1, 5, 0]) };
    b.extend(tag.to_be_bytes());
    b.extend([0; 4]);
    for kind in kinds {
        let value: &[u8] = match kind {
            1 | 2 => &[0, 0, 0, r.pick(&[1, 1, 1, 5]), 0, 0, 16, 0, 0, 5, 0, 5, 0, 0, 0, 1],
            0 => &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9],
            3 => &[0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0],
            _ => &[],
        };
        b.extend([*kind, r.pick(&[0, 0, 0, 1])]);
        b.extend((4 + value.len() as u16).to_be_bytes());
        b.extend(value);
    }
    size(b);
    fix(b);
}

/// Any flags.
fn flags(r: &mut Rng, b: &mut [u8]) {
    if let Some((6, at)) = plain(b)
        && b.len() >= at + 20
    {
        b[at + 13] = if r.chance(50) { r.pick(&[0x10u8, 0x12, 0x18, 0x11, 0x04, 0x14]) } else { r.next() as u8 };
        fix(b);
    }
}

/// Takes bytes from the end and tells the network header so.
fn cut(r: &mut Rng, b: &mut Vec<u8>) {
    let six = b[0] >> 4 == 6;
    let header = if six { 40 } else { usize::from(b[0] & 15) * 4 };
    // The kernel cannot trace a packet that ends within its extension headers.
    if six && !matches!(b[6], 6 | 17 | 58 | 132) {
        return;
    }
    b.truncate(header + r.below(b.len() - header + 1));
    if six {
        let n = (b.len() - 40) as u16;
        b[4..6].copy_from_slice(&n.to_be_bytes());
    } else {
        let n = b.len() as u16;
        b[2..4].copy_from_slice(&n.to_be_bytes());
        fix_header(b);
    }
}

/// Makes the checksums right.
pub fn fix(b: &mut [u8]) {
    let six = b[0] >> 4 == 6;
    if !six {
        fix_header(b);
    }
    let Some((protocol, at)) = plain(b) else { return };
    if protocol == 132 {
        let packet = Packet::new(if six { Network::Ip6 } else { Network::Ip4 }, b.to_vec());
        if let (Fact::Is(sum), Some(field)) = (checksum::sctp(&packet, at, b.len() - at), b.get_mut(at + 8..at + 12)) {
            field.copy_from_slice(&sum.to_le_bytes());
        }
        return;
    }
    let Some(place) = checksum::place(protocol).map(|p| at + p).filter(|p| p + 2 <= b.len()) else { return };
    b[place..place + 2].fill(0);
    let mut covered = Vec::new();
    if protocol != 1 {
        covered.extend(if six { &b[8..40] } else { &b[12..20] });
        covered.extend(((b.len() - at) as u32).to_be_bytes());
        covered.extend([0, 0, 0, protocol]);
    }
    covered.extend(&b[at..]);
    let sum = checksum::of(&covered);
    b[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}

/// An ICMP error about a packet, from its destination or a router on the way.
pub fn error(r: &mut Rng, about: &[u8], six: bool) -> Vec<u8> {
    let quoted = &about[..about.len().min(r.pick(&[28usize, 48, 68, 500]))];
    let body = if six {
        let (kind, code) = r.pick(&[(1u8, 4u8), (3, 0), (2, 0)]);
        [&[kind, code, 0, 0, 0, 0, 5, 0][..], quoted].concat()
    } else {
        let (kind, code) = r.pick(&[(3u8, 3u8), (11, 0), (3, 4), (4, 0)]);
        [&[kind, code, 0, 0, 0, 0, 5, 0][..], quoted].concat()
    };
    let mut b = if six {
        let from: [u8; 16] = if r.chance(50) {
            about[24..40].try_into().unwrap()
        } else {
            [0x20, 1, 0xd, 0xb8, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77]
        };
        let mut b = vec![0x60, 0, 0, 0];
        b.extend((body.len() as u16).to_be_bytes());
        b.extend([58, TTL]);
        b.extend(from);
        b.extend(&about[8..24]);
        b
    } else {
        let from: [u8; 4] = if r.chance(50) { about[16..20].try_into().unwrap() } else { [10, 9, 1, 77] };
        let mut b = vec![0x45, 0];
        b.extend((20 + body.len() as u16).to_be_bytes());
        b.extend([0, 0, 0, 0, TTL, 1, 0, 0]);
        b.extend(from);
        b.extend(&about[12..16]);
        b
    };
    b.extend(body);
    fix(&mut b);
    b
}
