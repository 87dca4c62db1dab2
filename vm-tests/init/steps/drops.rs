//! Drops that no rule logs, as the drop monitor reports them: each has its culprit.

mod counted;

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nfblame_sys::dropmon::{Config, Control, Listener, Occupied, Session, Started, find};
use nfblame_sys::genl::Handle;
use nfblame_sys::uapi::net_dropmon::{NET_DM_ATTR_ALERT_MODE, NET_DM_CMD_CONFIG, NET_DM_CMD_START, NET_DM_CMD_STOP};
use nfblame_vm_tests::{Line, Outcome};
use nix::sys::socket::{setsockopt, sockopt};
use serde_json::Value;

use crate::cli::{Watch, call, feature, must};
use crate::nets::{Peer, sysctl};
use crate::out::Out;

const HOST: [u8; 4] = [10, 9, 0, 1];
const RULES: &str = "
table inet drops {
	chain input {
		type filter hook input priority 0
		udp dport 1001 counter drop
		udp dport 1002 counter reject
		udp dport 1003 log group 5 drop
		udp dport 1020 jump last
	}
	chain last {
		ip saddr 10.9.0.0/24 drop
	}
	chain forward {
		type filter hook forward priority 0; policy accept;
		udp dport 1004 drop
	}
}
";
const NOTES: &str = "/run/nfblame";

/// Runs it.
pub fn run(out: &mut Out) {
    // Ours, or the distribution's.
    let _ = call("/sbin/modprobe", &["-q", "drop_monitor"], "");
    if !matches!(find(), Ok(Some(_))) {
        return out.test("all", Outcome::Ignored, "this kernel has no drop monitor");
    }
    match prepare() {
        Ok(peer) => {
            blames(&peer, out);
            out.result("what is normal life is told with --all", counted::noise(&peer));
            out.result("what the monitor lost is counted", counted::losses(&peer));
            out.result("a monitor that a killed nfblame left running is taken over", killed(&peer));
            out.result("two watches hear of the same drop, also when the first has ended", two(&peer));
            out.result("somebody else's monitor is left alone", foreign());
            out.result("the monitor is stopped, and set as it was", stopped());
        }
        Err(e) => out.test("prepare", Outcome::Failed, e),
    }
    let _ = call("/usr/sbin/nft", &["flush", "ruleset"], "");
    let _ = call("/usr/sbin/iptables-legacy", &["-F"], "");
}

fn prepare() -> Result<Peer, String> {
    let peer = Peer::new("v0", &["10.9.0.1/24"], &["10.9.0.2/24", "192.0.2.9/24"])?;
    for (key, value) in [("all/rp_filter", "1"), ("v0/rp_filter", "1"), ("all/log_martians", "0")] {
        sysctl(&format!("net/ipv4/conf/{key}"), value)?;
    }
    sysctl("net/ipv4/ip_forward", "0")?;
    must("/usr/sbin/nft", &["-f", "-"], RULES)?;
    peer.run(|| {
        must("/usr/sbin/ip", &["route", "add", "203.0.113.0/24", "via", "10.9.0.1"], "")?;
        must("/usr/sbin/ip", &["route", "add", "224.0.0.0/4", "dev", "v0p"], "").map(drop)
    })?;
    Ok(peer)
}

/// Sends a datagram with one byte from the peer.
fn udp(peer: &Peer, from: [u8; 4], to: [u8; 4], port: u16) -> Result<(), String> {
    peer.run(|| {
        let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).map_err(|e| e.to_string())?;
        socket.send_to(b"x", (Ipv4Addr::from(to), port)).map(drop).map_err(|e| e.to_string())
    })
}

const PEER: [u8; 4] = [10, 9, 0, 2];
const FAR: [u8; 4] = [203, 0, 113, 7];

