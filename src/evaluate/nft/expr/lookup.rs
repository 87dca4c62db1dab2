//! `lookup`: the rule goes on if the set has the key, or has not; a map gives data or a verdict.

use crate::evaluate::nft::describe;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::nft::sets::{self, Found};
use crate::evaluate::{Context, Decision};
use crate::ruleset::nft::Set;
use crate::sys::nft::expr::{Expr, Lookup};
use crate::sys::nft::{Element, Reg, Value};

use super::immediate::verdict;
use super::stateful;

/// `nft_lookup_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Lookup) -> Step {
    let Some((set, index)) = m.set(&e.set) else {
        let key = [b"nft missing ", e.set.as_bytes()].concat();
        let found = cx.ask(sets::missing(&e.set), &key, true);
        if found && let Some(dreg) = e.dreg {
            return unlisted(m, dreg, &e.set.to_string(), 64);
        }
        return Step::when(found);
    };
    let found = sets::search(cx, m, (set, index), e.sreg);
    if (found == Found::Nothing) != e.inverted() {
        describe::miss(cx, m, e.sreg, set.def.key_len as usize, || describe::Wanted::Lookup(e, set));
        return Step::Break;
    }
    match found {
        Found::Nothing => Step::Go,
        Found::Element(i) => match set.elements.get(i) {
            Some(element) => hit(cx, m, e, set, element),
            None => Step::Go,
        },
        Found::Unlisted => {
            let step = match e.dreg {
                Some(dreg) => unlisted(m, dreg, &set.def.name.to_string(), set.def.data_len.unwrap_or(64) as usize),
                None => Step::Go,
            };
            then(cx, m, step, &set.def.exprs)
        }
    }
}

/// An element was found: its data, then its expressions.
fn hit(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Lookup, set: &Set, element: &Element) -> Step {
    let step = match (e.dreg, &element.value) {
        (None, _) => Step::Go,
        (Some(_), Some(Value::Verdict(v))) => verdict(v),
        (Some(dreg), Some(Value::Data(data))) => {
            m.regs.write(dreg, data.as_bytes());
            Step::Go
        }
        (Some(dreg), None) => unlisted(m, dreg, &set.def.name.to_string(), set.def.data_len.unwrap_or(64) as usize),
    };
    let extra = element.extra();
    if !extra.unread.is_empty() {
        let what = format!("an attribute of an element of set {} that is not understood", set.def.name);
        if !cx.ask(what, &[b"nft unread ", element.key.as_bytes()].concat(), true) {
            return Step::Break;
        }
    }
    then(cx, m, step, &extra.exprs)
}

/// The data of an element that was not read.
fn unlisted(m: &mut Machine<'_>, dreg: Reg, set: &str, len: usize) -> Step {
    if dreg == Reg::VERDICT {
        return Step::Verdict(Decision::Unknown(format!("what map {set} had for this packet").into()));
    }
    m.regs.write_unknown(dreg, len, Unknown::fact(format!("what map {set} had for this packet")));
    Step::Go
}

