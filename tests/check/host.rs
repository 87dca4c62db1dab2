//! `NB00`: the host.

use std::net::{TcpListener, UdpSocket};

use crate::common::{Netns, kernel_tests, until, veth};
use crate::record;
use crate::world::{World, apply, connects, found, routed, says, sh, why};

kernel_tests! {
    forwarding_that_is_off_is_found_and_switched_on needs ["nft", "iptables-legacy", "sysctl"];
    forwarding_of_one_interface_is_found_and_switched_on needs ["nft", "sysctl"];
    ip6_forwarding_that_is_off_is_found_and_switched_on needs ["nft", "sysctl"];
    advertisements_that_a_router_does_not_take_are_found needs ["ip", "sysctl"];
    a_strict_filter_on_the_second_uplink_is_found_and_loosened needs ["ip", "sysctl"];
    a_reverse_path_filter_made_of_rules_is_explained needs ["nft", "iptables-nft", "iptables-legacy", "sysctl"];
    translation_to_loopback_is_found_and_allowed needs ["nft", "iptables-nft", "iptables-legacy", "sysctl"];
    a_martian_is_explained needs [];
    bridged_packets_that_rules_drop_are_found_and_spared needs
        ["ip", "iptables-nft", "sysctl", "/proc/sys/net/bridge/bridge-nf-call-iptables"];
    a_router_that_does_not_answer_is_found needs ["ip"];
    a_neighbour_table_with_room_is_well needs [];
    a_route_that_throws_away_a_target_is_found_and_removed needs ["ip", "nft"];
    a_missing_default_route_is_found needs ["ip", "iptables-nft"];
    a_rule_without_routes_is_found needs ["ip"];
    an_ipsec_policy_that_blocks_is_found_and_removed needs ["ip"];
    echo_that_is_ignored_is_found_and_switched_on needs ["sysctl"];
    errors_that_were_held_back_are_counted needs ["sysctl"];
    a_router_that_cannot_say_too_big_is_found needs ["ip", "iptables-nft"];
    an_interface_that_is_down_is_found_where_rules_name_it needs ["ip", "iptables-nft"];
}

fn forwarding_that_is_off_is_found_and_switched_on() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "0");
    assert!(found(&router, "NB0003").is_empty(), "no sign that anybody needs it");
    sh(
        &router,
        "iptables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables-legacy -A FORWARD -i eth0 -j DROP",
    );
    assert!(found(&router, "NB0003").is_empty(), "no rule lets anybody begin");
    sh(&router, "iptables-legacy -A FORWARD -i eth1 -o eth0 -j ACCEPT");
    let told = found(&router, "NB0003");
    assert_eq!((told.len(), &told[0]["rules"][0]["rule_position"]), (1, &3.into()), "{told:?}");
    sh(&router, "iptables-legacy -F");
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
    router.sysctl("net.ipv4.ip_forward", "0");
    router.nft(
        "delete table ip n; \
         table ip n { chain o { type nat hook output priority -100; tcp dport 80 dnat to 198.51.100.2; }; }",
    );
    let needed = || found(&router, "NB0003").iter().any(|f| f["severity"] == "error");
    assert!(connects(&router, &server, "192.0.2.2", 80) && !needed(), "it sends itself");
    let map = "tcp dport map { 80 : 198.51.100.2 }";
    router.nft(&format!("table ip n {{ chain p {{ type nat hook prerouting priority -100; dnat to {map}; }}; }}"));
    assert!(needed());
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
    record::mended(&server.path(), "NB0006");
}

