//! From expressions to statements: what each register holds is kept as an operand until something uses it.

mod bitwise;
mod compare;
mod place;
mod translate;
mod update;

pub(super) use place::{node, raw};

use nfblame_sys::nft::expr::{Hash, HashKind, QueueTarget, TunnelKey, TunnelMode};
use nfblame_sys::nft::{Expr, Reg, Value};
use smallvec::SmallVec;

use super::datatype::{Order, Type};
use super::set::SetView;
use super::statement::Stmt;
use super::tree::{Id, Kind, Node, Tree};
use super::view::View;
use super::{key, statement, xt};

/// A rule that is being taken apart.
pub(super) struct Loader<'r, 'w> {
    pub view: &'r View<'r>,
    pub tree: &'w mut Tree<'r>,
    registers: [Option<Id>; Reg::WORDS],
    pub statements: &'w mut Vec<Stmt<'r>>,
    /// Did everything have words?
    pub complete: bool,
}

impl<'r, 'w> Loader<'r, 'w> {
    pub fn new(view: &'r View<'r>, tree: &'w mut Tree<'r>, statements: &'w mut Vec<Stmt<'r>>) -> Self {
        Self { view, tree, registers: [None; Reg::WORDS], statements, complete: true }
    }

    /// Takes the next expression.
    pub fn take(&mut self, expr: &'r Expr) {
        if self.step(expr).is_some() {
            return;
        }
        self.complete = false;
        let loaded = destination(expr)
            .and_then(|reg| self.put(reg, Node::new(Kind::Raw(expr), Type::XINTEGER, Order::Unknown, 0)));
        if loaded.is_none() {
            // It may have loaded anything anywhere.
            self.registers = [None; Reg::WORDS];
            self.statements.push(Stmt::Raw(expr));
        }
    }

