//! How long it takes to prove which rules never match: `cargo bench --bench static_findings`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nfblame::analysis::Chains;
use nfblame::evaluate::{ChainRef, TableRef};
use nfblame::ruleset::nft::{Chain, Table};
use nfblame::ruleset::{Backend, Ruleset};
use nfblame_sys::nft::expr::{
    Bitwise, BitwiseOp, Cmp, CmpOp, Counter, Immediate, Meta, MetaKey, Payload, PayloadBase, Range, RangeOp,
};
use nfblame_sys::nft::{self, BaseChain, Data, Expr, Family, Hook, Reg, Rule, TableFlags, Value, Verdict};
use nfblame_sys::xt;

/// A random rule: a source prefix, a range of ports of TCP or UDP, a verdict.
struct Line {
    net: u32,
    len: u8,
    udp: bool,
    ports: Option<(u16, u16)>,
    drop: bool,
}

/// As firewalls grow: blocked addresses, ports for networks, a few wide rules, and what was added twice.
fn lines(n: usize) -> Vec<Line> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let line = |_| {
        let kind = random(100);
        let net = 0x0a00_0000 | random(1 << 24) as u32;
        let len = match kind {
            0..=49 => 32,
            50..=79 => 24,
            80..=98 => 16,
            _ => 12,
        };
        let low = 1 + random(30000) as u16;
        let ports = (kind >= 50).then_some((low, low + random(if kind > 90 { 2000 } else { 3 }) as u16));
        Line { net: net & (u32::MAX << (32 - len)), len: len as u8, udp: random(4) == 0, ports, drop: kind < 50 }
    };
    (0..n).map(line).collect()
}

fn legacy(lines: &[Line]) -> Ruleset {
    let info = xt::Info {
        name: "filter".into(),
        valid_hooks: 0b1110,
        hook_entry: [0; 5],
        underflow: [0; 5],
        num_entries: 4,
        size: 0,
    };
    let mut draft = xt::Draft::new(xt::Family::Ip, &info);
    for l in lines {
        let verdict = if l.drop { xt::Verdict::Drop } else { xt::Verdict::Accept };
        let mut rule = xt::DraftRule::new(xt::Family::Ip, xt::DraftTarget::Verdict(verdict));
        if let xt::Selector::Ip(s) = &mut rule.selector {
            (s.src, s.src_mask) = (l.net.into(), (u32::MAX << (32 - l.len)).into());
            if l.ports.is_some() {
                s.proto = if l.udp { 17 } else { 6 };
            }
        }
        if let Some((low, high)) = l.ports {
            let (name, len) = if l.udp { ("udp", 10) } else { ("tcp", 12) };
            let mut data: Vec<u8> = [0, u16::MAX, low, high].iter().flat_map(|p| p.to_ne_bytes()).collect();
            data.resize(len, 0);
            rule.matches.push(xt::Extension::new(name, 0, data));
        }
        draft.chain("INPUT").rules.push(rule);
    }
    Ruleset { xt: vec![draft.build().unwrap()], ..Ruleset::default() }
}

fn native(lines: &[Line]) -> Ruleset {
    let eq = |data: &[u8]| -> Expr { Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(data) }.into() };
    let rules = lines.iter().map(|l| {
        let mut all: Vec<Expr> = vec![Meta::load(MetaKey::Nfproto).into(), eq(&[2])];
        all.push(Payload::load(PayloadBase::Network, 12, 4).into());
        if l.len < 32 {
            let mask = Data::new((u32::MAX << (32 - l.len)).to_be_bytes());
            let op = BitwiseOp::MaskXor { mask, xor: Data::new([0; 4]) };
            all.push(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: 4, op }.into());
        }
        all.push(eq(&l.net.to_be_bytes()));
        if let Some((low, high)) = l.ports {
            all.extend([Meta::load(MetaKey::L4proto).into(), eq(&[if l.udp { 17 } else { 6 }])]);
            all.push(Payload::load(PayloadBase::Transport, 2, 2).into());
            let (from, to) = (Data::new(low.to_be_bytes()), Data::new(high.to_be_bytes()));
            all.push(Range { op: RangeOp::Eq, sreg: Reg::R1, from, to }.into());
        }
        all.push(Counter { packets: 0, bytes: 0 }.into());
        let verdict = if l.drop { Verdict::Drop } else { Verdict::Accept };
        all.push(Immediate { dreg: Reg::VERDICT, value: Value::Verdict(verdict) }.into());
        Rule::new(Family::Inet, "t", "input", all)
    });
    let chain = nft::Chain::new(Family::Inet, "t", "input", Some(BaseChain::filter(Hook::Input, 0)));
    let table = Table {
        def: nft::Table::new(Family::Inet, "t", TableFlags::empty()),
        backend: Backend::Nft,
        chains: vec![Chain { def: chain, backend: Backend::Nft, rules: rules.collect() }],
        sets: Vec::new(),
        objects: Vec::new(),
        flowtables: Vec::new(),
    };
    Ruleset { nft: vec![table], ..Ruleset::default() }
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("rules that never match");
    group.sample_size(10);
    for n in [1_000, 10_000, 100_000] {
        let lines = lines(n);
        group.throughput(Throughput::Elements(n as u64));
        let (nft, xt) = (native(&lines), legacy(&lines));
        let input = xt.xt[0].chains().position(|c| c.name().as_bytes() == b"INPUT").unwrap();
        for (name, rules, chain) in [
            ("nft", &nft, ChainRef { table: TableRef::Nft(0), chain: 0 }),
            ("legacy", &xt, ChainRef { table: TableRef::Xt(0), chain: input }),
        ] {
            let dead = Chains::new(rules).analyse(chain).dead;
            println!("{name}, {n} rules: {} never match", dead.len());
            group.bench_with_input(BenchmarkId::new(name, n), rules, |b, rules| {
                b.iter(|| Chains::new(black_box(rules)).analyse(chain).dead.len());
            });
        }
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
