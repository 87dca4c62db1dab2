//! Packets of many kinds are sent through a router that counts them by conntrack state; what the host layer said about
//! each beforehand has to be what the kernel then counts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use common::{Netns, kernel, kernel_tests, until, veth};
use nfblame::evaluate::packet::CtState;
use nfblame::evaluate::{Device, Fact, Network, Packet, Tracked, checksum};
use nfblame::host::{KernelHost, track};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket};

kernel_tests! {
    what_is_said_of_packets_without_a_connection_is_what_the_kernel_counts needs ["nft"];
    what_is_said_of_packets_of_a_connection_is_what_the_kernel_counts needs ["nft"];
}

fn main() {
    kernel::run(cases());
}

const STATES: [&str; 6] = ["new", "established", "related", "invalid", "untracked", "reply"];

struct Lab {
    client: Netns,
    router: Netns,
    server: Netns,
    raw: OwnedFd,
    eth0: u32,
}

impl Lab {
    fn new() -> Self {
        let (client, router, server) = (Netns::new(), Netns::new(), Netns::new());
        veth(&client, "eth0", "192.0.2.2/24", &router, "eth0", "192.0.2.1/24");
        veth(&router, "eth1", "10.0.5.1/24", &server, "eth0", "10.0.5.2/24");
        client.route("0.0.0.0/0", "192.0.2.1");
        server.route("0.0.0.0/0", "10.0.5.1");
        router.sysctl("net.ipv4.ip_forward", "1");
        let states: String = STATES[..5].iter().map(|s| format!("ct state {s} counter name {s}\n")).collect();
        let counters: String = STATES.iter().map(|s| format!("counter {s} {{ }}\n")).collect();
        router.nft(&format!(
            "table ip t {{
                {counters}
                chain pre {{ type filter hook prerouting priority 0; iifname != eth0 accept
                    ct direction reply counter name reply
                    {states} }}
            }}"
        ));
        let raw = client.run(|| {
            let (kind, protocol) = (SockType::Raw, SockProtocol::Raw);
            socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, protocol).unwrap()
        });
        let eth0 = router.index("eth0");
        Self { client, router, server, raw, eth0 }
    }

    /// How many packets of each state the kernel has counted.
    fn counts(&self) -> [u64; 6] {
        let text = self.router.cmd("nft", &["list", "counters", "table", "ip", "t"], "");
        STATES.map(|s| {
            let at = text.find(&format!("counter {s} {{")).unwrap();
            let words: Vec<_> = text[at..].split_whitespace().collect();
            let at = words.iter().position(|w| *w == "packets").unwrap();
            words[at + 1].parse().unwrap()
        })
    }

    /// Sends a packet from the client's side and says by which state the kernel counted it.
    fn send(&self, bytes: &[u8]) -> String {
        let before = self.counts();
        let to = SockaddrIn::new(192, 0, 2, 1, 0);
        sendto(self.raw.as_raw_fd(), bytes, &to, MsgFlags::empty()).unwrap();
        let mut after = before;
        until("the packet to be counted", || {
            after = self.counts();
            after != before
        });
        let moved: Vec<_> = STATES.iter().zip(after.iter().zip(before)).filter(|(_, (a, b))| **a != *b).collect();
        moved.iter().map(|(s, _)| **s).collect::<Vec<_>>().join(" ")
    }

    /// What the host layer says: the states that are possible, the likely one first.
    fn said(&self, bytes: &[u8]) -> Vec<String> {
        let mut packet = Packet::new(Network::Ip4, bytes.to_vec());
        packet.iif = Fact::Is(Device { index: self.eth0, name: Fact::Is("eth0".into()) });
        self.router.run(|| match track(&KernelHost::open().unwrap(), &packet) {
            Fact::Is(tracked) => words(&tracked),
            other => panic!("{other:?}"),
        })
    }
}

