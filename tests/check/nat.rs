//! `NB03`: address translation.

use std::net::TcpListener;
use std::path::Path;

use crate::common::{Netns, kernel_tests, veth};
use crate::world::{apply, connects, found, routed, says, sh, why};

kernel_tests! {
    what_docker_publishes_does_not_meet_the_rules_of_input needs ["iptables-nft"];
    a_port_forward_that_the_filter_drops_is_found_and_mended needs ["nft", "iptables-nft", "iptables-legacy"];
    a_port_forward_that_turns_back_is_found_and_mended needs ["nft", "iptables-nft", "iptables-legacy"];
    a_port_forward_that_turns_back_into_a_bridge_is_found_and_mended needs ["ip", "iptables-nft"];
    a_port_forward_that_nearly_matched_is_named needs ["nft", "iptables-nft", "iptables-legacy"];
    a_rule_for_whatever_is_forwarded_is_found needs ["nft", "iptables-nft", "iptables-legacy"];
    private_addresses_that_leave_are_found needs ["nft", "iptables-legacy"];
    a_port_forward_that_takes_everything_is_found needs ["iptables-nft"];
    a_masquerade_of_everything_is_found needs ["iptables-legacy", "nft"];
    a_port_forward_is_not_for_the_router_itself needs ["nft", "iptables-legacy"];
}

/// A client, a router that forwards, and a server behind it.
fn forwarding() -> [Netns; 3] {
    let all = routed();
    all[1].sysctl("net.ipv4.ip_forward", "1");
    all
}

fn a_port_forward_that_the_filter_drops_is_found_and_mended() {
    let xt = |tool: &str| {
        format!(
            "{tool} -t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j DNAT --to-destination 198.51.100.2:8080; \
             {tool} -A FORWARD -p tcp --dport 80 -j ACCEPT; {tool} -P FORWARD DROP; \
             {tool} -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"
        )
    };
    let nft = "nft 'table ip n {
        chain p { type nat hook prerouting priority -100; ip daddr 192.0.2.1 tcp dport 80 dnat to 198.51.100.2:8080; }
        chain f { type filter hook forward priority 0; policy drop; tcp dport 80 accept; ct state established accept; }
    }'";
    for rules in [nft.to_owned(), xt("iptables-nft"), xt("iptables-legacy")] {
        let [client, router, server] = forwarding();
        let _listens = server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        sh(&router, &rules);
        let through = || connects(&client, &server, "192.0.2.1", 80);
        let findings = found(&router, "NB0301");
        assert_eq!((findings.len(), through()), (1, false), "{rules}");
        let note = findings[0]["notes"][0].as_str().unwrap();
        assert!(note.starts_with("port 80 would be let through"), "{note}");
        let answer = why(&router, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
        assert!(says(&answer, "NB0301"), "{answer}");
        assert_eq!(findings[0]["fix"][0]["verified"], true);
        apply(&router, &findings[0]);
        assert!(through() && found(&router, "NB0301").is_empty(), "{}", findings[0]);
    }
}

/// A server that asks for its own published address is a client of its own network.
fn a_port_forward_that_turns_back_is_found_and_mended() {
    let xt = |tool: &str| {
        format!("{tool} -t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j DNAT --to-destination 198.51.100.2:8080")
    };
    let nft = "nft 'table inet n { chain p { type nat hook prerouting priority -100; ip daddr 192.0.2.1 tcp dport 80 dnat ip to 198.51.100.2:8080; }; }'";
    let with_chain = format!(
        "{nft}; nft 'table inet n {{ chain s {{ type nat hook postrouting priority 100; oifname \"eth0\" masquerade; }}; }}'"
    );
    for rules in [nft.to_owned(), with_chain, xt("iptables-nft"), xt("iptables-legacy")] {
        let [_client, router, server] = forwarding();
        sh(&router, &rules);
        let _listens = server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        let turns_back = || connects(&server, &server, "192.0.2.1", 80);
        let findings = found(&router, "NB0302");
        assert_eq!((findings.len(), turns_back()), (1, false), "{rules}");
        assert!(findings[0]["message"].as_str().unwrap().contains("the network of eth1"), "{findings:?}");
        let answer = why(&router, "tcp 198.51.100.2 192.0.2.1:80 -i eth1");
        assert!(says(&answer, "NB0302") && answer["fix"][0]["verified"] == true, "{answer}");
        assert_eq!(findings[0]["fix"][0]["verified"], true, "{findings:?}");
        apply(&router, &findings[0]);
        assert!(turns_back() && found(&router, "NB0302").is_empty(), "{rules}");
    }
}

