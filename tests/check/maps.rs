//! `NB03`: address translation by maps, and behind jumps that a map decides about.

use std::net::TcpListener;

use crate::common::{Netns, kernel_tests};
use crate::world::{apply, connects, found, routed, says, sh, why};

kernel_tests! {
    what_a_map_sends_on_and_the_filter_drops_is_found_and_mended needs ["nft"];
    only_the_elements_that_are_lost_are_told needs ["nft"];
    a_map_that_turns_back_is_found_and_mended needs ["nft"];
    a_map_that_takes_everything_is_found_and_is_not_for_the_router needs ["nft"];
    more_port_forwards_than_are_tried_are_told needs ["nft"];
}

/// A client, a router that forwards with these rules, and a server behind it.
fn forwarding(rules: &str) -> [Netns; 3] {
    let all = routed();
    all[1].sysctl("net.ipv4.ip_forward", "1");
    all[0].route("203.0.113.0/24", "192.0.2.1");
    all[1].nft(rules);
    all
}

/// A chain `p` at prerouting with one rule, what else there is in its table, and a filter.
fn table(family: &str, rule: &str, more: &str, filter: &str) -> String {
    format!(
        "table {family} n {{
            {more}
            chain p {{ type nat hook prerouting priority -100; {rule}; }}
            chain f {{ type filter hook forward priority 0; policy drop; ct state established accept; {filter} }}
        }}"
    )
}

const SERVICES: &str = "
    map services {
        type ipv4_addr . inet_proto . inet_service : verdict;
        elements = { 203.0.113.1 . tcp . 80 : goto one, 203.0.113.1 . tcp . 443 : goto two };
    }
    chain to80 { meta l4proto tcp dnat ip to 198.51.100.2:8080; }
    chain to443 { meta l4proto tcp dnat ip to 198.51.100.2:8443; }
    chain one { numgen random mod 2 vmap { 0 : goto to80, 1 : goto to443 }; }
    chain two { numgen random mod 1 vmap { 0 : goto to443 }; }
    chain services { ip daddr . meta l4proto . th dport vmap @services; }
";
const PORTS: &str = "map m { type inet_service : ipv4_addr; elements = { 8080 : 198.51.100.2, 8443 : 198.51.100.2 }; }";
const ENDS: &str = "dnat ip to ip daddr . tcp dport map { 192.0.2.1 . 80 : 198.51.100.2 . 8080, 192.0.2.1 . 443 : 198.51.100.2 . 8443 }";

fn what_a_map_sends_on_and_the_filter_drops_is_found_and_mended() {
    for (rules, address, ports, many) in [
        (table("ip", "ip daddr 192.0.2.1 dnat to tcp dport map @m", PORTS, ""), "192.0.2.1", [8080, 8443], 1),
        (table("ip", ENDS, "", ""), "192.0.2.1", [80, 443], 1),
        (table("inet", ENDS, "", ""), "192.0.2.1", [80, 443], 1),
        (table("ip", "jump services", SERVICES, ""), "203.0.113.1", [80, 443], 2),
    ] {
        let [client, router, server] = forwarding(&rules);
        let _listen = [8080, 8443].map(|p| server.run(|| TcpListener::bind(("0.0.0.0", p))).unwrap());
        let through = || ports.map(|p| connects(&client, &server, address, p));
        let findings = found(&router, "NB0301");
        assert_eq!((findings.len(), through()), (many, [false; 2]), "{rules}: {findings:?}");
        assert!(says(&why(&router, &format!("tcp 192.0.2.2 {address}:{} -i eth0", ports[0])), "NB0301"), "{rules}");
        assert_eq!(findings[0]["fix"][0]["verified"], true, "{findings:?}");
        apply(&router, &findings[0]);
        assert_eq!((through(), found(&router, "NB0301").len()), ([true; 2], 0), "{rules}");
    }
}

fn only_the_elements_that_are_lost_are_told() {
    let rules = table("ip", "ip daddr 192.0.2.1 dnat to tcp dport map @m", PORTS, "tcp dport 8080 accept;");
    let [client, router, server] = forwarding(&rules);
    assert!(connects(&client, &server, "192.0.2.1", 8080) && !connects(&client, &server, "192.0.2.1", 8443));
    let findings = found(&router, "NB0301");
    let message = &findings[0]["message"];
    assert_eq!(message, "packets that are sent on to 198.51.100.2 port 8443 never get there", "{findings:?}");
    sh(&router, "nft delete element ip n m '{ 8443 }'");
    assert!(found(&router, "NB0301").is_empty(), "what is left gets through");
}

fn a_map_that_turns_back_is_found_and_mended() {
    let [_client, router, server] = forwarding(&table("ip", ENDS, "", "accept;"));
    let _listen = [8080, 8443].map(|p| server.run(|| TcpListener::bind(("0.0.0.0", p))).unwrap());
    let turns_back = || [80, 443].map(|p| connects(&server, &server, "192.0.2.1", p));
    let findings = found(&router, "NB0302");
    assert_eq!((findings.len(), turns_back()), (1, [false; 2]), "{findings:?}");
    assert_eq!(findings[0]["fix"][0]["verified"], true, "{findings:?}");
    apply(&router, &findings[0]);
    assert_eq!((turns_back(), found(&router, "NB0302").len()), ([true; 2], 0));
}

fn a_map_that_takes_everything_is_found_and_is_not_for_the_router() {
    let [client, router, server] = forwarding(&table("ip", "dnat to tcp dport map @m", PORTS, "accept;"));
    router.route("0.0.0.0/0", "192.0.2.2");
    let findings = found(&router, "NB0304");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0]["message"].as_str().unwrap().contains("tcp port 8080"), "{findings:?}");
    sh(&router, "nft flush chain ip n p; nft add rule ip n p ip daddr 192.0.2.1 dnat to tcp dport map @m");
    assert!(found(&router, "NB0304").is_empty(), "for the router's address only");
    let of_router = || (found(&router, "NB0306").len(), connects(&router, &server, "192.0.2.1", 8080));
    assert!(connects(&client, &server, "192.0.2.1", 8080));
    assert_eq!(of_router(), (1, false));
    router.nft(
        "table ip n { chain o { type nat hook output priority -100; ip daddr 192.0.2.1 dnat to tcp dport map @m; }; }",
    );
    assert_eq!(of_router(), (0, true));
}

fn more_port_forwards_than_are_tried_are_told() {
    let map = |many: u16| {
        let all: Vec<String> = (1..=many).map(|p| format!("{p} : 198.51.100.2")).collect();
        format!("map big {{ type inet_service : ipv4_addr; elements = {{ {} }}; }}", all.join(", "))
    };
    for (many, told) in [(256, 0), (300, 1)] {
        let rules = table("ip", "ip daddr 192.0.2.1 dnat to tcp dport map @big", &map(many), "accept;");
        let findings = found(&forwarding(&rules)[1], "NB0309");
        assert_eq!(findings.len(), told, "{many}: {findings:?}");
    }
}
