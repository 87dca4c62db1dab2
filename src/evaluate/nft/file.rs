//! How rules of nf_tables are filed by their conditions, and what a packet looks them up with.
//!
//! Only conditions count that a rule asks before it does anything, so that leaving the rule out leaves nothing undone. What is
//! not understood here asks for nothing: such a rule is always tried.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::describe::writes;
use super::expr;
use super::machine::{Machine, Step};
use crate::evaluate::candidates::{Candidates, Field, Have, Key, Matching, WORTHWHILE, Wanted};
use crate::evaluate::{Context, Fact};
use crate::ruleset::index::TableIndex;
use crate::ruleset::nft::{Chain, Set, Table};
use crate::sys::nft::expr::{BitwiseOp, CmpOp, Ct, CtKey, Lookup, Meta, MetaKey, Payload, PayloadBase, RangeOp};
use crate::sys::nft::{Expr, Reg, Rule, SetFlags};

/// The most bytes of a field.
const WIDE: usize = 16;
/// Larger sets are asked as they are.
const SMALL_SET: usize = 16;
/// Matches of xtables that only look: they neither drop by themselves nor change anything.
const LOOKING: &[&[u8]] =
    &[b"comment", b"conntrack", b"limit", b"state", b"mark", b"addrtype", b"pkttype", b"owner", b"physdev", b"mac"];

/// The chains of a table, filed when they are first walked.
#[derive(Debug, Default)]
pub struct FiledTable(Vec<OnceLock<Option<FiledChain>>>);

/// The rules of a chain, filed.
#[derive(Debug)]
pub struct FiledChain {
    candidates: Candidates,
    /// What the fields are.
    loads: Vec<Load>,
    /// The rules that may change what others look at, ascending.
    changing: Vec<u32>,
}

/// A field: how it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Load {
    Network(u32, u32),
    Transport(u32, u32),
    Meta(MetaKey),
    CtState,
}

impl Load {
    fn of(e: &Expr) -> Option<Self> {
        match e {
            Expr::Payload(p) if (1..=WIDE as u32).contains(&p.len) => match p.base {
                PayloadBase::Network => Some(Self::Network(p.offset, p.len)),
                PayloadBase::Transport => Some(Self::Transport(p.offset, p.len)),
                _ => None,
            },
            Expr::Meta(m) => meta_length(m.key).map(|_| Self::Meta(m.key)),
            Expr::Ct(c) if c.key == CtKey::State => Some(Self::CtState),
            _ => None,
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Network(_, len) | Self::Transport(_, len) => len as usize,
            Self::Meta(key) => meta_length(key).unwrap_or(0),
            Self::CtState => 4,
        }
    }

    /// The expression that loads it into the first register.
    fn expr(self) -> Expr {
        let payload = |base, offset, len| Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 });
        match self {
            Self::Network(offset, len) => payload(PayloadBase::Network, offset, len),
            Self::Transport(offset, len) => payload(PayloadBase::Transport, offset, len),
            Self::Meta(key) => Expr::Meta(Meta { key, dreg: Reg::R1 }),
            Self::CtState => Expr::Ct(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }),
        }
    }
}

/// How many bytes are loaded, of what is worth filing by.
fn meta_length(key: MetaKey) -> Option<usize> {
    Some(match key {
        MetaKey::L4proto | MetaKey::Nfproto => 1,
        MetaKey::Protocol => 2,
        MetaKey::Iif | MetaKey::Oif | MetaKey::Mark | MetaKey::Skuid | MetaKey::Skgid => 4,
        MetaKey::Iifname | MetaKey::Oifname => 16,
        _ => return None,
    })
}

impl FiledTable {
    /// Of that table; nothing is filed yet.
    pub fn new(table: &Table) -> Self {
        Self(table.chains.iter().map(|_| OnceLock::new()).collect())
    }

