//! ARP that rules drop: who asked for whom.

use crate::common::Netns;
use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, udp, udp_socket};
use crate::lost::{who, why};
use crate::watcher::{Watcher, traced};

kernel_tests! {
    a_dropped_request_says_who_asks_for_whom needs ["linux 5.12", "nft", "ip"];
}

fn a_dropped_request_says_who_asks_for_whom() {
    let lab = Lab::new();
    lab.router
        .nft("table arp a {\n chain c {\n type filter hook input priority 0;\n arp saddr ip 10.9.1.2 drop\n }\n}");
    let _socket = udp_socket(&lab.router, 53);
    let watch = Watcher::start(&lab.router, traced("arp"));
    let forget = |ns: &Netns, words: &str| ns.try_cmd("ip", &words.split(' ').collect::<Vec<_>>(), "");
    forget(&lab.client, "neigh flush all");
    udp(&lab.client, "10.9.1.1", 53);
    let blame = watch.blame();
    let p = &blame.packet;
    let end = |a: Option<std::net::IpAddr>| a.map(|a| a.to_string());
    assert_eq!(
        (p.family.as_ref(), end(p.source), end(p.destination)),
        ("arp", Some("10.9.1.2".into()), Some("10.9.1.1".into()))
    );
    assert_eq!(blame.culprit.chain_name.as_deref(), Some("c"), "{blame:#?}");
    assert_eq!(who(&why(&lab.router, "udp 10.9.1.2 10.9.1.1:53 -i r0")), "likely drop rule arp a c 1");
}
