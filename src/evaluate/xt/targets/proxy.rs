//! Targets that hand the packet to a socket or answer it themselves: TPROXY, SYNPROXY.

use std::net::IpAddr;

use crate::evaluate::checksum;
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::effect::Effect;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6::{self, Wanted};
use crate::evaluate::nat::address;
use crate::evaluate::packet::CUT;
use crate::evaluate::xt::Param;
use crate::sys::xt::targets::Tproxy;

const TCP: u8 = 6;

pub(super) fn tproxy(cx: &mut Context, param: &Param, t: &Tproxy) -> Decision {
    let (protocol, at) = match cx.packet.network {
        Network::Ip4 => match (cx.packet.array::<1>(9), param.transport) {
            (Fact::Is([p]), Some(t)) => (p, t.offset),
            _ => return Decision::Unknown(CUT.into()),
        },
        _ => match ip6::find_in(cx, Wanted::Transport) {
            Ok(f) => (f.protocol, f.offset),
            Err(_) => return Decision::Drop,
        },
    };
    let (from, to) = match cx.packet.array::<8>(at) {
        Fact::Is([a, b, c, d, ..]) => (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
        Fact::Absent => return Decision::Drop,
        Fact::Unknown(what) => return Decision::Unknown(what),
    };
    let Some((Some(source), Some(destination))) = cx.packet.addresses().map(|(s, d)| (address(s), address(d))) else {
        return Decision::Unknown("addresses".into());
    };
    let port = if t.port == 0 { to } else { t.port };
    let local = if !t.address.is_unspecified() { Fact::Is(t.address) } else { cx.proxy_address(destination) };
    // A connection that is there already comes before a listener.
    let mut takes = transparent(cx, protocol, (source, from), (destination, to));
    if takes != Fact::Is(true) {
        let listener = match local {
            Fact::Is(local) => transparent(cx, protocol, (source, from), (local, port)),
            _ => Fact::unknown("the socket that a packet is redirected to"),
        };
        if takes == Fact::Is(false) || listener == Fact::Is(true) {
            takes = listener;
        }
    }
    let takes = match takes {
        Fact::Is(takes) => takes,
        Fact::Absent => false,
        Fact::Unknown(what) => cx.ask(what, format!("tproxy {} {port}", t.address).as_bytes(), true),
    };
    if !takes {
        cx.effects.push(Effect::State(format!("no transparent socket waits for it at port {port}").into()));
        return Decision::Drop;
    }
    cx.set_mark(match cx.packet.mark.clone() {
        _ if t.mark_mask == u32::MAX => Fact::Is(t.mark_value),
        old => old.map(|old| (old & !t.mark_mask) ^ t.mark_value),
    });
    cx.effects.push(Effect::State(format!("given to the socket at port {port}").into()));
    Decision::Accept
}

/// Is there a socket for these ends, and may it take what is not its own?
fn transparent(cx: &Context, protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16)) -> Fact<bool> {
    match cx.env.socket(protocol, from, to) {
        Fact::Is(s) => s.transparent,
        Fact::Absent => Fact::Is(false),
        Fact::Unknown(w) => Fact::Unknown(w),
    }
}

pub(super) fn synproxy(cx: &mut Context, param: &Param) -> Decision {
    let Some(transport) = param.transport else {
        return Decision::Unknown(CUT.into());
    };
    let at = transport.offset;
    if checksum::transport_is_right(&cx.packet, TCP, at) == Fact::Is(false)
        && !cx.ask("whether the device vouches for the checksum", b"checksum vouched for", true)
    {
        return Decision::Drop;
    }
    let header = match cx.packet.array::<20>(at) {
        Fact::Is(h) => h,
        Fact::Absent => return Decision::Drop,
        Fact::Unknown(what) => return Decision::Unknown(what),
    };
    let length = usize::from(header[12] >> 4) * 4;
    if length < 20 || cx.packet.read(at, length) == Fact::Absent {
        return Decision::Drop;
    }
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;
    match header[13] & (FIN | SYN | RST | ACK) {
        SYN => Decision::Stolen("SYNPROXY".into()),
        ACK => match cx.ask("whether the ACK carries the cookie of SYNPROXY", b"SYNPROXY cookie", true) {
            true => Decision::Stolen("SYNPROXY".into()),
            false => Decision::Drop,
        },
        _ => Decision::Next,
    }
}
