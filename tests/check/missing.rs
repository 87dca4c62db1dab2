//! `NB02`: rules that are missing.

use crate::common::kernel_tests;
use crate::world::{World, found, says, why};

kernel_tests! {
    answers_that_no_rule_accepts_are_found_in_every_backend needs ["nft", "iptables-nft", "iptables-legacy"];
}

fn answers_that_no_rule_accepts_are_found_in_every_backend() {
    let nft = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'";
    for (deny, allow) in [
        (nft, "nft insert rule inet f in ct state established,related accept"),
        ("iptables-nft -P INPUT DROP", "iptables-nft -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"),
        ("iptables-legacy -P INPUT DROP", "iptables-legacy -I INPUT -m state --state ESTABLISHED -j ACCEPT"),
        ("iptables-legacy -A INPUT -j DROP", "iptables-legacy -I INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    ] {
        let w = World::new();
        assert!(w.reaches_client(443) && found(&w.server, "NB0201").is_empty(), "healthy: {deny}");
        w.run(deny);
        let findings = found(&w.server, "NB0201");
        assert_eq!((findings.len(), w.reaches_client(443)), (1, false), "{deny}");
        let answer = why(&w.server, "tcp 192.0.2.2:443 192.0.2.1:40000 -i eth0 --ct established");
        assert!(says(&answer, "NB0201"), "{answer}");
        w.run(allow);
        assert!(w.reaches_client(443) && found(&w.server, "NB0201").is_empty(), "{allow}");
    }
}