fn a_port_forward_that_turns_back_into_a_bridge_is_found_and_mended() {
    let [client, router, server] = [Netns::new(), Netns::new(), Netns::new()];
    veth(&client, "eth0", "198.51.100.3/24", &router, "eth0", "192.0.2.1/32");
    veth(&server, "eth0", "198.51.100.2/24", &router, "eth1", "192.0.2.1/32");
    sh(
        &router,
        "ip link add br0 type bridge; ip link set eth0 master br0; ip link set eth1 master br0; ip link set br0 up; \
         ip address add 198.51.100.1/24 dev br0",
    );
    router.sysctl("net.ipv4.ip_forward", "1");
    client.route("192.0.2.1/32", "198.51.100.1");
    let _listens = server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let turns_back = || connects(&client, &server, "192.0.2.1", 80);
    assert!(found(&router, "NB0302").is_empty() && !turns_back());
    sh(
        &router,
        "iptables-nft -t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j DNAT --to-destination 198.51.100.2:8080",
    );
    let calls = "net.bridge.bridge-nf-call-iptables";
    if Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() {
        router.sysctl(calls, "1");
        assert!(
            turns_back() && found(&router, "NB0302").is_empty(),
            "the answer is translated as it passes the bridge"
        );
        let answer = why(&router, "tcp 198.51.100.3 192.0.2.1:80 -i br0");
        assert_eq!((&answer["culprit"]["kind"], says(&answer, "NB0302")), (&"none".into(), false), "{answer}");
        router.sysctl(calls, "0");
    }
    assert!(!turns_back());
    assert_eq!(found(&router, "NB0302").len(), 1);
    for device in ["br0", "eth0"] {
        let answer = why(&router, &format!("tcp 198.51.100.3 192.0.2.1:80 -i {device}"));
        let fix = &answer["fix"][0];
        assert!(says(&answer, "NB0302") && !says(&answer, "NB0303") && fix["verified"] == true, "{answer}");
        assert!(fix["commands"][0].as_str().unwrap().contains("-d 198.51.100.2 -p tcp --dport 8080"), "{fix}");
    }
    apply(&router, &why(&router, "tcp 198.51.100.3 192.0.2.1:80 -i br0"));
    assert!(turns_back());
}

