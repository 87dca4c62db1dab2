//! The conditions of rules of nf_tables.

mod load;
mod number;
mod set;

use crate::ruleset::nft::Table;
use crate::sys::nft::expr::{Cmp, CmpOp, MetaKey, Payload, Range, RangeOp};
use crate::sys::nft::{Data, Expr, Family, ObjectData, Reg, Rule, Value, Verdict};
use crate::sys::xt;

use super::axis::{Axes, What};
use super::ranges::Ranges;
use super::region::Region;
use super::shape::Conditions;
use load::{Field, Loaded, ct, words};
pub(super) use number::masked;
use number::{compared, holds, number, ones, states};

/// `NFPROTO_IPV4`, `NFPROTO_IPV6`
const V4: u128 = 2;
const V6: u128 = 10;

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
    /// The elements of a verdict map that the rule ends with, as far as its other conditions leave anything of them.
    pub map: Vec<(Region, Verdict)>,
}

impl<'a> Reader<'a> {
    pub fn new(table: &'a Table, axes: &'a mut Axes) -> Self {
        if matches!(table.def.family, Family::Netdev | Family::Bridge) {
            axes.of_frames();
        }
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
            // nft puts a verdict at the end: behind one there are no more conditions, or it is not what it looks like.
            if !self.map.is_empty() && !matches!(e, Expr::Counter(_) | Expr::Log(_)) {
                self.map.clear();
            }
            self.expr(e);
        }
    }

    /// The same, with its maps looked up: each combination of what they give, and for which packets. At most so many.
    pub fn read_maps(&mut self, rule: &Rule, most: usize) -> Vec<(Region, Vec<(Reg, Value)>)> {
        let mut all = vec![(Region::all(), Vec::new())];
        for e in &rule.exprs {
            let map = match e {
                Expr::Lookup(l) => l.dreg.and_then(|dreg| Some((dreg, self.map(l)?))),
                _ => None,
            };
            let Some((dreg, elements)) = map else {
                self.expr(e);
                continue;
            };
            let given = |(region, given): &(Region, Vec<_>), (key, value): &(Region, Value)| {
                let given = given.iter().cloned().chain([(dreg, value.clone())]).collect();
                Some((region.and(key)?, given))
            };
            all = all.iter().flat_map(|old| elements.iter().filter_map(|new| given(old, new))).take(most).collect();
            self.load(dreg, Loaded::Unknown);
        }
        all
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
}
