//! Packets that all rules let pass, and that the kernel drops behind them: no port is left to translate to, a socket's buffer
//! is full. Each is asked about, and seen by a watch.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use nfblame::blame::{Blame, CulpritKind};

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, udp};
use crate::lost::{who, why};
use crate::watcher::{Watcher, traced};

kernel_tests! {
    // Before, traces do not say that the packet began a connection.
    a_connection_without_a_port_to_translate_to_is_dropped needs ["linux 6.18", "nft"];
    a_port_that_another_connection_has_is_known needs ["nft"];
    a_port_to_one_that_is_chosen_at_random_may_be_taken needs ["nft"];
    a_socket_that_is_not_read_loses_packets needs ["linux 5.12"];
}

/// The next blame that is about a lost packet to this port.
fn lost(watch: &Watcher, port: u16) -> Blame {
    loop {
        let blame = watch.blame();
        if blame.verdict.is_loss() && blame.packet.destination_port == Some(port) {
            return blame;
        }
    }
}

/// All connections leave from one port.
const ONE_PORT: &str = "table ip n {
 chain c {
  type nat hook postrouting priority srcnat;
  oifname r1 tcp dport 80 snat to 10.9.2.1:7000
 }
}";

fn connect(lab: &Lab) -> std::io::Result<TcpStream> {
    let to = SocketAddr::from(([10, 9, 2, 2], 80));
    lab.client.run(|| TcpStream::connect_timeout(&to, Duration::from_millis(700)))
}

fn a_port_that_another_connection_has_is_known() {
    let lab = Lab::new();
    lab.router.nft(ONE_PORT);
    let _listener = lab.server.run(|| TcpListener::bind("10.9.2.2:80")).unwrap();
    let ask = |dst: &str| who(&why(&lab.router, &format!("tcp 10.9.1.2:40000 {dst} -i r0")));
    assert_eq!(ask("10.9.2.2:80"), "certain accept none");
    let _first = connect(&lab).unwrap();
    assert_eq!(ask("10.9.2.2:80"), "certain drop nat no port left");
    // To another port the same one is free.
    assert_eq!(ask("10.9.2.2:81"), "certain accept none");
}

fn a_port_to_one_that_is_chosen_at_random_may_be_taken() {
    let lab = Lab::new();
    lab.router.nft(ONE_PORT);
    lab.router.nft(
        "table ip d {
 chain c {
  type nat hook prerouting priority dstnat;
  tcp dport 90 dnat to 10.9.2.2:70-95 random
 }
}",
    );
    lab.router.nft("add rule ip n c oifname r1 meta l4proto tcp snat to 10.9.2.1:7000");
    assert_eq!(who(&why(&lab.router, "tcp 10.9.1.2:40000 10.9.1.1:90 -i r0")), "likely drop nat no port left");
}

fn a_connection_without_a_port_to_translate_to_is_dropped() {
    let lab = Lab::new();
    lab.router.nft(ONE_PORT);
    let listener = lab.server.run(|| TcpListener::bind("10.9.2.2:80")).unwrap();
    let first = connect(&lab).unwrap();
    let watch = Watcher::start(&lab.router, traced("tcp"));
    assert!(connect(&lab).is_err(), "the only port is taken");
    let blame = lost(&watch, 80);
    let culprit = &blame.culprit;
    assert_eq!((culprit.kind, culprit.detail.as_deref()), (CulpritKind::Nat, Some("no port left")), "{blame:#?}");
    // As it came in, not as it was to leave.
    assert_eq!(blame.packet.source.map(|a| a.to_string()).as_deref(), Some("10.9.1.2"));
    assert!(blame.packet.source_port != Some(7000));
    drop((first, listener));
}

fn a_socket_that_is_not_read_loses_packets() {
    let lab = Lab::new();
    let small = lab.router.run(|| {
        let socket = UdpSocket::bind("0.0.0.0:514").unwrap();
        nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBuf, &2048).unwrap();
        socket
    });
    let ask = || who(&why(&lab.router, "udp 10.9.1.2:40000 10.9.1.1:514 -i r0"));
    assert_eq!(ask(), "certain accept none");
    for _ in 0..50 {
        udp(&lab.client, "10.9.1.1", 514);
    }
    let full = ask();
    assert!(full.ends_with(" drop socket receive buffer full"), "{full}");
    let watch = Watcher::start(&lab.router, traced("udp"));
    udp(&lab.client, "10.9.1.1", 514);
    let culprit = lost(&watch, 514).culprit;
    assert_eq!((culprit.kind, culprit.detail.as_deref()), (CulpritKind::Socket, Some("receive buffer full")));
    // Once it is read there is room again.
    let mut bytes = [0; 64];
    small.set_nonblocking(true).unwrap();
    while small.recv(&mut bytes).is_ok() {}
    assert_eq!(ask(), "certain accept none");
}
