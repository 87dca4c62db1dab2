//! `NB05`: sockets.

use std::net::TcpListener;

use crate::common::kernel_tests;
use crate::world::{World, found, says, why};

kernel_tests! {
    a_service_that_no_rule_allows_is_found needs ["iptables-nft"];
}

fn a_service_that_no_rule_allows_is_found() {
    let w = World::new();
    let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let _local = w.server.run(|| TcpListener::bind("127.0.0.1:8081")).unwrap();
    assert!(found(&w.server, "NB0501").is_empty() && w.reaches_server(8080));
    w.run("iptables-nft -P INPUT DROP");
    let findings = found(&w.server, "NB0501");
    assert_eq!(findings.len(), 1);
    assert!(findings[0]["message"].as_str().unwrap().contains("tcp port 8080"));
    assert!(!w.reaches_server(8080));
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0"), "NB0501"));
    w.run("iptables-nft -I INPUT -p tcp --dport 8080 -j ACCEPT");
    assert!(found(&w.server, "NB0501").is_empty() && w.reaches_server(8080));
}
