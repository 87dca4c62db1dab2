//! Findings about limits of the whole machine, which tests on a machine that others use leave alone: each is found where it is
//! reached, gone where it is not, and its fix applied for real.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use serde_json::Value;

use crate::cli::{must, nfblame};
use crate::nets::{Peer, loopback_up, sysctl};
use crate::out::Out;

const NFT: &str = "/usr/sbin/nft";
const IP: &str = "/usr/sbin/ip";

/// Runs it.
pub fn run(out: &mut Out) {
    out.result("the loopback", loopback_up());
    out.result("NB0401: a connection table that is nearly full", connections());
    out.result("NB0012: a neighbour table that is full", neighbours());
    out.result("NB0021: a queue of arrivals that is full", arrivals());
    out.result("NB0507: sockets that use up their memory", memory());
    out.result("NB0602: a log that nobody sees", log());
}

fn connections() -> Result<(), String> {
    const MOST: &str = "net/netfilter/nf_conntrack_max";
    let before = value(MOST)?;
    let rules =
        "table ip t {\n chain input {\n  type filter hook input priority 0\n  ct state established accept\n }\n}\n";
    must(NFT, &["-f", "-"], rules)?;
    must("/usr/sbin/conntrack", &["-F"], "")?;
    none(&[], "NB0401")?;
    let done = (|| {
        sysctl(MOST, "20")?;
        for port in 1..=18 {
            let socket = UdpSocket::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
            let _ = socket.send_to(b"x", ("127.0.0.1", port));
        }
        let told = one(&[], "NB0401")?;
        apply(&told)?;
        none(&[], "NB0401")
    })();
    sysctl(MOST, &before)?;
    must(NFT, &["flush", "ruleset"], "")?;
    done
}

