//! The conditions of rules of nf_tables.

use crate::ruleset::nft::{Set, Table};
use crate::sys::nft::expr::{
    Bitwise, BitwiseOp, Cmp, CmpOp, Ct, CtKey, Lookup, Meta, MetaKey, Payload, PayloadBase, Range, RangeOp,
};
use crate::sys::nft::{Data, Element, Expr, Family, ObjectData, Reg, Rule, SetFlags, Value, Verdict};
use crate::sys::xt;

use super::axis::{Axes, What};
use super::ranges::Ranges;
use super::region::Region;
use super::shape::{Conditions, MOST_REGIONS};

/// Larger anonymous sets are not taken apart.
const MOST_ELEMENTS: usize = 4096;
/// `NFPROTO_IPV4`, `NFPROTO_IPV6`
const V4: u128 = 2;
const V6: u128 = 10;

/// What is in a register.
#[derive(Debug, Clone)]
enum Loaded {
    /// Bytes of the packet, from one place on.
    Payload { base: PayloadBase, offset: u32, len: u32, mask: Option<Vec<u8>> },
    /// Something with a name, of so many bytes; `host`: in host byte order.
    Named { what: What, len: usize, host: bool, mask: Option<Vec<u8>> },
    /// Something that is not the same for the same packet, or not known.
    Unknown,
}

/// A property as it is compared.
struct Field {
    what: What,
    /// How many bytes are compared.
    len: usize,
    /// How many it has.
    width: usize,
    /// In host byte order?
    host: bool,
    mask: Option<Vec<u8>>,
}

/// A rule that is being read.
pub(super) struct Reader<'a> {
    table: &'a Table,
    axes: &'a mut Axes,
    regs: [Option<Loaded>; 20],
    /// Which network protocol the packet has, as far as the rule has made sure.
    v6: Option<bool>,
    /// Which transport protocol, likewise.
    protocol: Option<u8>,
    pub conditions: Conditions,
    /// The elements of a verdict map that the rule ends with.
    pub map: Vec<(Region, Verdict)>,
}

impl<'a> Reader<'a> {
    pub fn new(table: &'a Table, axes: &'a mut Axes) -> Self {
        let v6 = match table.def.family {
            Family::Ip => Some(false),
            Family::Ip6 => Some(true),
            _ => None,
        };
        Self {
            table,
            axes,
            regs: Default::default(),
            v6,
            protocol: None,
            conditions: Conditions::new(),
            map: Vec::new(),
        }
    }

    pub fn read(&mut self, rule: &Rule) {
        if !rule.unread.is_empty() {
            self.conditions.unknown();
        }
        for e in &rule.exprs {
            self.expr(e);
        }
    }

    fn expr(&mut self, e: &Expr) {
        match e {
            Expr::Payload(Payload { base, offset, len, dreg }) => {
                self.load(*dreg, Loaded::Payload { base: *base, offset: *offset, len: *len, mask: None });
            }
            Expr::Meta(m) => {
                let loaded = self.meta(m);
                self.load(m.dreg, loaded);
            }
            Expr::Ct(c) => {
                let loaded = ct(c);
                self.load(c.dreg, loaded);
            }
            Expr::Exthdr(x) => self.named(x.dreg, e),
            Expr::Fib(x) => self.named(x.dreg, e),
            Expr::Rt(x) => self.named(x.dreg, e),
            Expr::Socket(x) => self.named(x.dreg, e),
            Expr::Hash(x) => self.named(x.dreg, e),
            Expr::Osf(x) => self.named(x.dreg, e),
            Expr::Xfrm(x) => self.named(x.dreg, e),
            Expr::Tunnel(x) => self.named(x.dreg, e),
            Expr::Numgen(x) => self.load(x.dreg, Loaded::Unknown),
            Expr::Immediate(i) if i.dreg != Reg::VERDICT => self.load(i.dreg, Loaded::Unknown),
            Expr::Bitwise(b) => {
                let loaded = self.bitwise(b);
                self.load(b.dreg, loaded);
            }
            Expr::Byteorder(b) => {
                let loaded = match self.loaded(b.sreg) {
                    Some(Loaded::Named { what, len, mask: None, .. }) => {
                        Loaded::Named { what, len, host: false, mask: None }
                    }
                    _ => Loaded::Unknown,
                };
                self.load(b.dreg, loaded);
            }
            Expr::Cmp(c) => self.cmp(c),
            Expr::Range(r) => self.range(r),
            Expr::Lookup(l) => self.lookup(l),
            Expr::Match(blob) => {
                let family = xt::Family::from_nfproto(self.table.def.family.code()).unwrap_or(xt::Family::Ip);
                let m = xt::matches::decode(family, blob.name.as_bytes(), blob.revision, &blob.data);
                let v6 = family == xt::Family::Ip6;
                super::xt::condition(&m, &blob.data, v6, self.protocol, self.axes, &mut self.conditions);
            }
            Expr::Objref(o) => {
                let counts = self.table.object(o.kind, &o.name).and_then(|o| o.data.as_ref());
                if !matches!(counts, Some(ObjectData::Counter(_))) {
                    self.conditions.unknown();
                }
            }
            // They match now and then, or nobody knows when.
            Expr::Limit(_)
            | Expr::Quota(_)
            | Expr::Connlimit(_)
            | Expr::Dynset(_)
            | Expr::ObjrefMap(_)
            | Expr::Inner(_)
            | Expr::Synproxy(_)
            | Expr::Tproxy(_)
            | Expr::FlowOffload(_)
            | Expr::Unknown(_) => self.conditions.unknown(),
            _ => {}
        }
    }

