//! Expressions that this version does not know, or not to their last attribute.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown as Blank;
use crate::evaluate::{Context, Decision};
use crate::sys::nft::expr::Unknown;

/// Asks whether it goes on; behind it no register is known.
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Unknown) -> Step {
    let name =
        if e.name.is_empty() { "expression without a name".to_owned() } else { format!("expression {}", e.name) };
    match &e.known {
        Some(known) => {
            if cx.ask(format!("whether an attribute of {name} that is not understood changes it"), &e.raw, false) {
                named(cx, m, &name)
            } else {
                super::eval(cx, m, known)
            }
        }
        None => named(cx, m, &name),
    }
}

/// An expression of which only the name is known: it may do anything.
pub fn named(cx: &mut Context<'_>, m: &mut Machine<'_>, name: &str) -> Step {
    let key = |tail: &str| {
        let mut key = format!("nft {name} {tail}").into_bytes();
        key.extend(m.rule.map_or(0, |r| r.handle).to_ne_bytes());
        key.extend(m.at.to_ne_bytes());
        key
    };
    if !cx.ask(format!("whether {name} matches"), &key("matches"), true) {
        return Step::Break;
    }
    let last = m.at + 1 == m.exprs.len();
    if last && cx.ask(format!("whether {name} decides"), &key("decides"), false) {
        return Step::Verdict(Decision::Unknown(name.to_owned().into()));
    }
    m.regs.forget(Blank::fact(format!("what {name} loaded")));
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Family;
    use crate::sys::nft::Reg;
    use crate::sys::nft::expr::{Cmp, CmpOp, Expr};

    #[test]
    fn an_unknown_expression_may_match_or_not_and_at_the_end_may_decide() {
        let e = Unknown { name: "future".into(), raw: Box::from([1, 2]), known: None };
        let t = crate::ruleset::nft::Table {
            chains: vec![chain("c", crate::sys::nft::Hook::Input, None, vec![vec![Expr::Unknown(e.clone())]])],
            ..table(Family::Inet)
        };
        let runs = every(&ip4(17, &[0; 8]), &Host::default(), &t, |cx, m| {
            m.regs.write_u32(Reg::R1, 1);
            m.exprs = &m.table.chains[0].rules[0].exprs;
            let step = eval(cx, m, &e);
            (step, m.regs.u32(Reg::R1))
        });
        let decides = Step::Verdict(Decision::Unknown("expression future".into()));
        let steps: Vec<_> = runs.iter().map(|r| r.0.clone()).collect();
        assert_eq!(steps, [(Step::Go, None), (decides, Some(1)), (Step::Break, Some(1))]);
        assert!(runs[0].1.iter().all(|what| what.contains("future")));
    }

    #[test]
    fn an_expression_with_one_unknown_attribute_is_probably_what_it_looks_like() {
        let cmp = Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: crate::sys::nft::Data::new([1, 0, 0, 0]) };
        let e = Unknown { name: "cmp".into(), raw: Box::from([1, 2]), known: Some(Box::new(Expr::Cmp(cmp))) };
        let runs = every(&ip4(17, &[0; 8]), &Host::default(), &table(Family::Inet), |cx, m| {
            m.regs.write(Reg::R1, &[9]);
            eval(cx, m, &e)
        });
        assert_eq!(runs[0].0, Step::Break);
        assert!(runs.len() > 1);
    }
}
