//! `nat`, `masq`, `redir`, `tproxy`, `dup`, `fwd`: statements that take addresses, ports and devices from registers.

use nfblame_sys::nft::expr::{Dup, Fwd, Masq, Nat, NatFlags, NatKind, Redir, Tproxy};
use nfblame_sys::nft::{Family, Reg};

use super::Loader;
use crate::ruleset::render::nft::datatype::{Order, Type};
use crate::ruleset::render::nft::set::Datum;
use crate::ruleset::render::nft::statement::{self, NatWord, Stmt};
use crate::ruleset::render::nft::tree::{Id, Kind, Node};

/// Bits of a port in a concatenation.
const PORT: u32 = 32;

impl<'r> Loader<'r, '_> {
    pub(super) fn nat(&mut self, n: &Nat) -> Option<()> {
        let word = match n.kind {
            NatKind::Snat => NatWord::Snat,
            NatKind::Dnat => NatWord::Dnat,
            NatKind::Unknown(_) => return None,
        };
        let mut stmt = statement::Nat {
            word,
            family: (self.view.family() == Family::Inet).then_some(n.family),
            prefix: n.flags.contains(NatFlags::NETMAP),
            addr: None,
            port: None,
            flags: n.flags,
        };
        let (ty, width) = match n.family {
            Family::Ip => (Type::IPADDR, 32),
            _ => (Type::IP6ADDR, 128),
        };
        stmt.addr = match n.addr_min {
            Some(reg) => Some(self.typed(reg, ty, Order::Network)?),
            None => None,
        };
        // A map may give a range of addresses, or an address with a port: then it stands for everything.
        if let Some(data) = stmt.addr.and_then(|addr| self.map_data(addr)).filter(|d| d.interval) {
            let pair = 2 * width;
            if matches!(n.family, Family::Ip | Family::Ip6) && (data == (pair, true) || data == (pair + 2 * PORT, true))
            {
                stmt.family = Some(n.family);
                self.push(Stmt::Nat(stmt));
                return Some(());
            }
            stmt.family = Some(n.family);
        }
        if let Some(reg) = n.addr_max.filter(|r| Some(*r) != n.addr_min) {
            let high = self.typed(reg, ty, Order::Network)?;
            stmt.addr = Some(match stmt.addr {
                Some(low) => self.range_or_prefix(low, high),
                None => high,
            });
        }
        if let Some(data) = stmt.addr.and_then(|addr| self.map_data(addr))
            && matches!(n.family, Family::Ip | Family::Ip6)
            && data.bits == width + PORT
        {
            stmt.family = Some(n.family);
            self.push(Stmt::Nat(stmt));
            return Some(());
        }
        stmt.port = self.ports(n.proto_min, n.proto_max)?;
        self.push(Stmt::Nat(stmt));
        Some(())
    }

    /// What a map gives, where the operand is one.
    fn map_data(&self, id: Id) -> Option<MapData> {
        let Kind::Map(_, set) = self.tree.get(id).kind else { return None };
        let Kind::Set { set, .. } = self.tree.get(set).kind else { return None };
        let Datum { bits, interval, .. } = *set.data.as_ref()?;
        Some(MapData { bits, interval })
    }

    pub(super) fn masquerade(&mut self, m: &Masq) -> Option<()> {
        self.port_nat(NatWord::Masquerade, m.proto_min, m.proto_max, m.flags)
    }

    pub(super) fn redirect(&mut self, r: &Redir) -> Option<()> {
        self.port_nat(NatWord::Redirect, r.proto_min, r.proto_max, r.flags)
    }

    fn port_nat(&mut self, word: NatWord, min: Option<Reg>, max: Option<Reg>, flags: NatFlags) -> Option<()> {
        let port = self.ports(min, max)?;
        self.push(Stmt::Nat(statement::Nat { word, family: None, prefix: false, addr: None, port, flags }));
        Some(())
    }

    /// A port or a range of ports.
    fn ports(&mut self, min: Option<Reg>, max: Option<Reg>) -> Option<Option<Id>> {
        let mut port = match min {
            Some(reg) => Some(self.typed(reg, Type::INET_SERVICE, Order::Network)?),
            None => None,
        };
        if let Some(reg) = max.filter(|r| Some(*r) != min) {
            let high = self.typed(reg, Type::INET_SERVICE, Order::Network)?;
            port = Some(match port {
                Some(low) => self.tree.add(Node::new(Kind::Range(low, high), Type::INVALID, Order::Unknown, 0)),
                None => high,
            });
        }
        Some(port)
    }

    fn typed(&mut self, reg: Reg, ty: Type, order: Order) -> Option<Id> {
        let id = self.copy(reg)?;
        self.tree.set_type(id, ty, order);
        Some(id)
    }

    fn range_or_prefix(&mut self, low: Id, high: Id) -> Id {
        let (l, h) = (self.tree.get(low), self.tree.get(high));
        let prefix = match (l.value(), h.value()) {
            (Some(from), Some(to)) => super::super::set::exact_prefix(from, to, l.bits),
            _ => None,
        };
        let kind = match prefix {
            Some(len) => Kind::Prefix(low, len),
            None => Kind::Range(low, high),
        };
        self.tree.add(Node::new(kind, Type::INVALID, Order::Unknown, 0))
    }

    pub(super) fn tproxy(&mut self, t: &Tproxy) -> Option<()> {
        let addr = match (t.addr, t.family) {
            (None, _) => None,
            (Some(reg), Family::Ip) => Some(self.typed(reg, Type::IPADDR, Order::Network)?),
            (Some(reg), Family::Ip6) => Some(self.typed(reg, Type::IP6ADDR, Order::Network)?),
            (Some(_), _) => return None,
        };
        let port = self.ports(t.port, None)?;
        let family = (self.view.family() == Family::Inet && t.family != Family::Unspec).then_some(t.family);
        self.push(Stmt::Tproxy { family, addr, port });
        Some(())
    }

    pub(super) fn dup(&mut self, d: &Dup) -> Option<()> {
        let mut to = match d.addr {
            Some(reg) => {
                let id = self.copy(reg)?;
                match self.view.family() {
                    Family::Ip => self.tree.set_type(id, Type::IPADDR, Order::Network),
                    Family::Ip6 => self.tree.set_type(id, Type::IP6ADDR, Order::Network),
                    _ => {}
                }
                Some(id)
            }
            None => None,
        };
        let mut dev = match d.dev {
            Some(reg) => Some(self.typed(reg, Type::IFINDEX, Order::Host)?),
            None => None,
        };
        if to.is_none() {
            to = dev.take();
        }
        self.push(Stmt::Dup { to, dev });
        Some(())
    }

    pub(super) fn fwd(&mut self, f: &Fwd) -> Option<()> {
        let dev = self.typed(f.dev, Type::IFINDEX, Order::Host)?;
        let to = match (f.addr, f.nfproto) {
            (None, _) => None,
            (Some(reg), Some(Family::Ip)) => Some((Family::Ip, self.typed(reg, Type::IPADDR, Order::Network)?)),
            (Some(reg), Some(Family::Ip6)) => Some((Family::Ip6, self.typed(reg, Type::IP6ADDR, Order::Network)?)),
            (Some(_), _) => return None,
        };
        self.push(Stmt::Fwd { dev, to });
        Some(())
    }
}

/// Width and kind of what a map gives.
#[derive(Clone, Copy)]
struct MapData {
    bits: u32,
    interval: bool,
}

impl PartialEq<(u32, bool)> for MapData {
    fn eq(&self, other: &(u32, bool)) -> bool {
        (self.bits, self.interval) == *other
    }
}