fn neighbours() -> Result<(), String> {
    let keys = [1, 2, 3].map(|n| format!("net/ipv4/neigh/default/gc_thresh{n}"));
    let before = keys.each_ref().map(|k| value(k));
    let peer = Peer::new("l0", &["10.9.8.1/24"], &["10.9.8.2/24"])?;
    let full = |found: &Value| found["severity"] != "note";
    if all(&[], "NB0012")?.iter().any(full) {
        return Err("it is told before".into());
    }
    for n in 10..30 {
        let address = format!("10.9.8.{n}");
        let words = ["neigh", "add", &address, "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "l0"];
        must(IP, &words, "")?;
    }
    let done = (|| {
        keys.iter().try_for_each(|k| sysctl(k, "20"))?;
        let told = all(&[], "NB0012")?.into_iter().find(full).ok_or("it is not told")?;
        apply(&told)?;
        match all(&[], "NB0012")?.iter().any(full) {
            true => Err("it is told still".into()),
            false => Ok(()),
        }
    })();
    for (k, v) in keys.iter().zip(before) {
        sysctl(k, &v?)?;
    }
    drop(peer);
    done
}

/// What goes out to three ports of a bridge at once comes in again behind them, where no more than one packet may wait.
fn arrivals() -> Result<(), String> {
    const MOST: &str = "net/core/netdev_max_backlog";
    let before = value(MOST)?;
    let done = (|| {
        let ip = |line: &str| must(IP, &line.split(' ').collect::<Vec<_>>(), "").map(drop);
        ip("link add sbr type bridge")?;
        for n in 0..3 {
            ip(&format!("link add sp{n} type veth peer name sq{n}"))?;
            ip(&format!("link set sp{n} master sbr up"))?;
            ip(&format!("link set sq{n} up"))?;
        }
        ip("addr add 10.9.5.1/24 brd 10.9.5.255 dev sbr")?;
        ip("link set sbr up")?;
        let socket = UdpSocket::bind("10.9.5.1:0").and_then(|s| s.set_broadcast(true).map(|()| s));
        let socket = socket.map_err(|e| e.to_string())?;
        let send = || (0..100).try_for_each(|_| socket.send_to(b"x", "10.9.5.255:9").map(drop));
        let dropped = || {
            let found = all(&[], "NB0021")?;
            let count = found.first().and_then(|f| f["evidence"][0]["value"].as_str()?.parse::<u64>().ok());
            Ok::<_, String>((count.unwrap_or(0), found))
        };
        let (were, _) = dropped()?;
        sysctl(MOST, "0")?;
        // The ports are not in use before the bridge has noticed that their other ends are up.
        let begun = Instant::now();
        let told = loop {
            send().map_err(|e| e.to_string())?;
            match dropped()? {
                (are, told) if are > were => break told,
                (_, told) if begun.elapsed() > Duration::from_secs(20) => {
                    return Err(format!("it is not told: {told:?}"));
                }
                _ => {}
            }
        };
        apply(told.first().ok_or("it is not told")?)?;
        let (were, _) = dropped()?;
        send().map_err(|e| e.to_string())?;
        match dropped()?.0 == were {
            true => Ok(()),
            false => Err("packets are dropped still".into()),
        }
    })();
    let _ = must(IP, &["link", "del", "sbr"], "");
    for n in 0..3 {
        let _ = must(IP, &["link", "del", &format!("sp{n}")], "");
    }
    sysctl(MOST, &before)?;
    done
}

/// There is no command that gives memory: what is told goes away with what held it.
fn memory() -> Result<(), String> {
    const LIMITS: &str = "net/ipv4/udp_mem";
    let fail = |e: std::io::Error| e.to_string();
    none(&[], "NB0507")?;
    let before = value(LIMITS)?;
    let reader = UdpSocket::bind("127.0.0.1:0").map_err(fail)?;
    let to = reader.local_addr().map_err(fail)?;
    // Each processor keeps a megabyte that it does not tell of.
    setsockopt(&reader.as_fd(), sockopt::RcvBufForce, &(32 << 20)).map_err(|e| e.to_string())?;
    for _ in 0..2000 {
        reader.send_to(&[0; 4000], to).map_err(fail)?;
    }
    sysctl(LIMITS, "1 2 1000000")?;
    let told = all(&[], "NB0507");
    sysctl(LIMITS, &before)?;
    let told = told?;
    let loud = |all: &[Value]| all.iter().any(|f| f["severity"] == "warning");
    if !loud(&told) {
        return Err(format!("{told:?}; {:?}", fs::read_to_string("/proc/net/sockstat")));
    }
    drop(reader);
    match loud(&all(&[], "NB0507")?) {
        true => Err("it is told still".into()),
        false => Ok(()),
    }
}

fn log() -> Result<(), String> {
    const ALL: &str = "net/netfilter/nf_log_all_netns";
    let before = value(ALL)?;
    let peer = Peer::new("l1", &["10.9.7.1/24"], &["10.9.7.2/24"])?;
    let path = format!("/proc/{}/fd/{}", std::process::id(), peer.ns.as_fd().as_raw_fd());
    let inside = ["--netns", &path];
    sysctl(ALL, "0")?;
    none(&inside, "NB0602")?;
    let rules = "table ip t {\n chain input {\n  type filter hook input priority 0\n  limit rate 5/minute log prefix \"x\"\n }\n}\n";
    peer.run(|| must(NFT, &["-f", "-"], rules).map(drop))?;
    let done = one(&inside, "NB0602").and_then(|told| apply(&told)).and_then(|()| none(&inside, "NB0602"));
    sysctl(ALL, &before)?;
    done
}

fn value(key: &str) -> Result<String, String> {
    fs::read_to_string(format!("/proc/sys/{key}")).map(|v| v.trim().to_owned()).map_err(|e| format!("{key}: {e}"))
}

/// The findings of a code.
fn all(more: &[&str], code: &str) -> Result<Vec<Value>, String> {
    let said = nfblame(&[&["check", "-j"], more].concat())?;
    if !matches!(said.code, Some(0 | 1)) {
        return Err(format!("exit {:?}: {}", said.code, said.err));
    }
    let lines = said.out.lines().map(|l| serde_json::from_str::<Value>(l).map_err(|e| format!("{e}: {l}")));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|f| f["code"] == code).collect())
}

fn one(more: &[&str], code: &str) -> Result<Value, String> {
    let told = all(more, code)?;
    match <[Value; 1]>::try_from(told) {
        Ok([one]) => Ok(one),
        Err(told) => Err(format!("{} of {code}: {told:?}", told.len())),
    }
}

fn none(more: &[&str], code: &str) -> Result<(), String> {
    let told = all(more, code)?;
    if told.is_empty() { Ok(()) } else { Err(format!("{code} where all is well: {told:?}")) }
}

/// Gives the commands of the first fix to the shell, as they are written.
fn apply(finding: &Value) -> Result<(), String> {
    let commands = finding["fix"][0]["commands"].as_array().ok_or_else(|| format!("no fix in {finding}"))?;
    commands.iter().filter_map(Value::as_str).try_for_each(|c| must("sh", &["-ec", c], "").map(drop))
}
