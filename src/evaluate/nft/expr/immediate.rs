//! `immediate`: data into a register, or a verdict.

use crate::evaluate::Decision;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::sys::nft::expr::Immediate;
use crate::sys::nft::{Value, Verdict};

/// `nft_immediate_eval`
pub fn eval(m: &mut Machine<'_>, e: &Immediate) -> Step {
    match &e.value {
        Value::Verdict(v) => verdict(v),
        Value::Data(d) => {
            m.regs.write(e.dreg, d.as_bytes());
            Step::Go
        }
    }
}

/// What a verdict in the verdict register does to the walk.
pub fn verdict(v: &Verdict) -> Step {
    Step::Verdict(match v {
        Verdict::Continue => return Step::Go,
        Verdict::Break => return Step::Break,
        Verdict::Accept => Decision::Accept,
        Verdict::Drop => Decision::Drop,
        Verdict::Stolen => Decision::Stolen("verdict stolen".into()),
        Verdict::Queue { num, bypass } => Decision::Queue { queue: *num, count: 1, bypass: *bypass },
        Verdict::Jump(chain) => Decision::Jump(chain.clone()),
        Verdict::Goto(chain) => Decision::Goto(chain.clone()),
        Verdict::Return => Decision::Return,
        Verdict::Repeat | Verdict::Unknown(_) => Decision::Unknown(format!("verdict {v}").into()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::{Data, Reg};

    #[test]
    fn data_are_loaded_and_verdicts_decide() {
        plain(ip4(17, &[0; 8]), |_, m| {
            let e = Immediate { dreg: Reg::R1, value: Value::Data(Data::new([1, 2, 3, 4, 5])) };
            assert_eq!(eval(m, &e), Step::Go);
            assert_eq!(m.regs.read(Reg::R1, 8), Some(&[1, 2, 3, 4, 5, 0, 0, 0][..]));
        });
        assert_eq!(verdict(&Verdict::Continue), Step::Go);
        assert_eq!(verdict(&Verdict::Break), Step::Break);
        assert_eq!(verdict(&Verdict::Goto(text("c"))), Step::Verdict(Decision::Goto(text("c"))));
        let queue = Step::Verdict(Decision::Queue { queue: 3, count: 1, bypass: true });
        assert_eq!(verdict(&Verdict::Queue { num: 3, bypass: true }), queue);
        assert!(matches!(verdict(&Verdict::Unknown(93)), Step::Verdict(Decision::Unknown(_))));
    }
}
