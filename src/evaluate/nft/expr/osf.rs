//! `osf`: guesses the sender's operating system from its SYN.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact};
use crate::sys::nft::Family;
use crate::sys::nft::expr::Osf;

const TCP: u8 = 6;
const SYN: u8 = 0x02;
/// `NFT_OSF_MAXGENRELEN`
const NAME: usize = 16;

/// `nft_osf_eval`. The fingerprints are not read.
pub fn eval(cx: &Context<'_>, m: &mut Machine<'_>, e: &Osf) -> Step {
    if m.info.family != Family::Ip {
        return Step::Break;
    }
    let at = match &m.info.transport {
        Fact::Is(t) if t.protocol == TCP => Fact::Is(t.offset),
        Fact::Is(_) | Fact::Absent => return Step::Break,
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
    };
    let perhaps = match at {
        Fact::Is(at) => match cx.packet.array::<20>(at) {
            Fact::Is(h) if h[13] & SYN != 0 => false,
            Fact::Is(_) | Fact::Absent => return Step::Break,
            Fact::Unknown(_) => true,
        },
        _ => true,
    };
    let unknown = Unknown::fact("operating system of the sender").changed((e.ttl, e.flags.bits()));
    m.regs.write_unknown(e.dreg, NAME, if perhaps { unknown.perhaps_absent() } else { unknown });
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;
    use crate::sys::nft::expr::OsfFlags;

    #[test]
    fn only_a_syn_has_a_fingerprint_and_whose_it_is_is_not_known() {
        let e = Osf { dreg: Reg::R1, ttl: 0, flags: OsfFlags::empty() };
        let load = |p| plain(p, |cx, m| (eval(cx, m, &e), m.regs.read(Reg::R1, 16).is_some()));
        assert_eq!(load(ip4(TCP, &testing::tcp(1, 2, 2, &[]))), (Step::Go, false));
        assert_eq!(load(ip4(TCP, &testing::tcp(1, 2, 16, &[]))).0, Step::Break);
        assert_eq!(load(ip6(TCP, &testing::tcp(1, 2, 2, &[]))).0, Step::Break);
        assert_eq!(load(ip4(17, &[0; 8])).0, Step::Break);
    }
}