fn blames(peer: &Peer, out: &mut Out) {
    let watch = match Watch::start(&[]) {
        Ok(w) => w,
        Err(e) => return out.test("watch starts", Outcome::Failed, e),
    };
    let mut reasons = false;
    let mut case =
        |out: &mut Out, name: &str, port: u16, send: &dyn Fn() -> Result<(), String>, right: &[(&str, &str)]| {
            let told = send().and_then(|()| watch.blame(port)).and_then(|blame| {
                reasons |= blame["freed"]["reason"].is_string();
                holds(&blame, right)
            });
            out.result(name, told);
        };
    let monitor = ("/evidence", "\"drop-monitor\"");
    case(
        out,
        "a rule of nf_tables",
        1001,
        &|| udp(peer, PEER, HOST, 1001),
        &[
            monitor,
            ("/verdict", "\"drop\""),
            ("/culprit/kind", "\"rule\""),
            ("/culprit/table_name", "\"drops\""),
            ("/culprit/chain_name", "\"input\""),
            ("/culprit/rule_position", "1"),
            ("/confidence", "\"certain\""),
        ],
    );
    case(
        out,
        "a rule that rejects",
        1002,
        &|| udp(peer, PEER, HOST, 1002),
        &[monitor, ("/verdict", "\"reject\""), ("/culprit/rule_position", "2")],
    );
    case(
        out,
        "a rule in a chain that is jumped to",
        1020,
        &|| udp(peer, PEER, HOST, 1020),
        &[monitor, ("/culprit/chain_name", "\"last\""), ("/culprit/rule_position", "1")],
    );
    case(
        out,
        "a logged packet is told of once, by its record",
        1003,
        &|| udp(peer, PEER, HOST, 1003),
        &[("/evidence", "\"nflog\""), ("/culprit/rule_position", "3")],
    );
    let legacy = call("/usr/sbin/iptables-legacy", &["-A", "INPUT", "-p", "udp", "--dport", "1005", "-j", "DROP"], "");
    match legacy {
        Ok(said) if said.code == Some(0) => case(
            out,
            "a legacy rule",
            1005,
            &|| {
                // Legacy tables announce nothing: they are read again each second.
                std::thread::sleep(Duration::from_millis(1500));
                udp(peer, PEER, HOST, 1005)
            },
            &[monitor, ("/culprit/backend", "\"xtables\""), ("/culprit/chain_name", "\"INPUT\"")],
        ),
        said => out.test("a legacy rule", Outcome::Ignored, format!("no legacy tables: {said:?}")),
    }
    case(
        out,
        "no listener",
        1006,
        &|| udp(peer, PEER, HOST, 1006),
        &[monitor, ("/culprit/kind", "\"socket\""), ("/culprit/detail", "\"no listener\"")],
    );
    case(
        out,
        "a closed TCP port",
        1007,
        &|| {
            peer.run(|| {
                let _ = TcpStream::connect_timeout(&SocketAddr::from((HOST, 1007)), Duration::from_secs(2));
                Ok(())
            })
        },
        &[monitor, ("/culprit/kind", "\"socket\"")],
    );
    case(
        out,
        "the reverse path filter",
        1008,
        &|| udp(peer, [192, 0, 2, 9], HOST, 1008),
        &[monitor, ("/culprit/kind", "\"sysctl\""), ("/culprit/sysctl/wanted", "")],
    );
    case(
        out,
        "forwarding is off",
        1009,
        &|| udp(peer, PEER, FAR, 1009),
        &[monitor, ("/culprit/kind", "\"sysctl\""), ("/culprit/sysctl/key", "")],
    );
    out.result("a full receive buffer", full_buffer(peer, &watch));
    // Traffic control, if the host has its program.
    let tc = |words: &str| must("/usr/sbin/tc", &words.split(' ').collect::<Vec<_>>(), "");
    let filter = "filter add dev v0 ingress protocol ip matchall action drop";
    match tc("qdisc add dev v0 clsact").and_then(|_| tc(filter)) {
        Ok(_) => {
            case(out, "traffic control", 1010, &|| udp(peer, PEER, HOST, 1010), &[monitor, ("/culprit/kind", "\"tc\"")])
        }
        Err(e) => out.test("traffic control", Outcome::Ignored, e),
    }
    let _ = tc("qdisc del dev v0 clsact");
    out.result("multicast is sent", udp(peer, PEER, [239, 1, 2, 3], 1011));
    // What comes after it is told after it.
    let later = udp(peer, PEER, HOST, 1001).and_then(|()| watch.blame(1001)).map(drop);
    out.result("the rule again", later);
    let summary = watch.end().and_then(|s| {
        let noise = s["noise"].as_u64().unwrap_or(0);
        if noise > 0 { Ok(()) } else { Err(format!("no noise was counted: {s}")) }
    });
    out.result("multicast that nobody joined is counted as noise", summary);
    let reason =
        if reasons { "" } else { "the kernel names no reasons (Linux 5.17 does): places in its code have to do" };
    out.line(&Line::Feature { name: "drop reasons".into(), works: reasons, reason: reason.into() });
}

