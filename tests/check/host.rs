//! `NB00`: the host.

use std::net::TcpListener;

use crate::common::{Netns, kernel_tests, veth};
use crate::world::{World, apply, connects, found, routed, says, sh, why};

kernel_tests! {
    forwarding_that_is_off_is_found_and_switched_on needs ["nft", "sysctl"];
    forwarding_of_one_interface_is_found_and_switched_on needs ["nft", "sysctl"];
    ip6_forwarding_that_is_off_is_found_and_switched_on needs ["nft", "sysctl"];
    advertisements_that_a_router_does_not_take_are_found needs ["ip", "sysctl"];
    a_strict_filter_on_the_second_uplink_is_found_and_loosened needs ["ip", "sysctl"];
    translation_to_loopback_is_found_and_allowed needs ["nft", "iptables-nft", "iptables-legacy", "sysctl"];
}

fn forwarding_that_is_off_is_found_and_switched_on() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "0");
    assert!(found(&router, "NB0003").is_empty(), "no sign that anybody needs it");
    router
        .nft("table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80 dnat to 198.51.100.2; }; }");
    let findings = found(&router, "NB0003");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"error".into()));
    assert_eq!(findings[0]["evidence"][0]["value"], "0");
    assert!(!connects(&client, &server, "192.0.2.1", 80));
    let answer = why(&router, "tcp 192.0.2.2 198.51.100.2:80 -i eth0");
    assert!(says(&answer, "NB0003"), "{answer}");
    apply(&router, &findings[0]);
    assert!(connects(&client, &server, "192.0.2.1", 80));
    assert!(found(&router, "NB0003").is_empty());
}

fn forwarding_of_one_interface_is_found_and_switched_on() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    router.nft(
        "table ip f { chain forward { type filter hook forward priority 0; policy drop; \
         ct state established accept; iifname \"eth0\" accept; }; }",
    );
    assert!(connects(&client, &server, "198.51.100.2", 80) && found(&router, "NB0002").is_empty(), "healthy");
    router.sysctl("net.ipv4.conf.eth0.forwarding", "0");
    assert!(!connects(&client, &server, "198.51.100.2", 80));
    let findings = found(&router, "NB0002");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()));
    assert!(says(&why(&router, "tcp 192.0.2.2 198.51.100.2:80 -i eth0"), "NB0002"));
    apply(&router, &findings[0]);
    assert!(connects(&client, &server, "198.51.100.2", 80) && found(&router, "NB0002").is_empty());
}

fn ip6_forwarding_that_is_off_is_found_and_switched_on() {
    let all @ [client, router, server] = &[Netns::new(), Netns::new(), Netns::new()];
    veth(client, "eth0", "2001:db8:1::2/64", router, "eth0", "2001:db8:1::1/64");
    veth(router, "eth1", "2001:db8:2::1/64", server, "eth0", "2001:db8:2::2/64");
    router.address("eth1", "fe80::1/64"); // from where it asks for the neighbours of others
    client.route("::/0", "2001:db8:1::1");
    server.route("::/0", "2001:db8:2::1");
    assert!(all.iter().all(|ns| found(ns, "NB0004").is_empty()), "nobody needs it yet");
    assert!(!connects(client, server, "2001:db8:2::2", 80));
    let findings = found(router, "NB0004");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()), "packets came in");
    assert!(says(&why(router, "tcp 2001:db8:1::2 [2001:db8:2::2]:80 -i eth0"), "NB0004"));
    apply(router, &findings[0]);
    assert!(connects(client, server, "2001:db8:2::2", 80) && found(router, "NB0004").is_empty());
    router.sysctl("net.ipv6.conf.all.forwarding", "0");
    router
        .nft("table ip6 n { chain p { type nat hook prerouting priority -100; tcp dport 8 dnat to 2001:db8:2::2; }; }");
    assert_eq!(found(router, "NB0004")[0]["severity"], "error");
}

fn advertisements_that_a_router_does_not_take_are_found() {
    let w = World::new();
    w.server.address("eth0", "2001:db8:1::1/64");
    w.server.sysctl("net.ipv6.conf.eth0.accept_ra", "1");
    w.server.sysctl("net.ipv6.conf.all.forwarding", "1");
    assert!(found(&w.server, "NB0005").is_empty(), "addresses of its own");
    w.run("ip -6 route add default via 2001:db8:1::2 dev eth0 proto ra expires 1800");
    let findings = found(&w.server, "NB0005");
    assert_eq!(findings.len(), 1);
    apply(&w.server, &findings[0]);
    assert!(found(&w.server, "NB0005").is_empty());
}

fn a_strict_filter_on_the_second_uplink_is_found_and_loosened() {
    let (client, server) = (Netns::new(), Netns::new());
    veth(&client, "a", "192.0.2.2/24", &server, "eth0", "192.0.2.1/24");
    veth(&client, "b", "198.51.100.2/24", &server, "eth1", "198.51.100.1/24");
    client.sysctl("net.ipv4.conf.all.rp_filter", "0");
    client.sysctl("net.ipv4.conf.a.rp_filter", "0");
    client.sysctl("net.ipv4.conf.b.rp_filter", "0");
    sh(&client, "ip addr add 203.0.113.9/32 dev lo");
    sh(&server, "ip route add default via 192.0.2.2 metric 10; ip route add default via 198.51.100.2 metric 20");
    sh(&client, "ip route replace 198.51.100.1/32 dev b src 203.0.113.9");
    for name in ["all", "eth0", "eth1"] {
        server.sysctl(&format!("net.ipv4.conf.{name}.rp_filter"), "0");
    }
    assert!(connects(&client, &server, "198.51.100.1", 80) && found(&server, "NB0006").is_empty(), "healthy");
    server.sysctl("net.ipv4.conf.all.rp_filter", "1");
    assert!(!connects(&client, &server, "198.51.100.1", 80));
    let findings = found(&server, "NB0006");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()), "{findings:?}");
    assert!(says(&why(&server, "tcp 203.0.113.9 198.51.100.1:80 -i eth1"), "NB0006"));
    apply(&server, &findings[0]);
    assert!(connects(&client, &server, "198.51.100.1", 80));
    assert!(found(&server, "NB0006").iter().all(|f| f["certainty"] == "possible"), "only what was counted is left");
}

fn translation_to_loopback_is_found_and_allowed() {
    for rule in [
        "nft add table ip n; nft 'add chain ip n p { type nat hook prerouting priority -100; }'; \
         nft add rule ip n p tcp dport 80 dnat to 127.0.0.1:8080",
        "iptables-nft -t nat -A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080",
        "iptables-legacy -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080",
    ] {
        let w = World::new();
        let _service = w.server.run(|| TcpListener::bind("127.0.0.1:8080")).unwrap();
        assert!(found(&w.server, "NB0007").is_empty());
        w.run(rule);
        let reaches = || {
            w.client.run(|| {
                let to = "192.0.2.1:80".parse().unwrap();
                std::net::TcpStream::connect_timeout(&to, std::time::Duration::from_millis(700)).is_ok()
            })
        };
        assert!(!reaches(), "{rule}");
        let findings = found(&w.server, "NB0007");
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"error".into()), "{rule}");
        assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0"), "NB0007"), "{rule}");
        apply(&w.server, &findings[0]);
        assert!(reaches() && found(&w.server, "NB0007").is_empty(), "{rule}");
    }
}