    /// Nothing if the expression has no words in nft's language, or not where it stands.
    fn step(&mut self, expr: &'r Expr) -> Option<()> {
        match expr {
            Expr::Immediate(i) => match &i.value {
                Value::Verdict(v) => self.push(Stmt::Verdict(v)),
                Value::Data(d) => self.put(i.dreg, Node::bytes(d.as_bytes()))?,
            },
            Expr::Cmp(c) => self.cmp(c)?,
            Expr::Range(r) => self.range(r)?,
            Expr::Lookup(l) => self.lookup(l)?,
            Expr::Bitwise(b) => self.bitwise(b)?,
            Expr::Byteorder(b) => {
                let arg = self.copy(b.sreg)?;
                let bits = self.tree.get(arg).bits;
                self.put(b.dreg, Node::new(Kind::Swap(arg), Type::INVALID, Order::Unknown, bits))?;
            }
            Expr::Payload(p) => self.payload(p)?,
            Expr::PayloadSet(p) => self.payload_set(p)?,
            Expr::Exthdr(e) => self.exthdr(e)?,
            Expr::ExthdrSet(e) => self.exthdr_set(e)?,
            Expr::ExthdrStrip(e) => self.exthdr_strip(e)?,
            Expr::Meta(m) => self.put(m.dreg, Node::meta(m.key)?)?,
            Expr::MetaSet(m) => {
                let (value, shape) = (self.copy(m.sreg)?, key::meta(m.key)?);
                self.tree.set_type(value, shape.ty, shape.order);
                self.push(Stmt::MetaSet { key: m.key, value });
            }
            Expr::Ct(c) => self.put(c.dreg, Node::ct(c.key, c.direction)?)?,
            Expr::CtSet(c) => {
                let (value, shape) = (self.copy(c.sreg)?, key::ct(c.key)?);
                self.tree.set_type(value, shape.ty, shape.order);
                self.push(Stmt::CtSet { key: c.key, direction: c.direction, value });
            }
            Expr::Rt(r) => self.put(r.dreg, Node::rt(r.key)?)?,
            Expr::Socket(s) => self.put(s.dreg, Node::socket(s.key, s.level.unwrap_or(0))?)?,
            Expr::Fib(f) => self.put(f.dreg, Node::fib(*f)?)?,
            Expr::Osf(o) => self.put(o.dreg, Node::new(Kind::Osf(*o), Type::STRING, Order::Host, 128))?,
            Expr::Xfrm(x) => self.put(x.dreg, Node::xfrm(*x)?)?,
            Expr::Numgen(n) => {
                let kind = Kind::Numgen { kind: n.kind, modulus: n.modulus, offset: n.offset };
                self.put(n.dreg, Node::new(kind, Type::INTEGER, Order::Host, 32))?;
            }
            Expr::Hash(h) => self.hash(h)?,
            // Later than nftables 1.0.6.
            Expr::Tunnel(t) if t.mode == TunnelMode::None => {
                let (ty, bits) = match t.key {
                    TunnelKey::Path => (Type::BOOLEAN, 8),
                    TunnelKey::Id => (Type::INTEGER, 32),
                    TunnelKey::Unknown(_) => return None,
                };
                self.put(t.dreg, Node::new(Kind::Tunnel(t.key), ty, Order::Host, bits))?;
            }
            Expr::Dynset(d) => self.dynset(d)?,
            Expr::Objref(o) => {
                let name = Node::new(Kind::Name(o.name.as_bytes()), Type::STRING, Order::Host, 0);
                let name = self.tree.add(name);
                self.push(Stmt::Object { kind: o.kind, name });
            }
            Expr::ObjrefMap(o) => {
                let set = self.set(&o.set)?;
                let key = self.operand(o.sreg, set.key.bits)?;
                let name = self.map(key, set, Type::STRING, Order::Host);
                self.push(Stmt::Object { kind: set.def.object_kind?, name });
            }
            Expr::Log(l) => self.push(Stmt::Log(l)),
            Expr::Reject(r) => self.push(Stmt::Reject(statement::Reject {
                kind: r.kind,
                code: r.code.unwrap_or(0),
                family: None,
                verbose: false,
            })),
            Expr::Nat(n) => self.nat(n)?,
            Expr::Masq(m) => self.masquerade(m)?,
            Expr::Redir(r) => self.redirect(r)?,
            Expr::Tproxy(t) => self.tproxy(t)?,
            Expr::Dup(d) => self.dup(d)?,
            Expr::Fwd(f) => self.fwd(f)?,
            Expr::Queue(q) => {
                let target = match q.target {
                    QueueTarget::Reg(reg) => self.copy(reg)?,
                    QueueTarget::Range { first, total } => {
                        let number = |n: u16| Node::new(Kind::Value(n.into()), Type::INTEGER, Order::Host, 16);
                        let low = self.tree.add(number(first));
                        match total {
                            0 | 1 => low,
                            _ => {
                                let high = self.tree.add(number(total.wrapping_add(first).wrapping_sub(1)));
                                self.tree.add(Node::new(Kind::Range(low, high), Type::INVALID, Order::Unknown, 0))
                            }
                        }
                    }
                };
                self.push(Stmt::Queue { target, flags: q.flags });
            }
            Expr::Notrack => self.push(Stmt::Notrack),
            Expr::Synproxy(s) => self.push(Stmt::Synproxy(*s)),
            Expr::FlowOffload(f) => self.push(Stmt::Flow(&f.table)),
            Expr::Match(blob) => self.push(Stmt::Xt(xt::Statement::new_match(blob))),
            Expr::Target(blob) => self.push(Stmt::Xt(xt::Statement::new_target(blob))),
            other if statement::is_stateful(other) => self.push(Stmt::Stateful(other)),
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, stmt: Stmt<'r>) {
        self.statements.push(stmt);
    }

    /// Puts an operand into a register. What was there is lost, also where it only reached into it or is reached.
    fn put(&mut self, reg: Reg, node: Node<'r>) -> Option<()> {
        let words = |bits: u32| (bits.div_ceil(32) as usize).max(1);
        let (at, width) = (reg.word()?, words(node.bits));
        let id = self.tree.add(node);
        let (before, from) = self.registers.split_at_mut_checked(at)?;
        for (distance, slot) in before.iter_mut().rev().enumerate() {
            let reaches = slot.is_some_and(|held| words(self.tree.get(held).bits) > distance + 1);
            *slot = slot.filter(|_| !reaches);
        }
        let (first, rest) = from.split_first_mut()?;
        *first = Some(id);
        rest.iter_mut().take(width - 1).for_each(|slot| *slot = None);
        Some(())
    }

    /// What a register holds, if something was loaded there.
    fn peek(&self, reg: Reg) -> Option<Node<'r>> {
        Some(self.tree.get((*self.registers.get(reg.word()?)?)?))
    }