fn a_reverse_path_filter_made_of_rules_is_explained() {
    for rule in [
        "nft 'table inet rp { chain p { type filter hook prerouting priority -300; fib saddr . iif oif missing drop; }; }'",
        "nft 'table inet rp { chain p { type filter hook prerouting priority -300; policy drop; fib saddr . iif oif exists accept; }; }'",
        "iptables-nft -t raw -A PREROUTING -m rpfilter --invert -j DROP",
        "iptables-legacy -t raw -A PREROUTING -m rpfilter --invert -j DROP",
    ] {
        let [_client, router, _server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        for name in ["all", "eth0", "eth1"] {
            router.sysctl(&format!("net.ipv4.conf.{name}.rp_filter"), "0");
        }
        sh(&router, rule);
        let answer = why(&router, "udp 192.0.2.2 198.51.100.2:53 -i eth0");
        assert_eq!((&answer["verdict"], says(&answer, "NB0006")), (&"accept".into(), false), "{rule}");
        let answer = why(&router, "udp 198.51.100.7 198.51.100.2:53 -i eth0");
        assert!(answer["verdict"] == "drop" && says(&answer, "NB0006"), "{rule}: {answer}");
        assert!(
            answer["why"].to_string().contains("by eth0, where it came in, and the way back is by eth1"),
            "{answer}"
        );
    }
}

fn translation_to_loopback_is_found_and_allowed() {
    for rule in [
        "nft add table ip n; nft 'add chain ip n p { type nat hook prerouting priority -100; }'; \
         nft add rule ip n p tcp dport 80 dnat to 127.0.0.1:8080",
        "iptables-nft -t nat -A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080",
        "iptables-legacy -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080",
        "nft 'table inet n { chain p { type nat hook prerouting priority -100; dnat ip to tcp dport map { 80 : 127.0.0.1 . 8080 }; }; }'",
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

/// That none is found on a host without is told by every other test: there is nothing to look for but a packet.
fn a_martian_is_explained() {
    let w = World::new();
    assert!(says(&why(&w.server, "udp 192.0.2.1:5555 192.0.2.1:53 -i eth0"), "NB0009"));
    assert!(!says(&why(&w.server, "udp 192.0.2.2:5555 192.0.2.1:53 -i eth0"), "NB0009"));
}

fn bridged_packets_that_rules_drop_are_found_and_spared() {
    let [a, switch, b] = [Netns::new(), Netns::new(), Netns::new()];
    veth(&a, "eth0", "192.0.2.2/24", &switch, "p1", "");
    veth(&b, "eth0", "192.0.2.3/24", &switch, "p2", "");
    sh(
        &switch,
        "ip link add br0 type bridge; ip link set p1 master br0; ip link set p2 master br0; ip link set br0 up",
    );
    switch.sysctl("net.bridge.bridge-nf-call-iptables", "1");
    until("the bridge", || connects(&a, &b, "192.0.2.3", 80));
    assert!(found(&switch, "NB0010").is_empty(), "healthy");
    sh(&switch, "iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -i br0 -o br0 -j ACCEPT");
    assert!(connects(&a, &b, "192.0.2.3", 80) && found(&switch, "NB0010").is_empty(), "as Docker has it");
    sh(&switch, "iptables-nft -F FORWARD");
    assert!(!connects(&a, &b, "192.0.2.3", 80));
    let findings = found(&switch, "NB0010");
    assert_eq!(findings.len(), 1);
    apply(&switch, &findings[0]);
    assert!(connects(&a, &b, "192.0.2.3", 80) && found(&switch, "NB0010").is_empty());
}

fn a_router_that_does_not_answer_is_found() {
    let w = World::new();
    w.run("ip route add default via 192.0.2.2");
    let socket = w.server.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    let send = || drop(socket.send_to(b"x", "203.0.113.1:9"));
    send();
    assert!(found(&w.server, "NB0011").is_empty(), "healthy");
    w.run("ip route replace default via 192.0.2.77");
    send();
    until("the router to fail", || !found(&w.server, "NB0011").is_empty());
    assert!(found(&w.server, "NB0011")[0]["message"].as_str().unwrap().contains("192.0.2.77"));
    let fails = || says(&why(&w.server, "udp 192.0.2.1 203.0.113.1:9 --out"), "NB0011");
    until("it to be given up", fails);
}

/// The limits are the machine's, which tests leave alone: the table is read, and has room.
fn a_neighbour_table_with_room_is_well() {
    let w = World::new();
    assert!(w.reaches_server(80));
    assert!(found(&w.server, "NB0012").iter().all(|f| f["severity"] == "note"), "the past of this machine");
}

fn a_route_that_throws_away_a_target_is_found_and_removed() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    router
        .nft("table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80 dnat to 198.51.100.2; }; }");
    assert!(connects(&client, &server, "192.0.2.1", 80) && found(&router, "NB0013").is_empty(), "healthy");
    sh(&router, "ip route add blackhole 203.0.113.0/24; ip route add blackhole 198.51.100.77");
    assert!(found(&router, "NB0013").is_empty(), "a network that nobody uses, and a ban");
    sh(&router, "ip route add blackhole 198.51.100.0/25");
    assert!(!connects(&client, &server, "192.0.2.1", 80));
    let findings = found(&router, "NB0013");
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"error".into()));
    assert!(says(&why(&router, "tcp 192.0.2.2 198.51.100.2:80 -i eth0"), "NB0013"));
    apply(&router, &findings[0]);
    assert!(connects(&client, &server, "192.0.2.1", 80) && found(&router, "NB0013").is_empty());
}