    fn word(reg: Reg) -> usize {
        usize::from(reg.0)
    }

    fn load(&mut self, reg: Reg, loaded: Loaded) {
        let at = Self::word(reg);
        let end = at + words(&loaded);
        for (start, slot) in self.regs.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|old| start < end && at < start + words(old)) {
                *slot = None;
            }
        }
        if let Some(slot) = self.regs.get_mut(at) {
            *slot = Some(loaded);
        }
    }

    fn loaded(&self, reg: Reg) -> Option<Loaded> {
        self.regs.get(Self::word(reg)).cloned().flatten()
    }

    /// Something that has no name here, but is the same for the same packet.
    fn named(&mut self, dreg: Reg, e: &Expr) {
        // How long it is the comparison tells.
        self.load(dreg, Loaded::Named { what: What::Other(format!("{e:?}"), 0), len: 0, host: false, mask: None });
    }

    fn meta(&self, m: &Meta) -> Loaded {
        let (what, len, host) = match m.key {
            MetaKey::Nfproto if self.table.def.family == Family::Inet => (What::Family, 1, false),
            MetaKey::L4proto => (What::Protocol, 1, false),
            MetaKey::Iifname => (What::Input, 16, false),
            MetaKey::Oifname => (What::Output, 16, false),
            MetaKey::Mark => (What::Mark, 4, true),
            MetaKey::Nfproto | MetaKey::Pkttype => (What::Meta(m.key, 1), 1, false),
            MetaKey::Protocol | MetaKey::Iiftype | MetaKey::Oiftype => {
                (What::Meta(m.key, 2), 2, m.key != MetaKey::Protocol)
            }
            MetaKey::Length
            | MetaKey::Priority
            | MetaKey::Iif
            | MetaKey::Oif
            | MetaKey::Skuid
            | MetaKey::Skgid
            | MetaKey::Iifgroup
            | MetaKey::Oifgroup
            | MetaKey::Cgroup
            | MetaKey::Rtclassid => (What::Meta(m.key, 4), 4, true),
            MetaKey::BriIifname | MetaKey::BriOifname | MetaKey::Iifkind | MetaKey::Oifkind | MetaKey::Sdifname => {
                (What::Meta(m.key, 16), 16, false)
            }
            _ => return Loaded::Unknown,
        };
        Loaded::Named { what, len, host, mask: None }
    }

    fn bitwise(&self, b: &Bitwise) -> Loaded {
        let BitwiseOp::MaskXor { mask: with, xor } = &b.op else { return Loaded::Unknown };
        if xor.iter().any(|b| *b != 0) {
            return Loaded::Unknown;
        }
        let with = with.as_bytes().to_vec();
        match self.loaded(b.sreg) {
            Some(Loaded::Payload { base, offset, len, mask: None }) => {
                Loaded::Payload { base, offset, len, mask: Some(with) }
            }
            Some(Loaded::Named { what, len, host, mask: None }) => Loaded::Named { what, len, host, mask: Some(with) },
            _ => Loaded::Unknown,
        }
    }

    /// The axis of a payload, and what is to be known of the values on it.
    fn place(&self, base: PayloadBase, offset: u32, len: u32) -> Option<(What, u32)> {
        let icmp = matches!(self.protocol, Some(1 | 58));
        Some(match (base, offset, self.v6) {
            (PayloadBase::Network, 12, Some(false)) if len <= 4 => (What::Source4, 4),
            (PayloadBase::Network, 16, Some(false)) if len <= 4 => (What::Destination4, 4),
            (PayloadBase::Network, 9, Some(false)) if len == 1 => (What::Protocol, 1),
            (PayloadBase::Network, 8, Some(true)) if len <= 16 => (What::Source6, 16),
            (PayloadBase::Network, 24, Some(true)) if len <= 16 => (What::Destination6, 16),
            (PayloadBase::Transport, 0, _) if len == 1 && icmp => (What::IcmpType, 1),
            (PayloadBase::Transport, 1, _) if len == 1 && icmp => (What::IcmpCode, 1),
            (PayloadBase::Transport, 0, _) if len == 2 && !icmp => (What::SourcePort, 2),
            (PayloadBase::Transport, 2, _) if len == 2 && !icmp => (What::DestinationPort, 2),
            (PayloadBase::Transport, 13, _) if len == 1 => (What::TcpFlags, 1),
            _ => return None,
        })
    }

    /// A load of several fields in one, which nft makes of neighbours: their lengths.
    fn fields(&self, base: PayloadBase, offset: u32, len: u32) -> Option<Vec<u32>> {
        let icmp = matches!(self.protocol, Some(1 | 58));
        let widths: &[u32] = match (base, offset, self.v6) {
            (PayloadBase::Network, 12, Some(false)) if len > 4 => &[4, 4],
            (PayloadBase::Network, 8, Some(true)) if len > 16 => &[16, 16],
            (PayloadBase::Transport, 0, _) if icmp && len == 2 => &[1, 1],
            (PayloadBase::Transport, 0, _) if !icmp && len == 4 => &[2, 2],
            _ => return None,
        };
        let (mut left, mut all) = (len, Vec::new());
        for w in widths {
            let part = left.min(*w);
            if part > 0 {
                all.push(part);
            }
            left -= part;
        }
        (left == 0).then_some(all)
    }

    fn cmp(&mut self, c: &Cmp) {
        let Some(loaded) = self.loaded(c.sreg) else { return self.conditions.unknown() };
        // Equality of several fields is that of each.
        if let (Loaded::Payload { base, offset, len, mask }, CmpOp::Eq) = (&loaded, c.op)
            && let Some(parts) = self.fields(*base, *offset, *len)
        {
            let mut at = 0u32;
            for part in parts {
                let range = at as usize..(at + part) as usize;
                let mask = mask.as_ref().map(|m| m.get(range.clone()).unwrap_or(&[]).to_vec());
                let piece = Loaded::Payload { base: *base, offset: *offset + at, len: part, mask };
                let data = Data::new(c.data.get(range).unwrap_or(&[]));
                self.compare(&piece, c.op, &data);
                at += part;
            }
            return;
        }
        self.compare(&loaded, c.op, &c.data);
    }

    fn compare(&mut self, loaded: &Loaded, op: CmpOp, data: &Data) {
        let Some((what, ranges)) = self.ranges(loaded, op, data) else { return self.conditions.unknown() };
        if op == CmpOp::Eq {
            self.learn(&what, &ranges);
        }
        let axis = self.axes.id(what);
        self.conditions.and(axis, &ranges);
    }

    /// What an equality says about the protocols.
    fn learn(&mut self, what: &What, ranges: &Ranges) {
        let one = ranges.low().filter(|low| Some(*low) == ranges.high());
        match (what, one) {
            (What::Family, Some(v)) => self.v6 = Some(v == 1),
            (What::Meta(MetaKey::Nfproto, _), Some(v)) => self.v6 = Some(v == V6),
            (What::Meta(MetaKey::Protocol, _), Some(0x0800)) => self.v6 = Some(false),
            (What::Meta(MetaKey::Protocol, _), Some(0x86dd)) => self.v6 = Some(true),
            (What::Protocol, Some(v)) => self.protocol = u8::try_from(v).ok(),
            _ => {}
        }
    }

    /// The axis of a comparison, and for which values it holds.
    fn ranges(&self, loaded: &Loaded, op: CmpOp, data: &Data) -> Option<(What, Ranges)> {
        let Field { what, len, width, host, mask } = self.axis(loaded, data.len())?;
        if data.len() != len {
            return None;
        }
        let value = number(data, host)?;
        let mask = match mask {
            Some(m) => Some(number(&m, host)?).filter(|m| *m != ones(len)),
            None => None,
        };
        if host && len > 1 && !matches!(op, CmpOp::Eq | CmpOp::Neq) {
            return None;
        }
        if what == What::State {
            return Some((what, states(|bit| holds(bit & mask.unwrap_or(!0), op, value))));
        }
        if what == What::Family {
            let of = |family: u128| holds(family, op, value);
            return Some((
                what,
                Ranges::of([(V4, 0), (V6, 1)].into_iter().filter(|(f, _)| of(*f)).map(|(_, n)| (n, n))),
            ));
        }
        let top = self.axes.top(&what);
        // A load of fewer bytes than the field has is its prefix.
        let shift = 8 * (width - len) as u32;
        if shift > 0 {
            if mask.is_some() || !matches!(op, CmpOp::Eq | CmpOp::Neq) {
                return None;
            }
            let low = value << shift;
            let eq = Ranges::span(low, low | ones(width - len));
            return Some((what, if op == CmpOp::Eq { eq } else { eq.not(top) }));
        }
        let Some(mask) = mask else { return Some((what, compared(op, value, top)?)) };
        masked(what, mask, 8 * width as u32, op, value, top)
    }

    /// What is in a register, as it is compared.
    fn axis(&self, loaded: &Loaded, compared: usize) -> Option<Field> {
        Some(match loaded {
            Loaded::Payload { base, offset, len, mask } => {
                let (what, width) = match self.place(*base, *offset, *len) {
                    Some(place) => place,
                    None if *len <= 16 => (What::Payload(*base, *offset, *len), *len),
                    None => return None,
                };
                Field { what, len: *len as usize, width: width as usize, host: false, mask: mask.clone() }
            }
            Loaded::Named { what: What::Other(name, 0), mask, .. } => {
                let len = u8::try_from(compared).ok().filter(|n| (1..=16).contains(n))?;
                let what = What::Other(name.clone(), len);
                Field { what, len: compared, width: compared, host: false, mask: mask.clone() }
            }
            Loaded::Named { what, len, host, mask } => {
                // An interface by the beginning of its name.
                let short = matches!(what, What::Input | What::Output | What::Meta(_, 16)) && compared < *len;
                let cut = if short { compared } else { *len };
                Field { what: what.clone(), len: cut, width: *len, host: *host, mask: mask.clone() }
            }
            Loaded::Unknown => return None,
        })
    }

    fn range(&mut self, r: &Range) {
        let Some(loaded) = self.loaded(r.sreg) else { return self.conditions.unknown() };
        let Some(Field { what, len, width, host, mask: None }) = self.axis(&loaded, r.from.len()) else {
            return self.conditions.unknown();
        };
        let (from, to) = (number(&r.from, host), number(&r.to, host));
        // Numbers in host order are compared by their first byte in memory.
        let (Some(from), Some(to), false) = (from, to, host && len > 1 || len != width || what == What::State) else {
            return self.conditions.unknown();
        };
        let inside = Ranges::span(from, to);
        let top = self.axes.top(&what);
        let ranges = if r.op == RangeOp::Eq { inside } else { inside.not(top) };
        let axis = self.axes.id(what);
        self.conditions.and(axis, &ranges);
    }

    fn lookup(&mut self, l: &Lookup) {
        let Some(set) = self.table.set(&l.set) else { return self.conditions.unknown() };
        let fixed = set.def.flags.contains(SetFlags::ANONYMOUS | SetFlags::CONSTANT)
            && !set.def.flags.intersects(SetFlags::TIMEOUT | SetFlags::EVAL);
        let verdicts = l.dreg == Some(Reg::VERDICT);
        let boxes =
            if fixed && set.elements.len() <= MOST_ELEMENTS { self.elements(set, l.sreg, verdicts) } else { None };
        match boxes {
            Some(boxes) if verdicts => {
                let keys: Vec<Region> = boxes.iter().map(|(r, _)| r.clone()).collect();
                self.conditions.and_any(&merged(&keys));
                self.map = boxes.into_iter().filter_map(|(r, v)| Some((r, v?))).collect();
            }
            Some(boxes) if l.dreg.is_none() => {
                let keys = merged(&boxes.into_iter().map(|(r, _)| r).collect::<Vec<_>>());
                match (l.inverted(), keys.as_slice()) {
                    (false, keys) => self.conditions.and_any(keys),
                    (true, [one]) if one.iter().count() == 1 => {
                        for (axis, ranges) in one.iter() {
                            // What is absent is in no set, and the rule ends before it is asked.
                            let max = self.axes.max(axis);
                            let top = if max == u128::MAX || max == 1 || max == 4 { max } else { max - 1 };
                            self.conditions.and(axis, &ranges.not(top));
                        }
                    }
                    _ => self.conditions.unknown(),
                }
            }
            _ if l.dreg.is_some() => self.conditions.unknown(),
            // What a named set holds may change; that it is the same set stays.
            _ => {
                let Some(key) = self.key(set, l.sreg) else { return self.conditions.unknown() };
                let axis = self.axes.id(What::Other(format!("@{} {key}", l.set), 0));
                self.conditions.and(axis, &Ranges::one(if l.inverted() { 0 } else { 1 }));
            }
        }
    }

    /// The registers and lengths of the fields of a set's key: as the set says, or else as they were loaded.
    fn registers(&self, set: &Set, sreg: Reg) -> Option<Vec<(Reg, usize)>> {
        let (mut at, mut left) = (sreg.0, set.def.key_len as usize);
        let mut all = Vec::new();
        let mut said = set.def.fields.iter().filter(|_| set.def.fields.len() > 1);
        while left > 0 {
            let len = match (said.next(), self.loaded(Reg(at))) {
                (Some(len), _) => *len as usize,
                (None, Some(Loaded::Payload { len, .. })) => len as usize,
                (None, Some(Loaded::Named { len, .. })) if len > 0 => len,
                // Its length only the key tells.
                (None, Some(Loaded::Named { .. })) if all.is_empty() => left,
                _ => return None,
            };
            all.push((Reg(at), len));
            at = at.saturating_add(u8::try_from(len.div_ceil(4)).ok()?);
            left = left.saturating_sub(if len == left { len } else { len.next_multiple_of(4) });
        }
        Some(all)
    }

    /// What is looked up, described. None: it is not the same for the same packet.
    fn key(&self, set: &Set, sreg: Reg) -> Option<String> {
        let mut all = String::new();
        for (reg, _) in self.registers(set, sreg)? {
            match self.loaded(reg)? {
                Loaded::Unknown => return None,
                loaded => all.push_str(&format!("{loaded:?};")),
            }
        }
        Some(all)
    }

    /// The elements of a set as boxes. None: they cannot be told.
    fn elements(&mut self, set: &Set, sreg: Reg, verdicts: bool) -> Option<Vec<(Region, Option<Verdict>)>> {
        let interval = set.def.flags.contains(SetFlags::INTERVAL) && set.def.fields.len() < 2;
        let registers = self.registers(set, sreg)?;
        let loads: Vec<(Loaded, usize)> =
            registers.iter().map(|(reg, len)| Some((self.loaded(*reg)?, *len))).collect::<Option<_>>()?;
        if interval {
            let [(loaded, len)] = loads.as_slice() else { return None };
            return self.intervals(set, loaded, *len);
        }
        let mut all = Vec::new();
        for e in &set.elements {
            if e.is_catchall() {
                return None;
            }
            let mut region = Region::all();
            let mut at = 0;
            for (loaded, len) in &loads {
                let data = |of: &Data| of.get(at..at + len).map(Data::new);
                let low = data(&e.key)?;
                let high = e.key_end.as_ref().map_or(Some(low.clone()), data)?;
                let (what, ranges) = self.between(loaded, &low, &high)?;
                at += len.next_multiple_of(4);
                let axis = self.axes.id(what);
                if !region.narrow(axis, ranges) {
                    break;
                }
            }
            if region.iter().any(|(_, r)| r.is_empty()) {
                continue; // such a key no packet has
            }
            all.push((region, verdict(e, verdicts)?));
        }
        Some(all)
    }

    /// The intervals of a set of one field: where each begins, and where the next one does or it ends.
    fn intervals(&mut self, set: &Set, loaded: &Loaded, len: usize) -> Option<Vec<(Region, Option<Verdict>)>> {
        let mut marks: Vec<(&Element, u128)> = Vec::new();
        for e in &set.elements {
            if e.is_catchall() {
                return None;
            }
            marks.push((e, number(&e.key, false)?));
        }
        marks.sort_by_key(|(e, at)| (*at, !e.is_interval_end()));
        let verdicts = set.elements.iter().any(|e| e.value.is_some());
        let mut all = Vec::new();
        for (i, (e, low)) in marks.iter().enumerate().filter(|(_, (e, _))| !e.is_interval_end()) {
            let high = marks.get(i + 1).map_or_else(|| ones(len), |(_, next)| next.saturating_sub(1));
            let bytes = |n: u128| Data::new(n.to_be_bytes().get(16usize.saturating_sub(len)..).unwrap_or(&[]));
            let (what, ranges) = self.between(loaded, &bytes(*low), &bytes(high))?;
            let mut region = Region::all();
            let axis = self.axes.id(what);
            if region.narrow(axis, ranges) {
                all.push((region, verdict(e, verdicts)?));
            }
        }
        Some(all)
    }

    /// The axis of a key, and the values of an element on it.
    fn between(&self, loaded: &Loaded, low: &Data, high: &Data) -> Option<(What, Ranges)> {
        let (what, eq) = self.ranges(loaded, CmpOp::Eq, low)?;
        if low == high {
            return Some((what, eq));
        }
        let (_, to) = self.ranges(loaded, CmpOp::Eq, high)?;
        let plain = !matches!(what, What::State | What::Family | What::Masked(..))
            && !matches!(loaded, Loaded::Named { host: true, .. });
        let whole = |r: &Ranges| r.len() == 1;
        (plain && whole(&eq) && whole(&to))
            .then(|| Ranges::span(eq.low().unwrap_or(0), to.high().unwrap_or(0)))
            .map(|r| (what, r))
    }
}

