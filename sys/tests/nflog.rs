//! Decoding NFLOG messages, against datagrams that a 6.18 kernel sent.
#![allow(unsafe_code, reason = "counts allocations, which takes a global allocator")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::Ipv4Addr;

use byteorder::BE;
use nfblame_sys::netlink::{Builder, Messages};
use nfblame_sys::nflog::{Packet, Vlan};
use nfblame_sys::uapi::nfnetlink_log::*;
use proptest::prelude::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands every call on to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        // SAFETY: our caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn recorded() -> Vec<Vec<u8>> {
    let hex = |line: &str| {
        (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    include_str!("data/nflog.hex").lines().map(hex).collect()
}

/// Reads all packets of a datagram the way the listener does; returns how many, and some of their bytes.
fn decode(datagram: &[u8]) -> (usize, usize) {
    let (mut packets, mut bytes) = (0, 0);
    for message in Messages::new(datagram).flatten() {
        if let Some(Ok(p)) = Packet::parse(&message) {
            packets += 1;
            bytes += p.payload.len() + p.prefix.len() + p.unknown().count();
        }
    }
    (packets, bytes)
}

fn only(datagram: &[u8]) -> Packet<'_> {
    let message = Messages::new(datagram).next().unwrap().unwrap();
    Packet::parse(&message).unwrap().unwrap()
}

#[test]
fn an_echo_request_at_prerouting() {
    let all = recorded();
    let p = only(&all[2]);
    assert_eq!((p.family, p.group, p.hw_protocol, p.hook), (2, 5, Some(0x0800), Some(0)));
    assert_eq!((p.iif, p.oif, p.physin, p.physout), (Some(2), None, None, None));
    assert_eq!((p.mark, p.prefix, p.seq, p.seq_global), (7, b"PING 0x1b".as_slice(), Some(1), Some(3)));
    assert_eq!((p.uid, p.gid, p.ct_info), (None, None, None));
    assert_eq!(p.hw_addr, Some([0x62, 0x8f, 0x8a, 0x40, 0x41, 0x92].as_slice()));
    assert_eq!((p.hw_type, p.hw_len, p.hw_header.map(<[u8]>::len)), (Some(1), Some(14), Some(14)));
    assert_eq!(p.timestamp.map(|t| (t.as_secs(), t.subsec_micros())), Some((0x6b02_a7bc, 0x525c3)));
    assert_eq!(p.payload.len(), 36);
    assert_eq!(Ipv4Addr::from_octets(p.payload[12..16].try_into().unwrap()), Ipv4Addr::new(10, 9, 1, 2));
    assert_eq!(p.unknown().count(), 0);
}

#[test]
fn other_hooks_and_families_carry_what_they_have() {
    let all = recorded();
    let arp = only(&all[0]);
    assert_eq!((arp.family, arp.hw_protocol, arp.l2_header.map(<[u8]>::len)), (5, Some(0x0806), Some(14)));
    let forward = only(&all[4]);
    assert_eq!((forward.hook, forward.iif, forward.oif, forward.prefix), (Some(2), Some(2), Some(3), b"".as_slice()));
    let six = only(&all[5]);
    assert_eq!((six.family, six.payload[0] >> 4, six.prefix), (10, 6, b"six ".as_slice()));
    let local = only(&all[6]);
    assert_eq!((local.hook, local.iif, local.oif, local.timestamp), (Some(3), None, Some(2), None));
    assert_eq!((local.uid, local.gid), (Some(0), Some(0)));
}

#[test]
fn a_batch_holds_several_packets_and_its_end_is_none() {
    let all = recorded();
    assert_eq!(decode(all.last().unwrap()).0, 3);
}

#[test]
fn attributes_that_this_kernel_never_sent() {
    let mut b = Builder::new();
    b.message(0x400, 0, 0).raw(&[7, 0, 0, 9]);
    b.nest(NFULA_VLAN, |b| {
        b.u16::<BE>(NFULA_VLAN_TCI, 0x2064).u16::<BE>(NFULA_VLAN_PROTO, 0x8100);
    });
    b.nest(NFULA_CT, |b| {
        b.u32::<BE>(3, 0x18e);
    });
    b.u32::<BE>(NFULA_CT_INFO, 2).u32::<BE>(NFULA_IFINDEX_PHYSINDEV, 4).u32::<BE>(NFULA_MAX + 1, 0xabcd);
    let bytes = b.finish();
    let p = only(&bytes);
    assert_eq!(p.vlan, Some(Vlan { protocol: 0x8100, tci: 0x2064 }));
    assert_eq!((p.ct_info, p.physin), (Some(2), Some(4)));
    assert_eq!(p.ct.and_then(|ct| ct.find(3)).map(|a| a.u32::<BE>()), Some(Ok(0x18e)));
    assert_eq!(p.unknown().map(|a| (a.kind(), a.bytes().to_vec())).collect::<Vec<_>>(), [(22, vec![0, 0, 0xab, 0xcd])]);
}

#[test]
fn decoding_allocates_nothing() {
    let all = recorded();
    let before = ALLOCATIONS.get();
    let sum = all.iter().map(|d| decode(d)).fold((0, 0), |s, d| (s.0 + d.0, s.1 + d.1));
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(sum.0, 10);
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(7)));
    assert_eq!(ALLOCATIONS.get() - before, 1, "the counter counts");
}

proptest! {
    /// Whatever happens to a datagram, reading it ends and does not panic.
    #[test]
    fn broken_messages_do_no_harm(
        which in 0usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut d = recorded().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(d.len());
            d[at] = value;
        }
        if cuts {
            d.truncate(cut.index(d.len()));
        }
        // Each message takes at least its header.
        prop_assert!(Messages::new(&d).count() <= d.len() / 16 + 1);
        for message in Messages::new(&d).flatten() {
            if let Some(Ok(p)) = Packet::parse(&message) {
                prop_assert!(p.payload.len() <= d.len() && p.hw_addr.is_none_or(|a| a.len() <= d.len()));
                p.unknown().for_each(drop);
            }
        }
    }
}
