//! Captures made by hand, in every form.

use super::*;
use crate::evaluate::{Hook, Network};
use crate::explain::Side;

/// An IPv4 header and nothing else.
const IP: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0x66, 0xe5, 10, 0, 0, 1, 10, 0, 0, 2];

struct Form {
    big: bool,
}

impl Form {
    fn u32(&self, v: u32) -> [u8; 4] {
        if self.big { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    fn u16(&self, v: u16) -> [u8; 2] {
        if self.big { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    fn classic(&self, nanoseconds: bool, link_type: u32, packets: &[&[u8]]) -> Vec<u8> {
        let magic = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4u32 };
        let mut b = self.u32(magic).to_vec();
        b.extend([self.u16(2), self.u16(4)].concat());
        b.extend([self.u32(0), self.u32(0), self.u32(65535), self.u32(link_type)].concat());
        for p in packets {
            let n = self.u32(p.len() as u32);
            b.extend([self.u32(7), self.u32(5), n, n].concat());
            b.extend(*p);
        }
        b
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(body.len() as u32 + 12);
        [&self.u32(kind), length.as_slice(), &body, &length].concat()
    }

    fn section(&self) -> Vec<u8> {
        self.block(0x0a0d_0d0a, &[self.u32(0x1a2b_3c4d).as_slice(), &self.u16(1), &self.u16(0), &[0xff; 8]].concat())
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut b = [self.u16(code), self.u16(value.len() as u16)].concat();
        b.extend(value);
        b.resize(b.len().next_multiple_of(4), 0);
        b
    }

    fn interface(&self, link_type: u16, options: &[u8]) -> Vec<u8> {
        self.block(1, &[self.u16(link_type).as_slice(), &[0, 0], &self.u32(0), options].concat())
    }

    fn packet(&self, interface: u32, ticks: u64, bytes: &[u8], options: &[u8]) -> Vec<u8> {
        let n = self.u32(bytes.len() as u32);
        let mut b = [self.u32(interface), self.u32((ticks >> 32) as u32), self.u32(ticks as u32), n, n].concat();
        b.extend(bytes);
        b.resize(b.len().next_multiple_of(4), 0);
        b.extend(options);
        self.block(6, &b)
    }
}

fn all(file: &[u8]) -> (Vec<Captured>, Option<CaptureError>) {
    let mut capture = match Capture::new(file) {
        Ok(c) => c,
        Err(e) => return (Vec::new(), Some(e)),
    };
    let mut packets = Vec::new();
    loop {
        match capture.packet() {
            Ok(Some(p)) => packets.push(p),
            Ok(None) => return (packets, None),
            Err(e) => return (packets, Some(e)),
        }
    }
}

#[test]
fn classic_files_of_both_byte_orders_and_units_are_read() {
    for big in [false, true] {
        for (nanoseconds, time) in [(false, 7_000_005_000), (true, 7_000_000_005)] {
            let (packets, error) = all(&Form { big }.classic(nanoseconds, 101, &[&IP, &IP[..10]]));
            assert!(error.is_none(), "{error:?}");
            let [first, second] = packets.as_slice() else { panic!("{packets:?}") };
            assert_eq!((first.time, first.link_type, first.bytes.as_slice()), (Some(Time(time)), 101, IP.as_slice()));
            assert_eq!(second.bytes.len(), 10);
        }
    }
}

#[test]
fn pcapng_sections_interfaces_and_packets_are_read() {
    for big in [false, true] {
        let f = Form { big };
        let named = [f.option(2, b"eth0"), f.option(9, &[9]), f.option(0, &[])].concat();
        let file = [
            f.section(),
            f.interface(1, &[]),
            f.interface(101, &named),
            f.block(0x0bad, &[1, 2, 3, 4]),
            f.packet(1, 5, &IP, &f.option(2, &f.u32(2))),
            f.packet(0, 6, &[0; 13], &[]),
            // Another section, in the other byte order, has its own interfaces.
            Form { big: !big }.section(),
            Form { big: !big }.interface(228, &[]),
            Form { big: !big }.block(3, &[Form { big: !big }.u32(20).as_slice(), &IP].concat()),
        ]
        .concat();
        let (packets, error) = all(&file);
        assert!(error.is_none(), "{error:?}");
        let [a, b, c] = packets.as_slice() else { panic!("{packets:?}") };
        assert_eq!((a.time, a.link_type, a.outgoing), (Some(Time(5)), 101, Some(true)));
        assert_eq!((a.interface.as_deref(), a.bytes.as_slice()), (Some("eth0"), IP.as_slice()));
        assert_eq!((b.time, b.link_type, b.bytes.len()), (Some(Time(6000)), 1, 13));
        assert_eq!((c.time, c.link_type, c.bytes.as_slice()), (None, 228, IP.as_slice()));
    }
}

#[test]
fn a_file_cut_anywhere_gives_the_packets_before_the_cut_and_then_says_so() {
    let f = Form { big: false };
    let whole = f.classic(true, 101, &[&IP, &IP]);
    let ng = [f.section(), f.interface(101, &[]), f.packet(0, 1, &IP, &[]), f.packet(0, 2, &IP, &[])].concat();
    let ends = [(&whole, vec![24, 60, 96]), (&ng, vec![28, 48, 48 + 52, 48 + 104])];
    for (file, ends) in ends {
        for n in 0..file.len() {
            let (packets, error) = all(&file[..n]);
            let at_an_end = ends.contains(&n);
            assert_eq!(error.is_none(), at_an_end, "{n} of {}: {error:?}", file.len());
            let whole_ones = ends.iter().rev().take(2).filter(|&&e| n >= e).count();
            assert_eq!(packets.len(), whole_ones, "{n}");
        }
    }
}

#[test]
fn nonsense_is_an_error_and_takes_no_memory() {
    let f = Form { big: false };
    let huge = [f.u32(0), f.u32(0), f.u32(u32::MAX), f.u32(u32::MAX)].concat();
    assert!(matches!(all(&[f.classic(false, 1, &[]), huge].concat()).1, Some(CaptureError::Broken { .. })));
    let block = |kind: u32, length: u32| [f.section(), f.u32(kind).to_vec(), f.u32(length).to_vec()].concat();
    for (kind, length) in [(6, u32::MAX - 3), (6, 0), (6, 13), (9, u32::MAX - 3), (1, 12)] {
        assert!(all(&block(kind, length)).1.is_some(), "{kind} {length}");
    }
    // No such interface; more bytes kept than there are.
    assert!(all(&[f.section(), f.packet(0, 1, &IP, &[])].concat()).1.is_some());
    let mut lying = f.packet(0, 1, &IP, &[]);
    lying[20] = 99;
    assert!(all(&[f.section(), f.interface(1, &[]), lying.clone()].concat()).1.is_some());
    // What is behind such a packet is read all the same.
    let file = [f.section(), f.interface(1, &[]), lying, f.packet(7, 1, &IP, &[]), f.packet(0, 1, &IP, &[])].concat();
    let mut capture = Capture::new(file.as_slice()).unwrap();
    for _ in 0..2 {
        assert!(capture.packet().is_err_and(|e| e.is_of_packet()));
    }
    assert_eq!(capture.packet().unwrap().unwrap().bytes, IP);
    assert!(capture.packet().unwrap().is_none());
    assert!(matches!(all(b"").1, Some(CaptureError::NotACapture)));
    assert!(matches!(all(b"#!/bin/sh").1, Some(CaptureError::NotACapture)));
}

#[test]
fn what_is_behind_a_packet_that_is_too_large_is_read() {
    let f = Form { big: false };
    let large = vec![0; 17 << 20];
    let ng = [f.section(), f.interface(101, &[]), f.packet(0, 1, &large, &[]), f.packet(0, 2, &IP, &[])].concat();
    for file in [f.classic(false, 101, &[&large[..262_145], &IP]), ng] {
        let mut capture = Capture::new(file.as_slice()).unwrap();
        assert!(capture.packet().is_err_and(|e| e.is_of_packet()));
        assert_eq!(capture.packet().unwrap().unwrap().bytes, IP);
        let mut cut = Capture::new(&file[..100_000]).unwrap();
        assert!(cut.packet().is_err_and(|e| !e.is_of_packet()));
    }
}

fn captured(link_type: u32, bytes: &[u8]) -> Captured {
    Captured { time: None, link_type, bytes: bytes.to_vec(), length: bytes.len(), outgoing: None, interface: None }
}

#[test]
fn packets_are_found_behind_every_link_layer() {
    let mac: &[u8] = &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let ip = IP.as_slice();
    let cooked = |kind: u8| [&[0, kind, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0], ip].concat();
    let frames = [
        (ETHERNET, [mac, &[8, 0], ip].concat()),
        (ETHERNET, [mac, &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 5, 8, 0], ip].concat()),
        (101, ip.to_vec()),
        (228, ip.to_vec()),
        (0, [&[2, 0, 0, 0], ip].concat()),
        (0, [&[0, 0, 0, 2], ip].concat()),
        (108, [&[0, 0, 0, 2], ip].concat()),
        (113, cooked(0)),
        (276, [&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0], ip].concat()),
        (239, [&[2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 24, 0, 9, 0], ip].concat()),
    ];
    const ETHERNET: u32 = 1;
    for (link_type, bytes) in &frames {
        let found = frame(&captured(*link_type, bytes));
        let q = found.map(|f| f.question);
        assert_eq!(q.as_ref().map(|q| (q.network, q.bytes.as_slice())), Ok((Network::Ip4, ip)), "{link_type}");
        for n in 0..bytes.len() {
            let _ = frame(&captured(*link_type, &bytes[..n]));
        }
    }
    let vlan = frame(&captured(ETHERNET, &frames[1].1)).map(|f| f.question.vlan);
    assert_eq!(vlan, Ok(Some((9, 0x88a8))));
    let sent = frame(&captured(113, &cooked(4)));
    assert_eq!(sent.map(|f| (f.outgoing, f.question.side)), Ok((Some(true), Side::Out)));
    let logged = frame(&captured(239, &frames[9].1)).map(|f| f.question.hook);
    assert_eq!(logged, Ok(Some(Hook::Input)));
    assert!(frame(&captured(ETHERNET, &[mac, &[0x88, 0xcc], &[0; 40]].concat())).is_err());
    assert!(frame(&captured(147, ip)).is_err());
}

#[test]
fn what_the_capture_cut_off_is_remembered() {
    let c = Captured { length: 1514, ..captured(1, &[[2; 12].as_slice(), &[8, 0], &IP].concat()) };
    assert_eq!(frame(&c).map(|f| f.question.length), Ok(Some(1500)));
}
