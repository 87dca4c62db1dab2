//! The logger of the protocol families, which is borrowed.

use nfblame::evidence::logger;

use crate::common::{Netns, kernel_tests, until};
use crate::world::trace;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

kernel_tests! {
    the_logger_is_put_back_at_the_end needs ["linux 5.12", "iptables-legacy", "nft"];
    after_a_kill_the_table_is_gone_and_the_next_run_puts_the_logger_back needs ["linux 5.12", "iptables-legacy", "nft"];
}

fn logger_of(ns: &Netns, family: u8) -> String {
    ns.run(|| std::fs::read_to_string(format!("/proc/sys/net/netfilter/nf_log/{family}"))).unwrap().trim().to_owned()
}

fn the_logger_is_put_back_at_the_end() {
    let ns = Netns::new();
    ns.cmd("iptables-legacy", &["-L"], "");
    let (v4, v6) = (logger_of(&ns, 2), logger_of(&ns, 10));
    let evidence = trace(&ns, "udp");
    assert_eq!(
        (logger_of(&ns, 2).as_str(), logger_of(&ns, 10)),
        ("nfnetlink_log", v6.clone()),
        "no ip6 tables, no need"
    );
    drop(evidence);
    assert_eq!((logger_of(&ns, 2), logger_of(&ns, 10)), (v4, v6));
    let tables = ns.cmd("nft", &["list", "tables"], "");
    assert!(!tables.contains("nfblame"), "{tables}");
}

fn after_a_kill_the_table_is_gone_and_the_next_run_puts_the_logger_back() {
    let ns = Netns::new();
    ns.cmd("iptables-legacy", &["-L"], "");
    let before = logger_of(&ns, 2);
    let mut child = ns.run(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nfblame"));
        command.args(["watch", "--trace", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().contains("ready")), "the victim did not start");
    let tables = || ns.cmd("nft", &["list", "tables"], "");
    assert!(tables().contains("inet nfblame-") && tables().contains("netdev nfblame-"), "{}", tables());
    assert_eq!(logger_of(&ns, 2), "nfnetlink_log");
    assert!(ns.run(logger::leftover).is_none(), "its writer lives");
    child.kill().unwrap();
    child.wait().unwrap();
    until("the tables to go", || !tables().contains("nfblame"));
    assert_eq!(logger_of(&ns, 2), "nfnetlink_log", "the kernel does not put it back");
    // From elsewhere it is found too.
    let inode = ns.ns().id().ino;
    assert!(logger::leftovers().iter().any(|l| l.inode() == inode && !l.is_here()));
    let left = ns.run(|| {
        let left = logger::leftover().expect("a note");
        assert_eq!(left.loggers().collect::<Vec<_>>(), [(2, before.as_str())]);
        left.undo()
    });
    left.unwrap();
    assert_eq!(logger_of(&ns, 2), before);
    assert!(ns.run(logger::leftover).is_none());
}
