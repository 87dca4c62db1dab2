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
