//! `NB04`: conntrack.

use std::net::UdpSocket;

use crate::common::kernel_tests;
use crate::world::{World, found};

kernel_tests! {
    a_table_that_is_nearly_full_is_found needs ["iptables-nft"];
}

/// The limit can be set in the initial namespace only, where tests change nothing: connections up to it are many, so that
/// what is seen here is the healthy half and the numbers; the rest is the unit test's.
fn a_table_that_is_nearly_full_is_found() {
    let w = World::new();
    w.run("iptables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP");
    let socket = w.client.run(|| UdpSocket::bind("192.0.2.2:0")).unwrap();
    for port in 1..50 {
        let _ = socket.send_to(b"x", ("192.0.2.1", port));
    }
    let key = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        w.server.run(|| std::fs::read_to_string(path)).unwrap().trim().parse::<u64>().unwrap()
    };
    let full = key("count") * 100 >= key("max") * 80;
    assert_eq!(found(&w.server, "NB0401").len(), usize::from(full));
}