/// Does a blame have these values? An empty one stands for any but null.
pub fn holds(blame: &Value, right: &[(&str, &str)]) -> Result<(), String> {
    for (path, want) in right {
        let have = blame.pointer(path).unwrap_or(&Value::Null);
        if (want.is_empty() && have.is_null())
            || (!want.is_empty() && serde_json::from_str(want).ok().as_ref() != Some(have))
        {
            return Err(format!("{path} is {have}, not {want}, in\n{blame}"));
        }
    }
    Ok(())
}

fn full_buffer(peer: &Peer, watch: &Watch) -> Result<(), String> {
    let socket = UdpSocket::bind((Ipv4Addr::from(HOST), 1012)).map_err(|e| e.to_string())?;
    setsockopt(&socket.as_fd(), sockopt::RcvBuf, &2048).map_err(|e| e.to_string())?;
    for _ in 0..64 {
        udp(peer, PEER, HOST, 1012)?;
    }
    let blame = watch.blame(1012)?;
    holds(&blame, &[("/culprit/kind", "\"socket\""), ("/culprit/detail", "\"receive buffer full\"")])
}

fn killed(peer: &Peer) -> Result<(), String> {
    Watch::start(&[])?.kill()?;
    let watch = Watch::start(&[])?;
    udp(peer, PEER, HOST, 1001)?;
    watch.blame(1001)?;
    watch.end().map(drop)
}

fn two(peer: &Peer) -> Result<(), String> {
    let (first, second) = (Watch::start(&[])?, Watch::start(&[])?);
    udp(peer, PEER, HOST, 1001)?;
    first.blame(1001)?;
    second.blame(1001)?;
    first.end()?;
    // The second one notices within a second.
    std::thread::sleep(Duration::from_millis(2500));
    udp(peer, PEER, HOST, 1001)?;
    second.blame(1001)?;
    second.end().map(drop)
}

/// A monitor that counts, as `dropwatch` has it.
fn foreign() -> Result<(), String> {
    let fail = |e: nfblame_sys::Error| e.to_string();
    let family = find().map_err(fail)?.ok_or("no drop monitor")?;
    let mut other = Handle::open(family.id, 2).map_err(fail)?;
    let mut command = |op, command, mode: bool| {
        let write = |b: &mut nfblame_sys::netlink::Builder| {
            if mode {
                b.u8(NET_DM_ATTR_ALERT_MODE, 0);
            }
        };
        other.request(op, "the drop monitor", command, write, |_| Ok(())).map_err(fail)
    };
    command("configure", NET_DM_CMD_CONFIG, true)?;
    command("start", NET_DM_CMD_START, false)?;
    let before = Control::open(family).and_then(|mut c| c.config()).map_err(fail)?;
    let watched = Watch::start(&[]).and_then(Watch::end);
    let told = feature("drop monitor");
    let after = Control::open(family).and_then(|mut c| c.config()).map_err(fail)?;
    let running = command("configure", NET_DM_CMD_CONFIG, false).is_err();
    command("stop", NET_DM_CMD_STOP, false)?;
    watched?;
    if before != after || !running {
        return Err(format!("{before:?} became {after:?}, running: {running}"));
    }
    holds(&told?, &[("/state", "\"no\""), ("/reason", ""), ("/remedy", "")])?;
    holds(&feature("drop monitor")?, &[("/state", "\"works\""), ("/detail", "[]")])
}

fn stopped() -> Result<(), String> {
    let fail = |e: nfblame_sys::Error| e.to_string();
    let family = find().map_err(fail)?.ok_or("no drop monitor")?;
    let config = Control::open(family).and_then(|mut c| c.config()).map_err(fail)?;
    if config == Config::OURS {
        return Err("its settings are still ours".into());
    }
    // It can be started, so it was stopped; and a listener of it joins.
    match Session::start(family, Path::new(NOTES)).map_err(fail)? {
        Started::Session(_session) => Listener::open(family, Config::OURS, 1 << 16).map(drop).map_err(fail),
        Started::Occupied(who @ (Occupied::Ours | Occupied::Leftover | Occupied::Other(_))) => {
            Err(format!("it still runs: {who:?}"))
        }
    }
}
