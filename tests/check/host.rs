//! `NB00`: the host.

use crate::common::kernel_tests;
use crate::world::{apply, connects, found, routed, says, why};

kernel_tests! {
    forwarding_that_is_off_is_found_and_switched_on needs ["nft", "sysctl"];
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
