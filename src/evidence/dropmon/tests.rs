use crate::blame::Time;
use crate::evaluate::headers::Network;
use crate::sys::dropmon::Alert;

use super::{Dropped, Here};

const IP: [u8; 20] = [0x45, 0, 0, 20, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];

fn frame(header: &[u8]) -> Vec<u8> {
    [header, &IP].concat()
}

fn dropped(payload: &[u8], protocol: u16, hardware: Option<u16>) -> Dropped {
    let alert = Alert {
        payload,
        protocol,
        length: payload.len(),
        symbol: b"ip_rcv_finish_core.constprop.0+0x20e/0x",
        reason: Some(b"NOT_SPECIFIED"),
        ..Alert::default()
    };
    Dropped::new(&alert, hardware, Here::Surely, Time(1))
}

#[test]
fn the_network_header_is_found_behind_each_link_layer() {
    let ethernet = [&[2; 12][..], &[8, 0]].concat();
    let vlan = [&[2; 12][..], &[0x81, 0, 0, 7, 8, 0]].concat();
    for (header, protocol, hardware, vlan) in [
        (&ethernet[..], 0x0800, Some(1), None),
        (&ethernet[..], 0x0800, None, None),
        (&ethernet[..], 0x0800, Some(65534), None), // on its way out by another device than it came in by
        (&vlan[..], 0x8100, Some(1), Some((7, 0x8100))),
        (&[][..], 0x0800, Some(65534), None),
        (&[][..], 0x0800, None, None),
    ] {
        let d = dropped(&frame(header), protocol, hardware);
        assert_eq!((&*d.link, &*d.payload), (header, &IP[..]), "{hardware:?}");
        assert_eq!((d.network, d.vlan, d.length), (Network::Ip4, vlan, 20));
    }
    let short = dropped(&[1, 2, 3], 0x0800, Some(1));
    assert!(short.payload.is_empty());
}

#[test]
fn a_part_that_the_compiler_cut_out_belongs_to_its_function() {
    let d = dropped(&frame(&[]), 0x0800, None);
    assert_eq!((d.function(), d.reason.as_ref()), ("ip_rcv_finish_core", None));
}