fn words(tracked: &Tracked) -> Vec<String> {
    match tracked {
        Tracked::As(ct) => {
            let state = ct.state.value().map_or("?", |s: &CtState| s.name());
            vec![if ct.reply == Fact::Is(true) { format!("{state} reply") } else { state.to_owned() }]
        }
        Tracked::Lost(_) => vec!["lost".into()],
        Tracked::Either { likely, otherwise, .. } => [words(likely), words(otherwise)].concat(),
    }
}

/// An IPv4 packet with right checksums.
fn ip(src: [u8; 4], dst: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut b = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0];
    b[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    b.extend(src);
    b.extend(dst);
    let sum = checksum::of(&b);
    b[10..12].copy_from_slice(&sum.to_be_bytes());
    let at = match protocol {
        1 => 2,
        6 => 16,
        _ => 6,
    };
    let pseudo = [&b[12..20], &[0, protocol], &(payload.len() as u16).to_be_bytes()].concat();
    let sum = checksum::of(&[if protocol == 1 { &[] } else { pseudo.as_slice() }, payload].concat());
    b.extend(payload);
    b[20 + at..22 + at].copy_from_slice(&sum.to_be_bytes());
    b
}

const CLIENT: [u8; 4] = [192, 0, 2, 2];
const ROUTER: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [10, 0, 5, 2];

fn tcp(from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8, seq: u32) -> Vec<u8> {
    let mut h = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
    h.extend(seq.to_be_bytes());
    h.extend([0, 0, 0, 0, 0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    ip(from.0, to.0, 6, &h)
}

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), length: u16) -> Vec<u8> {
    let mut h = [from.1.to_be_bytes(), to.1.to_be_bytes(), length.to_be_bytes()].concat();
    h.extend([0, 0, 1, 2]);
    ip(from.0, to.0, 17, &h)
}

fn bad(mut packet: Vec<u8>) -> Vec<u8> {
    let last = packet.len() - 1;
    packet[last] ^= 0x55;
    packet
}

/// Says and sends each; what was said to be certain has to come true, and what was open has to be among the answers.
fn agree(lab: &Lab, packets: &[(&str, Vec<u8>)]) {
    for (what, packet) in packets {
        let said = lab.said(packet);
        let sent = lab.send(packet);
        let sent = sent.split(' ').rev().collect::<Vec<_>>().join(" ");
        let sent = sent.strip_prefix("reply ").map(|s| format!("{s} reply")).unwrap_or(sent);
        assert!(said.contains(&sent), "{what}: said {said:?}, the kernel says {sent}");
    }
}

fn what_is_said_of_packets_without_a_connection_is_what_the_kernel_counts() {
    let lab = Lab::new();
    let mut packets = Vec::new();
    for (n, flags) in [0x02, 0xc2, 0x22, 0x12, 0x10, 0x18, 0x30, 0x11, 0x01, 0x04, 0x14, 0x00, 0x29, 0x03, 0x06, 0x3f]
        .into_iter()
        .enumerate()
    {
        packets.push((format!("tcp flags {flags:#x}"), tcp((CLIENT, 1000 + n as u16), (ROUTER, 80), flags, 1)));
    }
    packets.push(("tcp bad checksum".into(), bad(tcp((CLIENT, 2000), (ROUTER, 80), 2, 1))));
    for (n, length) in [10, 8, 9, 7, 0, 11, 0xffff].into_iter().enumerate() {
        packets.push((format!("udp length {length}"), udp((CLIENT, 3000 + n as u16), (ROUTER, 53), length)));
    }
    packets.push(("udp bad checksum".into(), bad(udp((CLIENT, 3100), (ROUTER, 53), 10))));
    for kind in [0, 3, 5, 8, 11, 13, 14, 15, 17, 18, 19, 42] {
        packets.push((format!("icmp type {kind}"), ip(CLIENT, ROUTER, 1, &[kind, 0, 0, 0, 0, kind, 0, 1])));
    }
    packets.push(("icmp bad checksum".into(), bad(ip(CLIENT, ROUTER, 1, &[8, 0, 0, 0, 9, 9, 9, 9]))));
    packets.push(("protocol 253".into(), ip(CLIENT, ROUTER, 253, &[0; 12])));
    packets.push(("tcp cut short".into(), ip(CLIENT, ROUTER, 6, &[0; 18])));
    let packets: Vec<_> = packets.iter().map(|(what, p)| (what.as_str(), p.clone())).collect();
    agree(&lab, &packets);
    lab.router.sysctl("net.netfilter.nf_conntrack_tcp_loose", "0");
    agree(&lab, &[("ack, not loose", tcp((CLIENT, 4000), (ROUTER, 80), 0x10, 1))]);
    lab.router.sysctl("net.netfilter.nf_conntrack_checksum", "0");
    agree(&lab, &[("checksum not asked", bad(tcp((CLIENT, 4001), (ROUTER, 80), 2, 1)))]);
}

