//! Random packets between the addresses and ports that rules name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nfblame::blame::packet::PacketFields;
use nfblame::evaluate::Network;
use nfblame::explain::Craft;

use crate::rng::Rng;

/// The hardware address of a device.
pub fn mac(name: &str) -> [u8; 6] {
    [2, 0, 0, 0, 1, name.as_bytes()[3]]
}

/// A packet, and how it comes in.
pub struct Sent {
    pub device: &'static str,
    /// The Ethernet header.
    pub link: Vec<u8>,
    pub network: Network,
    pub bytes: Vec<u8>,
    craft: Craft,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        write!(f, "in by {}: {} {}", self.device, hex(&self.link), hex(&self.bytes))
    }
}

/// What a packet is longer by once a target gave it an option.
const OPTION: usize = 4;

impl Sent {
    /// Is it the one that is told of? No two of a run are of one length.
    pub fn is(&self, told: &PacketFields) -> bool {
        let longer = told.length.checked_sub(self.bytes.len());
        // What this host tells of it may be as long by chance.
        let kind = told.icmp_type == matches!(self.craft.protocol, 1 | 58).then_some(self.craft.icmp.0);
        (told.family == "ip6") == (self.network == Network::Ip6) && kind && matches!(longer, Some(0 | OPTION))
    }
}

/// Makes the packets for one host.
pub struct Packets {
    rng: Rng,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    ports: Vec<u16>,
    past: Vec<(&'static str, Craft)>,
}

impl Packets {
    /// From what a script names.
    pub fn new(script: &str, seed: u64) -> Self {
        let mut this = Self {
            rng: Rng::new(seed),
            v4: [
                "192.0.2.1",
                "192.0.2.1",
                "10.0.0.1",
                "10.0.0.2",
                "10.0.0.2",
                "192.0.2.254",
                "203.0.113.9",
                "255.255.255.255",
            ]
            .map(|a| a.parse().unwrap())
            .into(),
            v6: [
                "2001:db8:1::1",
                "2001:db8:2::1",
                "2001:db8:2::2",
                "2001:db8:1::fe",
                "2001:db8:ffff::1",
                "ff02::1",
                "fe80::9",
            ]
            .map(|a| a.parse().unwrap())
            .into(),
            ports: vec![22, 53, 80, 443],
            past: Vec::new(),
        };
        for word in script.split(|c: char| !c.is_ascii_hexdigit() && c != '.' && c != ':') {
            let word = word.trim_end_matches([':', '.']);
            this.ports.extend(word.parse::<u16>().ok().filter(|p| *p != 0));
            match word.parse() {
                Ok(IpAddr::V4(a)) if !a.is_unspecified() => {
                    // Itself, and one beside it.
                    let [a, b, c, d] = a.octets();
                    this.v4.extend([Ipv4Addr::from([a, b, c, d]), Ipv4Addr::from([a, b, c, d ^ 5])]);
                }
                Ok(IpAddr::V6(a)) if !a.is_unspecified() => this.v6.push(a),
                _ => {}
            }
        }
        this
    }

    /// The next one.
    pub fn next(&mut self, n: usize) -> Sent {
        let (device, craft) = match self.past.len() {
            0 => self.first(),
            all if self.rng.chance(35) => self.following(all),
            _ => self.first(),
        };
        self.past.push((device, craft.clone()));
        let (network, bytes) = Craft { length: Some(100 + 2 * OPTION * (n % 170)), ..craft.clone() }.make().unwrap();
        let to = match craft.dst {
            IpAddr::V4(a) if a.is_broadcast() => [0xff; 6],
            IpAddr::V4(a) if a.is_multicast() => [1, 0, 0x5e, a.octets()[1] & 0x7f, a.octets()[2], a.octets()[3]],
            IpAddr::V6(a) if a.is_multicast() => {
                let o = a.octets();
                [0x33, 0x33, o[12], o[13], o[14], o[15]]
            }
            _ => mac(device),
        };
        let kind: [u8; 2] = if network == Network::Ip6 { [0x86, 0xdd] } else { [8, 0] };
        let link = [&to[..], &[2, 0, 0, 0, 2, mac(device)[5]], &kind].concat();
        Sent { device, link, network, bytes, craft }
    }

    fn first(&mut self) -> (&'static str, Craft) {
        let rng = &mut self.rng;
        let device = rng.pick(&["eth0", "eth0", "eth1"]);
        let (src, dst, icmp): (IpAddr, IpAddr, u8) = if rng.chance(25) {
            let src =
                if device == "eth1" && rng.chance(80) { "2001:db8:2::2".parse().unwrap() } else { rng.pick(&self.v6) };
            (src.into(), rng.pick(&self.v6).into(), 58)
        } else {
            let near = if device == "eth1" { "10.0.0.2" } else { "192.0.2.254" };
            let src = if rng.chance(60) { near.parse().unwrap() } else { rng.pick(&self.v4) };
            (src.into(), rng.pick(&self.v4).into(), 1)
        };
        let protocol = rng.pick(&[6, 6, 6, 17, 17, icmp, 47]);
        let mut craft = Craft::new(protocol, src, dst);
        craft.sport = rng.range(1024, 65535) as u16;
        craft.dport = if rng.chance(85) { rng.pick(&self.ports) } else { rng.range(1, 65535) as u16 };
        if rng.chance(30) {
            craft.flags = rng.pick(&[0x10, 0x12, 0x04, 0x3f, 0]);
        }
        if rng.chance(50) {
            craft.icmp.0 =
                rng.pick(if icmp == 58 { &[1, 2, 128, 129, 133, 134, 135, 136] } else { &[0, 3, 5, 8, 11, 13] });
        }
        (device, craft)
    }

    /// Something about a connection of before: the same again, or an answer.
    fn following(&mut self, all: usize) -> (&'static str, Craft) {
        let (device, mut craft) = self.past[all - 1 - self.rng.below(all.min(5))].clone();
        if self.rng.chance(40) {
            return (device, craft);
        }
        std::mem::swap(&mut craft.src, &mut craft.dst);
        std::mem::swap(&mut craft.sport, &mut craft.dport);
        craft.flags = self.rng.pick(&[0x12, 0x10, 0x14, 0x04]);
        craft.icmp.0 = if craft.protocol == 58 { 129 } else { 0 };
        (if device == "eth0" { "eth1" } else { "eth0" }, craft)
    }
}