fn a_missing_default_route_is_found() {
    let w = World::new();
    assert!(found(&w.server, "NB0014").is_empty(), "nothing is for the way out");
    w.run("iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE");
    assert_eq!(found(&w.server, "NB0014").len(), 1);
    w.run("ip route add default via 192.0.2.2");
    assert!(found(&w.server, "NB0014").is_empty());
}

fn a_rule_without_routes_is_found() {
    let w = World::new();
    assert!(found(&w.server, "NB0015").is_empty());
    w.run("ip rule add fwmark 7 lookup 77");
    assert_eq!(found(&w.server, "NB0015").len(), 1);
    w.run("ip route add default via 192.0.2.2 table 77");
    w.server.sysctl("net.ipv4.conf.all.rp_filter", "0");
    w.server.sysctl("net.ipv4.conf.eth0.rp_filter", "0");
    assert!(found(&w.server, "NB0015").is_empty());
    w.server.sysctl("net.ipv4.conf.eth0.rp_filter", "1");
    let findings = found(&w.server, "NB0015");
    assert_eq!(findings.len(), 1, "answers to marked packets");
    apply(&w.server, &findings[0]);
    assert!(found(&w.server, "NB0015").is_empty());
}

fn an_ipsec_policy_that_blocks_is_found_and_removed() {
    let w = World::new();
    assert!(w.reaches_server(80) && found(&w.server, "NB0016").is_empty());
    w.run("ip xfrm policy add src 192.0.2.2/32 dst 192.0.2.1/32 dir in action block");
    assert!(!w.reaches_server(80));
    let findings = found(&w.server, "NB0016");
    assert_eq!(findings.len(), 1);
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0"), "NB0016"));
    apply(&w.server, &findings[0]);
    assert!(w.reaches_server(80) && found(&w.server, "NB0016").is_empty());
}

fn echo_that_is_ignored_is_found_and_switched_on() {
    let w = World::new();
    assert!(found(&w.server, "NB0017").is_empty());
    w.server.sysctl("net.ipv4.icmp_echo_ignore_all", "1");
    let findings = found(&w.server, "NB0017");
    assert_eq!(findings.len(), 1);
    assert!(says(&why(&w.server, "icmp 192.0.2.2 192.0.2.1 -i eth0"), "NB0017"));
    apply(&w.server, &findings[0]);
    assert!(found(&w.server, "NB0017").is_empty());
    assert_eq!(why(&w.server, "icmp 192.0.2.2 192.0.2.1 -i eth0")["verdict"], "accept");
}

fn errors_that_were_held_back_are_counted() {
    let w = World::new();
    let socket = w.client.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    let send = || drop(socket.send_to(b"x", "192.0.2.1:9"));
    send();
    assert!(found(&w.server, "NB0018").is_empty());
    assert!(says(&why(&w.server, "udp 192.0.2.2 192.0.2.1:9 -i eth0"), "NB0018"));
    if !w.server.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp")).unwrap().contains("OutRateLimitHost") {
        return; // before Linux 6.3 nobody counts them
    }
    (0..40).for_each(|_| send());
    assert_eq!(found(&w.server, "NB0018").len(), 1);
}

fn a_router_that_cannot_say_too_big_is_found() {
    let [_client, router, _server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    sh(&router, "iptables-nft -A OUTPUT -p icmp -j DROP");
    assert!(found(&router, "NB0019").is_empty(), "all links are equal");
    sh(&router, "ip link set eth1 mtu 1280");
    assert_eq!(found(&router, "NB0019").len(), 1);
    sh(&router, "iptables-nft -I OUTPUT -m conntrack --ctstate RELATED -j ACCEPT");
    assert!(found(&router, "NB0019").is_empty());
}

fn an_interface_that_is_down_is_found_where_rules_name_it() {
    let w = World::new();
    w.run("ip link add v0 type veth peer name v1; iptables-nft -A FORWARD -i eth0 -j ACCEPT");
    assert!(found(&w.server, "NB0020").is_empty(), "no rule names it");
    w.run("iptables-nft -A FORWARD -i v0 -j ACCEPT");
    let findings = found(&w.server, "NB0020");
    assert_eq!(findings.len(), 1);
    apply(&w.server, &findings[0]);
    w.run("ip link set v1 up");
    until("carrier", || found(&w.server, "NB0020").is_empty());
}
