//! Look-ups in sets.

use crate::analysis::axis::What;
use crate::analysis::ranges::Ranges;
use crate::analysis::region::Region;
use crate::ruleset::nft::Set;
use crate::sys::nft::expr::{CmpOp, Lookup};
use crate::sys::nft::{Data, Element, Reg, SetFlags, Value};

use super::Reader;
use super::load::Loaded;
use super::number::{number, ones};

/// Larger anonymous sets are not taken apart.
const MOST_ELEMENTS: usize = 4096;

impl Reader<'_> {
    pub(super) fn lookup(&mut self, l: &Lookup) {
        let Some(set) = self.table.set(&l.set) else { return self.conditions.unknown() };
        let fixed = set.def.flags.contains(SetFlags::ANONYMOUS | SetFlags::CONSTANT)
            && !set.def.flags.intersects(SetFlags::TIMEOUT | SetFlags::EVAL);
        let verdicts = l.dreg == Some(Reg::VERDICT);
        // What a map decides now is looked at, also where somebody may change it: the finding says so.
        let kept = verdicts && !set.def.flags.intersects(SetFlags::TIMEOUT | SetFlags::EVAL);
        let told =
            (fixed || kept) && set.elements.len() <= MOST_ELEMENTS && !set.elements.iter().any(Element::is_catchall);
        let boxes = if told { self.elements(set, l.sreg) } else { None };
        match boxes {
            Some(boxes) if l.dreg.is_some() => {
                if verdicts {
                    self.decide(&boxes);
                }
                // What is not in a map that may be changed may come to be.
                if fixed { self.conditions.and_any(&merged(keys(boxes))) } else { self.conditions.unknown() }
            }
            Some(boxes) => {
                let keys = merged(keys(boxes));
                match (l.inverted(), keys.as_slice()) {
                    (false, keys) => self.conditions.and_any(keys),
                    (true, [one]) if one.iter().count() == 1 => {
                        for (axis, ranges) in one.iter() {
                            // What is absent is in no set, and the rule ends before it is asked.
                            if let Some(top) = self.axes.what(axis).map(|what| self.axes.top(what)) {
                                self.conditions.and(axis, &ranges.not(top));
                            }
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
        if let Some(dreg) = l.dreg.filter(|_| !verdicts) {
            self.load(dreg, Loaded::Unknown);
        }
    }

    /// The elements of a map: which packets find each, as far as that can be told, and what it gives them. None: there is no
    /// such map.
    pub(super) fn map(&mut self, l: &Lookup) -> Option<Vec<(Region, Value)>> {
        let set = self.table.set(&l.set)?;
        let any = |e| (Region::all(), e);
        let by_key = |(_, a): &(_, &Element), (_, b): &(_, &Element)| a.key.as_bytes().cmp(b.key.as_bytes());
        let told = self.elements(set, l.sreg);
        let mut all = told.unwrap_or_else(|| set.elements.iter().filter(|e| !e.is_catchall()).map(any).collect());
        all.sort_by(by_key);
        all.extend(set.elements.iter().filter(|e| e.is_catchall()).map(any));
        Some(all.into_iter().filter_map(|(region, e)| Some((region, e.value.clone()?))).collect())
    }

    /// Notes what the elements of a verdict map decide, as far as the conditions before leave anything of them.
    fn decide(&mut self, elements: &[(Region, &Element)]) {
        if !self.conditions.exact {
            return;
        }
        for (region, verdict) in elements.iter().filter_map(|(r, e)| Some((r, e.value.as_ref()?.verdict()?))) {
            let left = self.conditions.regions.iter().filter_map(|before| region.and(before));
            self.map.extend(left.map(|r| (r, verdict.clone())));
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

    /// The elements of a set but the catch-all one, as boxes. None: they cannot be told.
    fn elements<'s>(&mut self, set: &'s Set, sreg: Reg) -> Option<Vec<(Region, &'s Element)>> {
        let interval = set.def.flags.contains(SetFlags::INTERVAL) && set.def.fields.len() < 2;
        let registers = self.registers(set, sreg)?;
        let loads: Vec<(Loaded, usize)> =
            registers.iter().map(|(reg, len)| Some((self.loaded(*reg)?, *len))).collect::<Option<_>>()?;
        if interval {
            let [(loaded, len)] = loads.as_slice() else { return None };
            return self.intervals(set, loaded, *len);
        }
        let mut all = Vec::new();
        for e in set.elements.iter().filter(|e| !e.is_catchall()) {
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
            all.push((region, e));
        }
        Some(all)
    }

    /// The intervals of a set of one field: where each begins, and where the next one does or it ends.
    fn intervals<'s>(&mut self, set: &'s Set, loaded: &Loaded, len: usize) -> Option<Vec<(Region, &'s Element)>> {
        let mut marks: Vec<(&Element, u128)> = Vec::new();
        for e in set.elements.iter().filter(|e| !e.is_catchall()) {
            marks.push((e, number(&e.key, false)?));
        }
        marks.sort_by_key(|(e, at)| (*at, !e.is_interval_end()));
        let mut all = Vec::new();
        for (i, (e, low)) in marks.iter().enumerate().filter(|(_, (e, _))| !e.is_interval_end()) {
            let high = marks.get(i + 1).map_or_else(|| ones(len), |(_, next)| next.saturating_sub(1));
            let bytes = |n: u128| Data::new(n.to_be_bytes().get(16usize.saturating_sub(len)..).unwrap_or(&[]));
            let (what, ranges) = self.between(loaded, &bytes(*low), &bytes(high))?;
            let mut region = Region::all();
            let axis = self.axes.id(what);
            if region.narrow(axis, ranges) {
                all.push((region, *e));
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

fn keys(boxes: Vec<(Region, &Element)>) -> Vec<Region> {
    boxes.into_iter().map(|(region, _)| region).collect()
}

/// Boxes on one axis alone are one box.
fn merged(keys: Vec<Region>) -> Vec<Region> {
    let only = |key: &Region| {
        let mut axes = key.iter().map(|(axis, _)| axis);
        axes.next().filter(|_| axes.next().is_none())
    };
    let axis = keys.first().and_then(only).filter(|axis| keys.iter().all(|k| only(k) == Some(*axis)));
    let mut one = Region::all();
    let ranges = || Ranges::of(keys.iter().flat_map(Region::iter).flat_map(|(_, ranges)| ranges.iter()));
    match axis {
        Some(axis) if one.narrow(axis, ranges()) => vec![one],
        _ => keys,
    }
}
