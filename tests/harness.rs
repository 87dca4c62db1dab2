//! The test harness itself: namespaces that are separate, joined, and gone afterwards.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use common::{Netns, kernel, kernel_tests, veth};
use nfblame_sys::ns::{NetNs, current_id};

kernel_tests! {
    two_namespaces_talk_over_a_veth_and_the_host_does_not_notice needs [];
}

fn main() {
    kernel::run(cases());
}

fn two_namespaces_talk_over_a_veth_and_the_host_does_not_notice() {
    let before = current_id().unwrap();
    let (a, b) = (Netns::new(), Netns::new());
    veth(&a, "eth0", "192.0.2.1/24", &b, "eth0", "192.0.2.2/24");
    veth(&a, "eth1.5", "2001:db8::1/64", &b, "eth1", "2001:db8::2/64");
    for address in ["192.0.2.2:80", "[2001:db8::2]:80"] {
        let listener = b.run(|| TcpListener::bind(address)).unwrap();
        let mut client = a.run(|| TcpStream::connect(address)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"hello").unwrap();
        let mut got = [0; 5];
        server.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"hello");
    }
    a.sysctl("net.ipv4.conf.eth1/5.forwarding", "1");
    assert_eq!(current_id().unwrap(), before);
    assert_eq!(NetNs::open(&a.path()).unwrap().id(), a.ns().id());
    assert_ne!(a.ns().id(), b.ns().id());
}