fn a_port_forward_that_nearly_matched_is_named() {
    for (rules, field) in [
        ("iptables-legacy -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 198.51.100.2", "--dport"),
        (
            "iptables-nft -t nat -A PREROUTING -i eth1 -p tcp --dport 80 -j DNAT --to-destination 198.51.100.2",
            "iifname",
        ),
        (
            "nft 'table inet n { chain p { type nat hook prerouting priority -100; ip daddr 192.0.2.7 tcp dport 80 dnat ip to 198.51.100.2; }; }'",
            "ip daddr",
        ),
    ] {
        let [_client, router, _server] = forwarding();
        sh(&router, rules);
        let answer = why(&router, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
        assert!(says(&answer, "NB0504"), "{answer}");
        let near = &answer["near_misses"][0];
        assert_eq!((&near["field"], &near["action"]), (&field.into(), &"dnat".into()), "{rules}: {answer}");
        sh(&router, "iptables-legacy -t nat -I PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 3128");
        let answer = why(&router, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
        assert!(answer["why"].to_string().contains("changed its port from 80 to 3128"), "{answer}");
    }
}

fn a_rule_for_whatever_is_forwarded_is_found() {
    let established = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
    let [_client, router, _server] = forwarding();
    router.route("0.0.0.0/0", "192.0.2.2");
    sh(&router, &format!("iptables-legacy -P FORWARD DROP; iptables-legacy {established}"));
    assert!(found(&router, "NB0308").is_empty(), "nobody");
    sh(&router, "iptables-legacy -A FORWARD -i eth1 -s 198.51.100.0/24 -o eth0 -j ACCEPT");
    assert!(found(&router, "NB0308").is_empty(), "for one network");
    sh(&router, "iptables-legacy -R FORWARD 2 -o eth0 -j ACCEPT");
    let told = found(&router, "NB0308");
    assert_eq!((told.len(), &told[0]["severity"]), (1, &"note".into()), "{told:?}");
    assert_eq!(told[0]["rules"][0]["rule_position"], 2);
    for open in [
        "iptables-legacy -F; iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -j ACCEPT",
        "iptables-nft -P FORWARD ACCEPT; iptables-nft -F; iptables-legacy -P FORWARD ACCEPT; nft 'table inet f { chain x { accept; }; chain f { type filter hook forward priority 0; policy drop; ct state established accept; ct state new oifname eth1 jump x; }; }'",
    ] {
        sh(&router, "iptables-legacy -P FORWARD ACCEPT");
        sh(&router, open);
        let told = found(&router, "NB0308");
        assert_eq!((told.len(), &told[0]["severity"]), (1, &"warning".into()), "{open}: {told:?}");
        assert!(told[0]["message"].as_str().unwrap().ends_with("the network of eth1"), "{told:?}");
    }
}

/// A client with a private address, a router with an uplink, and a host beyond.
fn uplink() -> [Netns; 3] {
    let all = [Netns::new(), Netns::new(), Netns::new()];
    let [client, router, server] = &all;
    veth(client, "eth0", "10.0.0.2/24", router, "eth0", "10.0.0.1/24");
    veth(router, "eth1", "203.0.113.1/24", server, "eth0", "203.0.113.2/24");
    client.route("0.0.0.0/0", "10.0.0.1");
    router.route("0.0.0.0/0", "203.0.113.2");
    router.sysctl("net.ipv4.ip_forward", "1");
    all
}

fn private_addresses_that_leave_are_found() {
    let wrong =
        "nft 'table ip n { chain s { type nat hook postrouting priority 100; oifname \"wan0\" masquerade; }; }'";
    let legacy = "iptables-legacy -t nat -A POSTROUTING -s 10.1.0.0/24 -o eth1 -j MASQUERADE";
    for rules in [wrong, legacy, &legacy.replace("legacy", "nft")] {
        let [client, router, server] = uplink();
        sh(&router, rules);
        let findings = found(&router, "NB0303");
        assert_eq!((findings.len(), connects(&client, &server, "203.0.113.2", 80)), (1, false), "{rules}");
        assert_eq!(findings[0]["certainty"], "proven");
        let text = findings[0]["rules"][0]["text"].as_str().unwrap().to_lowercase();
        assert!(text.contains("masquerade"), "{text}");
        let answer = why(&router, "tcp 10.0.0.2 203.0.113.2:80 -i eth0");
        assert_eq!(
            (&answer["culprit"]["kind"], &answer["fix"][0]["verified"]),
            (&"nat".into(), &true.into()),
            "{answer}"
        );
        apply(&router, &findings[0]);
        assert!(connects(&client, &server, "203.0.113.2", 80) && found(&router, "NB0303").is_empty(), "{rules}");
    }
    let [client, router, server] = uplink();
    let kind = || why(&router, "tcp 10.0.0.2 203.0.113.2:80 -i eth0")["culprit"]["kind"].clone();
    assert_eq!((kind(), connects(&client, &server, "203.0.113.2", 80)), ("nat".into(), false), "no rule at all");
    sh(&router, "ip route del default");
    assert_eq!(kind(), "none", "a network of its own, which may know the way back");
}

fn a_port_forward_that_takes_everything_is_found() {
    let [_client, router, _server] = forwarding();
    router.route("0.0.0.0/0", "192.0.2.2");
    let dnat = |first: &str| {
        format!("iptables-nft -t nat -A PREROUTING {first} -p tcp --dport 80 -j DNAT --to-destination 198.51.100.2")
    };
    sh(&router, &dnat("-i eth0"));
    assert!(found(&router, "NB0304").is_empty(), "from outside only");
    sh(&router, &format!("iptables-nft -t nat -F; {}", dnat("-m addrtype --dst-type LOCAL")));
    assert!(found(&router, "NB0304").is_empty(), "the router's own addresses only");
    sh(&router, &format!("iptables-nft -t nat -F; {}", dnat("")));
    let findings = found(&router, "NB0304");
    assert_eq!(findings.len(), 1);
    assert!(findings[0]["message"].as_str().unwrap().contains("tcp port 80"), "{findings:?}");
}

fn a_masquerade_of_everything_is_found() {
    for (wide, narrow) in [
        (
            "iptables-legacy -t nat -A POSTROUTING -j MASQUERADE",
            "iptables-legacy -t nat -R POSTROUTING 1 -o eth0 -j MASQUERADE",
        ),
        (
            "nft 'table ip n { chain s { type nat hook postrouting priority 100; masquerade; }; }'",
            "nft 'flush chain ip n s; add rule ip n s oifname eth0 masquerade'",
        ),
    ] {
        let [_client, router, _server] = forwarding();
        router.route("0.0.0.0/0", "192.0.2.2");
        sh(&router, wide);
        let findings = found(&router, "NB0305");
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"note".into()), "{wide}");
        sh(&router, narrow);
        assert!(found(&router, "NB0305").is_empty(), "{narrow}");
    }
}