fn what_is_said_of_packets_of_a_connection_is_what_the_kernel_counts() {
    let lab = Lab::new();
    // A connection from the client, one from the server, one half open, one that UDP made.
    let listener = lab.server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    let mut stream = lab.client.run(|| TcpStream::connect("10.0.5.2:80")).unwrap();
    let mut accepted = listener.accept().unwrap().0;
    stream.write_all(b"x").unwrap();
    accepted.read_exact(&mut [0]).unwrap();
    let port = stream.local_addr().unwrap().port();
    let reverse = lab.client.run(|| TcpListener::bind("0.0.0.0:81")).unwrap();
    let outgoing = lab.server.run(|| TcpStream::connect("192.0.2.2:81")).unwrap();
    let other = outgoing.local_addr().unwrap().port();

    let (there, server) = ((CLIENT, port), (SERVER, 80));
    let mut packets =
        vec![("half open", tcp((CLIENT, 7), (SERVER, 9), 2, 1)), ("udp first", udp((CLIENT, 7), (SERVER, 9), 10))];
    for flags in [0x02, 0x12, 0x10, 0x11, 0x00] {
        packets.push(("of the established", tcp(there, server, flags, 1)));
        packets.push(("the other way", tcp((CLIENT, 81), (SERVER, other), flags, 1)));
        packets.push(("of the half open", tcp((CLIENT, 7), (SERVER, 9), flags, 1)));
    }
    packets.push(("udp again", udp((CLIENT, 7), (SERVER, 9), 10)));
    packets.push(("udp broken", udp((CLIENT, 7), (SERVER, 9), 99)));
    let inner = |p: Vec<u8>| [vec![3, 1, 0, 0, 0, 0, 0, 0], p[..28].to_vec()].concat();
    packets.push(("error about the answers", ip(CLIENT, SERVER, 1, &inner(tcp((SERVER, 80), there, 0x10, 1)))));
    packets.push(("error about nothing", ip(CLIENT, SERVER, 1, &inner(tcp((SERVER, 99), there, 0x10, 1)))));
    packets.push(("error to somebody else", ip(CLIENT, ROUTER, 1, &inner(tcp((SERVER, 80), there, 0x10, 1)))));
    packets.push(("error cut short", ip(CLIENT, SERVER, 1, &inner(tcp((SERVER, 80), there, 0x10, 1))[..30])));
    packets.push(("rst of the established", tcp(there, server, 0x04, 1)));
    agree(&lab, &packets);

    lab.router.sysctl("net.netfilter.nf_conntrack_tcp_be_liberal", "1");
    let ack = tcp((CLIENT, 81), (SERVER, other), 0x10, 12345);
    assert_eq!(lab.said(&ack).len(), 1, "nothing is open where the window is not checked");
    agree(&lab, &[("liberal", ack)]);
    drop((accepted, reverse, outgoing));
}
