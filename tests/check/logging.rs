//! `NB06`: logging and queues.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::common::{Netns, find_program, kernel_tests};
use crate::world::{World, apply, found, listen_again, says, why};

kernel_tests! {
    a_log_without_limit_is_found_in_every_backend needs ["nft", "iptables-nft", "iptables-legacy"];
    a_log_that_a_limited_rule_leads_to_is_well needs ["iptables-nft"];
    a_log_in_a_namespace_of_its_own_is_found_unless_all_are_seen needs ["iptables-nft"];
    a_group_is_found_until_it_is_read needs ["nft", "python3"];
    a_queue_without_reader_is_found_and_drops needs ["nft", "iptables-nft", "iptables-legacy", "python3"];
}

const NFT: &str =
    "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; }'; nft add rule inet f in";

fn a_log_without_limit_is_found_in_every_backend() {
    for (bad, good) in [
        (format!("{NFT} tcp dport 80 log"), format!("{NFT} tcp dport 80 limit rate 5/minute log")),
        (
            "iptables-nft -A INPUT -p tcp -j LOG".to_owned(),
            "iptables-nft -A INPUT -p tcp -m limit --limit 5/min -j LOG".to_owned(),
        ),
        (
            "iptables-legacy -A INPUT -j LOG".to_owned(),
            "iptables-legacy -A INPUT -m hashlimit --hashlimit 1/sec --hashlimit-name x --hashlimit-mode srcip -j LOG"
                .to_owned(),
        ),
    ] {
        let w = World::new();
        w.run(&good);
        assert!(found(&w.server, "NB0601").is_empty(), "{good}");
        w.run(&bad);
        assert_eq!(found(&w.server, "NB0601").len(), 1, "{bad}");
    }
}

fn a_log_that_a_limited_rule_leads_to_is_well() {
    let w = World::new();
    w.run("iptables-nft -N LOGS; iptables-nft -A LOGS -j LOG; iptables-nft -A INPUT -m limit --limit 1/s -j LOGS");
    assert!(found(&w.server, "NB0601").is_empty());
    w.run("iptables-nft -A INPUT -p udp -j LOGS");
    assert_eq!(found(&w.server, "NB0601").len(), 1);
}

/// Whether all namespaces are seen is the machine's setting, which tests leave alone.
fn a_log_in_a_namespace_of_its_own_is_found_unless_all_are_seen() {
    let all = std::fs::read_to_string("/proc/1/root/proc/sys/net/netfilter/nf_log_all_netns").unwrap_or_default();
    let w = World::new();
    assert!(found(&w.server, "NB0602").is_empty(), "nobody logs");
    w.run("iptables-nft -A INPUT -m limit --limit 5/min -j LOG");
    assert_eq!(found(&w.server, "NB0602").len(), usize::from(all.trim() == "0"));
    w.run("iptables-nft -F; iptables-nft -A INPUT -j NFLOG --nflog-group 5");
    assert!(found(&w.server, "NB0602").is_empty(), "groups are of their namespace");
}

/// A program that binds an NFLOG group (subsystem 4) or queue (3) until it is dropped.
struct Reader(Child);

impl Reader {
    fn new(ns: &Netns, subsystem: u8, number: u16) -> Self {
        // `NFULNL_CFG_CMD_BIND` and `NFQNL_CFG_CMD_BIND` are both 1 in an attribute 1.
        let program = format!(
            "import socket, struct, sys\n\
             s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12); s.bind((0, 0))\n\
             attr = struct.pack('=HHB3x', {len}, 1, 1)\n\
             body = struct.pack('!BBH', 0, 0, {number}) + attr\n\
             kind = ({subsystem} << 8) | ({config})\n\
             s.send(struct.pack('=IHHII', 16 + len(body), kind, 5, 1, 0) + body)\n\
             print(struct.unpack('=i', s.recv(4096)[16:20])[0], flush=True)\n\
             sys.stdin.read()",
            len = if subsystem == 3 { 8 } else { 5 },
            config = if subsystem == 3 { 2 } else { 1 },
        );
        let python = find_program("python3").unwrap();
        let mut child = ns.run(|| {
            let mut c = Command::new(python);
            c.args(["-c", &program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
        });
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "0", "the kernel's answer");
        Self(child)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn a_group_is_found_until_it_is_read() {
    let w = World::new();
    w.run(&format!("{NFT} tcp dport 80 log group 7"));
    assert_eq!(found(&w.server, "NB0603").len(), 1);
    let _reader = Reader::new(&w.server, 4, 7);
    assert!(found(&w.server, "NB0603").is_empty());
}

fn a_queue_without_reader_is_found_and_drops() {
    for rule in [
        "iptables-nft -A INPUT -p tcp --dport 80 -j NFQUEUE --queue-num 3".to_owned(),
        "iptables-legacy -A INPUT -p tcp --dport 80 -j NFQUEUE --queue-num 3".to_owned(),
    ] {
        let w = World::new();
        assert!(w.reaches_server(80) && found(&w.server, "NB0604").is_empty());
        w.run(&rule);
        let findings = found(&w.server, "NB0604");
        assert_eq!((findings.len(), &findings[0]["severity"], w.reaches_server(80)), (1, &"error".into(), false));
        let _service = listen_again(&w.server, "0.0.0.0:80");
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
        assert!(says(&answer, "NB0604"));
        apply(&w.server, &answer);
        assert!(w.reaches_server(80), "{rule}: {}", answer["fix"]);
        w.run("iptables-nft -F; iptables-legacy -F");
        w.run(&rule);
        {
            let _reader = Reader::new(&w.server, 3, 3);
            assert!(found(&w.server, "NB0604").is_empty(), "{rule}");
        }
        w.run(&rule.replace("-A INPUT", "-R INPUT 1").replace("--queue-num 3", "--queue-num 3 --queue-bypass"));
        let findings = found(&w.server, "NB0604");
        assert_eq!(
            (findings.len(), &findings[0]["severity"], w.reaches_server(80)),
            (1, &"note".into(), true),
            "{rule}"
        );
    }
}
