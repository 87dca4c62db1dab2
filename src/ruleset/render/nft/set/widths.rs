//! How wide the fields of an anonymous set are. nft keeps no width of plain numbers in its type, and so misreads
//! `ip version . ip saddr { 4 . 192.0.2.1 }` as `{ 0 . 4.0.0.0 }` itself; what the rule loads says it.

use nfblame_sys::Text;
use nfblame_sys::nft::{Expr, Reg, Rule};
use rustc_hash::FxHashMap;

use super::SetView;
use crate::ruleset::render::nft::datatype::Order;
use crate::ruleset::render::nft::key;

/// A width in bits, and the order of the bytes.
pub type Width = (u32, Order);

/// Gives the sets that a rule looks something up in the widths of their fields, where their types do not.
pub fn learn(rule: &Rule, sets: &mut FxHashMap<&[u8], SetView<'_>>) {
    let mut loaded: FxHashMap<u8, Width> = FxHashMap::default();
    for expr in &rule.exprs {
        match expr {
            Expr::Lookup(l) => found(l.sreg, &l.set, &loaded, sets),
            Expr::ObjrefMap(o) => found(o.sreg, &o.set, &loaded, sets),
            Expr::Bitwise(b) => {
                if let Some(width) = loaded.get(&b.sreg.0).copied() {
                    loaded.insert(b.dreg.0, width);
                }
            }
            Expr::Byteorder(b) => _ = loaded.insert(b.dreg.0, (u32::from(b.len) * 8, Order::Network)),
            _ => {
                if let Some((to, width)) = load(expr) {
                    loaded.insert(to.0, width);
                }
            }
        }
    }
}

/// What an expression loads, and where to.
fn load(expr: &Expr) -> Option<(Reg, Width)> {
    let shaped = |s: key::Shape| (s.bits, s.order);
    let bytes = |len: u32| (len.saturating_mul(8), Order::Network);
    Some(match expr {
        Expr::Payload(p) => (p.dreg, bytes(p.len)),
        Expr::Exthdr(e) => (e.dreg, bytes(e.len)),
        Expr::Meta(m) => (m.dreg, shaped(key::meta(m.key)?)),
        Expr::Ct(c) => (c.dreg, shaped(key::ct(c.key)?)),
        Expr::Rt(r) => (r.dreg, shaped(key::rt(r.key)?)),
        Expr::Socket(s) => (s.dreg, shaped(key::socket(s.key)?)),
        Expr::Xfrm(x) => (x.dreg, shaped(key::xfrm(x.key)?)),
        Expr::Numgen(n) => (n.dreg, (32, Order::Host)),
        Expr::Hash(h) => (h.dreg, (32, Order::Host)),
        _ => return None,
    })
}

fn found(key: Reg, set: &Text, loaded: &FxHashMap<u8, Width>, sets: &mut FxHashMap<&[u8], SetView<'_>>) {
    let Some(set) = sets.get_mut(set.as_bytes()).filter(|s| s.lacks_widths()) else { return };
    let mut register = u32::from(key.0);
    let mut widths = smallvec::SmallVec::new();
    for ty in set.key.ty.fields() {
        let at = u8::try_from(register).ok().and_then(|r| loaded.get(&r));
        let (bits, order) = at.copied().unwrap_or((ty.bits(), ty.order()));
        let width = (bits.clamp(8, 1024).next_multiple_of(8), order);
        register = register.saturating_add(width.0.div_ceil(32));
        widths.push(width);
    }
    set.key.widths = widths;
}
