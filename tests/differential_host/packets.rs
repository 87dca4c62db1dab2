//! Random packets: to this host, through it, and from it; most of them in order, some of them not.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use nfblame::evaluate::checksum;

use crate::rng::Rng;
use crate::sockets::PORTS;

const SOURCES4: &[&str] = &[
    "10.9.1.2",
    "10.9.1.2",
    "10.9.1.2",
    "10.9.2.2",
    "10.9.2.2",
    "10.9.3.2",
    "192.0.2.9",
    "198.51.100.9",
    "203.0.113.9",
    "10.77.0.5",
    "10.9.1.1",
    "10.9.2.1",
    "127.0.0.1",
    "0.0.0.0",
    "224.0.0.5",
    "255.255.255.255",
    "10.9.1.255",
    "240.0.0.1",
    "198.51.100.1",
];
const TARGETS4: &[&str] = &[
    "10.9.1.1",
    "10.9.1.1",
    "10.9.1.1",
    "10.9.2.1",
    "10.9.3.1",
    "10.9.1.2",
    "10.9.2.2",
    "10.9.2.2",
    "10.9.3.2",
    "192.0.2.9",
    "192.0.2.99",
    "198.51.100.9",
    "198.51.100.1",
    "203.0.113.9",
    "203.0.113.9",
    "10.77.0.5",
    "8.8.8.8",
    "10.9.1.255",
    "10.9.2.255",
    "10.9.1.0",
    "10.9.1.99",
    "10.9.1.7",
    "255.255.255.255",
    "224.0.0.1",
    "224.0.0.251",
    "224.0.0.9",
    "239.1.2.3",
    "127.0.0.1",
    "0.0.0.0",
    "240.0.0.1",
    "10.9.4.4",
];
const SOURCES6: &[&str] = &[
    "2001:db8:1::2",
    "2001:db8:1::2",
    "2001:db8:1::2",
    "2001:db8:2::2",
    "2001:db8:3::2",
    "2001:db8:77::5",
    "2001:db8:99::5",
    "2001:db8:1::1",
    "fe80::2",
    "::1",
    "::",
    "ff02::5",
    "::ffff:10.9.1.2",
    "2001:db8:88::5",
];
const TARGETS6: &[&str] = &[
    "2001:db8:1::1",
    "2001:db8:1::1",
    "2001:db8:1::1",
    "2001:db8:2::1",
    "2001:db8:2::2",
    "2001:db8:2::2",
    "2001:db8:3::2",
    "2001:db8:77::5",
    "2001:db8:77::5",
    "2001:db8:88::5",
    "2001:db8:99::5",
    "2001:4860::8",
    "fe80::1",
    "fe80::9",
    "ff02::1",
    "ff02::2",
    "ff02::fb",
    "ff05::2",
    "ff01::1",
    "::1",
    "::",
    "2001:db8:1::",
    "::ffff:10.9.1.1",
];

/// A packet and how it is sent.
#[derive(Clone)]
pub struct Shot {
    /// From the network header on.
    pub bytes: Vec<u8>,
    /// In by this device with this Ethernet header; nothing: a socket of the host sends it.
    pub from: Option<(&'static str, Vec<u8>)>,
    /// Where it differs from the bytes: the ends between which a socket sends it.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// Its mark: the IPv4 id, the IPv6 flow label, and in the payload.
    pub id: u16,
    pub v6: bool,
}

impl fmt::Debug for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some((device, link)) => write!(f, "in by {device}: {} {}", hex(link), hex(&self.bytes)),
            None => write!(f, "sent from here: {}", hex(&self.bytes)),
        }
    }
}

pub fn hex(b: &[u8]) -> String {
    b.iter().map(|b| format!("{b:02x}")).collect()
}

/// What every payload begins with.
pub fn marker(id: u16) -> [u8; 8] {
    let [a, b] = id.to_be_bytes();
    [b'n', b'f', b'b', b'l', b'a', b'm', a, b]
}

/// The hardware address of a device.
pub fn mac(device: &str) -> [u8; 6] {
    [2, 0, 0, 0, 0, device.as_bytes()[1] - b'0']
}

