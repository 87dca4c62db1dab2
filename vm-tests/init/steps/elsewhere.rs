//! Drops in many places of the kernel, one packet each: does `watch` name who dropped it, by the drop monitor alone?

mod cases;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nfblame_sys::bpf::attach;
use nfblame_sys::dropmon::find;
use nfblame_sys::rt::Handle;
use nfblame_vm_tests::Outcome;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket};

use self::cases::{CASES, Case, PLAIN};
use super::drops::holds;
use crate::cli::{Watch, call, must};
use crate::nets::{Peer, sysctl};
use crate::out::Out;

const NFT: &str = "/usr/sbin/nft";
const IP: &str = "/usr/sbin/ip";
const HOST: [u8; 4] = [10, 9, 2, 1];
const PEER: [u8; 4] = [10, 9, 2, 2];

const MONITOR: (&str, &str) = ("/evidence", "\"drop-monitor\"");

/// Runs it.
pub fn run(out: &mut Out) {
    let _ = call("/sbin/modprobe", &["-q", "drop_monitor"], "");
    if !matches!(find(), Ok(Some(_))) {
        return out.test("all", Outcome::Ignored, "this kernel has no drop monitor");
    }
    let made = Peer::new("d0", &["10.9.2.1/24"], &["10.9.2.2/24"]).and_then(|peer| {
        let behind = Peer::new("d1", &["10.9.3.1/24"], &["10.9.3.2/24"])?;
        sysctl("net/ipv4/ip_forward", "1")?;
        peer.run(|| must(IP, &["route", "add", "default", "via", "10.9.2.1"], "").map(drop))?;
        // The loopback's own addresses are not sent out otherwise.
        peer.run(|| sysctl("net/ipv4/conf/all/route_localnet", "1"))?;
        peer.run(|| {
            for local in ["127.0.0.0/8", "127.0.0.1"] {
                must(IP, &["route", "del", "local", local, "table", "local"], "")?;
            }
            must(IP, &["route", "add", "127.0.0.1", "via", "10.9.2.1"], "").map(drop)
        })?;
        Ok((peer, behind))
    });
    let (peer, behind) = match made {
        Ok(made) => made,
        Err(e) => return out.test("prepare", Outcome::Failed, e),
    };
    for (case, port) in CASES.iter().zip(2001..) {
        out.result(case.name, tried(case, port, &peer));
    }
    xdp(&peer, out);
    out.result("a packet that belongs to no connection", invalid(&peer));
    out.result("a full connection table", full_table(&peer));
    bridge(out);
    let _ = sysctl("net/ipv4/ip_forward", "0");
    drop(behind);
}

fn tried(case: &Case, port: u16, peer: &Peer) -> Result<(), String> {
    let all = |commands: &[&[&str]]| {
        commands.iter().try_for_each(|c| c.split_first().map_or(Ok(()), |(p, words)| must(p, words, "").map(drop)))
    };
    let done = all(case.before).and_then(|()| {
        if !case.rules.is_empty() {
            must(NFT, &["-f", "-"], case.rules)?;
        }
        let watch = Watch::start(&[])?;
        udp(peer, case.to, port, case.ttl)?;
        let blame = watch.blame(port)?;
        watch.end()?;
        holds(&blame, case.right)?;
        if blame.to_string().contains(case.tells) {
            Ok(())
        } else {
            Err(format!("no word of {} in\n{blame}", case.tells))
        }
    });
    clean();
    all(case.after).and(done)
}

fn clean() {
    let _ = call(NFT, &["flush", "ruleset"], "");
}

/// Sends a datagram with one byte from the peer.
fn udp(peer: &Peer, to: [u8; 4], port: u16, ttl: u32) -> Result<(), String> {
    peer.run(|| {
        let socket = UdpSocket::bind((Ipv4Addr::from(PEER), 0)).map_err(|e| e.to_string())?;
        socket.set_ttl(ttl).map_err(|e| e.to_string())?;
        socket.send_to(b"x", (Ipv4Addr::from(to), port)).map(drop).map_err(|e| e.to_string())
    })
}

fn xdp(peer: &Peer, out: &mut Out) {
    const NAME: &str = "a program at the device (XDP)";
    let index = Handle::open().and_then(|mut rt| rt.link("d0")).map(|l| l.index).unwrap_or_default();
    let link = match attach::dropping_xdp(index) {
        Ok(link) => link,
        Err(e) => return out.test(NAME, Outcome::Ignored, format!("it cannot be attached: {e}")),
    };
    let case = Case { right: &[MONITOR, ("/culprit/kind", "\"xdp\"")], ..PLAIN };
    out.result(NAME, tried(&case, 2101, peer));
    drop(link);
}

