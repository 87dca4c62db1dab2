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
