//! Hosts around the one under test, and programs on it, that keep up connections: mostly as they should.

use std::net::IpAddr;

use crate::before::Before;
use crate::packets::{self, MACS, Shot, TTL};
use crate::rng::Rng;
use crate::tcp::LISTENS;
use crate::world::{IN0, IN1, OUT, Seen};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// GRE without a key, a protocol that nothing tracks closer, TCP.
const GRE: u8 = 47;
const OTHER: u8 = 99;
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

/// One end of a connection, as it sees it.
#[derive(Clone)]
struct Peer {
    /// Behind which device; nothing: a raw socket of the host itself.
    device: Option<&'static str>,
    protocol: u8,
    me: (Vec<u8>, u16),
    other: (Vec<u8>, u16),
    /// The next sequence number, and what has been received.
    seq: u32,
    ack: Option<u32>,
    /// It has sent, or got, a SYN: what comes next is an ACK.
    opened: bool,
    /// What it got last.
    got: Option<Vec<u8>>,
}

/// All of them.
pub struct Peers {
    rng: Rng,
    port: u16,
    peers: Vec<Peer>,
    /// Are there timers of two seconds?
    short: bool,
}

fn octets(address: &str) -> Vec<u8> {
    match address.parse().unwrap() {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// Where outside peers are, by device: IPv4, IPv6.
const OUTSIDE: [(&str, [&str; 2], [&str; 2]); 3] = [
    (IN0, ["10.9.0.7", "10.9.0.1"], ["2001:db8:9::7", "2001:db8:9::1"]),
    (OUT, ["10.9.1.9", "10.9.1.77"], ["2001:db8:10::9", "2001:db8:10::1"]),
    (IN1, ["10.9.3.5", "10.9.3.6"], ["2001:db8:11::5", "2001:db8:11::6"]),
];
/// Addresses of the host.
const OWN: [[&str; 2]; 2] = [["10.9.0.2", "10.9.1.2"], ["2001:db8:9::2", "2001:db8:10::2"]];

impl Peers {
    /// `port`: the first source port. `short`: are there timers of two seconds?
    pub fn new(seed: u64, port: u16, short: bool) -> Self {
        Self { rng: Rng::new(seed ^ 0xbee5), port, peers: Vec::new(), short }
    }

    /// What came of a packet: frames for peers that are known, or that are to be.
    pub fn sent(&mut self, seen: &Seen) {
        for (device, frame) in &seen.all.frames {
            if let Some(bytes) = frame.get(14..).filter(|b| b.len() >= 28 && matches!(b[0] >> 4, 4 | 6)) {
                self.hear(device, bytes);
            }
        }
    }

    fn hear(&mut self, device: &'static str, b: &[u8]) {
        let Some((protocol, at)) = header(b) else { return };
        let n = if b[0] >> 4 == 6 { 16 } else { 4 };
        let from = if n == 16 { 8 } else { 12 };
        let (src, dst) = (b[from..from + n].to_vec(), b[from + n..from + 2 * n].to_vec());
        let (sport, dport) = match protocol {
            TCP | UDP | SCTP if b.len() >= at + 4 => (be16(b, at), be16(b, at + 2)),
            1 | 58 if b.len() >= at + 8 && matches!(b[at], 0 | 8 | 128 | 129) => (be16(b, at + 4), be16(b, at + 4)),
            GRE | OTHER => (0, 0),
            _ => return,
        };
        let known = self.peers.iter().position(|p| {
            p.device == Some(device)
                && p.protocol == protocol
                && p.me == (dst.clone(), dport)
                && p.other == (src.clone(), sport)
        });
        let i = known.unwrap_or_else(|| {
            self.peers.push(Peer {
                device: Some(device),
                protocol,
                me: (dst, dport),
                other: (src, sport),
                seq: self.rng.next() as u32,
                ack: None,
                opened: false,
                got: None,
            });
            self.peers.len() - 1
        });
        let peer = &mut self.peers[i];
        if protocol == TCP && b.len() >= at + 20 {
            let flags = b[at + 13];
            let data = b.len().saturating_sub(at + usize::from(b[at + 12] >> 4) * 4) as u32;
            let length = data + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            peer.ack = Some(be32(b, at + 4).wrapping_add(length));
            // Whoever joins in the middle goes by what is acknowledged.
            if known.is_none() && flags & ACK != 0 {
                peer.seq = be32(b, at + 8);
                peer.opened = true;
            }
        }
        peer.got = Some(b.to_vec());
    }

    /// The next packet.
    pub fn next(&mut self) -> Shot {
        let mut first = Vec::new();
        let r = &mut self.rng;
        match r.below(100) {
            0 => first.push(Before::Forget),
            1 | 2 if self.short => first.push(Before::Pause),
            3..=5 => {
                let v6 = usize::from(r.chance(50));
                let to = OUTSIDE[r.below(2)];
                first.push(Before::Connect(r.pick(&[to.1, to.2][v6]).parse().unwrap(), r.pick(&[80, 443])));
            }
            6..=8 => first.push(Before::Write),
            9 => first.push(Before::Close),
            _ => {}
        }
        let shot = if self.peers.is_empty() || self.rng.chance(22) {
            self.begin()
        } else {
            let near = self.peers.len().min(8);
            let i = self.peers.len() - 1 - self.rng.below(near);
            self.go_on(i)
        };
        Shot { first, ..shot }
    }

    /// A connection that is new, at least to whoever begins it.
    fn begin(&mut self) -> Shot {
        let r = &mut self.rng;
        let v6 = usize::from(r.chance(40));
        let (device, four, six) = r.pick(&OUTSIDE);
        let here = r.chance(12);
        let me = if here { r.pick(&OWN[v6]) } else { r.pick(&[four, six][v6]) };
        let other = if r.chance(45) && !here {
            r.pick(&OWN[v6])
        } else {
            let to = r.pick(&OUTSIDE[..2]);
            r.pick(&[to.1, to.2][v6])
        };
        let protocol =
            r.pick(&[TCP, TCP, TCP, TCP, TCP, TCP, UDP, UDP, UDP, if v6 == 1 { 58 } else { 1 }, SCTP, GRE, OTHER]);
        self.port = self.port.checked_add(1).unwrap_or(2000);
        // Ports are used again now and then.
        let port = if r.chance(15) { 1999 } else { self.port };
        let to = r.pick(&[LISTENS[0], LISTENS[0], LISTENS[1], 53, 21, 443]);
        let (mine, theirs) = match protocol {
            1 | 58 => (port, port),
            GRE | OTHER => (0, 0),
            _ => (port, to),
        };
        let peer = Peer {
            device: (!here).then_some(device),
            protocol,
            me: (octets(me), mine),
            other: (octets(other), theirs),
            seq: r.pick(&[1, r.clone().next() as u32, 0xffff_fff0]),
            ack: None,
            opened: false,
            got: None,
        };
        self.peers.push(peer);
        self.go_on(self.peers.len() - 1)
    }

    /// The next packet of one end.
    fn go_on(&mut self, i: usize) -> Shot {
        let r = &mut self.rng;
        let peer = &mut self.peers[i];
        if let (Some(device), Some(got)) = (peer.device, &peer.got)
            && r.chance(6)
        {
            let mut about = got.clone();
            // About a packet that nobody sent.
            if r.chance(20) {
                let at = header(&about).map_or(20, |h| h.1);
                about[at] ^= 0x40;
            }
            let bytes = packets::error(r, &about, about[0] >> 4 == 6);
            return Shot::inward(bytes, device, MACS[0], 0);
        }
        let payload = match peer.protocol {
            TCP => segment(r, peer),
            UDP => {
                let data = vec![0x61; r.pick(&[0usize, 4, 20, 101])];
                let mut b = ports(peer);
                b.extend((8 + data.len() as u16).to_be_bytes());
                b.extend([0, 0]);
                b.extend(data);
                b
            }
            1 | 58 => {
                let six = peer.protocol == 58;
                let answers =
                    peer.got.as_ref().and_then(|g| Some(g[header(g)?.1])).is_some_and(|k| matches!(k, 8 | 128));
                let kind = match (six, answers != r.chance(8)) {
                    (false, true) => 0,
                    (false, false) => r.pick(&[8u8, 8, 8, 8, 13, 17]),
                    (true, true) => 129,
                    (true, false) => 128,
                };
                [&[kind, 0, 0, 0][..], &peer.me.1.to_be_bytes(), &[0, 1, 7, 7]].concat()
            }
            SCTP => [ports(peer), vec![0; 8]].concat(),
            GRE => vec![0, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8],
            _ => vec![1; 12],
        };
        let mut b = network(peer, &payload);
        if peer.protocol == SCTP {
            packets::sctp(r, &mut b);
        }
        packets::fix(&mut b);
        if r.chance(2) {
            let last = b.len() - 1;
            b[last] ^= 1; // a wrong checksum
        }
        match peer.device {
            Some(device) => Shot::inward(b, device, MACS[0], 0),
            None => Shot { bytes: b, from: None, id: 0, first: Vec::new() },
        }
    }
}

fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}

fn be32(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

/// The protocol and where its header is.
fn header(b: &[u8]) -> Option<(u8, usize)> {
    match b[0] >> 4 {
        6 if b.len() > 48 => Some((b[6], 40)),
        4 => Some((b[9], usize::from(b[0] & 15) * 4)).filter(|(_, at)| b.len() > at + 8),
        _ => None,
    }
}

fn ports(peer: &Peer) -> Vec<u8> {
    [peer.me.1.to_be_bytes(), peer.other.1.to_be_bytes()].concat()
}

fn network(peer: &Peer, payload: &[u8]) -> Vec<u8> {
    let mut b = if peer.me.0.len() == 16 {
        let mut b = vec![0x60, 0, 0, 0];
        b.extend((payload.len() as u16).to_be_bytes());
        b.extend([peer.protocol, TTL]);
        b
    } else {
        let mut b = vec![0x45, 0];
        b.extend((20 + payload.len() as u16).to_be_bytes());
        b.extend([0, 0, 0x40, 0, TTL, peer.protocol, 0, 0]);
        b
    };
    b.extend(&peer.me.0);
    b.extend(&peer.other.0);
    b.extend(payload);
    b
}

/// A segment that comes next, or one that does not.
fn segment(r: &mut Rng, peer: &mut Peer) -> Vec<u8> {
    let old = peer.seq;
    let flags = match (peer.opened, peer.ack) {
        // Picked up in the middle.
        (false, None) if r.chance(12) => r.pick(&[ACK, ACK | PSH, ACK | FIN, RST, SYN | ACK, 0]),
        (false, None) => SYN,
        // To a SYN: an answer, or a SYN of its own at the same time.
        (false, Some(_)) => r.pick(&[SYN | ACK, SYN | ACK, SYN | ACK, SYN | ACK, SYN | ACK, SYN, RST | ACK, ACK]),
        (true, None) => r.pick(&[SYN, SYN, ACK, RST]),
        (true, Some(_)) => match r.below(100) {
            0..=34 => ACK,
            35..=64 => ACK | PSH,
            65..=79 => ACK | FIN,
            80..=83 => RST,
            84..=86 => RST | ACK,
            87..=91 => SYN,
            92..=93 => SYN | ACK,
            94 => ACK | URG,
            95 => ACK | PSH | 0xc0,
            _ => r.next() as u8,
        },
    };
    peer.opened |= flags & (SYN | ACK) != 0;
    let data = if flags & PSH != 0 { vec![0x62; r.pick(&[1usize, 10, 10, 200])] } else { Vec::new() };
    let mut seq = peer.seq;
    let mut ack = if flags & ACK != 0 { peer.ack.unwrap_or(0) } else { 0 };
    peer.seq = peer.seq.wrapping_add(data.len() as u32 + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0));
    let odd = [1, u32::MAX, 1000, 1000u32.wrapping_neg(), 70_000, 70_000u32.wrapping_neg(), 1 << 30];
    match r.below(100) {
        0..=5 => seq = seq.wrapping_add(r.pick(&odd)),
        6..=9 => ack = ack.wrapping_add(r.pick(&odd)),
        // A keep-alive.
        10..=11 => seq = old.wrapping_sub(1),
        // Again, as if it had been lost.
        12..=17 => peer.seq = old,
        18 => seq = 0,
        _ => {}
    }
    let options: &[u8] = match r.below(8) {
        0..=2 if flags & SYN != 0 => &[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7, 1, 1],
        3 if flags & SYN != 0 => &[2, 4, 5, 0xb4, 4, 2, 1, 1],
        0 => &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        _ => &[],
    };
    let mut b = ports(peer);
    b.extend(seq.to_be_bytes());
    b.extend(ack.to_be_bytes());
    b.extend([(((20 + options.len()) / 4) << 4) as u8, flags]);
    b.extend(r.pick(&[0u16, 500, 29200, 29200, 29200, 65535]).to_be_bytes());
    b.extend([0; 4]);
    b.extend(options);
    b.extend(data);
    b
}
