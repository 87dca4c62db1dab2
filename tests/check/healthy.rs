//! Hosts that are well: nothing may be told of them as an error.

use std::net::TcpListener;

use serde_json::Value;

use crate::common::hosts::HOSTS;
use crate::common::{Netns, kernel_tests, veth};
use crate::managers::ufw;
use crate::world::{World, check, sh};

kernel_tests! {
    ufw_as_it_is_enabled_has_neither_errors_nor_warnings needs ["ufw", "iptables-nft", "unshare"];
    what_managers_load_has_no_errors needs ["nft"];
    hosts_as_they_are_found_have_neither_errors_nor_warnings needs ["nft", "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy", "ip"];
    well_kept_firewalls_have_neither_errors_nor_warnings needs ["nft", "iptables-nft", "iptables-legacy"];
}

/// The findings of that severity. That nobody sees the lines of LOG is true of every namespace but the first, which these
/// hosts are not.
fn of<'f>(found: &'f [Value], severity: &str) -> Vec<&'f Value> {
    found.iter().filter(|f| f["severity"] == severity && f["code"] != "NB0602").collect()
}

/// What the managers themselves load, on a router: with forwarding, as they switch it on.
fn what_managers_load_has_no_errors() {
    for (name, rules) in [
        ("firewalld", include_str!("../corpus/nft/firewalld.nft")),
        ("docker", include_str!("../corpus/nft/docker.nft")),
        ("kube-proxy", include_str!("../corpus/nft/kube-proxy.nft")),
    ] {
        let (host, other) = (Netns::new(), Netns::new());
        veth(&host, "eth0", "192.0.2.1/24", &other, "eth0", "192.0.2.2/24");
        for key in ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] {
            host.sysctl(key, "1");
        }
        host.nft(rules);
        let found = check(&host);
        assert_eq!(of(&found, "error"), Vec::<&Value>::new(), "{name}");
        // A forwarded port of firewalld's is one for everybody's packets: that is told, and true.
        let warned = of(&found, "warning").iter().filter(|f| f["code"] != "NB0304").count();
        assert_eq!(warned, 0, "{name}: {found:#?}");
    }
}

fn ufw_as_it_is_enabled_has_neither_errors_nor_warnings() {
    let w = World::new();
    w.server.address("eth0", "2001:db8:1::1/64");
    let dir = std::env::temp_dir().join(format!("nfblame-healthy-ufw-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc/ufw {0}/ufw; cp -a /etc/default {0}/default", dir.display()));
    ufw(&w.server, &dir, "ufw allow 22/tcp; ufw limit 2222/tcp; ufw allow 8080/tcp; ufw --force enable");
    let _service = w.server.run(|| TcpListener::bind("[::]:8080")).unwrap();
    assert!(w.reaches_server(8080));
    well(&w.server, "ufw");
    std::fs::remove_dir_all(&dir).unwrap();
}

/// What programs and people load, on a host between the Internet (`eth0`) and a network of its own (`eth1`).
fn hosts_as_they_are_found_have_neither_errors_nor_warnings() {
    // Programs that are found together, too.
    let pairs =
        [("firewalld", "podman"), ("firewalld", "docker-28"), ("docker-28", "tailscale"), ("crowdsec", "docker-nft")];
    let script = |name: &str| HOSTS.iter().find(|(n, _)| *n == name).unwrap().1;
    let pairs = pairs.map(|(one, other)| (format!("{one} and {other}"), format!("{}\n{}", script(one), script(other))));
    let alone = HOSTS.iter().map(|(name, script)| ((*name).to_owned(), (*script).to_owned()));
    for (name, script) in alone.chain(pairs) {
        let (host, outside, inside) = (Netns::new(), Netns::new(), Netns::new());
        veth(&host, "eth0", "192.0.2.1/24", &outside, "eth0", "192.0.2.254/24");
        veth(&host, "eth1", "10.0.0.1/24", &inside, "eth0", "10.0.0.2/24");
        host.address("eth0", "2001:db8:1::1/64");
        host.route("0.0.0.0/0", "192.0.2.254");
        host.route("::/0", "2001:db8:1::fe");
        for key in ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] {
            host.sysctl(key, "1");
        }
        let _services: Vec<TcpListener> =
            host.run(|| [22, 80, 443].into_iter().map(|port| TcpListener::bind(("::", port)).unwrap()).collect());
        sh(&host, &script);
        well(&host, &name);
    }
}

const WORKSTATION: &str = "table inet filter {
  chain input { type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif lo accept
    icmp type { echo-request, destination-unreachable, time-exceeded } accept
    icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    tcp dport { 22, 8080 } accept
    limit rate 5/minute log prefix \"dropped: \"
  }
  chain forward { type filter hook forward priority filter; policy drop; }
}
";

const ROUTER: &str = "table inet filter {
  set blocked { type ipv4_addr; flags interval; elements = { 198.51.100.0/24 } }
  chain input { type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iifname lo accept
    meta l4proto { icmp, ipv6-icmp } accept
    iifname \"eth0\" tcp dport 22 accept
  }
  chain forward { type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    ip saddr @blocked drop
    iifname \"eth0\" oifname \"eth1\" accept
    ct status dnat accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
}
table ip nat {
  chain pre { type nat hook prerouting priority dstnat; iifname \"eth1\" tcp dport 443 dnat to 192.0.2.2; }
  chain post { type nat hook postrouting priority srcnat; oifname \"eth1\" masquerade; }
}
";

fn well_kept_firewalls_have_neither_errors_nor_warnings() {
    let iptables = |tool: &str| {
        let rules = [
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A INPUT -m conntrack --ctstate INVALID -j DROP",
            "-A INPUT -p icmp -j ACCEPT",
            "-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT",
            "-A INPUT -p tcp -m multiport --dports 80,443,8080 -j ACCEPT",
            "-A INPUT -m limit --limit 5/min -j LOG --log-prefix dropped",
            "-P INPUT DROP",
            "-P FORWARD DROP",
        ];
        let v6 = tool.replacen("iptables", "ip6tables", 1);
        let all = rules.iter().map(|r| format!("{tool} {r}; "));
        let both = rules.iter().map(|r| format!("{v6} {}; ", r.replace("-p icmp", "-p ipv6-icmp")));
        all.chain(both).collect::<String>()
    };
    for rules in [String::new(), iptables("iptables-nft"), iptables("iptables-legacy")] {
        let w = World::new();
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        sh(&w.server, &rules);
        well(&w.server, &rules);
    }
    let w = World::new();
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    w.server.nft(WORKSTATION);
    well(&w.server, WORKSTATION);
    let all = [Netns::new(), Netns::new(), Netns::new()];
    veth(&all[0], "eth0", "192.0.2.2/24", &all[1], "eth0", "192.0.2.1/24");
    veth(&all[1], "eth1", "203.0.113.1/24", &all[2], "eth0", "203.0.113.2/24");
    all[1].sysctl("net.ipv4.ip_forward", "1");
    all[1].nft(ROUTER);
    well(&all[1], ROUTER);
}

fn well(ns: &Netns, what: &str) {
    let found = check(ns);
    let bad = [of(&found, "error"), of(&found, "warning")].concat();
    let told: Vec<String> = bad.iter().map(|f| format!("{} {}", f["code"], f["message"])).collect();
    assert!(told.is_empty(), "{told:#?}\n{what}");
}