    /// A chain, unless it is too short for this to be worth it.
    pub fn chain(&self, table: &Table, index: &TableIndex, chain: usize) -> Option<&FiledChain> {
        let rules = table.chains.get(chain).filter(|c| c.rules.len() >= WORTHWHILE)?;
        self.0.get(chain)?.get_or_init(|| FiledChain::new(table, index, rules)).as_ref()
    }
}

impl FiledChain {
    fn new(table: &Table, index: &TableIndex, chain: &Chain) -> Option<Self> {
        let mut loads = Loads::default();
        let set = |l: &Lookup| index.set(&l.set).and_then(|at| table.sets.get(at));
        let keys: Vec<_> = chain.rules.iter().map(|r| keys(r, &set, &mut loads)).collect();
        let changing = (0u32..).zip(&chain.rules).filter(|(_, r)| !r.exprs.iter().all(only_looks)).map(|(n, _)| n);
        let changing = changing.collect();
        let candidates = Candidates::new(&keys);
        Some(Self { candidates, loads: loads.all, changing })
    }

    /// May that rule change what the others look at?
    pub fn changes(&self, rule: usize) -> bool {
        u32::try_from(rule).is_ok_and(|n| self.changing.binary_search(&n).is_ok())
    }

    /// The rules that the packet as it is now can match.
    pub fn matching(&self, cx: &mut Context<'_>, m: &mut Machine<'_>) -> Matching<'_> {
        let mut known: SmallVec<[Option<Have>; 16]> = SmallVec::from_elem(None, self.loads.len());
        self.candidates.of(|field| {
            let field = usize::from(field);
            let (Some(load), Some(known)) = (self.loads.get(field), known.get_mut(field)) else {
                return Have::Entangled;
            };
            *known.get_or_insert_with(|| have(cx, m, *load))
        })
    }
}

/// What the packet has in a field.
fn have(cx: &mut Context<'_>, m: &mut Machine<'_>, load: Load) -> Have {
    if let (Load::Transport(..), Fact::Is(t)) = (load, &m.info.transport)
        && t.fragment != 0
    {
        // What is loaded then is a question, which rules shall ask in their turn.
        return Have::Unknown;
    }
    match expr::eval(cx, m, &load.expr()) {
        Step::Go => m.regs.read(Reg::R1, load.len()).map_or(Have::Unknown, |bytes| Have::Is(number(bytes, 0))),
        // Whatever asks for it ends there.
        Step::Break => Have::Nothing,
        Step::Verdict(_) => Have::Entangled,
    }
}

/// Bytes as the highest of a number; behind them it is `rest`.
fn number(bytes: &[u8], rest: u8) -> u128 {
    let mut all = [rest; WIDE];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_be_bytes(all)
}

/// The fields of a chain's rules.
#[derive(Default)]
struct Loads {
    all: Vec<Load>,
    fields: FxHashMap<Load, Field>,
}

impl Loads {
    fn field(&mut self, load: Load) -> Option<Field> {
        if let Some(field) = self.fields.get(&load) {
            return Some(*field);
        }
        let field = Field::try_from(self.all.len()).ok()?;
        self.all.push(load);
        self.fields.insert(load, field);
        Some(field)
    }
}

/// What is in a register: a field, and which of its bits.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    load: Load,
    mask: u128,
    len: usize,
}

/// What the registers hold, while the expressions of a rule are read.
#[derive(Default)]
struct Held([Option<Loaded>; Reg::WORDS]);

impl Held {
    fn get(&self, reg: Reg, len: usize) -> Option<Loaded> {
        self.0.get(reg.word()?).copied().flatten().filter(|l| len <= l.len && len > 0)
    }

    /// A register takes that many bytes of something.
    fn put(&mut self, reg: Reg, len: usize, loaded: Option<Loaded>) {
        let Some(word) = reg.word() else { return };
        let end = word + len.div_ceil(4).max(1);
        for (at, held) in self.0.iter_mut().enumerate() {
            let overlaps = held.is_some_and(|h| at < end && word < at + h.len.div_ceil(4));
            if overlaps || (word..end).contains(&at) {
                *held = None;
            }
        }
        if let Some(held) = self.0.get_mut(word) {
            *held = loaded;
        }
    }
}