pub fn octets(text: &str) -> Vec<u8> {
    match text.parse().unwrap() {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

impl Shot {
    pub fn random(r: &mut Rng, id: u16) -> Self {
        if r.chance(15) {
            return own(r, id);
        }
        let v6 = r.chance(40);
        let device = r.pick(&["v1", "v1", "v1", "v2", "v3"]);
        let bytes = if v6 { six(r, id) } else { four(r, id) };
        let to = match r.below(40) {
            0 | 1 => [0xff; 6],
            2 => [1, 0, 0x5e, 0, 0, 1],
            3 => [2, 9, 9, 9, 9, 9],
            _ => mac(device),
        };
        let kind = if v6 { [0x86, 0xdd] } else { [8, 0] };
        let link = [&to[..], &[2, 0, 0, 0, 1, 1], &kind].concat();
        Self { bytes, from: Some((device, link)), ends: None, id, v6 }
    }
}

/// A datagram of a socket that is bound to an address of the host.
fn own(r: &mut Rng, id: u16) -> Shot {
    let v6 = r.chance(40);
    let from = if v6 {
        r.pick(&["2001:db8:1::1", "2001:db8:1::1", "2001:db8:2::1", "::1", "2001:db8:3::1"])
    } else {
        r.pick(&["10.9.1.1", "10.9.1.1", "10.9.2.1", "127.0.0.1", "10.9.3.1"])
    };
    let to = loop {
        let to = r.pick(if v6 { TARGETS6 } else { TARGETS4 });
        let a: IpAddr = to.parse().unwrap();
        // Scopes and permissions are the socket's business.
        let scoped = to.starts_with("fe80") || to.starts_with("ff") || to.starts_with("::ffff");
        if !a.is_multicast() && !a.is_unspecified() && !scoped && !to.ends_with("255") {
            break to;
        }
    };
    let (sport, dport) = (20000 + id, r.pick(&PORTS));
    let body = udp(r, sport, dport, id, false);
    let mut bytes = if v6 {
        header6(from, to, 17, 64, 0, 0, body.len())
    } else {
        header4(from, to, 17, 64, 0, 0x4000, body.len(), &[])
    };
    let at = bytes.len();
    bytes.extend(body);
    fix(&mut bytes, 17, at);
    let end = |a: &str, p| SocketAddr::new(a.parse().unwrap(), p);
    Shot { bytes, from: None, ends: Some((end(from, sport), end(to, dport))), id, v6 }
}

fn payload(r: &mut Rng, id: u16, long: bool) -> Vec<u8> {
    let mut b = marker(id).to_vec();
    let n = if long { r.pick(&[0usize, 20, 500, 700, 972, 1100, 1272, 1300, 1372, 1440, 1472]) } else { r.below(40) };
    b.resize(8 + n, 0x61);
    b
}

fn udp(r: &mut Rng, sport: u16, dport: u16, id: u16, long: bool) -> Vec<u8> {
    let data = payload(r, id, long);
    let mut b = [sport.to_be_bytes(), dport.to_be_bytes(), (8 + data.len() as u16).to_be_bytes(), [0, 0]].concat();
    b.extend(data);
    b
}

fn tcp(r: &mut Rng, sport: u16, dport: u16) -> Vec<u8> {
    let flags = r.pick(&[2u8, 2, 2, 2, 2, 0x10, 0x12, 0x04, 0x11, 0, 0x29, 0xc2]);
    let mut b = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    b.extend([1, 2, 3, 4, 0, 0, 0, 0, 0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    b
}

/// A transport header with its payload, and its protocol.
fn transport(r: &mut Rng, id: u16, v6: bool) -> (u8, Vec<u8>) {
    let sport = if r.chance(10) { 5000 } else { 20000 + id };
    let dport = r.pick(&PORTS);
    match r.below(20) {
        0..=9 => (17, udp(r, sport, dport, id, true)),
        10..=13 => (6, tcp(r, sport, dport)),
        14 | 15 if v6 => {
            let kind = r.pick(&[128u8, 128, 128, 129, 1, 2, 3, 4, 130, 133, 134, 135, 136, 137, 200]);
            (58, [&[kind, 0, 0, 0, 0, 9][..], &id.to_be_bytes(), &payload(r, id, false)].concat())
        }
        14 | 15 => {
            let kind = r.pick(&[8u8, 8, 8, 8, 0, 3, 5, 11, 12, 13, 15, 17, 10, 99]);
            (1, [&[kind, 0, 0, 0, 0, 9][..], &id.to_be_bytes(), &payload(r, id, false)].concat())
        }
        16 => (136, udp(r, sport, dport, id, false)),
        _ => {
            let protocol = r.pick(&[47u8, 4, 41, 50, 51, 132, 33, 253, 2, 103, 108, 1, 58, 94, 255]);
            (protocol, payload(r, id, true))
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "the fields of a header")]
fn header4(
    from: &str,
    to: &str,
    protocol: u8,
    ttl: u8,
    tos: u8,
    fragment: u16,
    body: usize,
    options: &[u8],
) -> Vec<u8> {
    let header = 20 + options.len();
    let mut b = vec![0x40 | (header / 4) as u8, tos];
    b.extend(((header + body) as u16).to_be_bytes());
    b.extend([0, 0]);
    b.extend(fragment.to_be_bytes());
    b.extend([ttl, protocol, 0, 0]);
    b.extend(octets(from));
    b.extend(octets(to));
    b.extend(options);
    b
}

fn header6(from: &str, to: &str, next: u8, limit: u8, tos: u8, label: u16, body: usize) -> Vec<u8> {
    let mut b = vec![0x60 | tos >> 4, (tos & 15) << 4];
    b.extend(label.to_be_bytes());
    b.extend((body as u16).to_be_bytes());
    b.extend([next, limit]);
    b.extend(octets(from));
    b.extend(octets(to));
    b
}

const OPTIONS4: &[&[u8]] = &[
    &[1, 1, 1, 0],
    &[148, 4, 0, 0],
    &[7, 7, 4, 0, 0, 0, 0, 0],
    &[7, 11, 8, 10, 9, 1, 9, 0, 0, 0, 0, 0],
    &[68, 8, 5, 0, 0, 0, 0, 0],
    &[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    &[131, 7, 4, 203, 0, 113, 9, 0],
    &[137, 7, 4, 203, 0, 113, 9, 0],
    &[131, 7, 8, 203, 0, 113, 9, 0],
    &[7, 2, 0, 0],
    &[7, 9, 4, 0],
    &[0x9e, 4, 0, 0],
    &[134, 8, 0, 0, 0, 1, 0, 0],
    &[25, 4, 1, 1],
    &[1, 1, 1, 68],
    &[148, 4, 0, 1],
    &[148, 3, 0, 0],
];

fn four(r: &mut Rng, id: u16) -> Vec<u8> {
    let (mut protocol, mut body) = transport(r, id, false);
    let options: &[u8] = if r.chance(12) { r.pick(OPTIONS4) } else { &[] };
    let ttl = r.pick(&[64u8, 64, 64, 64, 64, 64, 1, 0, 2, 255]);
    let tos = r.pick(&[0u8, 0, 0, 0, 0x10, 0x04, 0xb8, 3]);
    let mut fragment = r.pick(&[0u16, 0, 0x4000, 0x4000, 0x8000]);
    if r.chance(4) {
        fragment = r.pick(&[0x2000u16, 0x0040, 0x2040, 0x6000, 0x1fff]);
        if fragment & 0x1fff != 0 {
            (protocol, body) = (17, payload(r, id, false));
        } else {
            body.truncate(body.len() / 8 * 8);
        }
    }
    let (from, to) = (r.pick(SOURCES4), r.pick(TARGETS4));
    let mut b = header4(from, to, protocol, ttl, tos, fragment, body.len(), options);
    b[4..6].copy_from_slice(&id.to_be_bytes());
    let at = b.len();
    b.extend(body);
    fix(&mut b, protocol, at);
    if r.chance(6) {
        spoil4(r, &mut b, at);
    }
    b
}

fn spoil4(r: &mut Rng, b: &mut Vec<u8>, at: usize) {
    let whole = b.len() as u16;
    match r.below(9) {
        0 => b[0] = 0x44,
        1 => b[2..4].copy_from_slice(&(whole + 4).to_be_bytes()),
        2 => b[2..4].copy_from_slice(&19u16.to_be_bytes()),
        3 => {
            b[10] ^= 1;
            return;
        }
        4 => b[0] = 0x4f,
        5 if b.len() > at + 6 => {
            let n = r.pick(&[0u16, 7, 8, whole, 12]);
            b[at + 4..at + 6].copy_from_slice(&n.to_be_bytes());
        }
        6 => b.truncate(at + r.below(b.len() - at + 1)),
        7 => {
            b.truncate(at + r.below(b.len() - at + 1));
            let n = b.len() as u16;
            b[2..4].copy_from_slice(&n.to_be_bytes());
        }
        _ => {
            if let Some(last) = b.get_mut(at + 7) {
                *last ^= 0x10;
            }
        }
    }
    if usize::from(b[0] & 15) * 4 <= b.len() {
        fix_header(b);
    }
}

fn six(r: &mut Rng, id: u16) -> Vec<u8> {
    let (protocol, body) = transport(r, id, true);
    let limit = r.pick(&[64u8, 64, 64, 64, 64, 64, 1, 0, 2, 255]);
    let tos = r.pick(&[0u8, 0, 0, 0x10, 0xb8]);
    let (from, to) = (r.pick(SOURCES6), r.pick(TARGETS6));
    let mut plain = header6(from, to, protocol, limit, tos, id, body.len());
    plain.extend(&body);
    fix(&mut plain, protocol, 40);
    let body = plain.split_off(40);
    let (mut first, mut between) = (protocol, Vec::new());
    if r.chance(14) {
        for _ in 0..1 + r.below(2) {
            let (kind, rest): (u8, Vec<u8>) = r.pick(EXTENSIONS).clone_into();
            let mut header = vec![first, (rest.len() + 2).div_ceil(8) as u8 - 1];
            if kind == 44 {
                header[1] = 0;
            }
            header.extend(rest);
            header.extend(between);
            (first, between) = (kind, header);
        }
    }
    let mut b = header6(from, to, first, limit, tos, id, between.len() + body.len());
    b.extend(between);
    let at = b.len();
    b.extend(body);
    if r.chance(6) {
        match r.below(6) {
            0 => b[4..6].copy_from_slice(&9999u16.to_be_bytes()),
            1 => b[4..6].copy_from_slice(&[0, 3]),
            2 => b.truncate(40 + r.below(b.len() - 39)),
            3 => {
                b.truncate(40 + r.below(b.len() - 39));
                let n = (b.len() - 40) as u16;
                b[4..6].copy_from_slice(&n.to_be_bytes());
            }
            4 if b.len() > at + 6 => {
                let n = r.pick(&[0u16, 7, 8, 9999]);
                b[at + 4..at + 6].copy_from_slice(&n.to_be_bytes());
            }
            _ => {
                if let Some(byte) = b.get_mut(at + 7) {
                    *byte ^= 0x10;
                }
            }
        }
    }
    b
}

/// Kinds of extension headers, and what stands in them behind the next header and the length.
#[derive(Clone, Copy)]
struct Extension(u8, &'static [u8]);

impl Extension {
    fn clone_into(self) -> (u8, Vec<u8>) {
        (self.0, self.1.to_vec())
    }
}

const EXTENSIONS: &[Extension] = &[
    Extension(0, &[5, 2, 0, 0, 1, 0]),
    Extension(0, &[1, 4, 0, 0, 0, 0]),
    Extension(0, &[0x1e, 4, 0, 0, 0, 0]),
    Extension(0, &[0x5e, 4, 0, 0, 0, 0]),
    Extension(0, &[0x9e, 4, 0, 0, 0, 0]),
    Extension(0, &[0xde, 4, 0, 0, 0, 0]),
    Extension(0, &[0xc2, 4, 0, 1, 0, 0]),
    Extension(60, &[1, 4, 0, 0, 0, 0]),
    Extension(60, &[0x9e, 4, 0, 0, 0, 0]),
    Extension(60, &[0xde, 4, 0, 0, 0, 0]),
    Extension(43, &[0, 0, 0, 0, 0, 0]),
    Extension(43, &[0, 1, 0, 0, 0, 0]),
    Extension(43, &[4, 0, 0, 0, 0, 0]),
    Extension(43, &[3, 1, 0, 0, 0, 0]),
    Extension(43, &[2, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]),
    Extension(43, &[77, 1, 0, 0, 0, 0]),
    Extension(44, &[0, 0, 0, 0, 0, 7]),
    Extension(44, &[0, 1, 0, 0, 0, 8]),
    Extension(44, &[0, 8, 0, 0, 0, 9]),
    Extension(51, &[0, 0, 0, 0, 1, 0, 0, 0, 1, 0]),
    Extension(135, &[0, 0, 0, 0, 0, 0]),
];

fn fix_header(b: &mut [u8]) {
    let header = usize::from(b[0] & 15) * 4;
    b[10..12].fill(0);
    let sum = checksum::of(&b[..header]);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Makes the checksums right.
fn fix(b: &mut [u8], protocol: u8, at: usize) {
    let v6 = b[0] >> 4 == 6;
    if !v6 {
        fix_header(b);
    }
    let place = match protocol {
        6 => at + 16,
        17 | 136 => at + 6,
        1 | 58 => at + 2,
        _ => return,
    };
    if b.len() < place + 2 || (!v6 && b[6] & 0x1f != 0) {
        return;
    }
    b[place..place + 2].fill(0);
    let mut covered = Vec::new();
    if protocol != 1 {
        covered.extend(if v6 { &b[8..40] } else { &b[12..20] });
        covered.extend(((b.len() - at) as u32).to_be_bytes());
        covered.extend([0, 0, 0, protocol]);
    }
    covered.extend(&b[at..]);
    let sum = checksum::of(&covered);
    b[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}
