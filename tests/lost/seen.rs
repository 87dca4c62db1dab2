//! What a watch says of packets that the kernel's trace does not tell everything of.

use std::net::{SocketAddrV6, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use nfblame::blame::{Blame, Confidence, CulpritKind, Verdict};

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, raw, udp};
use crate::watcher::{Watcher, traced};

kernel_tests! {
    a_target_that_makes_a_packet_longer_does_not_make_two_of_it needs ["linux 5.12", "iptables-legacy"];
    a_later_fragment_is_told_by_the_rule_that_drops_it needs ["linux 5.12", "ip6tables-legacy"];
    a_reject_that_nobody_hears_of_is_a_drop needs ["linux 5.12", "nft"];
    a_wrong_checksum_is_thought_of_where_nobody_listens needs ["linux 5.12"];
    a_link_local_neighbour_is_waited_for needs ["linux 5.12"];
    a_listener_takes_no_connection_that_it_cannot_answer needs ["linux 5.12"];
}

/// The next blame that is about a packet to this port.
fn about(watch: &Watcher, port: u16) -> Blame {
    loop {
        let blame = watch.blame();
        if blame.packet.destination_port == Some(port) {
            return blame;
        }
    }
}

fn place(blame: &Blame) -> (Option<&str>, Option<&str>, Option<u32>) {
    let c = &blame.culprit;
    (c.table_name.as_deref(), c.chain_name.as_deref(), c.rule_position)
}

/// A TCP header with these flags and no options, not summed up.
fn segment(port: u16, flags: u8) -> Vec<u8> {
    let mut header = vec![0x9c, 0x40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
    header[2..4].copy_from_slice(&port.to_be_bytes());
    header
}

/// TCPMSS adds an option to a SYN that has none: the rules behind it see a longer packet.
fn a_target_that_makes_a_packet_longer_does_not_make_two_of_it() {
    let lab = Lab::new();
    lab.run("iptables-legacy -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000");
    lab.run("iptables-legacy -A FORWARD -p tcp --dport 80 -j DROP");
    let watch = Watcher::start(&lab.router, traced("tcp"));
    raw(&lab.client, "10.9.2.2", 6, &segment(80, 2));
    let blame = about(&watch, 80);
    assert_eq!(
        (blame.verdict, place(&blame)),
        (Verdict::Drop, (Some("filter"), Some("FORWARD"), Some(1))),
        "{blame:#?}"
    );
    assert_eq!(blame.confidence, Confidence::Certain);
    let mangled = blame.path.iter().any(|s| s.table_name.as_deref() == Some("mangle") && s.hook == "forward");
    assert!(mangled, "both tables are in one path: {blame:#?}");
}

/// nf_tables tells the first half of its network header only.
fn a_later_fragment_is_told_by_the_rule_that_drops_it() {
    let lab = Lab::new();
    lab.run("ip6tables-legacy -A FORWARD -m frag --fraglast -j DROP");
    let watch = Watcher::start(&lab.router, traced("ip6 and dst host fd09:2::2"));
    lab.client.run(|| UdpSocket::bind("[::]:0").unwrap().send_to(&[0; 3000], "[fd09:2::2]:53").unwrap());
    let blame = loop {
        let blame = watch.blame();
        if blame.verdict.is_loss() {
            break blame;
        }
    };
    assert_eq!(place(&blame), (Some("filter"), Some("FORWARD"), Some(1)), "{blame:#?}");
    assert_eq!((blame.confidence, blame.packet.length), (Confidence::Certain, 160), "{blame:#?}");
}

fn a_reject_that_nobody_hears_of_is_a_drop() {
    let lab = Lab::new();
    lab.router.nft("table ip t {\n chain c {\n type filter hook input priority 0;\n meta l4proto { tcp, udp } counter reject\n }\n}");
    let watch = Watcher::start(&lab.router, traced("udp"));
    // Nobody is told of a broadcast.
    lab.client.run(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_broadcast(true).unwrap();
        socket.send_to(b"x", "10.9.1.255:5001").unwrap();
    });
    let blame = about(&watch, 5001);
    assert_eq!((blame.verdict, place(&blame).2), (Verdict::Drop, Some(1)), "{blame:#?}");
    udp(&lab.client, "10.9.1.1", 5002);
    assert_eq!(about(&watch, 5002).verdict, Verdict::Reject);
}

/// Where a packet's checksum is wrong nobody is told that nobody listens. A trace does not have it; a counter moves.
fn a_wrong_checksum_is_thought_of_where_nobody_listens() {
    let lab = Lab::new();
    let watch = Watcher::start(&lab.router, traced("udp"));
    udp(&lab.client, "10.9.1.1", 5001);
    let blame = about(&watch, 5001);
    let nobody = (CulpritKind::Socket, Some("no listener"));
    assert_eq!((blame.culprit.kind, blame.culprit.detail.as_deref()), nobody);
    assert_eq!(blame.confidence, Confidence::Certain);
    raw(&lab.client, "10.9.1.1", 17, &[0x9c, 0x40, 0x13, 0x8a, 0, 9, 0xba, 0xd0, b'x']);
    let blame = about(&watch, 5002);
    assert_eq!(blame.confidence, Confidence::Likely, "{blame:#?}");
    let culprits = std::iter::once(&blame.culprit).chain(&blame.alternatives);
    let details: Vec<_> = culprits.map(|c| c.detail.as_deref()).collect();
    assert!(details.contains(&Some("no listener")) && details.contains(&Some("wrong checksum")), "{blame:#?}");
}

/// Link-local addresses are on every link: the one meant is that of the device.
fn a_link_local_neighbour_is_waited_for() {
    let lab = Lab::new();
    let watch = Watcher::start(&lab.router, traced("udp"));
    let to = SocketAddrV6::new("fe80::77".parse().unwrap(), 5001, 0, lab.router.index("r1"));
    lab.router.run(|| UdpSocket::bind("[::]:0").unwrap().send_to(b"x", to)).unwrap();
    let blame = about(&watch, 5001);
    assert_eq!(blame.culprit.kind, CulpritKind::Neighbour, "{blame:#?}");
    assert_eq!(blame.confidence, Confidence::Certain);
}

/// No hook sees an answer that no route leads back: the SYN itself is what is lost.
fn a_listener_takes_no_connection_that_it_cannot_answer() {
    let lab = Lab::new();
    // A host that looks back drops it before it looks for a listener.
    for of in ["all", "r0"] {
        lab.router.sysctl(&format!("net.ipv4.conf.{of}.rp_filter"), "0");
    }
    let _listens = lab.router.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    let connects = || {
        let to = "10.9.1.1:80".parse().unwrap();
        lab.client.run(|| TcpStream::connect_timeout(&to, Duration::from_millis(700)).is_ok())
    };
    assert!(connects());
    let ways = [
        ("ip route add blackhole 10.9.1.2", "blackhole"),
        ("ip route del blackhole 10.9.1.2; ip route del 10.9.1.0/24", "no route"),
    ];
    for (change, detail) in ways {
        for command in change.split("; ") {
            lab.run(command);
        }
        let watch = Watcher::start(&lab.router, traced("tcp dst port 80"));
        assert!(!connects(), "{change}");
        let blame = about(&watch, 80);
        let culprit = (blame.culprit.kind, blame.culprit.detail.as_deref());
        assert_eq!((blame.verdict, culprit), (Verdict::Drop, (CulpritKind::Route, Some(detail))), "{blame:#?}");
        assert_eq!(blame.confidence, Confidence::Certain);
    }
}
