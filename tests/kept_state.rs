//! What matches and connections keep beside the rules (`recent`, `hashlimit`, `connbytes`, `ct packets`): each packet is
//! explained first, then sent; what was said has to be certain, and to be what the kernel did.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::process::Command;

use common::{Netns, kernel, kernel_tests, veth};
use serde_json::Value;

kernel_tests! {
    a_list_of_addresses_is_read needs ["iptables-legacy"];
    a_rate_for_each_address_is_read needs ["iptables-legacy", "iptables-nft"];
    a_connection_that_counts_is_read needs ["iptables-legacy", "nft"];
    a_list_is_masked_inverted_and_emptied needs ["ip6tables-legacy"];
}

fn main() {
    kernel::run(cases());
}

/// A host and its neighbour, and a socket of each on a port.
struct Lab {
    host: Netns,
    sender: UdpSocket,
    taker: UdpSocket,
    /// What is sent here passes always.
    marks: UdpSocket,
    six: bool,
}

impl Lab {
    fn new(port: u16, six: bool) -> Self {
        let (client, host) = (Netns::new(), Netns::new());
        veth(&client, "eth0", "192.0.2.2/24", &host, "eth0", "192.0.2.1/24");
        let ends = if six {
            client.address("eth0", "2001:db8::2/64");
            host.address("eth0", "2001:db8::1/64");
            ["2001:db8::2", "2001:db8::1"]
        } else {
            ["192.0.2.2", "192.0.2.1"]
        };
        let bind = |ns: &Netns, to: &str, port: u16| {
            let at: std::net::IpAddr = to.parse().unwrap();
            ns.run(|| UdpSocket::bind((at, port))).unwrap()
        };
        let sender = bind(&client, ends[0], 0);
        let (taker, marks) = (bind(&host, ends[1], port), bind(&host, ends[1], 9999));
        taker.set_nonblocking(true).unwrap();
        marks.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        Self { host, sender, taker, marks, six }
    }

    fn rule(&self, tool: &str, rule: &str) {
        let args: Vec<&str> = std::iter::once("-w").chain(rule.split_whitespace()).collect();
        self.host.cmd(tool, &args, "");
    }

    /// Is the packet that comes next dropped by a rule? Nothing but certainty counts.
    fn asked(&self) -> bool {
        let (from, to) = (self.sender.local_addr().unwrap(), self.taker.local_addr().unwrap());
        let out = Command::new(env!("CARGO_BIN_EXE_nfblame"))
            .args(["explain", "udp", &from.to_string(), &to.to_string(), "-i", "eth0", "--len", "100", "-j"])
            .args(["--netns", &self.host.path()])
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(answer["confidence"], "certain", "{answer:#}");
        answer["verdict"] == "drop" && answer["culprit"]["kind"] == "rule"
    }

    /// Sends a packet of 100 bytes; was it dropped?
    fn sent(&self) -> bool {
        let payload = vec![b'x'; if self.six { 52 } else { 72 }];
        self.sender.send_to(&payload, self.taker.local_addr().unwrap()).unwrap();
        self.sender.send_to(b"mark", self.marks.local_addr().unwrap()).unwrap();
        self.marks.recv(&mut [0; 100]).unwrap();
        match self.taker.recv(&mut [0; 200]) {
            Ok(_) => false,
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
                true
            }
        }
    }

    /// So many packets, each explained before it is sent; which were dropped.
    fn fate<const N: usize>(&self) -> [bool; N] {
        std::array::from_fn(|n| {
            let (asked, sent) = (self.asked(), self.sent());
            assert_eq!(asked, sent, "packet {n}: explained, and what happened");
            sent
        })
    }
}

fn a_list_of_addresses_is_read() {
    let lab = Lab::new(7, false);
    lab.rule("iptables-legacy", "-A INPUT -p udp --dport 7 -m recent --name seen --set");
    lab.rule(
        "iptables-legacy",
        "-A INPUT -p udp --dport 7 -m recent --name seen --rcheck --seconds 600 --hitcount 3 -j DROP",
    );
    assert_eq!(lab.fate(), [false, false, true, true]);
    // Who is in the list at all, however often.
    let lab = Lab::new(8, false);
    lab.rule("iptables-legacy", "-A INPUT -p udp --dport 8 -m recent --name once --update -j DROP");
    lab.rule("iptables-legacy", "-A INPUT -p udp --dport 8 -m recent --name once --set");
    assert_eq!(lab.fate(), [false, true, true]);
}

fn a_list_is_masked_inverted_and_emptied() {
    let lab = Lab::new(7, true);
    lab.rule(
        "ip6tables-legacy",
        "-A INPUT -p udp --dport 7 -m recent --name net --mask ffff:ffff:: ! --rcheck -j MARK --set-mark 1",
    );
    lab.rule("ip6tables-legacy", "-A INPUT -p udp --dport 7 -m recent --name net --mask ffff:ffff:: --remove -j DROP");
    lab.rule(
        "ip6tables-legacy",
        "-A INPUT -p udp --dport 7 -m mark --mark 1 -m recent --name net --mask ffff:ffff:: --set",
    );
    assert_eq!(lab.fate(), [false, true, false, true]);
}

fn a_rate_for_each_address_is_read() {
    for tool in ["iptables-legacy", "iptables-nft"] {
        let lab = Lab::new(7, false);
        lab.rule(
            tool,
            "-A INPUT -p udp --dport 7 -m hashlimit --hashlimit-name h --hashlimit-above 1/hour --hashlimit-burst 3
             --hashlimit-mode srcip,dstport --hashlimit-srcmask 24 -j DROP",
        );
        assert_eq!(lab.fate(), [false, false, false, true, true], "{tool}");
    }
}

fn a_connection_that_counts_is_read() {
    let lab = Lab::new(7, false);
    lab.rule(
        "iptables-legacy",
        "-A INPUT -p udp --dport 7 -m connbytes --connbytes 300 --connbytes-dir original --connbytes-mode bytes -j DROP",
    );
    assert_eq!(lab.fate(), [false, false, true]);
    let lab = Lab::new(7, false);
    lab.host.nft("table inet f { chain i { type filter hook input priority 0; udp dport 7 ct packets > 2 drop\n}\n}");
    assert_eq!(lab.fate(), [false, false, true]);
    // The rule has switched counting on; what does not count has counted nothing.
    let lab = Lab::new(7, false);
    lab.host.nft("table inet f { chain i { type filter hook input priority 0; udp dport 7 ct packets > 0 drop\n}\n}");
    lab.host.sysctl("net.netfilter.nf_conntrack_acct", "0");
    assert_eq!(lab.fate(), [false, false]);
}
