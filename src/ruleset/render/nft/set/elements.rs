//! The elements of a set or map, in nft's order.

use nfblame_sys::nft::{Element, Value};
use smallvec::SmallVec;

use super::{Datum, SetView, interval};
use crate::ruleset::render::nft::Writer;
use crate::ruleset::render::nft::datatype::{self, Order, Type};
use crate::ruleset::render::nft::statement;
use crate::ruleset::render::out::{Out, put};

/// Writes `{ a, b }`. `shift` says how far keys are to be shifted right, and `bits` how wide they then are, where the
/// set stands in a rule that masks what it looks up.
pub fn write_elements(cx: Writer<'_>, set: &SetView<'_>, shift: u32, bits: Option<u32>, out: &mut Out) {
    let lines = Lines { cx, set, shift, bits, keys_only: false };
    out.str("{ ");
    let mut delimiter = Delimiter::new(set);
    each(set, |shown| {
        delimiter.write(out);
        lines.write(&shown, out);
    });
    out.str(" }");
}

/// Each element as it stands in a listing of its set, in nft's order; or its key only.
pub fn each_element<'a>(cx: Writer<'_>, set: &SetView<'a>, keys_only: bool, mut take: impl FnMut(&'a Element, Out)) {
    let lines = Lines { cx, set, shift: 0, bits: None, keys_only };
    each(set, |shown| {
        let mut out = Out::new();
        lines.write(&shown, &mut out);
        take(shown.element(), out);
    });
}

/// An element, or the two that make an interval.
enum Shown<'a> {
    Single(&'a Element),
    Item(interval::Item<'a>),
    Concatenation(&'a Element),
}

impl<'a> Shown<'a> {
    fn element(&self) -> &'a Element {
        match self {
            Self::Single(element) | Self::Concatenation(element) => element,
            Self::Item(item) => item.element,
        }
    }
}

fn each<'a>(set: &SetView<'a>, mut take: impl FnMut(Shown<'a>)) {
    if set.key.ty.is_concat() {
        concatenated(set).into_iter().for_each(|e| take(Shown::Concatenation(e)));
    } else if set.is_interval() {
        interval::join(set).into_iter().for_each(|item| take(Shown::Item(item)));
    } else {
        singles(set).for_each(|e| take(Shown::Single(e)));
    }
}

/// Elements with single keys: sorted by their numbers.
fn singles<'a>(set: &SetView<'a>) -> impl Iterator<Item = &'a Element> + use<'a> {
    let mut keyed: Vec<(u128, &Element)> = set.elements.iter().map(|e| (sort_key(&set.key, e), e)).collect();
    // Of equal keys, which flags may have, nft shows the last first.
    keyed.reverse();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, e)| e)
}

fn sort_key(key: &Datum, element: &Element) -> u128 {
    if element.is_catchall() {
        return u128::MAX >> (128 - key.bits.clamp(1, 128));
    }
    let bits = element.key.len() as u32 * 8;
    let value = number(element.key.as_bytes(), key.order, bits);
    // Flags are sorted by the lowest one.
    if key.ty.is_flags() { value & value.wrapping_neg() } else { value }
}

/// The first sixteen bytes as a number.
fn number(bytes: &[u8], order: Order, bits: u32) -> u128 {
    let value = bytes.iter().take(16).fold(0, |v, b| v << 8 | u128::from(*b));
    if order == Order::Host { datatype::swapped(value, bits) } else { value }
}

/// Elements with concatenated keys: sorted as numbers whose last byte is the highest, except where ranges keep them in
/// the kernel's order.
fn concatenated<'a>(set: &SetView<'a>) -> Vec<&'a Element> {
    let mut elements: Vec<&Element> = set.elements.iter().collect();
    if set.is_interval() {
        return elements;
    }
    let fields = set.key.fields();
    let bytes = |element: &'a Element| {
        let mut rest = element.key.as_bytes();
        let mut key: SmallVec<[u8; 32]> = SmallVec::new();
        for (_, _, bits) in &fields {
            let len = bits.div_ceil(8) as usize;
            key.extend_from_slice(rest.get(..len).unwrap_or(rest));
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
        key.reverse();
        // As high as the highest key, and before it.
        if element.is_catchall() {
            key.clear();
            key.resize(fields.iter().map(|(_, _, bits)| bits.div_ceil(8) as usize).sum::<usize>().min(64), u8::MAX);
        }
        key
    };
    elements.reverse();
    elements.sort_by_cached_key(|e| bytes(e));
    elements
}

