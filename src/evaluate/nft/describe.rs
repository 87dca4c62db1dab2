//! Why a rule did not match, in nft's words: the field that was compared, what was wanted, what the packet has.

mod name;
mod show;

use crate::evaluate::Context;
use crate::ruleset::nft::Set;
use crate::sys::nft::expr::{BitwiseOp, Cmp, CmpOp, Lookup, Payload, Range, RangeOp};
use crate::sys::nft::{Expr, Reg};

use super::machine::{Machine, Step};
use super::members::few_members;
use name::name;
use show::Show;

/// The condition that did not hold.
pub enum Wanted<'a> {
    /// A comparison.
    Cmp(&'a Cmp),
    /// A range.
    Range(&'a Range),
    /// A set.
    Lookup(&'a Lookup, &'a Set),
}

/// Notes a condition that did not hold, if anybody wants to know.
#[inline]
pub fn miss<'a>(cx: &mut Context<'_>, m: &Machine<'_>, reg: Reg, len: usize, wanted: impl FnOnce() -> Wanted<'a>) {
    if cx.explain && cx.missed.is_none() {
        note(cx, m, reg, len, &wanted());
    }
}

#[cold]
fn note(cx: &mut Context<'_>, m: &Machine<'_>, reg: Reg, len: usize, wanted: &Wanted<'_>) {
    let mut fields = Vec::new();
    let widths: Vec<usize> = match wanted {
        Wanted::Lookup(_, set) if !set.def.fields.is_empty() => set.def.fields.iter().map(|&f| f as usize).collect(),
        _ => vec![len],
    };
    let mut word = usize::from(reg.0);
    for width in widths {
        let at = Reg(u8::try_from(word).unwrap_or(u8::MAX));
        let field = Field::of(cx, m, at, width);
        let have = field.have(cx, m, at, width);
        fields.push((field, have));
        word += width.div_ceil(4);
    }
    let name = fields.iter().map(|(f, _)| f.name.as_str()).collect::<Vec<_>>().join(" . ");
    let have: Option<Vec<String>> = fields.iter().map(|(_, have)| have.clone()).collect();
    let field = fields.first().map(|(f, _)| f);
    let wanted = match (wanted, field) {
        (Wanted::Cmp(e), Some(f)) => f.wanted(e),
        (Wanted::Range(e), Some(f)) => {
            let not = if e.op == RangeOp::Neq { "!= " } else { "" };
            format!("{not}{}-{}", f.show.text(&e.from), f.show.text(&e.to))
        }
        (Wanted::Lookup(e, set), shown) => {
            let not = if e.inverted() { "!= " } else { "" };
            if set.def.flags.contains(crate::sys::nft::SetFlags::ANONYMOUS) {
                let plain = shown.filter(|_| fields.len() == 1);
                let few = plain.and_then(|f| few_members(set, &|key| f.show.text(key)));
                format!("{not}{}", few.unwrap_or_else(|| format!("{{ {} elements }}", set.elements.len())))
            } else {
                format!("{not}@{}", e.set)
            }
        }
        _ => String::new(),
    };
    let have = have.map(|h| h.join(" . "));
    if matches!(name.as_str(), "iif" | "oif") {
        let (wanted, have) = (link(cx, wanted), have.map(|h| link(cx, h)));
        return cx.miss(name, || (Some(wanted), have));
    }
    cx.miss(name, || (Some(wanted), have));
}

/// The name of the device of that index, as nft shows it; where it has none, the index.
fn link(cx: &Context<'_>, index: String) -> String {
    let (not, number) = index.strip_prefix("!= ").map_or(("", index.as_str()), |number| ("!= ", number));
    let device = number.parse().ok().and_then(|n| cx.env.link(n).known());
    device.map_or(index.clone(), |l| format!("{not}\"{}\"", l.name))
}

/// What a register was loaded with.
struct Field {
    name: String,
    show: Show,
    /// The bits that are compared, where not all are.
    mask: Option<Vec<u8>>,
    /// The expression that loaded it.
    source: Option<usize>,
    /// How long the whole field is.
    whole: usize,
}