/// How many registers of four bytes it takes; where that is not known, one.
fn words(loaded: &Loaded) -> usize {
    let len = match loaded {
        Loaded::Payload { len, .. } => *len as usize,
        Loaded::Named { len, .. } => *len,
        Loaded::Unknown => 16,
    };
    len.div_ceil(4).max(1)
}

fn verdict(e: &Element, wanted: bool) -> Option<Option<Verdict>> {
    match (&e.value, wanted) {
        (Some(Value::Verdict(v)), _) => Some(Some(v.clone())),
        (None, false) => Some(None),
        _ => None,
    }
}

/// Boxes on one axis alone are one box.
fn merged(keys: &[Region]) -> Vec<Region> {
    let mut axis = None;
    let mut ranges = Vec::new();
    for key in keys {
        let mut of = key.iter();
        let (Some((a, r)), None) = (of.next(), of.next()) else { return keys.to_vec() };
        if *axis.get_or_insert(a) != a {
            return keys.to_vec();
        }
        ranges.extend(r.iter());
    }
    let mut one = Region::all();
    match axis {
        Some(axis) if one.narrow(axis, Ranges::of(ranges)) => vec![one],
        _ if keys.len() > MOST_REGIONS => keys.to_vec(),
        _ => keys.to_vec(),
    }
}