fn a_port_forward_is_not_for_the_router_itself() {
    let nft = "nft 'table ip n { chain p { type nat hook prerouting priority -100; ip daddr 192.0.2.1 tcp dport 80 dnat to 198.51.100.2; }; }'";
    let output = "nft 'table ip n { chain o { type nat hook output priority -100; ip daddr 192.0.2.1 tcp dport 80 dnat to 198.51.100.2; }; }'";
    let legacy = |chain: &str| {
        format!(
            "iptables-legacy -t nat -A {chain} -d 192.0.2.1 -p tcp --dport 80 -j DNAT --to-destination 198.51.100.2"
        )
    };
    for (rule, also) in [(nft.to_owned(), output.to_owned()), (legacy("PREROUTING"), legacy("OUTPUT"))] {
        let [client, router, server] = forwarding();
        sh(&router, &rule);
        assert!(connects(&client, &server, "192.0.2.1", 80), "{rule}");
        assert_eq!((found(&router, "NB0306").len(), connects(&router, &server, "192.0.2.1", 80)), (1, false), "{rule}");
        sh(&router, &also);
        assert!(connects(&router, &server, "192.0.2.1", 80) && found(&router, "NB0306").is_empty(), "{also}");
    }
}

fn what_docker_publishes_does_not_meet_the_rules_of_input() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    sh(
        &router,
        "iptables-nft -t nat -N DOCKER; iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; \
         iptables-nft -t nat -A DOCKER ! -i eth1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 198.51.100.2:80; \
         iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -A INPUT -p tcp --dport 8080 -j DROP",
    );
    let _listens = server.run(|| std::net::TcpListener::bind("0.0.0.0:80")).unwrap();
    let to = "192.0.2.1:8080".parse().unwrap();
    let reaches =
        || client.run(|| std::net::TcpStream::connect_timeout(&to, std::time::Duration::from_millis(700)).is_ok());
    let told = found(&router, "NB0307");
    assert!(told.len() == 1 && reaches(), "{told:?}");
    apply(&router, &told[0]);
    assert!(found(&router, "NB0307").is_empty() && !reaches());
}
