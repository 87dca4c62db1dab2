//! What a bridge only switches, from port to port.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::common::kernel::kernel_tests;
use crate::common::{Netns, veth};
use crate::lost::{apply, who, why};

kernel_tests! {
    rules_for_bridges_are_met_from_port_to_port needs ["nft", "ip", "sh"];
    rules_for_ip_are_met_where_br_netfilter_calls_them needs ["nft", "ip", "sh", "iptables-nft"];
    the_bridge_itself_may_be_named_instead_of_a_port needs ["nft", "ip"];
    a_bridge_refuses_by_itself needs ["ip"];
    what_ebtables_asks_decides needs ["ip", "ebtables-nft"];
    what_br_netfilter_may_pass_over_is_not_certain needs ["nft", "ip", "/proc/sys/net/bridge/bridge-nf-call-iptables"];
}

/// A and B, behind the ports p1 and p2 of a bridge without an address.
struct Switch {
    a: Netns,
    b: Netns,
    host: Netns,
    _listener: Vec<TcpListener>,
}

const A: [&str; 2] = ["10.1.0.2", "2001:db8::2"];
const B: [&str; 2] = ["10.1.0.3", "2001:db8::3"];

impl Switch {
    fn new() -> Self {
        let (a, b, host) = (Netns::new(), Netns::new(), Netns::new());
        veth(&a, "eth0", "10.1.0.2/24", &host, "p1", "");
        veth(&b, "eth0", "10.1.0.3/24", &host, "p2", "");
        a.address("eth0", "2001:db8::2/64");
        b.address("eth0", "2001:db8::3/64");
        ip(&host, "link add br0 type bridge");
        ip(&host, "link set p1 master br0");
        ip(&host, "link set p2 master br0");
        ip(&host, "link set br0 up");
        // Where br_netfilter is loaded it calls rules for IP, unless it is told not to.
        for called in ["ip", "ip6", "arp"].map(|t| format!("/proc/sys/net/bridge/bridge-nf-call-{t}tables")) {
            host.run(|| std::path::Path::new(&called).exists().then(|| std::fs::write(&called, "0").unwrap()));
        }
        let listen = |address: &str| b.run(|| TcpListener::bind((address.parse::<IpAddr>().unwrap(), 80)).unwrap());
        let _listener = B.map(listen).into();
        Self { a, b, host, _listener }
    }

    /// Can A connect to B? Where neighbours have to find each other again, what was tried before may have to fail first.
    fn connects(&self, to: &str) -> bool {
        (0..3).any(|_| self.connects_within(to, Duration::from_secs(5)))
    }

    /// Is what A sends lost?
    fn loses(&self, to: &str) -> bool {
        !self.connects_within(to, Duration::from_millis(700))
    }

    fn connects_within(&self, to: &str, time: Duration) -> bool {
        let to = SocketAddr::new(to.parse().unwrap(), 80);
        self.a.run(|| TcpStream::connect_timeout(&to, time).is_ok())
    }

    /// A packet from A to B, as it comes in by the first port.
    fn why(&self, side: usize) -> serde_json::Value {
        let bracket = |a: &str| if side == 1 { format!("[{a}]") } else { a.to_owned() };
        why(&self.host, &format!("tcp {}:40000 {}:80 -i p1", bracket(A[side]), bracket(B[side])))
    }
}

fn ip(ns: &Netns, words: &str) {
    ns.cmd("ip", &words.split(' ').collect::<Vec<_>>(), "");
}

fn rules_for_bridges_are_met_from_port_to_port() {
    for (hook, match_, place) in [
        ("forward", "iifname p1 oifname p2 tcp dport 80", "rule bridge b c 2"),
        ("postrouting", "ether type { ip, ip6 } tcp dport 80", "rule bridge b c 2"),
        ("prerouting", "iifname p1 tcp dport 80", "rule bridge b c 2"),
    ] {
        for side in [0, 1] {
            let lab = Switch::new();
            assert!(lab.connects(B[side]));
            assert_eq!(who(&lab.why(side)), "certain accept none");
            lab.host.nft(&format!(
                "table bridge b {{\n chain c {{\n type filter hook {hook} priority 0;\n tcp dport 443 drop\n {match_} drop\n }}\n}}"
            ));
            assert!(lab.loses(B[side]), "{hook}");
            let answer = lab.why(side);
            assert_eq!(who(&answer), format!("certain drop {place}"));
            apply(&lab.host, &answer);
            assert!(lab.connects(B[side]), "{answer:#}");
        }
    }
}

