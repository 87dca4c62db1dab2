//! Elements of sets that stop a client: taken out, by their tools and in the words of who fills them.

use std::net::TcpListener;

use serde_json::Value;

use crate::common::kernel_tests;
use crate::world::{World, connects, sh, why};

kernel_tests! {
    an_element_that_stops_a_client_is_taken_out needs ["nft", "iptables-nft", "iptables-legacy", "ipset"];
    who_bans_is_told_to_lift_the_ban needs ["nft", "iptables-nft", "iptables-legacy", "ip6tables-nft", "ipset"];
    a_rule_that_denies_one_address_is_deleted_by_its_manager needs ["iptables-nft", "iptables-legacy"];
}

const ASKED: &str = "tcp 192.0.2.2 192.0.2.1:8080 -i eth0";

/// The fix with a command that begins so.
fn fix<'a>(answer: &'a Value, begins: &str) -> &'a Value {
    let is_it = |f: &&Value| f["commands"][0].as_str().is_some_and(|c| c.starts_with(begins));
    let found = answer["fix"].as_array().unwrap().iter().find(is_it);
    let found = found.unwrap_or_else(|| panic!("no fix {begins:?}: {}", answer["fix"]));
    assert_eq!(found["verified"], true, "{found}");
    found
}

fn input(sets: &str, rules: &str) -> String {
    format!("nft 'table inet f {{ {sets}; chain i {{ type filter hook input priority 0; {rules}; }}; }}'")
}

fn an_element_that_stops_a_client_is_taken_out() {
    let others = (1..40).map(|n| format!("203.0.113.{n}")).collect::<Vec<_>>().join(", ");
    let ranges = (1..40).map(|n| format!("198.51.{n}.0/24")).collect::<Vec<_>>().join(", ");
    for (rules, begins, is_first) in [
        (
            input("set s { type ipv4_addr; elements = { 192.0.2.2 }; }", "ip saddr @s drop"),
            "nft 'delete element inet f s { 192.0.2.2 }'",
            true,
        ),
        (
            input(&format!("set s {{ type ipv4_addr; elements = {{ {others}, 192.0.2.2 }}; }}"), "ip saddr @s reject"),
            "nft 'delete element inet f s { 192.0.2.2 }'",
            true,
        ),
        (
            input(
                &format!(
                    "set s {{ type ipv4_addr; flags interval; elements = {{ {ranges}, 192.0.2.0/28, 192.0.2.16-192.0.2.40 }}; }}"
                ),
                "ip saddr @s drop",
            ),
            "nft 'delete element inet f s { 192.0.2.0/28 }'",
            false,
        ),
        (
            input(
                "set s { type ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/28 . 8000-8999 }; }",
                "ip saddr . tcp dport @s drop",
            ),
            "nft 'delete element inet f s { 192.0.2.0/28 . 8000-8999 }'",
            false,
        ),
        (
            input(
                "map m { type inet_service : verdict; elements = { 22 : accept, 8080 : drop }; }",
                "tcp dport vmap @m",
            ),
            "nft 'delete element inet f m { 8080 }'",
            false,
        ),
        (
            "ipset create s hash:ip; ipset add s 192.0.2.2; iptables-nft -A INPUT -m set --match-set s src -j DROP"
                .into(),
            "ipset del s 192.0.2.2",
            true,
        ),
        (
            "ipset create s hash:net,port; ipset add s 192.0.2.0/24,tcp:8080; \
             iptables-legacy -A INPUT -m set --match-set s src,dst -j REJECT"
                .into(),
            "ipset del s 192.0.2.0/24,tcp:8080",
            false,
        ),
        (
            "ipset create a hash:ip; ipset add a 192.0.2.2; ipset create s list:set; ipset add s a; \
             iptables-legacy -A INPUT -m set --match-set s src -j DROP"
                .into(),
            "ipset del a 192.0.2.2",
            true,
        ),
    ] {
        let w = World::new();
        w.run(&rules);
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(!w.reaches_server(8080), "{rules}");
        let answer = why(&w.server, ASKED);
        let told = fix(&answer, begins);
        assert_eq!(answer["fix"][0] == *told, is_first, "{}", answer["fix"]);
        assert!(told["also_allows"][0].as_str().unwrap().contains("whatever else"), "{told}");
        sh(&w.server, told["commands"][0].as_str().unwrap());
        assert!(w.reaches_server(8080), "{rules}: {told}");
    }
}

