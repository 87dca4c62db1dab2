//! What a rule says, as a tree: built from what it loads into registers, before it becomes text.

use nfblame_sys::nft::Expr;
use nfblame_sys::nft::expr::{
    CtDirection, CtKey, ExthdrOp, Fib, FibFlags, FibResult, HashKind, MetaKey, NumgenKind, Osf, RtKey, SocketKey,
    TunnelKey, Xfrm,
};

use super::datatype::{Order, Type};
use super::extension::Extension;
use super::header::{Header, Layer};
use super::key::{self, Shape};
use super::set::SetView;

/// A place in a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(u32);

/// A run of places in a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    start: u32,
    len: u32,
}

/// An operand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'r> {
    pub kind: Kind<'r>,
    pub ty: Type,
    pub order: Order,
    /// Its width.
    pub bits: u32,
    /// A comparison with it may name the next header.
    pub names_next: bool,
}

/// What an operand is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'r> {
    /// Bytes as a number, the first byte highest until the order is known.
    Value(u128),
    /// Characters.
    Chars(Chars),
    /// A name of any length.
    Name(&'r [u8]),
    Prefix(Id, u32),
    Range(Id, Id),
    Payload(Payload),
    Extension(Exthdr),
    Meta(MetaKey),
    Ct(Ct),
    Rt(RtKey),
    Socket {
        key: SocketKey,
        level: u32,
    },
    Fib(Fib),
    Osf(Osf),
    Xfrm(Xfrm),
    Numgen {
        kind: NumgenKind,
        modulus: u32,
        offset: u32,
    },
    Hash {
        kind: HashKind,
        of: Option<Id>,
        modulus: u32,
        seed: Option<u32>,
        offset: u32,
    },
    /// Fields joined by dots.
    Concat(List),
    /// Flags joined by commas.
    List(List),
    /// A set, by name or in place; its keys are shifted right when it is written.
    Set {
        set: &'r SetView<'r>,
        shift: u32,
    },
    /// A set element with a timeout in milliseconds.
    Element(Id, u64),
    /// What a map gives for a key.
    Map(Id, Id),
    /// The same in the other order.
    Swap(Id),
    Binary(Op, Id, Id),
    Tunnel(TunnelKey),
    /// What an expression loads that nft has no words for.
    Raw(&'r Expr),
    /// nft's word for a verdict in the type of a map.
    Verdict,
}

/// An operation on bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    ShiftLeft,
    ShiftRight,
    And,
    Xor,
    Or,
}

/// Up to 16 characters of an interface's name and the like, and the `*` behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chars {
    pub bytes: [u8; 16],
    pub len: u8,
    pub ending: Ending,
}

/// What follows characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Nothing,
    /// Anything: `eth*`.
    Wildcard,
    /// An asterisk that stands for itself: `eth\*`.
    Asterisk,
}

/// A place in the packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload {
    /// The header it is in; [`UNKNOWN`](super::header::UNKNOWN) for raw payload.
    pub header: &'static Header,
    /// The index of its field.
    pub field: usize,
    pub layer: Layer,
    /// In bits, from the start of the layer.
    pub offset: u32,
}

/// A place in an extension header, option or chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exthdr {
    pub op: ExthdrOp,
    pub extension: Option<&'static Extension>,
    /// The name of the field, where it has one.
    pub field: Option<&'static str>,
    /// The number on the wire.
    pub number: u8,
    /// In bits.
    pub offset: u32,
    /// Only whether it is there.
    pub present: bool,
}

/// A property of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ct {
    pub key: CtKey,
    pub direction: Option<CtDirection>,
    /// `ip` or `ip6`, once it is known which an address is.
    pub family: Option<&'static Header>,
}

impl<'r> Node<'r> {
    pub fn new(kind: Kind<'r>, ty: Type, order: Order, bits: u32) -> Self {
        Self { kind, ty, order, bits, names_next: false }
    }

    fn shaped(kind: Kind<'r>, shape: Shape) -> Self {
        Self::new(kind, shape.ty, shape.order, shape.bits)
    }

    /// Bytes whose meaning is not known yet; up to 16 count.
    pub fn bytes(bytes: &[u8]) -> Self {
        let value = bytes.iter().take(16).fold(0, |v, b| v << 8 | u128::from(*b));
        Self::new(Kind::Value(value), Type::INVALID, Order::Unknown, bytes.len().min(16) as u32 * 8)
    }

    pub fn meta(key: MetaKey) -> Option<Self> {
        let (_, names_next) = key::meta_layer(key);
        Some(Self { names_next, ..Self::shaped(Kind::Meta(key), key::meta(key)?) })
    }

    pub fn ct(key: CtKey, direction: Option<CtDirection>) -> Option<Self> {
        let (_, names_next) = key::ct_layer(key);
        Some(Self { names_next, ..Self::shaped(Kind::Ct(Ct { key, direction, family: None }), key::ct(key)?) })
    }

    pub fn rt(key: RtKey) -> Option<Self> {
        Some(Self::shaped(Kind::Rt(key), key::rt(key)?))
    }

