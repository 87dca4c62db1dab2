//! What `nfblame why` says to change, changed for real.

use std::net::TcpListener;

use crate::common::{Netns, kernel_tests, until, veth};
use crate::world::{World, apply, connects, why};
use serde_json::Value;

kernel_tests! {
    a_port_is_opened_for_the_client_alone_in_every_backend needs ["nft", "iptables-nft", "iptables-legacy"];
    answers_are_let_in needs ["nft", "iptables-nft", "iptables-legacy", "sh"];
    every_chain_in_the_way_is_seen_to needs ["nft", "iptables-legacy"];
    a_rule_is_put_before_what_ends_all needs ["nft", "iptables-nft"];
    forwarding_is_switched_on_and_what_that_opens_is_said needs ["sysctl"];
    ipv6_neighbours_are_let_in needs ["nft"];
    answers_to_ipv6_neighbours_are_let_out needs ["ip6tables-nft", "ip6tables-legacy"];
    no_rule_is_proposed_where_nobody_listens needs ["iptables-nft"];
    no_rule_is_proposed_where_a_service_has_no_endpoints needs ["nft"];
    names_that_a_shell_could_misread_get_no_commands needs ["iptables-legacy"];
}

const NFT: &str = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'";

/// The first fix; it must be verified.
fn verified(answer: &Value) -> &Value {
    let fix = &answer["fix"][0];
    assert_eq!(fix["verified"], true, "{answer}");
    fix
}

fn a_port_is_opened_for_the_client_alone_in_every_backend() {
    for deny in [
        NFT,
        "nft add table ip f; nft 'add chain ip f in { type filter hook prerouting priority -300; policy drop; }'",
        "iptables-nft -P INPUT DROP",
        "iptables-legacy -P INPUT DROP",
        "iptables-legacy -A INPUT -p tcp --dport 1:1023 -j ACCEPT; iptables-legacy -A INPUT -j REJECT",
        "iptables-nft -N all; iptables-nft -A all -j DROP; iptables-nft -A INPUT -j all",
    ] {
        let w = World::new();
        w.server.address("eth0", "192.0.2.7/24");
        w.client.address("eth0", "192.0.2.8/24");
        w.run(deny);
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(!w.reaches_server(8080), "{deny}");
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
        let fix = verified(&answer);
        assert!(fix["also_allows"][0].as_str().unwrap().contains("192.0.2.2"), "{fix}");
        apply(&w.server, &answer);
        assert!(w.reaches_server(8080), "{deny}: {fix}");
        assert!(!w.reaches_server(8081), "{deny}: no more than that");
        let other = why(&w.server, "tcp 192.0.2.8 192.0.2.1:8080 -i eth0");
        assert_eq!(
            other["culprit"],
            answer["culprit"].clone().tap(&other),
            "{deny}: for the other client it is as before"
        );
    }
}

/// A rule's position may have moved, and counters have counted.
trait Tap {
    fn tap(self, like: &Value) -> Value;
}

impl Tap for Value {
    fn tap(mut self, like: &Value) -> Value {
        for key in ["rule_position", "counters", "generation"] {
            self[key] = like["culprit"][key].clone();
        }
        self
    }
}

fn answers_are_let_in() {
    for deny in [NFT, "iptables-nft -P INPUT DROP", "iptables-legacy -A INPUT -j DROP"] {
        let w = World::new();
        w.run(deny);
        assert!(!w.reaches_client(443), "{deny}");
        let answer = why(&w.server, "tcp 192.0.2.1 192.0.2.2:443 --out");
        verified(&answer);
        apply(&w.server, &answer);
        assert!(w.reaches_client(443), "{deny}: {}", answer["fix"]);
        assert!(!w.reaches_server(443), "{deny}: nobody may begin a connection to this host");
    }
}

fn every_chain_in_the_way_is_seen_to() {
    let w = World::new();
    w.run(NFT);
    w.run("nft add table ip g; nft 'add chain ip g in { type filter hook input priority 10; }'; nft add rule ip g in tcp dport 8080 reject");
    w.run("iptables-legacy -P INPUT DROP");
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert_eq!(verified(&answer)["commands"].as_array().unwrap().len(), 3);
    apply(&w.server, &answer);
    assert!(w.reaches_server(8080), "{}", answer["fix"]);
}

