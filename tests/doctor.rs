//! What `nfblame doctor` says of namespaces whose state is known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use common::{Netns, kernel, kernel_tests};
use nfblame::sys::nflog::{Config, Listener};
use serde_json::Value;

kernel_tests! {
    looking_changes_nothing needs ["nft"];
    a_group_that_rules_name_and_somebody_holds_is_missing needs ["nft"];
    without_privilege_each_no_has_its_reason_and_remedy needs ["setpriv"];
    what_a_killed_run_left_is_told_and_repaired needs ["linux 5.12", "iptables-legacy"];
    the_next_run_repairs_too needs ["linux 5.12", "iptables-legacy", "nft"];
}

fn main() {
    kernel::run(cases());
}

fn doctor(ns: &Netns, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nfblame"))
        .args(["doctor", "--netns", &ns.path()])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn features(out: &Output) -> Value {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

fn feature<'v>(report: &'v Value, name: &str) -> &'v Value {
    report["features"].as_array().unwrap().iter().find(|f| f["feature"] == name).unwrap()
}

/// A table whose input chain has these rules.
fn input(rules: &str) -> String {
    let rules: String = rules.split("; ").map(|r| format!("{r}\n")).collect();
    format!("table inet t {{\nchain c {{\ntype filter hook input priority 0;\n{rules}}}\n}}\n")
}

/// What a probe must not change.
fn state(ns: &Netns) -> (String, String, String) {
    let names = |file: &str| ns.run(|| fs::read_to_string(nfblame::sys::ns::proc_net(file)).unwrap());
    // Their names: other tests use them, too, and their counts change.
    let modules = fs::read_to_string("/proc/modules").unwrap_or_default();
    let modules: String = modules.lines().filter_map(|l| l.split(' ').next()).map(|m| format!("{m}\n")).collect();
    (
        names("ip_tables_names") + &names("ip6_tables_names") + &names("arp_tables_names"),
        modules,
        names("netfilter/nfnetlink_log"),
    )
}

fn looking_changes_nothing() {
    let ns = Netns::new();
    ns.nft(&input(""));
    let generation = || ns.run(nfblame::ruleset::current_generation);
    let before = (state(&ns), generation());
    let report = features(&doctor(&ns, &["-j"]));
    assert_eq!((state(&ns), generation()), before);
    assert_eq!(feature(&report, "nf_tables")["detail"][0], format!("generation {}, 1 table", before.1.unwrap()));
    assert_eq!(feature(&report, "legacy ip tables")["detail"][0], "no table has been made");
    for f in report["features"].as_array().unwrap() {
        let works = f["state"] == "works";
        assert_eq!(f["reason"].is_null(), works, "{f}");
        assert_eq!(f["remedy"].is_null(), works, "{f}");
    }
}

fn a_group_that_rules_name_and_somebody_holds_is_missing() {
    let ns = Netns::new();
    ns.nft(&input("log group 7; log group 8 drop"));
    assert_eq!(feature(&features(&doctor(&ns, &["-j"])), "NFLOG groups")["state"], "works");
    let mut listener = ns.run(|| Listener::open(Config::default()).unwrap());
    for group in [8, 9] {
        listener.bind(group).unwrap();
    }
    let out = doctor(&ns, &["-j"]);
    assert_eq!(out.status.code(), Some(1));
    let report = features(&out);
    assert_eq!(report["healthy"], false);
    let groups = feature(&report, "NFLOG groups");
    assert_eq!(groups["state"], "no");
    let holder = format!("process {} (", std::process::id());
    let reason = groups["reason"].as_str().unwrap();
    assert!(reason.starts_with("taken: 8 (by ") && reason.contains(&holder), "{reason}");
    let detail: Vec<&str> = groups["detail"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(detail.len(), 3, "{detail:?}");
    assert!(detail[1].starts_with("group 9 is held by ") && detail[1].contains(&holder), "{detail:?}");
    assert_eq!(detail[2], "group 7 is free, and rules log to it");
    // The text says the same.
    let text = String::from_utf8(doctor(&ns, &["-q"]).stdout).unwrap();
    assert!(text.contains("NO     NFLOG groups") && !text.contains("works"), "{text}");
}

fn without_privilege_each_no_has_its_reason_and_remedy() {
    let ns = Netns::new();
    let exe = std::env::temp_dir().join(format!("nfblame-doctor-{}", std::process::id()));
    // By another process: what one of ours holds open for writing while a second one is started cannot be run.
    ns.cmd("cp", &[env!("CARGO_BIN_EXE_nfblame"), exe.to_str().unwrap()], "");
    let args = ["--reuid=65534", "--regid=65534", "--clear-groups", exe.to_str().unwrap(), "doctor", "-j"];
    let out = ns.try_cmd("setpriv", &args, "");
    fs::remove_file(&exe).unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let report = features(&out);
    for name in ["CAP_NET_ADMIN", "nf_tables", "NFLOG", "nf_tables trace", "legacy ip tables"] {
        let f = feature(&report, name);
        assert_eq!((&f["state"], &f["needed"]), (&"no".into(), &true.into()), "{f}");
        assert!(f["remedy"].as_str().unwrap().contains("root"), "{f}");
    }
    assert_eq!(feature(&report, "rtnetlink")["state"], "works");
}

/// Repairing mends what is left in every namespace: tests that leave something take turns.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A run that traces, killed.
fn killed(ns: &Netns) -> String {
    let logger = || ns.run(|| fs::read_to_string("/proc/sys/net/netfilter/nf_log/2").unwrap()).trim().to_owned();
    let before = logger();
    let mut child = Command::new(env!("CARGO_BIN_EXE_nfblame"))
        .args(["watch", "--trace", "-j", "--netns", &ns.path()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().contains("ready")), "watch did not start");
    assert_eq!(logger(), "nfnetlink_log");
    // Its own change is no leftover.
    assert_eq!(feature(&features(&doctor(ns, &["-j"])), "leftovers")["state"], "works");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(logger(), "nfnetlink_log");
    before
}

fn what_a_killed_run_left_is_told_and_repaired() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let ns = Netns::new();
    ns.cmd("iptables-legacy", &["-L"], "");
    let before = killed(&ns);
    let out = doctor(&ns, &["-j"]);
    assert_eq!(out.status.code(), Some(1));
    let report = features(&out);
    let left = feature(&report, "leftovers");
    assert_eq!(left["detail"][0], format!("here, net.netfilter.nf_log.2 was {before}"), "{left}");
    assert_eq!(left["remedy"], "nfblame doctor --repair");
    let logger = || ns.run(|| fs::read_to_string("/proc/sys/net/netfilter/nf_log/2").unwrap());
    assert_eq!(logger().trim(), "nfnetlink_log", "telling repairs nothing");

    let out = doctor(&ns, &["--repair", "-j"]);
    assert_eq!(feature(&features(&out), "leftovers")["state"], "works");
    assert_eq!(logger().trim(), before);
}

fn the_next_run_repairs_too() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let ns = Netns::new();
    ns.cmd("iptables-legacy", &["-L"], "");
    ns.nft(&input("log group 7"));
    let before = killed(&ns);
    let mut child = Command::new(env!("CARGO_BIN_EXE_nfblame"))
        .args(["watch", "-j", "--netns", &ns.path()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().contains("ready")));
    let logger = ns.run(|| fs::read_to_string("/proc/sys/net/netfilter/nf_log/2").unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(logger.trim(), before);
}
