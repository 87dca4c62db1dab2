//! `synproxy`: answers a SYN on the server's behalf.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::{Context, Decision, Fact, checksum};
use crate::sys::nft::expr::Synproxy;

const TCP: u8 = 6;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// `nft_synproxy_do_eval`
pub fn eval(cx: &mut Context<'_>, m: &Machine<'_>, _: &Synproxy) -> Step {
    let at = match &m.info.transport {
        Fact::Is(t) if t.protocol == TCP => t.offset,
        Fact::Is(_) | Fact::Absent => return Step::Break,
        Fact::Unknown(what) => return if cx.ask(what.clone(), b"nft synproxy", true) { stolen() } else { Step::Break },
    };
    let right = match checksum::transport_is_right(&cx.packet, TCP, at) {
        Fact::Is(right) => right,
        Fact::Absent => false,
        Fact::Unknown(what) => cx.ask(what, b"nft synproxy checksum", true),
    };
    let flags = match cx.packet.array::<20>(at) {
        Fact::Is(h) => h[13],
        Fact::Absent => return Step::Verdict(Decision::Drop),
        Fact::Unknown(what) => return if cx.ask(what, b"nft synproxy", true) { stolen() } else { Step::Break },
    };
    if !right {
        return Step::Verdict(Decision::Drop);
    }
    if flags & SYN != 0 {
        return stolen();
    }
    if flags & ACK != 0 {
        return if cx.ask("whether the ACK answers a SYN cookie", b"nft synproxy cookie", true) {
            stolen()
        } else {
            Step::Verdict(Decision::Drop)
        };
    }
    Step::Go
}

fn stolen() -> Step {
    Step::Verdict(Decision::Stolen("synproxy".into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Packet;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::expr::SynproxyFlags;

    fn run(flags: u8, sum: bool) -> Vec<Step> {
        let mut p: Packet = ip4(TCP, &testing::tcp(1, 2, flags, &[]));
        if sum {
            let pseudo = [&p.bytes[12..20], &[0, 6, 0, 20], &p.bytes[20..]].concat();
            let sum = checksum::of(&pseudo);
            p.write(36, &sum.to_be_bytes());
        }
        let e = Synproxy { mss: 1460, wscale: 7, flags: SynproxyFlags::empty() };
        let t = table(crate::sys::nft::Family::Inet);
        every(&p, &Host::default(), &t, |cx, m| eval(cx, m, &e)).into_iter().map(|r| r.0).collect()
    }

    #[test]
    fn a_syn_is_answered_an_ack_may_be_a_cookie_and_a_bad_checksum_dies() {
        let drop = Step::Verdict(Decision::Drop);
        assert_eq!(run(SYN, true), [stolen()]);
        assert_eq!(run(ACK, true), [stolen(), drop.clone()]);
        assert_eq!(run(4, true), [Step::Go]);
        assert_eq!(run(SYN, false), [drop]);
        let e = Synproxy { mss: 1460, wscale: 7, flags: SynproxyFlags::empty() };
        assert_eq!(plain(ip4(17, &[0; 8]), |cx, m| eval(cx, m, &e)), Step::Break);
    }
}