fn a_rule_is_put_before_what_ends_all() {
    for deny in [
        "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; }'; nft add rule inet f in tcp dport 22 accept; nft add rule inet f in drop",
        "iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT; iptables-nft -A INPUT -j LOG; iptables-nft -A INPUT -j DROP; iptables-nft -A INPUT -p tcp --dport 8080 -j ACCEPT",
    ] {
        let w = World::new();
        w.run(deny);
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
        verified(&answer);
        apply(&w.server, &answer);
        assert!(w.reaches_server(8080), "{deny}: {}", answer["fix"]);
    }
}

fn forwarding_is_switched_on_and_what_that_opens_is_said() {
    let all = [Netns::new(), Netns::new(), Netns::new()];
    veth(&all[0], "eth0", "192.0.2.2/24", &all[1], "eth0", "192.0.2.1/24");
    veth(&all[1], "eth1", "198.51.100.1/24", &all[2], "eth0", "198.51.100.2/24");
    all[0].route("0.0.0.0/0", "192.0.2.1");
    all[2].route("0.0.0.0/0", "198.51.100.1");
    all[1].sysctl("net.ipv4.ip_forward", "0");
    assert!(!connects(&all[0], &all[2], "198.51.100.2", 80));
    let answer = why(&all[1], "tcp 192.0.2.2 198.51.100.2:80 -i eth0");
    let opened = verified(&answer)["also_allows"].to_string();
    assert!(opened.contains("eth0") && opened.contains("eth1"), "{opened}");
    apply(&all[1], &answer);
    assert!(connects(&all[0], &all[2], "198.51.100.2", 80));
}

fn ipv6_neighbours_are_let_in() {
    let w = World::new();
    w.client.address("eth0", "2001:db8::2/64");
    w.server.address("eth0", "2001:db8::1/64");
    w.run(NFT);
    w.run("nft add rule inet f in tcp dport 8080 accept");
    assert!(!connects(&w.client, &w.server, "2001:db8::1", 8080));
    let _service = w.server.run(|| TcpListener::bind("[::]:8080")).unwrap();
    let answer = why(&w.server, "tcp 2001:db8::2 [2001:db8::1]:8080 -i eth0");
    verified(&answer);
    apply(&w.server, &answer);
    // A busy machine may take longer to find its neighbour than one attempt lasts.
    until("a connection", || connects(&w.client, &w.server, "2001:db8::1", 8080));
}

fn answers_to_ipv6_neighbours_are_let_out() {
    for tool in ["ip6tables-nft", "ip6tables-legacy"] {
        let w = World::new();
        w.client.address("eth0", "2001:db8::2/64");
        w.server.address("eth0", "2001:db8::1/64");
        w.run(&format!("{tool} -P OUTPUT DROP; {tool} -A OUTPUT -p tcp -j ACCEPT"));
        assert!(!connects(&w.client, &w.server, "2001:db8::1", 8080), "{tool}");
        let _service = w.server.run(|| TcpListener::bind("[::]:8080")).unwrap();
        let answer = why(&w.server, "tcp 2001:db8::2 [2001:db8::1]:8080 -i eth0");
        verified(&answer);
        assert_eq!((&answer["culprit"]["kind"], &answer["packet"]["hook"]), (&"policy".into(), &"output".into()));
        apply(&w.server, &answer);
        until("a connection", || connects(&w.client, &w.server, "2001:db8::1", 8080));
    }
}

fn no_rule_is_proposed_where_nobody_listens() {
    let w = World::new();
    w.run("iptables-nft -P INPUT DROP");
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert_eq!(answer["fix"], serde_json::json!([]));
    assert!(answer["why"].to_string().contains("no listener"), "{}", answer["why"]);
}

fn no_rule_is_proposed_where_a_service_has_no_endpoints() {
    let w = World::new();
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    for (table, proposes) in [("mine", true), ("kube-proxy", false)] {
        w.server.nft(&format!(
            "table ip {table} {{ chain in {{ type filter hook input priority 0; tcp dport 8080 reject
            }}
            }}"
        ));
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
        assert_eq!((&answer["verdict"], answer["fix"] != serde_json::json!([])), (&"reject".into(), proposes));
        w.server.nft(&format!("delete table ip {table}"));
    }
}

fn names_that_a_shell_could_misread_get_no_commands() {
    let w = World::new();
    w.run("iptables-legacy -N 'a;b'; iptables-legacy -A 'a;b' -j DROP; iptables-legacy -A INPUT -j 'a;b'");
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert_eq!((&answer["verdict"], &answer["fix"]), (&"drop".into(), &serde_json::json!([])));
}
