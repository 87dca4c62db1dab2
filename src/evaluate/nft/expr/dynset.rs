//! `dynset`: a rule that changes a set (`add @set { … }`, meters).

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::nft::sets::{self, Found};
use crate::evaluate::{Context, Effect, Fact};
use crate::ruleset::nft::Set;
use crate::sys::Text;
use crate::sys::nft::expr::{Dynset, DynsetFlags, DynsetOp};

use super::stateful::{self, Of};

/// `nft_dynset_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Dynset) -> Step {
    let inverted = e.flags.contains(DynsetFlags::INV);
    let indexed = m.set(&e.set);
    let len = indexed.map_or(4, |(set, _)| set.def.key_len as usize);
    let key = match m.take(cx, e.key, len) {
        Taken::Bytes(b) => Some(b.to_vec()),
        Taken::Unknown(_) => None,
        Taken::Nothing => return Step::Break,
    };
    let table = (m.table.def.family, &m.table.def.name);
    if e.op == DynsetOp::Delete {
        cx.effects.push(Effect::State(format!("delete @{}", e.set).into()));
        cx.nft.note(table, &e.set, key.as_deref(), false);
        return Step::Go;
    }
    let Some((set, index)) = indexed else {
        return Step::when(cx.ask(sets::missing(&e.set), &[b"nft missing ", e.set.as_bytes()].concat(), true));
    };
    let there = key.as_ref().is_some_and(|k| index.find(set, k, |_| true).is_some());
    if !there && is_full(cx, set) && (key.is_some() || !cx.ask(has_it(&e.set), b"", true)) {
        return Step::when(inverted);
    }
    cx.effects.push(Effect::State(format!("{} @{}", e.op, e.set).into()));
    let fresh = if e.exprs.is_empty() { &set.def.exprs } else { &e.exprs };
    if fresh.is_empty() && !there {
        cx.nft.note(table, &e.set, key.as_deref(), true);
        return Step::when(!inverted);
    }
    let element = key.as_deref().map(|k| sets::by_key(cx, m, (set, index), k));
    cx.nft.note(table, &e.set, key.as_deref(), true);
    let own = match element {
        Some(Found::Element(i)) => set.elements.get(i).filter(|e| !e.is_catchall()),
        _ => None,
    };
    // What an element has used up is its own (`nft_set_elem_update_expr`).
    let (exprs, of) = match (element, own) {
        (_, Some(own)) => (&own.extra().exprs, Of::Known),
        (None | Some(Found::Unlisted), _) => (fresh, Of::Some),
        _ => (fresh, Of::Added),
    };
    match stateful::all(cx, m, exprs, of) {
        Step::Go => Step::when(!inverted),
        other => other,
    }
}

fn has_it(set: &Text) -> String {
    format!("whether set {set} has it already")
}

/// Was there no room for another element? Then the rule does not go on.
fn is_full(cx: &mut Context<'_>, set: &Set) -> bool {
    let Some(size) = set.def.size.filter(|&s| s > 0) else { return false };
    // Elements that have expired or were deleted take up room for a while, and only the kernel's own count has them.
    let full = set.elements.len().max(set.def.count.unwrap_or(0) as usize) >= size as usize;
    if cx.env.since_ruleset() == Fact::Is(0) {
        return full;
    }
    let key = [b"nft full ", set.def.name.as_bytes()].concat();
    cx.ask(format!("whether set {} was full", set.def.name), &key, full)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Hook;
    use crate::evaluate::nft::sets::by_key;
    use crate::evaluate::nft::testing::*;
    use crate::ruleset::nft::Table;
    use crate::sys::nft::expr::{Expr, Limit, LimitFlags, LimitKind, Quota, QuotaFlags};
    use crate::sys::nft::{ElementExtra, Family, Reg, SetFlags};

    fn change(op: DynsetOp, flags: DynsetFlags, exprs: Vec<Expr>) -> Dynset {
        Dynset { op, set: "s".into(), set_id: None, key: Reg::R1, data: None, timeout: None, flags, exprs }
    }

    #[test]
    fn what_a_rule_adds_or_deletes_later_rules_see() {
        let mut t = table(Family::Inet);
        t.sets = vec![members("s", SetFlags::EVAL, 4, vec![element(&[2, 0, 0, 0], None)])];
        on(ip4(17, &[0; 8]), Hook::Input, &Host { since: Some(0), ..Host::default() }, &t, |cx, m| {
            let has = |cx: &mut Context<'_>, m: &Machine<'_>, key: u8| {
                by_key(cx, m, m.set(&text("s")).unwrap(), &[key, 0, 0, 0]) != Found::Nothing
            };
            assert_eq!((has(cx, m, 1), has(cx, m, 2)), (false, true));
            m.regs.write(Reg::R1, &[1]);
            assert_eq!(eval(cx, m, &change(DynsetOp::Add, DynsetFlags::empty(), Vec::new())), Step::Go);
            assert_eq!(eval(cx, m, &change(DynsetOp::Add, DynsetFlags::INV, Vec::new())), Step::Break);
            m.regs.write(Reg::R1, &[2]);
            assert_eq!(eval(cx, m, &change(DynsetOp::Delete, DynsetFlags::empty(), Vec::new())), Step::Go);
            assert_eq!((has(cx, m, 1), has(cx, m, 2)), (true, false));
        });
    }

    #[test]
    fn an_element_has_a_quota_of_its_own() {
        let quota = |consumed| Expr::Quota(Quota { bytes: 1000, consumed, flags: QuotaFlags::INV });
        let mut used = element(&[2, 0, 0, 0], None);
        used.extra = Some(Box::new(ElementExtra { exprs: vec![quota(950)], ..ElementExtra::default() }));
        let mut t = table(Family::Inet);
        t.sets = vec![members("s", SetFlags::EVAL, 4, vec![used])];
        let host = Host { since: Some(0), ..Host::default() };
        let over = |keys: &[u8]| {
            on(ip4(17, &[0; 8]), Hook::Input, &host, &t, |cx, m| {
                let update = |&key: &u8| {
                    m.regs.write(Reg::R1, &[key]);
                    eval(cx, m, &change(DynsetOp::Update, DynsetFlags::empty(), vec![quota(0)])) == Step::Go
                };
                keys.iter().map(update).collect::<Vec<_>>()
            })
        };
        assert_eq!(over(&[1, 2, 2]), [false, false, true], "28 bytes each time");
    }

    #[test]
    fn a_full_set_takes_no_more_and_a_meter_may_break() {
        let mut t = table(Family::Inet);
        t.sets = vec![members("s", SetFlags::EVAL, 4, vec![element(&[2, 0, 0, 0], None)])];
        t.sets[0].def.size = Some(1);
        let host = Host { since: Some(0), ..Host::default() };
        let add = |t: &Table, key: u8, exprs: Vec<Expr>| {
            every(&ip4(17, &[0; 8]), &host, t, |cx, m| {
                m.regs.write(Reg::R1, &[key]);
                eval(cx, m, &change(DynsetOp::Add, DynsetFlags::empty(), exprs.clone()))
            })
        };
        assert_eq!(add(&t, 1, Vec::new())[0].0, Step::Break);
        assert_eq!(add(&t, 2, Vec::new())[0].0, Step::Go);
        let limit = Limit { rate: 1, unit: 1, burst: 5, kind: LimitKind::Packets, flags: LimitFlags::INV };
        assert_eq!(add(&t, 2, vec![Expr::Limit(limit)]).len(), 1, "the element has none");
        t.sets[0].def.size = None;
        assert_eq!(add(&t, 3, vec![Expr::Limit(limit)]).len(), 2);
    }
}
