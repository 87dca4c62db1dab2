//! A flood of logged packets: `ulogd` and `nfblame watch`, each writing one line a packet, and a reader that throws them
//! away.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nfblame_sys::ns::NetNs;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use super::Plan;
use super::contest::mb;
use super::table::Table;
use crate::load;

const PACKETS: usize = 1_000_000;
const RULES: &str = "table inet bench {
    chain i { type filter hook input priority 0; udp dport 9 log prefix \"flood\" group 5 drop
    }
}";
/// When a file has not grown for so long, it is complete.
const QUIET: Duration = Duration::from_millis(1500);

/// Who listens.
struct Listener {
    name: &'static str,
    command: Vec<String>,
    /// Where the lines go, if there are lines.
    lines: Option<&'static str>,
}

pub fn run(plan: &Plan) -> Result<String, String> {
    let packets = plan.size(PACKETS);
    let dir = std::env::temp_dir().join(format!("nfblame-flood-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
    let done = contest(plan, packets, &dir);
    let _ = fs::remove_dir_all(&dir);
    done
}

fn contest(plan: &Plan, packets: usize, dir: &Path) -> Result<String, String> {
    let config = dir.join("ulogd.conf");
    fs::write(&config, ulogd(dir)).map_err(|e| e.to_string())?;
    let word = |path: &Path| path.to_string_lossy().into_owned();
    let listeners = [
        Listener {
            name: "nfblame watch -b",
            command: vec![word(&plan.programs.nfblame), "watch".into(), "-b".into()],
            lines: Some("out"),
        },
        Listener {
            name: "ulogd (NFLOG to LOGEMU)",
            command: vec!["ulogd".into(), "-c".into(), word(&config)],
            lines: Some("ulogd.lines"),
        },
        Listener { name: "bare reader", command: vec![word(&plan.programs.bare_nflog), "5".into()], lines: None },
    ];
    let mut table =
        Table::new(&["", "sent/s", "told of", "lost", "CPU ms", "CPU µs each", "each CPU second", "peak MB", "ratio"]);
    let mut ours = None;
    for l in &listeners {
        let ns = load::namespace()?;
        load::run(&ns, "ip", &["link", "set", "lo", "up"], "")?;
        load::run(&ns, "nft", &["-f", "-"], RULES)?;
        let round = flood(&ns, l, packets, dir)?;
        let rate = round.told as f64 / round.cpu.as_secs_f64();
        let first = *ours.get_or_insert(rate);
        table.row([
            l.name.into(),
            format!("{:.0}", packets as f64 / round.sending.as_secs_f64()),
            round.told.to_string(),
            (packets as u64).saturating_sub(round.told).to_string(),
            format!("{:.0}", round.cpu.as_secs_f64() * 1e3),
            format!("{:.2}", round.cpu.as_secs_f64() * 1e6 / round.told as f64),
            format!("{rate:.0}"),
            mb(round.peak),
            format!("{:.2}", first / rate),
        ]);
    }
    Ok(format!(
        "## {packets} logged and dropped UDP packets, sent as fast as one thread can\n\n{table}\n\
         A line of nfblame may stand for several packets; what it tells of is the sum.\n"
    ))
}

/// What one of them did.
struct Round {
    sending: Duration,
    told: u64,
    cpu: Duration,
    peak: u64,
}

fn flood(ns: &NetNs, l: &Listener, packets: usize, dir: &Path) -> Result<Round, String> {
    let out = dir.join("out");
    let (program, args) = l.command.split_first().ok_or("no program")?;
    let before = children()?;
    let start = || -> Result<Child, String> {
        let stdout = File::create(&out).map_err(|e| e.to_string())?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
        command.spawn().map_err(|e| format!("{program}: {e}"))
    };
    let mut child = ns.run(start).map_err(|e| e.to_string())??;
    let sent = ns.run(|| bound(&mut child).and_then(|()| send(packets))).map_err(|e| e.to_string())?;
    let peak = sent.as_ref().ok().map(|_| settle(&dir.join(l.lines.unwrap_or("out")), child.id()));
    let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
    child.wait().map_err(|e| e.to_string())?;
    let (sending, peak) = (sent?, peak.unwrap_or(0));
    let told = match l.lines {
        Some(lines) => count(&dir.join(lines))?,
        None => fs::read_to_string(&out)
            .map_err(|e| e.to_string())?
            .lines()
            .last()
            .and_then(|l| l.split(' ').next()?.parse().ok())
            .unwrap_or(0),
    };
    Ok(Round { sending, told, cpu: children()?.saturating_sub(before), peak })
}

/// Waits until group 5 has a reader.
fn bound(child: &mut Child) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let groups = fs::read_to_string("/proc/thread-self/net/netfilter/nfnetlink_log").map_err(|e| e.to_string())?;
        if groups.lines().any(|l| l.split_whitespace().next() == Some("5")) {
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            return Err(format!("the listener ended: {status}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err("the group was never bound".into())
}

fn send(packets: usize) -> Result<Duration, String> {
    let socket = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.connect("127.0.0.1:9").map(|()| s));
    let socket = socket.map_err(|e| e.to_string())?;
    let start = Instant::now();
    for n in 0..packets as u64 {
        let mut data = [0; 32];
        data[..8].copy_from_slice(&n.to_ne_bytes());
        // Dropped behind the socket: sending does not fail.
        socket.send(&data).map_err(|e| format!("send: {e}"))?;
    }
    Ok(start.elapsed())
}

/// Waits until a file has stopped to grow; gives the peak of the process's memory in KiB.
fn settle(file: &Path, pid: u32) -> u64 {
    let size = || fs::metadata(file).map_or(0, |m| m.len());
    let (mut last, mut since) = (size(), Instant::now());
    while since.elapsed() < QUIET {
        thread::sleep(Duration::from_millis(50));
        if size() != last {
            (last, since) = (size(), Instant::now());
        }
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).map(str::trim);
    peak.and_then(|p| p.split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// How many packets the lines are about: each of one, unless it says `[N packets like this]`.
fn count(file: &Path) -> Result<u64, String> {
    let file = File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut all = 0;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|e| e.to_string())?;
        let many = line.strip_suffix(" packets like this]").and_then(|l| l.rsplit('[').next()?.parse::<u64>().ok());
        all += many.unwrap_or(1);
    }
    Ok(all)
}

/// User and system time of all children that have ended.
fn children() -> Result<Duration, String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| format!("getrusage: {e}"))?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.try_into().unwrap_or(0)))
}

/// The configuration that Debian ships, cut down to one group and one file.
fn ulogd(dir: &Path) -> String {
    let dir = dir.display();
    let plugins = "/usr/lib/x86_64-linux-gnu/ulogd";
    let names =
        ["inppkt_NFLOG", "filter_IFINDEX", "filter_IP2STR", "filter_PRINTPKT", "output_LOGEMU", "raw2packet_BASE"];
    let load: String = names.iter().map(|n| format!("plugin=\"{plugins}/ulogd_{n}.so\"\n")).collect();
    format!(
        "[global]\nlogfile=\"{dir}/ulogd.log\"\n{load}\
         stack=log5:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n\
         [log5]\ngroup=5\nnetlink_socket_buffer_size=16777216\nnetlink_socket_buffer_maxsize=16777216\n\
         netlink_qthreshold=64\nnetlink_qtimeout=1\n\
         [emu1]\nfile=\"{dir}/ulogd.lines\"\nsync=0\n"
    )
}
