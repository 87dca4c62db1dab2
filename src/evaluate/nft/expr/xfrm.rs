//! `xfrm` and `tunnel`: what IPsec and tunnel devices left beside the packet.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact};
use crate::sys::nft::expr::{Tunnel, TunnelKey, Xfrm, XfrmKey};

/// `nft_xfrm_get_eval`
pub fn eval(cx: &Context<'_>, m: &mut Machine<'_>, e: &Xfrm) -> Step {
    if cx.env.under_ipsec() == Fact::Is(false) {
        return Step::Break;
    }
    let len = match e.key {
        XfrmKey::DaddrIp6 | XfrmKey::SaddrIp6 => 16,
        _ => 4,
    };
    let what = Unknown::fact(format!("ipsec {} {}", e.direction, e.key)).changed(e.spnum).perhaps_absent();
    m.regs.write_unknown(e.dreg, len, what);
    Step::Go
}

/// `nft_tunnel_get_eval`
pub fn tunnel(m: &mut Machine<'_>, e: &Tunnel) -> Step {
    let what = Unknown::fact(format!("tunnel {}", e.key)).changed(e.mode.code());
    match e.key {
        TunnelKey::Path => m.regs.write_unknown(e.dreg, 1, what),
        _ => m.regs.write_unknown(e.dreg, 4, what.perhaps_absent()),
    }
    Step::Go
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;
    use crate::sys::nft::expr::{TunnelMode, XfrmDirection};

    #[test]
    fn what_is_beside_the_packet_is_not_known() {
        plain(ip4(17, &[0; 8]), |cx, m| {
            let e = Xfrm { key: XfrmKey::Reqid, direction: XfrmDirection::In, spnum: 0, dreg: Reg::R1 };
            m.regs.write_u32(Reg::R1, 1);
            assert_eq!(eval(cx, m, &e), Step::Go);
            assert_eq!(m.regs.u32(Reg::R1), None);
            assert!(m.regs.unknown(Reg::R1, 4).may_be_absent);
            tunnel(m, &Tunnel { key: TunnelKey::Path, mode: TunnelMode::None, dreg: Reg(8) });
            assert!(!m.regs.unknown(Reg(8), 1).may_be_absent);
        });
    }
}