/// The expressions of an element run last (`nft_set_elem_update_expr`); a broken limit undoes a verdict.
fn then(cx: &mut Context<'_>, m: &mut Machine<'_>, step: Step, exprs: &[Expr]) -> Step {
    match stateful::all(cx, m, exprs, stateful::Of::Known) {
        Step::Go => step,
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::evaluate::{Hook, Packet};
    use crate::ruleset::nft::Table;
    use crate::sys::nft::expr::{Counter, Limit, LimitFlags, LimitKind, LookupFlags};
    use crate::sys::nft::{ElementExtra, ElementFlags, Family, SetFlags, Verdict};

    fn with(sets: Vec<Set>) -> Table {
        Table { sets, ..table(Family::Inet) }
    }

    fn look(dreg: Option<Reg>, inverted: bool) -> Lookup {
        let flags = if inverted { LookupFlags::INV } else { LookupFlags::empty() };
        Lookup { set: "s".into(), set_id: None, sreg: Reg::R1, dreg, flags }
    }

    fn packet() -> Packet {
        ip4(17, &[0; 8])
    }

    /// What a lookup of a key says, read a while after the packet.
    fn find(table: &Table, key: &[u8], e: &Lookup) -> Step {
        on(packet(), Hook::Input, &Host { since: Some(0), ..Host::default() }, table, |cx, m| {
            m.regs.write(Reg::R1, key);
            eval(cx, m, e)
        })
    }

    #[test]
    fn a_set_has_a_key_or_has_not() {
        let t = with(vec![members("s", SetFlags::empty(), 2, vec![element(&[0, 53], None), element(&[0, 80], None)])]);
        assert_eq!(find(&t, &[0, 53], &look(None, false)), Step::Go);
        assert_eq!(find(&t, &[0, 54], &look(None, false)), Step::Break);
        assert_eq!(find(&t, &[0, 53], &look(None, true)), Step::Break);
        assert_eq!(find(&t, &[0, 54], &look(None, true)), Step::Go);
    }

    #[test]
    fn maps_give_data_or_a_verdict_and_a_catch_all_the_rest() {
        let mut all = element(&[], Some(Value::Verdict(Verdict::Drop)));
        all.flags = ElementFlags::CATCHALL;
        let verdicts = vec![element(&[6, 0, 0, 0], Some(Value::Verdict(Verdict::Jump(text("c"))))), all];
        let t = with(vec![members("s", SetFlags::MAP, 1, verdicts)]);
        let e = look(Some(Reg::VERDICT), false);
        // The key is one byte.
        let one = |t: &Table, key| find(t, key, &e);
        let t1 = with(vec![Set {
            elements: vec![
                element(&[6], Some(Value::Verdict(Verdict::Jump(text("c"))))),
                t.sets[0].elements[1].clone(),
            ],
            ..t.sets[0].clone()
        }]);
        assert_eq!(one(&t1, &[6]), Step::Verdict(Decision::Jump(text("c"))));
        assert_eq!(one(&t1, &[7]), Step::Verdict(Decision::Drop));
        let data = element(&[1], Some(Value::Data(crate::sys::nft::Data::new([0, 0, 0, 9]))));
        let t = with(vec![members("s", SetFlags::MAP, 1, vec![data])]);
        let got = on(packet(), Hook::Input, &Host::default(), &t, |cx, m| {
            m.regs.write(Reg::R1, &[1]);
            assert_eq!(eval(cx, m, &look(Some(Reg(8)), false)), Step::Go);
            m.regs.read(Reg(8), 4).map(<[u8]>::to_vec)
        });
        assert_eq!(got, Some(vec![0, 0, 0, 9]));
    }

    fn living(key: &[u8], left: u64) -> Element {
        let extra = ElementExtra { timeout: Some(60_000), expiration: Some(left), ..ElementExtra::default() };
        Element { extra: Some(Box::new(extra)), ..element(key, None) }
    }

    #[test]
    fn an_element_that_may_have_expired_is_an_open_question() {
        let t = with(vec![members("s", SetFlags::TIMEOUT, 1, vec![living(&[1], 5000)])]);
        let runs = |since: Option<i64>| -> Vec<Step> {
            let host = Host { since, ..Host::default() };
            let found = every(&packet(), &host, &t, |cx, m| {
                m.regs.write(Reg::R1, &[1]);
                eval(cx, m, &look(None, false))
            });
            found.into_iter().map(|r| r.0).collect()
        };
        assert_eq!(runs(Some(0)), [Step::Go]);
        assert_eq!(runs(Some(1000)), [Step::Go]);
        assert_eq!(runs(Some(9000)), [Step::Break]);
        assert_eq!(runs(Some(5050)), [Step::Go, Step::Break]);
        assert_eq!(runs(Some(-1000)), [Step::Go], "added 55 seconds before it was read");
        assert_eq!(runs(Some(-58_000)), [Step::Go, Step::Break]);
        assert_eq!(runs(None), [Step::Go, Step::Break]);
    }

    #[test]
    fn a_limit_in_an_element_can_undo_its_verdict() {
        let limit = Limit { rate: 1, unit: 1, burst: 5, kind: LimitKind::Packets, flags: LimitFlags::empty() };
        let exprs = vec![Expr::Counter(Counter::default()), Expr::Limit(limit)];
        let extra = ElementExtra { exprs, ..ElementExtra::default() };
        let e = Element { extra: Some(Box::new(extra)), ..element(&[1], Some(Value::Verdict(Verdict::Accept))) };
        let t = with(vec![members("s", SetFlags::MAP, 1, vec![e])]);
        let runs = every(&packet(), &Host::default(), &t, |cx, m| {
            m.regs.write(Reg::R1, &[1]);
            eval(cx, m, &look(Some(Reg::VERDICT), false))
        });
        assert_eq!(runs.iter().map(|r| &r.0).collect::<Vec<_>>(), [&Step::Verdict(Decision::Accept), &Step::Break]);
    }

    #[test]
    fn an_unknown_number_takes_each_of_its_values_and_nothing_else() {
        let to = |name: &str| Some(Value::Verdict(Verdict::Goto(text(name))));
        let elements = [("a", 0u32), ("b", 1), ("a", 2)].map(|(n, k)| element(&k.to_ne_bytes(), to(n))).to_vec();
        let t = with(vec![members("s", SetFlags::MAP, 4, elements)]);
        let run = |high| {
            let found = every(&packet(), &Host::default(), &t, |cx, m| {
                m.regs.write_unknown(Reg::R1, 4, Unknown::fresh("numgen").between(0, high, 4));
                eval(cx, m, &look(Some(Reg::VERDICT), false))
            });
            found.into_iter().map(|r| r.0).collect::<Vec<_>>()
        };
        let goto = |n: &str| Step::Verdict(Decision::Goto(text(n)));
        assert_eq!(run(2), [goto("a"), goto("b")]);
        assert_eq!(run(3), [goto("a"), goto("b"), Step::Break]);
        assert_eq!(run(0), [goto("a")]);
    }

    #[test]
    fn an_unknown_field_of_a_concatenation_asks_only_for_elements_whose_others_fit() {
        let key = |a: u8, b: u8| [a, 0, 0, 0, b, 0, 0, 0];
        let t =
            with(vec![members("s", SetFlags::empty(), 8, vec![element(&key(1, 1), None), element(&key(1, 2), None)])]);
        let run = |a: u8| {
            every(&packet(), &Host::default(), &t, |cx, m| {
                m.regs.write(Reg::R1, &[a]);
                m.regs.write_unknown(Reg(5), 1, Unknown::fact("x"));
                eval(cx, m, &look(None, false))
            })
            .len()
        };
        assert_eq!((run(1), run(2)), (2, 1));
    }

    #[test]
    fn a_set_that_rules_change_is_certain_only_at_the_moment_it_was_read() {
        let t = with(vec![members("s", SetFlags::EVAL, 1, vec![element(&[1], None)])]);
        let runs = |since| {
            let host = Host { since, ..Host::default() };
            every(&packet(), &host, &t, |cx, m| {
                m.regs.write(Reg::R1, &[1]);
                eval(cx, m, &look(None, false))
            })
            .len()
        };
        assert_eq!((runs(Some(0)), runs(Some(5)), runs(None)), (1, 2, 2));
    }

    #[test]
    fn a_set_that_was_not_read_is_a_question() {
        let runs = every(&packet(), &Host::default(), &table(Family::Inet), |cx, m| eval(cx, m, &look(None, false)));
        assert_eq!(runs.len(), 2);
        assert!(runs[0].1[0].contains("set s"));
    }
}
