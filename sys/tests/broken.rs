//! Whatever bytes come as an answer, reading them ends, without a panic.

use nfblame_sys::ct::{Expectation, Flow};
use nfblame_sys::diag::InetSocket;
use nfblame_sys::netlink::Attrs;
use nfblame_sys::rt::{Address, Link, Neighbour, NeighbourTable, Netconf, Policy, Route, Rule};
use proptest::prelude::*;

fn read_all(bytes: &[u8]) {
    let _ = Link::parse(bytes);
    let _ = Address::parse(bytes);
    let _ = Route::parse(bytes);
    let _ = Rule::parse(bytes);
    let _ = Neighbour::parse(bytes);
    let _ = NeighbourTable::parse(bytes);
    let _ = Netconf::parse(bytes);
    let _ = Policy::parse(bytes);
    let _ = InetSocket::parse(bytes);
    let _ = Flow::parse(Attrs::new(bytes));
    let _ = Expectation::parse(Attrs::new(bytes));
}

/// Attributes that look right on the outside.
fn attributes() -> impl Strategy<Value = Vec<u8>> {
    let one = (0u16..48, prop::collection::vec(any::<u8>(), 0..24));
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let mut bytes = Vec::new();
        for (kind, payload) in all {
            bytes.extend((payload.len() as u16 + 4).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(&payload);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn noise_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn plausible_attributes_behind_any_header_are_survived(
        family in prop::sample::select(vec![0u8, 2, 7, 10, 17, 255]),
        header in prop::sample::select(vec![0usize, 4, 8, 12, 16, 72, 168]),
        attributes in attributes(),
    ) {
        let mut bytes = vec![0; header];
        if let Some(first) = bytes.first_mut() {
            *first = family;
        }
        bytes.extend(attributes);
        read_all(&bytes);
    }
}