fn rules_for_ip_are_met_where_br_netfilter_calls_them() {
    let lab = Switch::new();
    lab.host.cmd("iptables-nft", &["-P", "FORWARD", "DROP"], "");
    let Ok(before) = lab.host.run(|| std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables")) else {
        // Without br_netfilter only the bridge's own rules are met.
        assert!(lab.connects(B[0]));
        assert_eq!(who(&lab.why(0)), "certain accept none");
        return;
    };
    for called in ["0", "1"] {
        lab.host.sysctl("net.bridge.bridge-nf-call-iptables", called);
        let as_told = if called == "0" { lab.connects(B[0]) } else { lab.loses(B[0]) };
        assert!(as_told, "bridge-nf-call-iptables was {before}, is {called}");
        let expected = if called == "0" { "certain accept none" } else { "certain drop policy ip filter FORWARD" };
        assert_eq!(who(&lab.why(0)), expected);
    }
    // The rules see the ports beside the bridge.
    let words = ["-A", "FORWARD", "-i", "br0", "-o", "br0", "-m", "physdev", "--physdev-in", "p2", "-j", "ACCEPT"];
    lab.host.cmd("iptables-nft", &words, "");
    let answer = lab.why(0);
    assert_eq!(who(&answer), "certain drop policy ip filter FORWARD");
    assert!(lab.loses(B[0]));
    apply(&lab.host, &answer);
    assert!(lab.connects(B[0]), "{answer:#}");
    // A bridge may ask for it by itself.
    lab.host.cmd("iptables-nft", &["-F", "FORWARD"], "");
    lab.host.sysctl("net.bridge.bridge-nf-call-iptables", "0");
    assert!(lab.connects(B[0]));
    ip(&lab.host, "link set br0 type bridge nf_call_iptables 1");
    assert!(lab.loses(B[0]));
    assert_eq!(who(&lab.why(0)), "certain drop policy ip filter FORWARD");
}

fn the_bridge_itself_may_be_named_instead_of_a_port() {
    let lab = Switch::new();
    lab.host.nft("table bridge b {\n chain c {\n type filter hook forward priority 0;\n tcp dport 80 drop\n }\n}");
    assert!(lab.loses(B[0]));
    let ask = || why(&lab.host, "tcp 10.1.0.2:40000 10.1.0.3:80 -i br0");
    assert_eq!(who(&ask()), "certain drop rule bridge b c 1");
    // With an address of that network they still talk to each other directly.
    lab.host.address("br0", "10.1.0.1/24");
    assert_eq!(who(&ask()), "certain drop rule bridge b c 1");
    assert!(ask()["why"].to_string().contains("only switches it"));
    // To another network it is the router.
    let routed = why(&lab.host, "tcp 10.1.0.2:40000 198.51.100.1:80 -i br0");
    assert_eq!(who(&routed), "certain drop sysctl net.ipv4.ip_forward");
    drop(lab.b);
}

fn a_bridge_refuses_by_itself() {
    let lab = Switch::new();
    for port in ["p1", "p2"] {
        ip(&lab.host, &format!("link set {port} type bridge_slave isolated on"));
    }
    assert!(lab.loses(B[0]));
    assert_eq!(who(&lab.why(0)), "certain drop unknown the ports of br0 are isolated");
    ip(&lab.host, "link set p2 type bridge_slave isolated off");
    assert!(lab.connects(B[0]));
    assert_eq!(who(&lab.why(0)), "certain accept none");
    ip(&lab.host, "link set p2 down");
    assert_eq!(who(&lab.why(0)), "certain drop unknown no other port of br0 forwards");
}

fn what_ebtables_asks_decides() {
    for (side, asks, drops) in [
        (0, "-p IPv4 --ip-dst 10.1.0.3 --ip-proto tcp --ip-dport 80", true),
        (0, "-p IPv4 --ip-src 10.1.0.0/24 --ip-proto 6 --ip-dport 1:79", false),
        (0, "-p IPv4 ! --ip-src 10.1.0.0/24", false),
        (0, "-p IPv4 --ip-proto tcp ! --ip-dport 81:90", true),
        (0, "-p IPv4 --ip-proto udp --ip-dport 80", false),
        (1, "-p IPv6 --ip6-dst 2001:db8::/64 --ip6-proto tcp --ip6-dport 80", true),
        (1, "-p IPv6 --ip6-proto tcp --ip6-dport 81:1023", false),
        (0, "--mark 5", false),
        (0, "--pkttype-type multicast", false),
    ] {
        let lab = Switch::new();
        assert!(lab.connects(B[side]));
        lab.host.cmd("sh", &["-ec", &format!("ebtables-nft -A FORWARD {asks} -j DROP")], "");
        assert!(if drops { lab.loses(B[side]) } else { lab.connects(B[side]) }, "{asks}");
        let expected = if drops { "certain drop rule bridge filter FORWARD 1" } else { "certain accept none" };
        assert_eq!(who(&lab.why(side)), expected, "{asks}");
    }
}

/// The kernel is the judge: older ones pass over such rules where br_netfilter calls those for IP.
fn what_br_netfilter_may_pass_over_is_not_certain() {
    let lab = Switch::new();
    lab.host.sysctl("net.bridge.bridge-nf-call-iptables", "1");
    lab.host.nft("table bridge b {\n chain c {\n type filter hook forward priority 0;\n tcp dport 80 drop\n }\n}");
    let lost = lab.loses(B[0]);
    let answer = who(&lab.why(0));
    let wrong = if lost { "certain accept" } else { "certain drop" };
    assert!(!answer.starts_with(wrong), "lost: {lost}, but {answer}");
    // Where there is no doubt, none is told of.
    lab.host.nft("delete table bridge b");
    assert_eq!((lab.connects(B[0]), who(&lab.why(0)).as_str()), (true, "certain accept none"));
}