fn ct(c: &Ct) -> Loaded {
    let (what, len) = match c.key {
        CtKey::State => (What::State, 4),
        CtKey::Mark => (What::CtMark, 4),
        CtKey::Direction | CtKey::L3protocol | CtKey::Protocol => (What::Ct(c.key, c.direction, 1), 1),
        CtKey::Status => (What::Ct(c.key, c.direction, 4), 4),
        CtKey::ProtoSrc | CtKey::ProtoDst => (What::Ct(c.key, c.direction, 2), 2),
        CtKey::SrcIp | CtKey::DstIp => (What::Ct(c.key, c.direction, 4), 4),
        CtKey::SrcIp6 | CtKey::DstIp6 | CtKey::Helper => (What::Ct(c.key, c.direction, 16), 16),
        CtKey::Zone => (What::Ct(c.key, c.direction, 2), 2),
        _ => return Loaded::Unknown,
    };
    let host = matches!(c.key, CtKey::State | CtKey::Mark | CtKey::Status | CtKey::Zone);
    Loaded::Named { what, len, host, mask: None }
}

/// A number of that many bytes with all bits set.
fn ones(len: usize) -> u128 {
    if len >= 16 { u128::MAX } else { (1u128 << (8 * len)) - 1 }
}

fn number(data: &[u8], host: bool) -> Option<u128> {
    if data.len() > 16 {
        return None;
    }
    let mut bytes = [0; 16];
    if host && cfg!(target_endian = "little") {
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        return Some(u128::from_le_bytes(bytes));
    }
    bytes.get_mut(16 - data.len()..)?.copy_from_slice(data);
    Some(u128::from_be_bytes(bytes))
}

