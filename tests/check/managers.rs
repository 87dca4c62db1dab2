//! `NB07`: managers.

use crate::common::kernel_tests;
use crate::world::{World, found};

kernel_tests! {
    two_backends_at_one_hook_are_found needs ["nft", "iptables-legacy"];
}

fn two_backends_at_one_hook_are_found() {
    let w = World::new();
    w.server.nft("table inet f { chain input { type filter hook input priority 0; tcp dport 80 accept; }; }");
    assert!(found(&w.server, "NB0701").is_empty());
    w.run("iptables-legacy -A INPUT -p tcp --dport 80 -j DROP");
    assert_eq!((found(&w.server, "NB0701").len(), w.reaches_server(80)), (1, false));
    w.run("iptables-legacy -F");
    assert!(found(&w.server, "NB0701").is_empty() && w.reaches_server(80));
}