fn who_bans_is_told_to_lift_the_ban() {
    let f2b = "nft 'table inet f2b-table { set addr-set-web { type ipv4_addr; elements = { 192.0.2.2 }; }; \
               chain f2b-chain { type filter hook input priority filter - 1; tcp dport 8080 ip saddr @addr-set-web reject; }; }'";
    let crowdsec = "nft 'table ip crowdsec { set crowdsec-blacklists { type ipv4_addr; flags timeout; elements = { 192.0.2.2 timeout 1h }; }; \
                    chain crowdsec-chain { type filter hook input priority filter - 10; ip saddr @crowdsec-blacklists drop; }; }'";
    let firewalld = "nft 'table inet firewalld { set bad { type ipv4_addr; elements = { 192.0.2.2 }; }; \
                     chain filter_INPUT { type filter hook input priority filter + 10; ip saddr @bad drop; }; }'";
    let cases = [
        (
            f2b,
            "fail2ban-client set web unbanip 192.0.2.2",
            "nft 'delete element inet f2b-table addr-set-web { 192.0.2.2 }'",
        ),
        (
            "ipset create f2b-web hash:ip timeout 600; ipset add f2b-web 192.0.2.2; \
             iptables-nft -I INPUT -p tcp -m multiport --dports 8080 -m set --match-set f2b-web src -j REJECT",
            "fail2ban-client set web unbanip 192.0.2.2",
            "ipset del f2b-web 192.0.2.2",
        ),
        (
            crowdsec,
            "cscli decisions delete --ip 192.0.2.2",
            "nft 'delete element ip crowdsec crowdsec-blacklists { 192.0.2.2 }'",
        ),
        (
            "ipset create crowdsec-blacklists-0 hash:net timeout 300; ipset add crowdsec-blacklists-0 192.0.2.0/24; \
             iptables-legacy -N CROWDSEC_CHAIN; iptables-legacy -A INPUT -j CROWDSEC_CHAIN; \
             iptables-legacy -A CROWDSEC_CHAIN -m set --match-set crowdsec-blacklists-0 src -j DROP",
            "cscli decisions delete --range 192.0.2.0/24",
            "ipset del crowdsec-blacklists-0 192.0.2.0/24",
        ),
        (
            firewalld,
            "firewall-cmd --ipset=bad --remove-entry=192.0.2.2",
            "nft 'delete element inet firewalld bad { 192.0.2.2 }'",
        ),
    ];
    for (rules, words, raw) in cases {
        let w = World::new();
        w.run(rules);
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(!w.reaches_server(8080), "{rules}");
        let answer = why(&w.server, ASKED);
        assert_eq!((&answer["fix"][0]["commands"][0], &answer["fix"][0]["verified"]), (&words.into(), &true.into()));
        sh(&w.server, fix(&answer, raw)["commands"][0].as_str().unwrap());
        assert!(w.reaches_server(8080), "{rules}");
    }
    // The sets of IPv6 have a name of their own.
    let w = World::new();
    w.client.address("eth0", "2001:db8::2/64");
    w.server.address("eth0", "2001:db8::1/64");
    w.run("ipset create f2b-web6 hash:ip family inet6; ipset add f2b-web6 2001:db8::2; ip6tables-nft -I INPUT -p tcp -m set --match-set f2b-web6 src -j DROP");
    let _service = w.server.run(|| TcpListener::bind("[::]:8080")).unwrap();
    assert!(!connects(&w.client, &w.server, "2001:db8::1", 8080));
    let answer = why(&w.server, "tcp 2001:db8::2 [2001:db8::1]:8080 -i eth0");
    assert_eq!(answer["fix"][0]["commands"][0], "fail2ban-client set web unbanip 2001:db8::2");
}

fn a_rule_that_denies_one_address_is_deleted_by_its_manager() {
    for (rules, words) in [
        (
            "iptables-nft -N ufw-user-input; iptables-nft -A INPUT -j ufw-user-input; \
             iptables-nft -A ufw-user-input -s 192.0.2.2 -j DROP; iptables-nft -A ufw-user-input -p tcp --dport 8080 -j ACCEPT",
            "ufw delete deny from 192.0.2.2",
        ),
        // A rule for a whole network may be meant for the others.
        (
            "iptables-nft -N ufw-user-input; iptables-nft -A INPUT -j ufw-user-input; \
             iptables-nft -A ufw-user-input -s 192.0.2.0/24 -j DROP",
            "ufw prepend allow proto tcp from 192.0.2.2 to any port 8080",
        ),
        (
            "iptables-legacy -N shorewall; iptables-legacy -N dynamic; iptables-legacy -A INPUT -j dynamic; \
             iptables-legacy -A dynamic -s 192.0.2.2 -j DROP",
            "shorewall allow 192.0.2.2",
        ),
    ] {
        let w = World::new();
        w.run(rules);
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(!w.reaches_server(8080), "{rules}");
        let answer = why(&w.server, ASKED);
        assert_eq!((&answer["fix"][0]["commands"][0], &answer["fix"][0]["verified"]), (&words.into(), &true.into()));
    }
}
