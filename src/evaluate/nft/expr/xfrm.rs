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
