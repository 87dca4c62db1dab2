//! Sets and maps: what their keys and data mean, their declarations and elements.

mod elements;
mod interval;
mod type_of;
mod widths;
mod write;

use nfblame_sys::nft::{Element, Set, SetFlags, userdata};
use smallvec::SmallVec;

use super::datatype::{Order, Type};
use super::tree::Node;
use crate::ruleset::nft;

pub(super) use elements::{each_element, write_elements};
pub(super) use interval::exact_prefix;
pub(super) use widths::learn;
pub(super) use write::declaration;

/// A set or map with what its user data say.
#[derive(Debug)]
pub(super) struct SetView<'a> {
    pub def: &'a Set,
    pub elements: &'a [Element],
    pub key: Datum,
    /// What a map gives; nothing for a set. A map of objects gives strings.
    pub data: Option<Datum>,
}

/// What keys or data mean.
#[derive(Debug)]
pub(super) struct Datum {
    pub ty: Type,
    pub order: Order,
    pub bits: u32,
    /// The expression that it is `typeof`: several for a concatenation, none where the type is named.
    pub type_of: SmallVec<[Node<'static>; 1]>,
    /// The data of a map are ranges.
    pub interval: bool,
    /// What rules say of the fields of an anonymous set; none where nobody asked them.
    pub widths: SmallVec<[widths::Width; 4]>,
}

impl<'a> SetView<'a> {
    pub fn new(set: &'a nft::Set) -> Self {
        let def = &set.def;
        let udata = &def.userdata;
        let mut key_expr = udata.get(userdata::SET_KEY_TYPEOF).and_then(type_of::read);
        let mut data = None;
        if def.flags.intersects(SetFlags::MAP | SetFlags::OBJECT) {
            let ty = match def.flags.contains(SetFlags::OBJECT) {
                true => Type::STRING,
                false => from_kernel(def.data_type.unwrap_or(0)),
            };
            let bits = def.data_len.unwrap_or(0).saturating_mul(8);
            let expr = udata.get(userdata::SET_DATA_TYPEOF).and_then(type_of::read).filter(|d| d.fits(bits));
            if expr.is_none() {
                // The declaration cannot mix `typeof` and the name of a type.
                key_expr = None;
            }
            let mut datum =
                expr.unwrap_or_else(|| Datum::named(ty, order(udata.u32(userdata::SET_DATABYTEORDER)), bits));
            datum.interval = udata.u32(userdata::SET_DATA_INTERVAL).is_some_and(|n| n != 0);
            data = Some(datum);
        }
        let bits = def.key_len.saturating_mul(8);
        let key = key_expr.filter(|d| d.fits(bits)).unwrap_or_else(|| {
            Datum::named(from_kernel(def.key_type), order(udata.u32(userdata::SET_KEYBYTEORDER)), bits)
        });
        Self { def, elements: &set.elements, key, data }
    }

    pub fn is_anonymous(&self) -> bool {
        self.def.flags.contains(SetFlags::ANONYMOUS)
    }

    /// Was it made by a `meter`?
    pub fn is_meter(&self) -> bool {
        self.def.flags.contains(SetFlags::ANONYMOUS | SetFlags::EVAL)
    }

    pub fn is_interval(&self) -> bool {
        self.def.flags.contains(SetFlags::INTERVAL)
    }

    /// The only byte of its first element, if that is a single value of one byte.
    pub fn first_byte(&self) -> Option<u8> {
        let single = |e: &Element| <[u8; 1]>::try_from(e.key.as_bytes()).ok().map(|[b]| b);
        if self.is_interval() {
            let first = interval::join(self).into_iter().next()?;
            return single(first.element).filter(|_| first.end == interval::End::Same);
        }
        self.elements.iter().filter(|e| !e.is_catchall()).filter_map(single).min()
    }

    /// Does its type not say where the fields of its keys begin?
    pub fn lacks_widths(&self) -> bool {
        self.is_anonymous()
            && self.key.ty.is_concat()
            && self.key.widths.is_empty()
            && self.key.ty.fields().any(|ty| ty.bits() == 0 || !ty.bits().is_multiple_of(8))
    }

    /// Does it map to verdicts?
    pub fn gives_verdicts(&self) -> bool {
        self.data.as_ref().is_some_and(|d| d.ty == Type::VERDICT)
    }
}

impl Datum {
    fn named(ty: Type, order: Order, bits: u32) -> Self {
        Self { ty, order, bits, type_of: SmallVec::new(), interval: false, widths: SmallVec::new() }
    }

    /// Is it as long as the kernel says?
    fn fits(&self, bits: u32) -> bool {
        self.bits.div_ceil(8) == bits / 8
    }

    /// The fields of a concatenation: type, order and width of each. The width of a named type counts in whole bytes.
    pub fn fields(&self) -> SmallVec<[(Type, Order, u32); 4]> {
        if self.type_of.is_empty() || !self.ty.is_concat() {
            let learned = |(n, ty): (usize, Type)| match self.widths.get(n) {
                Some((bits, order)) if ty.bits() == 0 => (ty, *order, *bits),
                Some((bits, _)) => (ty, ty.order(), *bits),
                None => (ty, ty.order(), ty.bits().next_multiple_of(8)),
            };
            return self.ty.fields().enumerate().map(learned).collect();
        }
        self.type_of.iter().map(|node| (node.ty, node.order, node.bits)).collect()
    }
}

fn from_kernel(ty: u32) -> Type {
    const NFT_DATA_VERDICT: u32 = nfblame_sys::uapi::nf_tables::NFT_DATA_VERDICT;
    match ty {
        NFT_DATA_VERDICT => Type::VERDICT,
        _ => Type(ty),
    }
}

fn order(number: Option<u32>) -> Order {
    match number {
        Some(1) => Order::Host,
        Some(2) => Order::Network,
        _ => Order::Unknown,
    }
}
