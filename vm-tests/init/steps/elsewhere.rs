//! Drops in many places of the kernel, one packet each: does `watch` name who dropped it, by the drop monitor alone?

mod cases;
mod replies;
mod translated;
mod version6;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use nfblame_sys::bpf::attach;
use nfblame_sys::dropmon::find;
use nfblame_sys::rt::Handle;
use nfblame_vm_tests::Outcome;

use self::cases::{Case, PLAIN};
use super::drops::holds;
use crate::cli::{Watch, call, must};
use crate::nets::{Peer, sysctl};
use crate::out::Out;
use crate::send::{self, Datagram, Ends};

const NFT: &str = "/usr/sbin/nft";
const IP: &str = "/usr/sbin/ip";
const TC: &str = "/usr/sbin/tc";
const HOST: &str = "10.9.2.1";
const BEHIND: &str = "10.9.3.2";
const HOST4: Ipv4Addr = Ipv4Addr::new(10, 9, 2, 1);
const PEER4: Ipv4Addr = Ipv4Addr::new(10, 9, 2, 2);

const MONITOR: (&str, &str) = ("/evidence", "\"drop-monitor\"");

/// Runs it.
pub fn run(out: &mut Out) {
    let _ = call("/sbin/modprobe", &["-q", "drop_monitor"], "");
    if !matches!(find(), Ok(Some(_))) {
        return out.test("all", Outcome::Ignored, "this kernel has no drop monitor");
    }
    let made =
        Peer::new("d0", &["10.9.2.1/24", "2001:db8:2::1/64"], &["10.9.2.2/24", "2001:db8:2::2/64"]).and_then(|peer| {
            let behind = Peer::new("d1", &["10.9.3.1/24", "2001:db8:3::1/64"], &["10.9.3.2/24", "2001:db8:3::2/64"])?;
            sysctl("net/ipv4/ip_forward", "1")?;
            sysctl("net/ipv6/conf/all/forwarding", "1")?;
            for (ns, via) in [(&peer, ["10.9.2.1", "2001:db8:2::1"]), (&behind, ["10.9.3.1", "2001:db8:3::1"])] {
                ns.run(|| via.iter().try_for_each(|v| must(IP, &["route", "add", "default", "via", v], "").map(drop)))?;
            }
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
    for (case, port) in cases::CASES.iter().chain(version6::CASES).chain(translated::CASES).zip(2001..) {
        out.result(case.name, tried(case, port, &peer));
    }
    out.result("translated: the rule that drops the answer", replies::run(&peer, &behind));
    out.result("a wrong checksum", checksum(&peer));
    out.result("the host's own address as a source", spoofed(&peer));
    xdp(&peer, out);
    out.result("a packet that belongs to no connection", invalid(&peer));
    out.result("a full connection table", full_table(&peer));
    bridge(out);
    let _ = sysctl("net/ipv4/ip_forward", "0");
    let _ = sysctl("net/ipv6/conf/all/forwarding", "0");
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
        let to = case.to.parse().map_err(|e| format!("{}: {e}", case.to))?;
        peer.run(|| Datagram { ttl: case.ttl, size: case.size, ..Datagram::to(to, port) }.send())?;
        let blame = watch.blame(if case.seen == 0 { port } else { case.seen })?;
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
    peer.run(|| send::ack(Ends { from: PEER4, to: HOST4, port: PORT }))?;
    let blame = watch.blame(PORT)?;
    watch.end()?;
    clean();
    holds(&blame, &[MONITOR, ("/culprit/kind", "\"rule\""), ("/culprit/rule_position", "1")])
}

/// A packet that somebody listens for, and whose checksum is wrong.
fn checksum(peer: &Peer) -> Result<(), String> {
    const PORT: u16 = 2106;
    let listener = UdpSocket::bind((HOST4, PORT)).map_err(|e| e.to_string())?;
    let watch = Watch::start(&[])?;
    peer.run(|| send::raw_udp(Ends { from: PEER4, to: HOST4, port: PORT }, false))?;
    let blame = watch.blame(PORT)?;
    watch.end()?;
    drop(listener);
    holds(&blame, &[MONITOR])?;
    // Whose, kernels without reasons do not say.
    match blame["culprit"]["detail"].as_str() {
        Some(detail) if detail.contains("checksum") => Ok(()),
        _ => Err(format!("not blamed on the checksum: {blame}")),
    }
}

/// Such a packet cannot come from outside.
fn spoofed(peer: &Peer) -> Result<(), String> {
    const PORT: u16 = 2107;
    let watch = Watch::start(&[])?;
    peer.run(|| send::raw_udp(Ends { from: HOST4, to: HOST4, port: PORT }, true))?;
    let blame = watch.blame(PORT)?;
    watch.end()?;
    holds(&blame, &[MONITOR, ("/culprit/kind", "\"route\"")])
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
    let listener = TcpListener::bind((HOST4, 2104)).map_err(fail)?;
    // An established connection is not thrown out for another one.
    let held = peer.run(|| {
        TcpStream::connect_timeout(&SocketAddr::from((HOST4, 2104)), Duration::from_secs(5)).map_err(|e| e.to_string())
    })?;
    let accepted = listener.accept().map_err(fail)?;
    let before = std::fs::read_to_string(format!("/proc/sys/{MOST}")).map_err(fail)?;
    let watch = Watch::start(&[])?;
    sysctl(MOST, "1")?;
    let told = peer.run(|| Datagram::to(HOST4.into(), PORT).send()).and_then(|()| watch.blame(PORT));
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
        peer.run(|| Datagram::to([10, 9, 4, 1].into(), PORT).send())?;
        let blame = watch.blame(PORT)?;
        watch.end()?;
        holds(&blame, &[MONITOR, ("/culprit/family", "\"bridge\""), ("/culprit/rule_position", "1")])
    })();
    out.result("a rule of a bridge", done);
    clean();
    let _ = call(IP, &["link", "del", "dbr"], "");
}