    /// A copy of what a register holds: later steps may give it another meaning.
    fn copy(&mut self, reg: Reg) -> Option<Id> {
        let id = (*self.registers.get(reg.word()?)?)?;
        Some(self.tree.copy(id))
    }

    /// What a register and those behind it hold, `bits` in all.
    fn operand(&mut self, reg: Reg, bits: u32) -> Option<Id> {
        if self.peek(reg)?.bits >= bits { self.copy(reg) } else { self.concat(reg, bits) }
    }

    /// What several registers hold, joined.
    fn concat(&mut self, reg: Reg, bits: u32) -> Option<Id> {
        let mut fields: SmallVec<[Id; 8]> = SmallVec::new();
        let (mut reg, mut rest) = (reg, bits);
        while rest > 0 {
            let field = self.copy(reg)?;
            // An address whose family is not known has no width yet: nothing more can be told.
            let width = Some(self.tree.get(field).bits.next_multiple_of(32)).filter(|w| *w > 0)?;
            fields.push(field);
            rest = rest.saturating_sub(width);
            reg = Reg(reg.0.checked_add(u8::try_from(width / 32).ok()?)?);
        }
        let list = self.tree.add_list(&fields);
        Some(self.tree.add(Node::new(Kind::Concat(list), Type::INVALID, Order::Unknown, 0)))
    }

    fn set(&self, name: &nfblame_sys::Text) -> Option<&'r SetView<'r>> {
        self.view.set(name)
    }

    fn set_node(&mut self, set: &'r SetView<'r>) -> Id {
        self.tree.add(Node::new(Kind::Set { set, shift: 0 }, set.key.ty, Order::Unknown, 0))
    }

    fn map(&mut self, key: Id, set: &'r SetView<'r>, ty: Type, order: Order) -> Id {
        let set = self.set_node(set);
        self.tree.add(Node::new(Kind::Map(key, set), ty, order, 0))
    }

    fn hash(&mut self, h: &Hash) -> Option<()> {
        let of = match (h.kind, h.sreg) {
            (HashKind::Symhash, _) => None,
            (_, sreg) => Some(self.operand(sreg?, h.len.unwrap_or(0).saturating_mul(8))?),
        };
        let kind = Kind::Hash { kind: h.kind, of, modulus: h.modulus, seed: h.seed, offset: h.offset };
        self.put(h.dreg, Node::new(kind, Type::INTEGER, Order::Host, 32))
    }
}

/// The register that an expression without words loads, where that is known.
fn destination(expr: &Expr) -> Option<Reg> {
    let reg = match expr {
        Expr::Unknown(u) => return destination(u.known.as_deref()?),
        Expr::Inner(i) => return destination(&i.expr),
        Expr::Payload(p) => p.dreg,
        Expr::Exthdr(e) => e.dreg,
        Expr::Meta(m) => m.dreg,
        Expr::Ct(c) => c.dreg,
        Expr::Rt(r) => r.dreg,
        Expr::Socket(s) => s.dreg,
        Expr::Fib(f) => f.dreg,
        Expr::Xfrm(x) => x.dreg,
        Expr::Tunnel(t) => t.dreg,
        _ => return None,
    };
    (reg != Reg::VERDICT).then_some(reg)
}
