//! `NB02`: rules that are missing.

use serde_json::Value;

use crate::common::{Netns, kernel_tests, until};
use crate::world::{World, apply, connects, found, routed, says, sh, why};

kernel_tests! {
    invalid_packets_that_get_through_are_told needs ["nft"];
    answers_that_no_rule_accepts_are_found_in_every_backend needs ["nft", "iptables-nft", "iptables-legacy"];
    a_loopback_that_is_cut_off_is_found needs ["nft", "iptables-legacy"];
    lost_messages_about_the_mtu_are_found needs ["nft", "iptables-legacy", "ip6tables-nft"];
    neighbours_that_cannot_find_each_other_are_found needs ["nft", "ip6tables-nft", "ip6tables-legacy"];
    a_router_that_loses_the_answers_is_found needs ["nft", "iptables-nft", "iptables-legacy"];
    a_host_that_may_not_ask_is_found needs ["iptables-nft", "iptables-legacy"];
    a_door_that_is_open_for_one_family_is_found needs ["nft", "iptables-nft", "ip6tables-legacy"];
    a_late_rule_for_established_connections_is_found needs ["iptables-nft", "iptables-legacy"];
}

/// Applies the fix for real, which has to have been tried.
fn mended(ns: &Netns, finding: &Value) {
    assert_eq!(finding["fix"][0]["verified"], true, "{finding}");
    apply(ns, finding);
}

fn answers_that_no_rule_accepts_are_found_in_every_backend() {
    let nft = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'";
    let both = format!("{nft}; iptables-legacy -A INPUT -j DROP");
    for deny in
        [nft, "iptables-nft -P INPUT DROP", "iptables-legacy -P INPUT DROP", "iptables-legacy -A INPUT -j DROP", &both]
    {
        let w = World::new();
        assert_eq!((w.reaches_client(443), found(&w.server, "NB0201")), (true, vec![]), "healthy: {deny}");
        w.run(deny);
        let findings = found(&w.server, "NB0201");
        assert_eq!((findings.len(), w.reaches_client(443)), (1, false), "{deny}");
        let answer = why(&w.server, "tcp 192.0.2.2:443 192.0.2.1:40000 -i eth0 --ct established");
        // Nobody has the socket of the connection that is taken to be there.
        assert!(says(&answer, "NB0201") && answer["fix"][0]["verified"] == true, "{answer}");
        mended(&w.server, &findings[0]);
        assert!(w.reaches_client(443) && found(&w.server, "NB0201").is_empty(), "{deny}");
    }
}

fn a_loopback_that_is_cut_off_is_found() {
    let nft = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'; \
               nft add rule inet f in ct state established,related accept";
    for deny in [nft, "iptables-legacy -P OUTPUT DROP"] {
        let w = World::new();
        let local = |w: &World| connects(&w.server, &w.server, "127.0.0.1", 80);
        assert!(local(&w) && found(&w.server, "NB0202").is_empty(), "healthy: {deny}");
        w.run(deny);
        assert!(!local(&w) && !found(&w.server, "NB0202").is_empty(), "{deny}");
        assert!(says(&why(&w.server, "tcp 127.0.0.1:4000 127.0.0.1:80 --out"), "NB0202"), "{deny}");
        for finding in found(&w.server, "NB0202") {
            mended(&w.server, &finding);
        }
        assert!(local(&w) && found(&w.server, "NB0202").is_empty(), "{deny}");
    }
}

fn lost_messages_about_the_mtu_are_found() {
    let nft = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'; \
               nft add rule inet f in ct state established accept";
    let v6 = "ip6tables-nft -A INPUT -p icmpv6 --icmpv6-type packet-too-big -j DROP";
    for (deny, expected) in [(nft, 2), ("iptables-legacy -A INPUT -p icmp -j DROP", 1), (v6, 1)] {
        let w = World::new();
        w.server.address("eth0", "2001:db8::1/64");
        w.server.route("0.0.0.0/0", "192.0.2.2");
        w.server.route("::/0", "2001:db8::2");
        assert!(found(&w.server, "NB0203").is_empty(), "healthy: {deny}");
        w.run(deny);
        let findings = found(&w.server, "NB0203");
        assert_eq!(findings.len(), expected, "{deny}");
        mended(&w.server, &findings[0]);
        assert!(found(&w.server, "NB0203").is_empty(), "{deny}");
    }
}

fn neighbours_that_cannot_find_each_other_are_found() {
    let nft = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'; \
               nft add rule inet f in ct state established,related accept; nft add rule inet f in tcp dport 80 accept";
    let legacy = "ip6tables-legacy -A INPUT -p icmpv6 -j DROP";
    let out = "ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type 136 -j DROP";
    for deny in [nft, legacy, out] {
        let w = World::new();
        w.client.address("eth0", "2001:db8::2/64");
        w.server.address("eth0", "2001:db8::1/64");
        w.run(deny);
        let findings = found(&w.server, "NB0204");
        assert_eq!((findings.len(), connects(&w.client, &w.server, "2001:db8::1", 80)), (1, false), "{deny}");
        mended(&w.server, &findings[0]);
        assert!(found(&w.server, "NB0204").is_empty(), "{deny}");
        // What was asked in vain is asked again after a second.
        until("a connection", || connects(&w.client, &w.server, "2001:db8::1", 80));
    }
}

