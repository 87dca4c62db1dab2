//! `NB04`: conntrack.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::common::{kernel_tests, until};
use crate::world::{World, apply, connects, found, routed, says, sh, why};

kernel_tests! {
    what_is_not_tracked_does_not_pass_rules_by_state needs ["nft", "iptables-legacy"];
    a_zone_for_one_direction_only_is_told needs ["nft"];
    a_table_that_is_nearly_full_is_found needs ["iptables-nft"];
    packets_that_could_not_be_tracked_are_counted needs ["iptables-nft"];
    a_helper_that_is_missing_is_found_and_given needs ["nft", "iptables-nft", "iptables-legacy", "sysctl"];
    invalid_packets_that_a_rule_drops_are_found needs ["nft", "iptables-nft", "iptables-legacy"];
    a_timeout_that_cuts_connections_off_is_found_and_set_right needs ["nft", "iptables-nft", "sysctl"];
    ports_that_are_used_up_are_found needs ["nft", "iptables-nft"];
    an_entry_of_before_the_rules_changed_is_found_and_forgotten needs ["nft", "conntrack"];
}

/// The limit can be set in the initial namespace only, where tests change nothing: connections up to it are many, so that
/// what is seen here is the healthy half and the numbers; the rest is the unit test's.
fn a_table_that_is_nearly_full_is_found() {
    let w = World::new();
    w.run("iptables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP");
    let socket = w.client.run(|| UdpSocket::bind("192.0.2.2:0")).unwrap();
    for port in 1..50 {
        let _ = socket.send_to(b"x", ("192.0.2.1", port));
    }
    let key = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        w.server.run(|| std::fs::read_to_string(path)).unwrap().trim().parse::<u64>().unwrap()
    };
    let full = key("count") * 100 >= key("max") * 80;
    assert_eq!(found(&w.server, "NB0401").len(), usize::from(full));
}

/// Two sockets that want the same translated source: the second entry cannot be inserted.
fn packets_that_could_not_be_tracked_are_counted() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    sh(&router, "iptables-nft -t nat -A POSTROUTING -o eth1 -p udp -j MASQUERADE --to-ports 5000-5001");
    let sender = || client.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    let send = |s: &UdpSocket| drop(s.send_to(b"x", "198.51.100.2:9"));
    send(&sender());
    assert!(found(&router, "NB0402").is_empty(), "healthy");
    let all = [sender(), sender(), sender()];
    until("a packet for which no port is left", || {
        all.iter().for_each(send);
        !found(&router, "NB0402").is_empty()
    });
    assert_eq!(found(&router, "NB0402")[0]["severity"], "note");
    drop(server);
}

fn a_helper_that_is_missing_is_found_and_given() {
    for tool in ["iptables-nft", "iptables-legacy"] {
        a_helper_is_given(&format!(
            "{tool} -P INPUT DROP; {tool} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; \
             {tool} -A INPUT -p tcp --dport 21 -j ACCEPT"
        ));
    }
    a_helper_is_given(
        "nft 'table inet f { chain in { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 21 accept; }; }'",
    );
}

fn a_helper_is_given(deny: &str) {
    let w = World::new();
    w.run(deny);
    assert!(found(&w.server, "NB0403").is_empty(), "nobody uses FTP");
    let control = w.server.run(|| TcpListener::bind("0.0.0.0:21")).unwrap();
    let login = || {
        let to: SocketAddr = "192.0.2.1:21".parse().unwrap();
        let client = w.client.run(|| TcpStream::connect_timeout(&to, Duration::from_secs(3))).unwrap();
        let mut session = (client, control.accept().unwrap().0);
        // The helper reads lines, and begins behind the first.
        session.1.write_all(b"220 Ready.\r\n").unwrap();
        session.0.read_exact(&mut [0; 12]).unwrap();
        session
    };
    // What a server says when it is asked for a passive transfer; and the transfer.
    let transfer = |(client, server): &mut (TcpStream, TcpStream)| {
        server.write_all(b"227 Entering Passive Mode (192,0,2,1,195,101).\r\n").unwrap();
        client.read_exact(&mut [0; 40]).unwrap();
        connects(&w.client, &w.server, "192.0.2.1", 195 * 256 + 101)
    };
    let mut session = login();
    assert!(!transfer(&mut session));
    let findings = found(&w.server, "NB0403");
    assert_eq!(findings.len(), 1);
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:50021 -i eth0"), "NB0403"));
    apply(&w.server, &findings[0]);
    assert!(transfer(&mut login()) && found(&w.server, "NB0403").is_empty());
}

fn invalid_packets_that_a_rule_drops_are_found() {
    for rule in [
        "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; }'; \
         nft add rule inet f in ct state invalid counter drop",
        "iptables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP",
        "iptables-legacy -A INPUT -m state --state INVALID -j DROP",
    ] {
        let w = World::new();
        w.run(rule);
        w.server.sysctl("net.netfilter.nf_conntrack_tcp_loose", "0");
        assert!(w.reaches_server(80) && found(&w.server, "NB0404").is_empty(), "{rule}");
        // A connection that this host did not see begin: the client goes on, and the server's side has forgotten it.
        let listener = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        let mut open = w.client.run(|| TcpStream::connect("192.0.2.1:8080")).unwrap();
        let _taken = listener.accept().unwrap();
        w.run("conntrack -F 2>/dev/null");
        open.write_all(b"x").unwrap();
        until("an invalid packet", || !found(&w.server, "NB0404").is_empty());
        assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0 --ct invalid"), "NB0404"), "{rule}");
    }
}