    pub fn socket(key: SocketKey, level: u32) -> Option<Self> {
        Some(Self::shaped(Kind::Socket { key, level }, key::socket(key)?))
    }

    pub fn xfrm(xfrm: Xfrm) -> Option<Self> {
        Some(Self::shaped(Kind::Xfrm(xfrm), key::xfrm(xfrm.key)?))
    }

    pub fn fib(fib: Fib) -> Option<Self> {
        let (ty, bits) = match fib.result {
            FibResult::Oif => (Type::IFINDEX, 32),
            FibResult::Oifname => (Type::STRING, 128),
            FibResult::Addrtype => (Type::FIB_ADDR, 32),
            FibResult::Unknown(_) => return None,
        };
        let ty = if fib.flags.contains(FibFlags::PRESENT) { Type::BOOLEAN } else { ty };
        Some(Self::new(Kind::Fib(fib), ty, Order::Host, bits))
    }

    /// A field of a header.
    pub fn field(header: &'static Header, index: usize) -> Option<Self> {
        let field = header.fields.get(index)?;
        let payload = Payload { header, field: index, layer: header.layer, offset: field.offset };
        let node = Self::new(Kind::Payload(payload), field.ty, field.order, field.bits);
        Some(Self { names_next: header.names_next(index), ..node })
    }

    pub fn value(&self) -> Option<u128> {
        match self.kind {
            Kind::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// The operands of one rule.
#[derive(Debug, Default)]
pub(super) struct Tree<'r> {
    nodes: Vec<Node<'r>>,
    lists: Vec<Id>,
}

impl<'r> Tree<'r> {
    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.lists.clear();
    }

    pub fn add(&mut self, node: Node<'r>) -> Id {
        self.nodes.push(node);
        Id(self.nodes.len() as u32 - 1)
    }

    pub fn add_list(&mut self, ids: &[Id]) -> List {
        let start = self.lists.len() as u32;
        self.lists.extend_from_slice(ids);
        List { start, len: ids.len() as u32 }
    }

    pub fn list(&self, list: List) -> &[Id] {
        self.lists.get(list.start as usize..(list.start + list.len) as usize).unwrap_or_default()
    }

    /// The `n`th place of a list.
    pub fn nth(&self, list: List, n: usize) -> Option<Id> {
        self.list(list).get(n).copied()
    }

    pub fn replace_nth(&mut self, list: List, n: usize, id: Id) {
        let index = list.start as usize + n;
        if n < list.len as usize
            && let Some(place) = self.lists.get_mut(index)
        {
            *place = id;
        }
    }

    /// A copy of a node. Ids come from [`add`](Self::add), so there always is one.
    pub fn get(&self, id: Id) -> Node<'r> {
        self.nodes.get(id.0 as usize).copied().unwrap_or(Node::bytes(&[]))
    }

    pub fn set(&mut self, id: Id, node: Node<'r>) {
        if let Some(place) = self.nodes.get_mut(id.0 as usize) {
            *place = node;
        }
    }

    /// A copy with everything below, so that one can change without the other.
    pub fn copy(&mut self, id: Id) -> Id {
        let mut node = self.get(id);
        node.kind = match node.kind {
            Kind::Prefix(a, n) => Kind::Prefix(self.copy(a), n),
            Kind::Range(a, b) => Kind::Range(self.copy(a), self.copy(b)),
            Kind::Element(a, timeout) => Kind::Element(self.copy(a), timeout),
            Kind::Map(a, b) => Kind::Map(self.copy(a), self.copy(b)),
            Kind::Swap(a) => Kind::Swap(self.copy(a)),
            Kind::Binary(op, a, b) => Kind::Binary(op, self.copy(a), self.copy(b)),
            Kind::Hash { kind, of: Some(of), modulus, seed, offset } => {
                Kind::Hash { kind, of: Some(self.copy(of)), modulus, seed, offset }
            }
            Kind::Concat(list) => Kind::Concat(self.copy_list(list)),
            Kind::List(list) => Kind::List(self.copy_list(list)),
            leaf => leaf,
        };
        self.add(node)
    }

    fn copy_list(&mut self, list: List) -> List {
        let copies: smallvec::SmallVec<[Id; 8]> =
            (0..list.len as usize).filter_map(|n| self.nth(list, n)).collect::<smallvec::SmallVec<[Id; 8]>>();
        let copies: smallvec::SmallVec<[Id; 8]> = copies.into_iter().map(|id| self.copy(id)).collect();
        self.add_list(&copies)
    }

    /// Gives an operand a type; what is in a prefix or range gets it.
    pub fn set_type(&mut self, id: Id, ty: Type, order: Order) {
        let node = self.get(id);
        match node.kind {
            Kind::Prefix(a, _) => self.set_type(a, ty, order),
            Kind::Range(a, b) => {
                self.set_type(a, ty, order);
                self.set_type(b, ty, order);
            }
            _ => self.set(id, Node { ty, order, ..node }),
        }
    }
}