/// What stands between elements: nft breaks lines after two or five of some types, and after each of the others.
struct Delimiter {
    per_line: u32,
    inline: bool,
    on_line: u32,
    begun: bool,
}

impl Delimiter {
    fn new(set: &SetView<'_>) -> Self {
        let per_line = match set.key.ty {
            Type::NFPROTO
            | Type::INTEGER
            | Type::XINTEGER
            | Type::ARPOP
            | Type::INET_PROTOCOL
            | Type::INET_SERVICE
            | Type::TCP_FLAG
            | Type::DCCP_PKTTYPE
            | Type::MARK
            | Type::IFINDEX
            | Type::CLASSID
            | Type::UID
            | Type::GID
            | Type::CT_DIR => 5,
            Type::IPADDR | Type::CT_STATE | Type::CT_STATUS | Type::PKTTYPE => 2,
            _ => 1,
        };
        Self { per_line, inline: set.is_anonymous(), on_line: 0, begun: false }
    }

    fn write(&mut self, out: &mut Out) {
        if !std::mem::replace(&mut self.begun, true) {
            return;
        }
        self.on_line += 1;
        if self.inline || self.on_line < self.per_line {
            out.str(", ");
        } else {
            self.on_line = 0;
            out.str(",\n\t\t\t     ");
        }
    }
}

/// Writes elements of one set.
struct Lines<'a> {
    cx: Writer<'a>,
    set: &'a SetView<'a>,
    shift: u32,
    bits: Option<u32>,
    keys_only: bool,
}