fn holds(have: u128, op: CmpOp, value: u128) -> bool {
    match op {
        CmpOp::Eq => have == value,
        CmpOp::Neq => have != value,
        CmpOp::Lt => have < value,
        CmpOp::Lte => have <= value,
        CmpOp::Gt => have > value,
        CmpOp::Gte => have >= value,
        CmpOp::Unknown(_) => false,
    }
}

fn compared(op: CmpOp, value: u128, top: u128) -> Option<Ranges> {
    Some(match op {
        CmpOp::Eq => Ranges::one(value),
        CmpOp::Neq => Ranges::one(value).not(top),
        CmpOp::Lt => value.checked_sub(1).map_or_else(Ranges::default, |v| Ranges::span(0, v)),
        CmpOp::Lte => Ranges::span(0, value),
        CmpOp::Gt => value.checked_add(1).map_or_else(Ranges::default, |v| Ranges::span(v, top)),
        CmpOp::Gte => Ranges::span(value, top),
        CmpOp::Unknown(_) => return None,
    })
}

/// The states for which a bit test of nft's `ct state` holds.
fn states(test: impl Fn(u128) -> bool) -> Ranges {
    let bits = [1u128, 2, 4, 8, 64];
    Ranges::of(bits.into_iter().zip(0..).filter(|(bit, _)| test(*bit)).map(|(_, n)| (n, n)))
}

/// Values under a mask: a prefix is a range, few bits are tried one by one, and anything else is an axis of its own.
pub(super) fn masked(what: What, mask: u128, bits: u32, op: CmpOp, value: u128, top: u128) -> Option<(What, Ranges)> {
    let prefix = mask != 0 && (mask << (128 - bits)).leading_ones() + mask.trailing_zeros() == bits;
    if prefix && matches!(op, CmpOp::Eq | CmpOp::Neq) {
        if value & !mask != 0 {
            let none = Ranges::default();
            return Some((what, if op == CmpOp::Eq { none } else { Ranges::span(0, top) }));
        }
        let low = (1u128 << mask.trailing_zeros()) - 1;
        let eq = Ranges::span(value, value | low);
        return Some((what, if op == CmpOp::Eq { eq } else { eq.not(top) }));
    }
    if bits <= 8 {
        let all = (0..=ones(usize::from(bits > 0))).filter(|v| holds(v & mask, op, value));
        return Some((what, Ranges::of(all.map(|v| (v, v)))));
    }
    Some((What::Masked(Box::new(what), mask), compared(op, value, top)?))
}