/// The conditions that a rule cannot do without.
fn keys<'s>(rule: &Rule, set: &dyn Fn(&Lookup) -> Option<&'s Set>, loads: &mut Loads) -> SmallVec<[Key; 4]> {
    let mut keys = SmallVec::new();
    if !rule.unread.is_empty() {
        return keys;
    }
    let mut held = Held::default();
    let mut between: SmallVec<[(Load, u128, u128); 2]> = SmallVec::new();
    let mut limit = |load, low: u128, high: u128| match between.iter_mut().find(|b| b.0 == load) {
        Some(b) => (b.1, b.2) = (b.1.max(low), b.2.min(high)),
        None => between.push((load, low, high)),
    };
    let mut one_of = |load, mask, values: SmallVec<[u128; 1]>| {
        if let Some(field) = loads.field(load) {
            keys.push(Key { field, wanted: Wanted::OneOf { mask, values } });
        }
    };
    for e in &rule.exprs {
        match e {
            Expr::Payload(_) | Expr::Meta(_) | Expr::Ct(_) if Load::of(e).is_some() => {
                let (Some(load), Some(dreg)) = (Load::of(e), writes(e)) else { continue };
                let mask = number(&[0xff; WIDE][..load.len()], 0);
                held.put(dreg, load.len(), Some(Loaded { load, mask, len: load.len() }));
            }
            Expr::Bitwise(b) => {
                let len = usize::from(b.len);
                let masked = match (&b.op, held.get(b.sreg, len)) {
                    (BitwiseOp::MaskXor { mask, xor }, Some(l)) if xor.as_bytes().iter().all(|x| *x == 0) => {
                        Some(Loaded { mask: l.mask & number(mask.as_bytes(), 0), len, ..l })
                    }
                    _ => None,
                };
                held.put(b.dreg, len, masked);
            }
            Expr::Cmp(c) => {
                let data = c.data.as_bytes();
                let Some(l) = held.get(c.sreg, data.len()) else { continue };
                let compared = l.mask & number(&[0xff; WIDE][..data.len()], 0);
                let whole = l.mask == number(&[0xff; WIDE][..l.len], 0);
                let (low, high) = (number(data, 0), number(data, 0xff));
                match c.op {
                    CmpOp::Eq => one_of(l.load, compared, [low].into_iter().collect()),
                    CmpOp::Neq if low == 0 && compared.count_ones() <= 4 => {
                        one_of(l.load, compared, some_of(compared).collect());
                    }
                    CmpOp::Gte if whole => limit(l.load, low, u128::MAX),
                    CmpOp::Lte if whole => limit(l.load, 0, high),
                    CmpOp::Gt if whole => limit(l.load, high.saturating_add(1), u128::MAX),
                    CmpOp::Lt if whole => limit(l.load, 0, low.saturating_sub(1)),
                    _ => {}
                }
            }
            Expr::Range(r) if r.op == RangeOp::Eq => {
                let (from, to) = (r.from.as_bytes(), r.to.as_bytes());
                let Some(l) = held.get(r.sreg, from.len().max(to.len())) else { continue };
                if from.len() == to.len() && l.mask == number(&[0xff; WIDE][..l.len], 0) {
                    limit(l.load, number(from, 0), number(to, 0xff));
                }
            }
            Expr::Lookup(l) => {
                let Some(set) = set(l) else { break };
                let len = set.def.key_len as usize;
                if let Some(loaded) = held.get(l.sreg, len).filter(|_| !l.inverted() && is_plain(set)) {
                    let mask = loaded.mask & number(&[0xff; WIDE][..len], 0);
                    one_of(loaded.load, mask, set.elements.iter().map(|e| number(e.key.as_bytes(), 0)).collect());
                }
                match l.dreg {
                    Some(Reg::VERDICT) => break,
                    Some(dreg) => held.put(dreg, 4 * Reg::WORDS, None),
                    None => {}
                }
            }
            Expr::Counter(_) | Expr::Last(_) | Expr::Limit(_) | Expr::Quota(_) | Expr::Range(_) => {}
            Expr::Match(m) if LOOKING.contains(&m.name.as_bytes()) => {}
            Expr::Immediate(i) if i.dreg == Reg::VERDICT => break,
            Expr::Payload(_)
            | Expr::Meta(_)
            | Expr::Ct(_)
            | Expr::Byteorder(_)
            | Expr::Immediate(_)
            | Expr::Fib(_)
            | Expr::Rt(_)
            | Expr::Socket(_) => held.put(writes(e).unwrap_or(Reg::R1), 4 * Reg::WORDS, None),
            _ => break,
        }
    }
    for (load, low, high) in between {
        if let Some(field) = loads.field(load) {
            keys.push(Key { field, wanted: Wanted::Between(low, high) });
        }
    }
    keys
}