impl Lines<'_> {
    fn write(&self, shown: &Shown<'_>, out: &mut Out) {
        match shown {
            Shown::Single(element) => self.single(element, out),
            Shown::Item(item) => self.item(item, out),
            Shown::Concatenation(element) => self.concatenation(element, out),
        }
    }

    fn single(&self, element: &Element, out: &mut Out) {
        let key = &self.set.key;
        if element.is_catchall() {
            out.str("*");
        } else {
            self.bytes(key.ty, key.order, element.key.as_bytes(), out);
        }
        self.rest(element, out);
    }

    fn item(&self, item: &interval::Item<'_>, out: &mut Out) {
        let key = &self.set.key;
        let bits = item.element.key.len() as u32 * 8;
        match item.end {
            interval::End::Catchall => out.str("*"),
            interval::End::Same => self.bytes(key.ty, key.order, item.element.key.as_bytes(), out),
            interval::End::Prefix(len) => {
                self.value(key.ty, key.order, item.low, bits, false, out);
                put!(out, "/{len}");
            }
            interval::End::Wildcard => {
                let bytes = item.element.key.as_bytes();
                let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                out.str("\"");
                out.bytes(bytes.get(..end).unwrap_or(bytes));
                out.str("*\"");
            }
            interval::End::Last(high) => {
                self.value(key.ty, key.order, item.low, bits, true, out);
                out.str("-");
                self.value(key.ty, key.order, high, bits, true, out);
            }
        }
        self.rest(item.element, out);
    }

    fn concatenation(&self, element: &Element, out: &mut Out) {
        if element.is_catchall() {
            out.str("*");
        } else {
            let low = element.key.as_bytes();
            let high = element.key_end.as_ref().map(|k| k.as_bytes());
            self.fields(&self.set.key, low, high, out);
        }
        self.rest(element, out);
    }

    /// Writes the fields of a concatenation, or of a range of them.
    fn fields(&self, datum: &Datum, low: &[u8], high: Option<&[u8]>, out: &mut Out) {
        let (mut low, mut high) = (low, high);
        for (i, (ty, order, bits)) in datum.fields().into_iter().enumerate() {
            if i != 0 {
                out.str(" . ");
            }
            let len = bits.div_ceil(8) as usize;
            let take = |bytes: &mut &[u8]| {
                let (field, rest) = (bytes.get(..len), bytes.get(len.next_multiple_of(4)..));
                *bytes = rest.unwrap_or_default();
                field.map(SmallVec::<[u8; 16]>::from_slice)
            };
            let Some(first) = take(&mut low) else { break };
            match high.as_mut().and_then(take).filter(|last| *last != first) {
                None => self.bytes(ty, order, &first, out),
                Some(last) => self.range((ty, order, bits), &first, &last, out),
            }
        }
    }

    /// Writes the range of one field.
    fn range(&self, (ty, order, bits): (Type, Order, u32), first: &[u8], last: &[u8], out: &mut Out) {
        let (low, high) = (number(first, Order::Network, bits), number(last, Order::Network, bits));
        match interval::prefix_length(low, high, bits) {
            Some(len) if ty.is_string() && len % 8 == 0 => {
                out.str("\"");
                out.bytes(first.get(..len as usize / 8).unwrap_or(first));
                out.str("*\"");
            }
            Some(len) if ty.info().prefix => {
                self.value(ty, order, low, bits, false, out);
                put!(out, "/{len}");
            }
            _ => {
                self.value(ty, order, low, bits, true, out);
                out.str("-");
                self.value(ty, order, high, bits, true, out);
            }
        }
    }

    /// Writes a key or field as it lies in memory.
    fn bytes(&self, ty: Type, order: Order, bytes: &[u8], out: &mut Out) {
        if ty.is_string() {
            return datatype::string(bytes, out);
        }
        if bytes.len() > 16 {
            return put!(out, "0x{}", nfblame_sys::text::Hex(bytes));
        }
        let bits = bytes.len() as u32 * 8;
        let host = order == Order::Host && !self.set.is_interval();
        let value = number(bytes, if host { Order::Host } else { Order::Network }, bits);
        if ty.is_flags() && value.count_ones() > 1 {
            let mut rest = value >> self.shift;
            while rest != 0 {
                let flag = rest & rest.wrapping_neg();
                rest &= !flag;
                self.cx.printer().value(ty, order, flag, bits, out);
                if rest != 0 {
                    out.str(" | ");
                }
            }
            return;
        }
        self.value(ty, order, value, bits, false, out);
    }

    fn value(&self, ty: Type, order: Order, value: u128, bits: u32, numeric: bool, out: &mut Out) {
        let mut printer = self.cx.printer();
        printer.numeric |= numeric;
        printer.value(ty, order, value >> self.shift, self.bits.unwrap_or(bits), out);
    }

    /// Writes what follows a key: expressions, timeout, comment, and what the map gives.
    fn rest(&self, element: &Element, out: &mut Out) {
        if self.keys_only {
            return;
        }
        if let Some(extra) = element.extra.as_deref() {
            for expr in &extra.exprs {
                out.str(" ");
                statement::stateful(self.cx, expr, self.cx.stateless, out);
            }
            if let Some(timeout) = extra.timeout.filter(|t| *t != 0) {
                out.str(" timeout ");
                datatype::duration(timeout, self.cx.numeric, out);
            }
            if let Some(expiration) = extra.expiration.filter(|e| *e != 0 && !self.cx.stateless) {
                out.str(" expires ");
                datatype::duration(expiration, self.cx.numeric, out);
            }
            if let Some(comment) = element.comment() {
                out.str(" comment \"");
                out.bytes(comment.as_bytes());
                out.str("\"");
            }
            if let Some(object) = &extra.object {
                out.str(" : ");
                datatype::string(object.as_bytes(), out);
            }
        }
        match (&element.value, &self.set.data) {
            (Some(Value::Verdict(verdict)), _) => {
                out.str(" : ");
                statement::verdict(verdict, out);
            }
            (Some(Value::Data(data)), Some(datum)) => {
                out.str(" : ");
                self.data(datum, data.as_bytes(), out);
            }
            (Some(Value::Data(data)), None) => put!(out, " : 0x{}", nfblame_sys::text::Hex(data)),
            (None, _) => {}
        }
    }

    /// Writes what a map gives.
    fn data(&self, datum: &Datum, bytes: &[u8], out: &mut Out) {
        // A shift is for keys only.
        let lines = Self { shift: 0, bits: None, ..*self };
        let (low, high) = bytes.split_at(bytes.len() / 2);
        match (datum.ty.is_concat(), datum.interval) {
            (true, false) => lines.fields(datum, bytes, None, out),
            (true, true) => lines.fields(datum, low, Some(high), out),
            (false, false) => lines.plain_data(datum, bytes, out),
            (false, true) => {
                let bits = low.len() as u32 * 8;
                let (first, last) = (number(low, Order::Network, bits), number(high, Order::Network, bits));
                let order = datum.ty.order();
                match interval::exact_prefix(first, last, bits) {
                    Some(len) => {
                        lines.value(datum.ty, order, first, bits, false, out);
                        put!(out, "/{len}");
                    }
                    None => {
                        lines.value(datum.ty, order, first, bits, true, out);
                        out.str("-");
                        lines.value(datum.ty, order, last, bits, true, out);
                    }
                }
            }
        }
    }

    fn plain_data(&self, datum: &Datum, bytes: &[u8], out: &mut Out) {
        if datum.ty.is_string() {
            return datatype::string(bytes, out);
        }
        let bits = bytes.len() as u32 * 8;
        self.value(datum.ty, datum.order, number(bytes, datum.order, bits), bits, false, out);
    }
}