/// The middle of a TCP connection that never began.
fn invalid(peer: &Peer) -> Result<(), String> {
    const PORT: u16 = 2102;
    let rules = "table ip t {\n chain input {\n  type filter hook input priority 0\n  ct state invalid drop\n }\n}\n";
    must(NFT, &["-f", "-"], rules)?;
    // So that no connection begins in its middle.
    sysctl("net/netfilter/nf_conntrack_tcp_loose", "0")?;
    let watch = Watch::start(&[])?;
    peer.run(|| ack(PORT))?;
    let blame = watch.blame(PORT)?;
    watch.end()?;
    clean();
    holds(&blame, &[MONITOR, ("/culprit/kind", "\"rule\""), ("/culprit/rule_position", "1")])
}

/// Sends a TCP segment with nothing but the ACK flag.
fn ack(port: u16) -> Result<(), String> {
    let fail = |e: nix::Error| e.to_string();
    let fd = socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Tcp).map_err(fail)?;
    let mut segment = vec![0u8; 20];
    segment[..2].copy_from_slice(&40000u16.to_be_bytes());
    segment[2..4].copy_from_slice(&port.to_be_bytes());
    segment[7] = 1;
    segment[11] = 1;
    segment[12] = 5 << 4;
    segment[13] = 0x10;
    segment[14..16].copy_from_slice(&1024u16.to_be_bytes());
    let pseudo = [&PEER[..], &HOST, &[0, 6, 0, 20]].concat();
    let words = pseudo.chunks(2).chain(segment.chunks(2)).map(|w| u32::from(w[0]) << 8 | u32::from(w[1]));
    let sum: u32 = words.sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    let to = SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::from(HOST), 0));
    sendto(fd.as_raw_fd(), &segment, &to, MsgFlags::empty()).map(drop).map_err(fail)
}

/// No room for another connection, and none that may be thrown out.
fn full_table(peer: &Peer) -> Result<(), String> {
    const PORT: u16 = 2103;
    const MOST: &str = "net/netfilter/nf_conntrack_max";
    let fail = |e: std::io::Error| e.to_string();
    let rules =
        "table ip t {\n chain input {\n  type filter hook input priority 0\n  ct state established accept\n }\n}\n";
    must(NFT, &["-f", "-"], rules)?;
    must("/usr/sbin/conntrack", &["-F"], "")?;
    let listener = TcpListener::bind((Ipv4Addr::from(HOST), 2104)).map_err(fail)?;
    // An established connection is not thrown out for another one.
    let held = peer.run(|| {
        TcpStream::connect_timeout(&SocketAddr::from((HOST, 2104)), Duration::from_secs(5)).map_err(|e| e.to_string())
    })?;
    let accepted = listener.accept().map_err(fail)?;
    let before = std::fs::read_to_string(format!("/proc/sys/{MOST}")).map_err(fail)?;
    let watch = Watch::start(&[])?;
    sysctl(MOST, "1")?;
    let told = udp(peer, HOST, PORT, 64).and_then(|()| watch.blame(PORT));
    sysctl(MOST, before.trim())?;
    watch.end()?;
    drop((held, accepted));
    clean();
    holds(&told?, &[MONITOR, ("/culprit/kind", "\"conntrack\""), ("/culprit/detail", "\"table full\"")])
}

/// Through a bridge whose port is the device, and whose own chain drops.
fn bridge(out: &mut Out) {
    const PORT: u16 = 2105;
    let done = (|| {
        let peer = Peer::new("d2", &[], &["10.9.4.2/24"])?;
        for words in [
            &["link", "add", "dbr", "type", "bridge"][..],
            &["link", "set", "d2", "master", "dbr"],
            &["address", "add", "10.9.4.1/24", "dev", "dbr"],
            &["link", "set", "dbr", "up"],
        ] {
            must(IP, words, "")?;
        }
        let rules = format!(
            "table bridge t {{\n chain input {{\n  type filter hook input priority 0\n  udp dport {PORT} drop\n }}\n}}\n"
        );
        must(NFT, &["-f", "-"], &rules)?;
        let watch = Watch::start(&[])?;
        peer.run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|e| e.to_string())?;
            socket.send_to(b"x", (Ipv4Addr::from([10, 9, 4, 1]), PORT)).map(drop).map_err(|e| e.to_string())
        })?;
        let blame = watch.blame(PORT)?;
        watch.end()?;
        holds(&blame, &[MONITOR, ("/culprit/family", "\"bridge\""), ("/culprit/rule_position", "1")])
    })();
    out.result("a rule of a bridge", done);
    clean();
    let _ = call(IP, &["link", "del", "dbr"], "");
}