fn a_timeout_that_cuts_connections_off_is_found_and_set_right() {
    let w = World::new();
    w.run(
        "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; \
         iptables-nft -A INPUT -p tcp --syn -j ACCEPT",
    );
    w.server.sysctl("net.netfilter.nf_conntrack_tcp_loose", "0");
    assert!(found(&w.server, "NB0405").is_empty(), "the defaults");
    let key = "net.netfilter.nf_conntrack_tcp_timeout_established";
    let listener = w.server.run(|| TcpListener::bind("0.0.0.0:5432")).unwrap();
    let count = || w.server.run(|| std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count")).unwrap();
    let session = || {
        let client = w.client.run(|| TcpStream::connect("192.0.2.1:5432")).unwrap();
        (client, listener.accept().unwrap().0)
    };
    // An answer after a while; the reader waits no longer than it would take on an open way.
    let answers = |(client, server): &mut (TcpStream, TcpStream)| {
        server.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).is_ok()
    };
    w.server.sysctl(key, "1");
    let mut idle = session();
    until("the connection to be forgotten", || {
        w.run("conntrack -L -p tcp --dport 5432 >/dev/null 2>&1 || true");
        count().trim() == "0"
    });
    assert!(!answers(&mut idle));
    let findings = found(&w.server, "NB0405");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()));
    assert!(says(&why(&w.server, "tcp 192.0.2.2:4000 192.0.2.1:5432 -i eth0 --flags ack --ct new"), "NB0405"));
    apply(&w.server, &findings[0]);
    let mut later = session();
    assert!(answers(&mut later) && found(&w.server, "NB0405").is_empty());
}

fn ports_that_are_used_up_are_found() {
    for rule in [
        "iptables-nft -t nat -A POSTROUTING -o eth1 -p tcp -j SNAT --to-source 198.51.100.1:6000-6009",
        "nft add table ip n; nft 'add chain ip n p { type nat hook postrouting priority 100; }'; \
         nft add rule ip n p oifname eth1 meta l4proto tcp masquerade to :6000-6009",
    ] {
        let [client, router, server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        sh(&router, rule);
        let listener = server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
        let to: SocketAddr = "198.51.100.2:80".parse().unwrap();
        let connect = || client.run(|| TcpStream::connect_timeout(&to, Duration::from_millis(700)));
        let mut open: Vec<_> = (0..4).map(|_| connect().unwrap()).collect();
        assert!(found(&router, "NB0406").is_empty(), "healthy: {rule}");
        open.extend((4..10).map(|_| connect().unwrap()));
        assert!(connect().is_err(), "{rule}");
        let findings = found(&router, "NB0406");
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"error".into()), "{rule}");
        drop((open, listener));
    }
}

fn an_entry_of_before_the_rules_changed_is_found_and_forgotten() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    sh(&server, "ip addr add 198.51.100.3/24 dev eth0");
    let rules = |to: &str| {
        router.nft(&format!(
            "table ip n\ndelete table ip n\ntable ip n {{ chain p {{ type nat hook prerouting priority -100; \
             udp dport 53 dnat to {to}; }}; }}"
        ));
    };
    let servers = ["198.51.100.2", "198.51.100.3"].map(|a| server.run(|| UdpSocket::bind((a, 53))).unwrap());
    let sender = client.run(|| UdpSocket::bind("192.0.2.2:5300")).unwrap();
    let arrives = |at: &UdpSocket| {
        at.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        sender.send_to(b"x", "192.0.2.1:53").unwrap();
        at.recv(&mut [0; 4]).is_ok()
    };
    rules("198.51.100.2");
    assert!(arrives(&servers[0]) && found(&router, "NB0407").is_empty(), "healthy");
    rules("198.51.100.3");
    assert!(!arrives(&servers[1]) && arrives(&servers[0]));
    let findings = found(&router, "NB0407");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()));
    assert!(says(&why(&router, "udp 192.0.2.2:5300 192.0.2.1:53 -i eth0"), "NB0407"));
    apply(&router, &findings[0]);
    assert!(arrives(&servers[1]) && found(&router, "NB0407").is_empty());
}

fn what_is_not_tracked_does_not_pass_rules_by_state() {
    let w = World::new();
    let _listens = w.server.run(|| std::net::TcpListener::bind("0.0.0.0:80")).unwrap();
    w.server.nft(
        "table inet t {
            chain raw { type filter hook prerouting priority raw; tcp dport 80 notrack; }
            chain input { type filter hook input priority 0; policy drop; ct state established,related accept; ct state new tcp dport 80 accept; }
        }",
    );
    let told = found(&w.server, "NB0408");
    assert_eq!((told.len(), w.reaches_server(80)), (1, false), "{told:?}");
    apply(&w.server, &told[0]);
    assert!(found(&w.server, "NB0408").is_empty() && w.reaches_server(80));
    // Rules that do not ask for the state go on working.
    w.server.nft("flush ruleset");
    w.run("iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j CT --notrack; iptables-legacy -A INPUT -p tcp --dport 80 -j ACCEPT");
    w.run("iptables-legacy -P INPUT DROP");
    assert!(found(&w.server, "NB0408").is_empty() && w.reaches_server(80));
    w.run("iptables-legacy -F INPUT; iptables-legacy -A INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT");
    assert_eq!((found(&w.server, "NB0408").len(), w.reaches_server(80)), (1, false));
}

fn a_zone_for_one_direction_only_is_told() {
    let w = World::new();
    w.server.nft(
        "table inet t {
            chain pre { type filter hook prerouting priority raw; iifname eth0 ct zone set 5; }
            chain out { type filter hook output priority raw; }
            chain input { type filter hook input priority 0; policy drop; ct state established,related accept; }
        }",
    );
    assert!(!found(&w.server, "NB0409").is_empty() && !w.reaches_client(80));
    w.run("nft add rule inet t out oifname eth0 ct zone set 5");
    assert!(found(&w.server, "NB0409").is_empty() && w.reaches_client(80));
}
