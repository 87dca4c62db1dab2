//! Decoding what the drop monitor reports, against datagrams that Linux 5.10, 6.12 and 7.3 sent.
#![allow(clippy::unwrap_used, reason = "tests")]

use nfblame_sys::dropmon::Alert;
use nfblame_sys::netlink::Messages;
use proptest::prelude::*;

/// By kernel: the datagrams.
fn recorded(kernel: &str) -> Vec<Vec<u8>> {
    let text = include_str!("data/dropmon.hex");
    let of_kernel = text.split("# ").find_map(|part| part.strip_prefix(kernel)).unwrap();
    let hex = |line: &str| {
        (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    of_kernel.lines().filter(|l| !l.is_empty()).map(hex).collect()
}

/// Reason and place of each.
fn told(kernel: &str) -> Vec<(Option<String>, String)> {
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let mut all = Vec::new();
    for datagram in recorded(kernel) {
        for m in Messages::new(&datagram) {
            let alert = Alert::parse(&m.unwrap()).unwrap().unwrap();
            assert_eq!(alert.iif, Some(2), "the device that it came in by");
            assert!(alert.timestamp.is_some_and(|t| t.as_secs() > 1_700_000_000));
            assert_eq!((alert.protocol, alert.payload[12..14].to_vec()), (0x0800, vec![8, 0]));
            assert_eq!(alert.length, alert.payload.len());
            assert_eq!(alert.hardware, None);
            all.push((alert.reason.map(text), text(alert.symbol).split('+').next().unwrap_or_default().to_owned()));
        }
    }
    all
}

fn pair(reason: &str, place: &str) -> (Option<String>, String) {
    (Some(reason).filter(|r| !r.is_empty()).map(str::to_owned), place.to_owned())
}

#[test]
fn old_kernels_tell_the_place_only() {
    let places = ["nf_hook_slow", "__udp4_lib_rcv", "ip_rcv_finish_core.constprop.0", "tcp_v4_rcv"];
    assert_eq!(told("5.10"), places.map(|p| pair("", p)));
}

#[test]
fn newer_ones_tell_the_reason_too() {
    let told_6_12 = [
        pair("NETFILTER_DROP", "nft_do_chain"),
        pair("NO_SOCKET", "__udp4_lib_rcv"),
        pair("IP_RPFILTER", "ip_rcv_finish_core.isra.0"),
        pair("NO_SOCKET", "tcp_v4_rcv"),
    ];
    assert_eq!(told("6.12"), told_6_12);
    assert_eq!(told("7.3").len(), 4);
}

#[test]
fn what_is_no_packet_is_none_and_a_cut_one_an_error() {
    let datagram = recorded("6.12").swap_remove(0);
    let mut summary = datagram.clone();
    summary[16] = 1; // NET_DM_CMD_ALERT
    let m = Messages::new(&summary).next().unwrap().unwrap();
    assert!(Alert::parse(&m).is_none());
    let mut m = Messages::new(&datagram).next().unwrap().unwrap();
    m.payload = &m.payload[..m.payload.len() - 8];
    assert!(Alert::parse(&m).unwrap().is_err());
}

proptest! {
    #[test]
    fn broken_alerts_are_errors_and_never_panics(at in 0usize..200, byte: u8, cut in 0usize..200) {
        for mut datagram in recorded("6.12") {
            let at = at % datagram.len();
            datagram[at] = byte;
            datagram.truncate(datagram.len() - cut.min(datagram.len()));
            for m in Messages::new(&datagram).flatten() {
                let _ = Alert::parse(&m);
            }
        }
    }
}
