//! How fast logged packets are decoded: `cargo bench --bench nflog_decode`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nfblame::blame::Time;
use nfblame::evaluate::headers::Network;
use nfblame::evidence::LoggedPacket;
use nfblame::filter::{Filter, Subject};
use nfblame_sys::netlink::Messages;
use nfblame_sys::nflog::Packet;

/// A datagram that a 6.18 kernel sent, with three UDP packets.
fn datagram() -> Vec<u8> {
    let line = include_str!("../sys/tests/data/nflog.hex").lines().last().unwrap();
    (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect()
}

fn packets(datagram: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    Messages::new(datagram).flatten().filter_map(|m| Packet::parse(&m)?.ok())
}

fn benches(c: &mut Criterion) {
    let datagram = datagram();
    let mut group = c.benchmark_group("nflog");
    group.throughput(Throughput::Elements(packets(&datagram).count() as u64));
    group
        .bench_function("decode", |b| b.iter(|| packets(black_box(&datagram)).map(|p| p.payload.len()).sum::<usize>()));
    let filter = Filter::parse("udp dst port 53 and not net 10.9.3.0/24").unwrap();
    group.bench_function("decode and filter", |b| {
        b.iter(|| {
            let matches = |p: &Packet<'_>| filter.matches(&Subject::new(Network::Ip4, p.payload)) == Some(true);
            packets(black_box(&datagram)).filter(matches).count()
        });
    });
    group.bench_function("decode and own", |b| {
        b.iter(|| packets(black_box(&datagram)).map(|p| LoggedPacket::new(&p, Time(0)).payload.len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