/// The numbers that have some of these bits and no others.
fn some_of(bits: u128) -> impl Iterator<Item = u128> {
    let mut part = bits;
    std::iter::from_fn(move || {
        let now = (part != 0).then_some(part)?;
        part = (part - 1) & bits;
        Some(now)
    })
}

/// Does a key find something in the set if it is one of a few elements, and not otherwise?
fn is_plain(set: &Set) -> bool {
    let flags = set.def.flags;
    let len = set.def.key_len as usize;
    flags.contains(SetFlags::ANONYMOUS)
        && !flags.intersects(SetFlags::INTERVAL | SetFlags::TIMEOUT | SetFlags::EVAL)
        && set.def.unread.is_empty()
        && set.elements.len() <= SMALL_SET
        && set.elements.iter().all(|e| {
            let alone = e.key_end.is_none() && !e.is_catchall() && !e.is_interval_end();
            alone && e.key.len() == len && e.extra().expiration.is_none()
        })
}

/// Does it leave the packet and all else as it is?
fn only_looks(e: &Expr) -> bool {
    matches!(
        e,
        Expr::Payload(_)
            | Expr::Cmp(_)
            | Expr::Meta(_)
            | Expr::Bitwise(_)
            | Expr::Immediate(_)
            | Expr::Lookup(_)
            | Expr::Ct(_)
            | Expr::Counter(_)
            | Expr::Last(_)
            | Expr::Range(_)
            | Expr::Byteorder(_)
            | Expr::Exthdr(_)
            | Expr::Log(_)
            | Expr::Reject(_)
            | Expr::Limit(_)
            | Expr::Quota(_)
            | Expr::Connlimit(_)
            | Expr::Queue(_)
            | Expr::Fib(_)
            | Expr::Rt(_)
            | Expr::Socket(_)
            | Expr::Osf(_)
            | Expr::Numgen(_)
            | Expr::Hash(_)
            | Expr::Match(_)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::evaluate::nft::testing::{self, Host, text};
    use crate::evaluate::traversal::Begin;
    use crate::evaluate::{Assumptions, ChainRef, Hook, Packet, TableRef};
    use crate::sys::nft::expr::{Bitwise, Cmp, Immediate, Limit, LimitFlags, LimitKind, LookupFlags, MetaSet, Range};
    use crate::sys::nft::{Data, Family, Hook as At, Verdict};

    fn load(what: u8, at: u32, len: u32) -> (Expr, usize) {
        let payload = |base, offset| (Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 }), len as usize);
        let meta = |key| (Expr::Meta(Meta { key, dreg: Reg::R1 }), meta_length(key).unwrap_or(4));
        match what {
            0 => payload(PayloadBase::Network, at),
            1 => payload(PayloadBase::Transport, at),
            2 => meta(MetaKey::Mark),
            3 => meta(MetaKey::L4proto),
            4 => meta(MetaKey::Iifname),
            5 => meta(MetaKey::Skuid), // not known
            6 => meta(MetaKey::Cpu),   // never known, and not filed by
            _ => (Expr::Ct(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }), 4),
        }
    }

    /// One condition, on the little that packets here differ in.
    fn condition() -> impl Strategy<Value = Vec<Expr>> {
        (0..8u8, 0..24u32, prop::sample::select(vec![1u32, 2, 4]), 0..9u8, 0..4u8, any::<u8>()).prop_map(
            |(what, at, len, how, value, mask)| {
                let (load, len) = load(what, at, len);
                let mut data = vec![0; len];
                *data.last_mut().unwrap() = value;
                if what == 4 {
                    data = b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"[..if value == 0 { 16 } else { usize::from(value) + 1 }]
                        .to_vec();
                }
                if matches!(what, 2 | 5 | 6 | 7) {
                    data.reverse();
                }
                let cmp = |op| Expr::Cmp(Cmp { op, sreg: Reg::R1, data: Data::new(&data) });
                let masked = || {
                    let mut bits = vec![0; len];
                    *bits.last_mut().unwrap() = mask & 0xf;
                    bits.reverse();
                    let op = BitwiseOp::MaskXor { mask: Data::new(&bits), xor: Data::new(vec![0; len]) };
                    Expr::Bitwise(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: len as u8, op })
                };
                let zero = Expr::Cmp(Cmp { op: CmpOp::Neq, sreg: Reg::R1, data: Data::new(vec![0; len]) });
                let to = vec![value.saturating_add(1); data.len()];
                match how {
                    0 => vec![load, cmp(CmpOp::Neq)],
                    1 => vec![load, cmp(CmpOp::Gte)],
                    2 => vec![load, cmp(CmpOp::Lt)],
                    3 => vec![load, masked(), cmp(CmpOp::Eq)],
                    4 => vec![load, masked(), zero],
                    5 => {
                        let (from, to) = (Data::new(&data), Data::new(to));
                        vec![load, Expr::Range(Range { op: RangeOp::Eq, sreg: Reg::R1, from, to })]
                    }
                    6 => {
                        let set = text(&format!("s{len}"));
                        let flags = if mask < 64 { LookupFlags::INV } else { LookupFlags::empty() };
                        vec![load, Expr::Lookup(Lookup { set, set_id: None, sreg: Reg::R1, dreg: None, flags })]
                    }
                    _ => vec![load, cmp(CmpOp::Eq)],
                }
            },
        )
    }

    fn rule() -> impl Strategy<Value = Vec<Expr>> {
        let between = prop::sample::select(vec![0u8, 0, 0, 1, 2]);
        (prop::collection::vec((condition(), between), 1..3), 0..8u8).prop_map(|(conditions, then)| {
            let mut all = Vec::new();
            for (condition, between) in conditions {
                all.extend(condition);
                match between {
                    1 => all.push(Expr::Counter(Default::default())),
                    2 => {
                        let mark = [5u8, 0, 0, 0];
                        let value = crate::sys::nft::Value::Data(Data::new(mark));
                        all.push(Expr::Immediate(Immediate { dreg: Reg(12), value }));
                        all.push(Expr::MetaSet(MetaSet { key: MetaKey::Mark, sreg: Reg(12) }));
                    }
                    _ => {}
                }
            }
            all.extend(match then {
                0 => Some(testing::says(Verdict::Jump(text("user")))),
                1 => Some(testing::says(Verdict::Return)),
                2 => Some(testing::says(Verdict::Accept)),
                3 => Some(Expr::Limit(Limit {
                    rate: 1,
                    unit: 1,
                    burst: 5,
                    kind: LimitKind::Packets,
                    flags: LimitFlags::empty(),
                })),
                4 | 5 => None,
                _ => Some(testing::says(Verdict::Drop)),
            });
            all
        })
    }

    /// Everything that may come of a packet.
    fn outcomes(packet: &Packet, table: &Table, filed: Option<&FiledTable>) -> Option<BTreeSet<String>> {
        let index = TableIndex::new(table);
        let host = Host { since: Some(0), ..Host::default() };
        let (mut a, mut all) = (Assumptions::new(), BTreeSet::new());
        loop {
            let mut cx = Context::new(packet.clone(), Hook::Input, &host, &mut a);
            let at = ChainRef { table: TableRef::Nft(0), chain: 0 };
            let ended = super::super::run_known(&mut cx, (table, &index, filed), at, &Begin::Start, None);
            all.insert(format!("{ended:?} {:?}", cx.packet.mark));
            if !a.advance() {
                return (!a.exhausted()).then_some(all);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_left_out_would_not_have_matched(
            base in prop::collection::vec(rule(), 16..60),
            user in prop::collection::vec(rule(), 0..40),
            packets in prop::collection::vec((prop::collection::vec((0..44usize, 0..4u8), 0..6), 0..4u32, any::<bool>()), 1..12),
        ) {
            let set = |len: u32| {
                let element = |n: u8| {
                    let mut key = vec![0; len as usize];
                    *key.last_mut().unwrap() = n;
                    testing::element(&key, None)
                };
                testing::members(&format!("s{len}"), SetFlags::ANONYMOUS | SetFlags::CONSTANT, len, vec![element(1), element(3)])
            };
            let chains = vec![
                testing::chain("base", At::Input, Some(Verdict::Accept), base),
                testing::chain("user", At::Input, None, user),
            ];
            let table = Table { chains, sets: [1, 2, 4, 16].map(set).to_vec(), ..testing::table(Family::Ip) };
            let filed = FiledTable::new(&table);
            for (changes, mark, known) in packets {
                let mut packet = testing::ip4(17, &testing::udp(1, 2, &[0; 16]));
                for (at, value) in changes {
                    packet.bytes[at] = if at == 0 { 0x45 } else { value };
                }
                packet.mark = Fact::Is(mark);
                packet.iif = testing::port(2, if known { "eth0" } else { "eth12" });
                if known {
                    packet.ct.state = Fact::Is(crate::evaluate::packet::CtState::New);
                } else {
                    packet.ct.state = Fact::unknown("state");
                }
                if let (Some(want), Some(found)) = (outcomes(&packet, &table, None), outcomes(&packet, &table, Some(&filed))) {
                    prop_assert_eq!(found, want);
                }
            }
        }
    }

    #[test]
    fn few_rules_are_tried_of_many() {
        let port = |n: u16| {
            vec![
                Expr::Meta(Meta { key: MetaKey::L4proto, dreg: Reg::R1 }),
                Expr::Cmp(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new([17]) }),
                Expr::Payload(Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg::R1 }),
                Expr::Cmp(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(n.to_be_bytes()) }),
                testing::says(Verdict::Drop),
            ]
        };
        let rules = (1..=1000).map(port).collect();
        let table = Table {
            chains: vec![testing::chain("base", At::Input, Some(Verdict::Accept), rules)],
            ..testing::table(Family::Ip)
        };
        let index = TableIndex::new(&table);
        let filed = FiledTable::new(&table);
        let chain = filed.chain(&table, &index, 0).unwrap();
        let tried = |to: u16| {
            testing::on(testing::ip4(17, &testing::udp(5, to, b"")), Hook::Input, &Host::default(), &table, |cx, m| {
                let mut matching = chain.matching(cx, m);
                (matching.next(0), matching.next(usize::from(to)))
            })
        };
        assert_eq!(tried(500), (Some(499), None));
        assert_eq!(tried(5000), (None, None));
    }
}