fn a_router_that_loses_the_answers_is_found() {
    let nft = "nft add table inet f; nft 'add chain inet f way { type filter hook forward priority 0; policy drop; }'; \
               nft add rule inet f way iifname eth0 accept";
    for deny in [
        nft,
        "iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -i eth0 -j ACCEPT",
        "iptables-legacy -A FORWARD -i eth1 -j REJECT",
    ] {
        let [client, router, server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        let through = || connects(&client, &server, "198.51.100.2", 80);
        assert!(through() && found(&router, "NB0205").is_empty(), "healthy: {deny}");
        sh(&router, deny);
        let findings = found(&router, "NB0205");
        assert_eq!((findings.len(), through()), (1, false), "{deny}");
        let answer = why(&router, "tcp 198.51.100.2:443 192.0.2.2:40000 -i eth1 --ct established");
        assert!(says(&answer, "NB0205"), "{answer}");
        mended(&router, &findings[0]);
        assert!(through() && found(&router, "NB0205").is_empty(), "{deny}");
    }
}

fn a_host_that_may_not_ask_is_found() {
    for tool in ["iptables-nft", "iptables-legacy"] {
        let w = World::new();
        w.server.route("0.0.0.0/0", "192.0.2.2");
        assert!(found(&w.server, "NB0206").is_empty(), "healthy");
        w.run(&format!("{tool} -P OUTPUT DROP; {tool} -A OUTPUT -p udp --dport 53 -j ACCEPT"));
        let findings = found(&w.server, "NB0206");
        assert_eq!((findings.len(), w.reaches_client(443)), (1, false), "{tool}");
        let message = findings[0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("tcp port 443") && !message.contains("udp port 53"), "{message}");
        let answer = why(&w.server, "tcp 192.0.2.1:40000 192.0.2.2:443 --out");
        assert!(says(&answer, "NB0206"), "{answer}");
        mended(&w.server, &findings[0]);
        assert!(w.reaches_client(443) && found(&w.server, "NB0206").is_empty(), "{tool}");
    }
}

fn a_door_that_is_open_for_one_family_is_found() {
    let both = |w: &World, port| (reaches(w, "192.0.2.1", port), reaches(w, "2001:db8::1", port));
    for (shut, expected, level) in [
        ("iptables-nft -P INPUT DROP", (false, true), "warning"),
        ("ip6tables-legacy -A INPUT -p tcp -j DROP", (true, false), "warning"),
        ("iptables-nft -A INPUT -p tcp --dport 5432 -j DROP", (false, true), "note"),
    ] {
        let w = World::new();
        w.client.address("eth0", "2001:db8::2/64");
        w.server.address("eth0", "2001:db8::1/64");
        let _listens = w.server.run(|| std::net::TcpListener::bind("[::]:5432")).unwrap();
        assert!(both(&w, 5432) == (true, true) && found(&w.server, "NB0207").is_empty(), "healthy: {shut}");
        w.run(shut);
        assert_eq!(both(&w, 5432), expected, "{shut}");
        let findings = found(&w.server, "NB0207");
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &level.into()), "{shut}");
    }
    let w = World::new();
    w.server.address("eth0", "2001:db8::1/64");
    w.server.nft(
        "table inet f { chain i { type filter hook input priority 0; policy drop; meta l4proto ipv6-icmp accept; }; }",
    );
    assert!(found(&w.server, "NB0207").is_empty(), "one rule for both");
}

fn reaches(w: &World, address: &str, port: u16) -> bool {
    connects(&w.client, &w.server, address, port)
}

fn a_late_rule_for_established_connections_is_found() {
    for tool in ["iptables-nft", "iptables-legacy"] {
        let w = World::new();
        for port in 1..=12 {
            w.run(&format!("{tool} -A INPUT -p udp --dport {port} -j ACCEPT"));
        }
        w.run(&format!("{tool} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; {tool} -P INPUT DROP"));
        let findings = found(&w.server, "NB0208");
        assert_eq!((findings.len(), &findings[0]["rules"][0]["rule_position"]), (1, &13.into()), "{tool}");
        mended(&w.server, &findings[0]);
        assert!(found(&w.server, "NB0208").is_empty() && w.reaches_client(443), "{tool}");
        // What ends packets before it may be meant for those of connections, too.
        w.run(&format!("{tool} -F INPUT"));
        for port in 1..=12 {
            w.run(&format!("{tool} -A INPUT -p udp --dport {port} -j DROP"));
        }
        w.run(&format!("{tool} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"));
        assert_eq!(found(&w.server, "NB0208")[0]["fix"], serde_json::json!([]), "{tool}");
    }
}

fn invalid_packets_that_get_through_are_told() {
    let w = World::new();
    let _listens = w.server.run(|| std::net::TcpListener::bind("0.0.0.0:80")).unwrap();
    w.server.nft(
        "table inet t {
            chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 80 accept; }
        }",
    );
    let told = found(&w.server, "NB0209");
    assert_eq!((told.len(), told[0]["severity"].as_str()), (1, Some("note")), "{told:?}");
    w.run("nft insert rule inet t input ct state invalid drop");
    assert!(found(&w.server, "NB0209").is_empty() && w.reaches_server(80));
}