impl Field {
    fn of(cx: &Context<'_>, m: &Machine<'_>, reg: Reg, len: usize) -> Self {
        let (mut at, mut reg, mut mask) = (m.at, reg, None);
        while let Some((i, e)) = m.exprs.iter().enumerate().take(at).rev().find(|(_, e)| writes(e) == Some(reg)) {
            at = i;
            match e {
                Expr::Bitwise(b) => {
                    if let BitwiseOp::MaskXor { mask: bits, xor } = &b.op
                        && xor.iter().all(|&b| b == 0)
                    {
                        mask = Some(bits.to_vec());
                    }
                    reg = b.sreg;
                }
                Expr::Byteorder(b) => reg = b.sreg,
                e => {
                    let (name, show, whole) = name(cx, m, e, len);
                    return Self { name, show, mask, source: Some(i), whole };
                }
            }
        }
        Self { name: "register".into(), show: Show::Hex, mask, source: None, whole: len }
    }

    /// What the packet has there, before any masking.
    fn have(&self, cx: &mut Context<'_>, m: &Machine<'_>, reg: Reg, len: usize) -> Option<String> {
        let source = self.source.and_then(|i| m.exprs.get(i));
        if let Some(e @ (Expr::Payload(_) | Expr::Meta(_) | Expr::Ct(_))) = source {
            let mut again = Machine::new(m.table, m.index, m.info.clone());
            if super::expr::eval(cx, &mut again, e) != Step::Go {
                return None;
            }
            // The whole field, even if the rule looks at the front of it only.
            if let Expr::Payload(p) = e
                && self.whole > p.len as usize
            {
                let whole = Payload { len: self.whole as u32, ..*p };
                super::expr::payload::eval(cx, &mut again, &whole);
            }
            return again.regs.read(writes(e)?, self.whole.max(len)).map(|b| self.show.text(b));
        }
        m.regs.read(reg, len).map(|b| self.show.text(b))
    }

    fn wanted(&self, e: &Cmp) -> String {
        let op = match e.op {
            CmpOp::Eq => "",
            CmpOp::Neq => "!= ",
            CmpOp::Lt => "< ",
            CmpOp::Lte => "<= ",
            CmpOp::Gt => "> ",
            CmpOp::Gte => ">= ",
            CmpOp::Unknown(_) => "? ",
        };
        let data = e.data.as_bytes();
        match &self.mask {
            // `flags & mask != 0`: one of these bits
            Some(mask) if e.op == CmpOp::Neq && data.iter().all(|&b| b == 0) => self.show.text(mask),
            Some(mask) => match prefix(mask) {
                Some(n) if matches!(self.show, Show::Address) => format!("{op}{}/{n}", self.show.text(data)),
                _ => format!(
                    "& {} {}{}",
                    Show::Hex.text(mask),
                    if op.is_empty() { "== " } else { op },
                    self.show.text(data)
                ),
            },
            None if matches!(self.show, Show::Address) && data.len() < self.whole => {
                let mut padded = data.to_vec();
                padded.resize(self.whole, 0);
                format!("{op}{}/{}", self.show.text(&padded), data.len() * 8)
            }
            None => format!("{op}{}", self.show.text(data)),
        }
    }
}

/// The length of a mask of leading ones.
fn prefix(mask: &[u8]) -> Option<usize> {
    let ones = mask.iter().map(|b| b.leading_ones() as usize).take_while(|&n| n > 0).sum::<usize>();
    let total = mask.iter().map(|b| b.count_ones() as usize).sum::<usize>();
    (ones == total).then_some(ones)
}

/// The register that an expression loads.
pub fn writes(e: &Expr) -> Option<Reg> {
    Some(match e {
        Expr::Payload(e) => e.dreg,
        Expr::Meta(e) => e.dreg,
        Expr::Ct(e) => e.dreg,
        Expr::Exthdr(e) => e.dreg,
        Expr::Bitwise(e) => e.dreg,
        Expr::Byteorder(e) => e.dreg,
        Expr::Immediate(e) => e.dreg,
        Expr::Lookup(e) => e.dreg?,
        Expr::Fib(e) => e.dreg,
        Expr::Rt(e) => e.dreg,
        Expr::Socket(e) => e.dreg,
        Expr::Osf(e) => e.dreg,
        Expr::Numgen(e) => e.dreg,
        Expr::Hash(e) => e.dreg,
        Expr::Xfrm(e) => e.dreg,
        Expr::Tunnel(e) => e.dreg,
        Expr::Inner(e) => return writes(&e.expr),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
