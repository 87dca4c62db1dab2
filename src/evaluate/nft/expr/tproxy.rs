//! `tproxy`: hands the packet to a local socket without rewriting it.

use std::net::IpAddr;

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Effect, Fact};
use crate::sys::nft::Family;
use crate::sys::nft::expr::Tproxy;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// `nft_tproxy_eval_v4`, `nft_tproxy_eval_v6`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Tproxy) -> Step {
    if e.family != Family::Unspec && e.family != m.info.family {
        return Step::Break;
    }
    let protocol = match &m.info.transport {
        Fact::Is(t) if matches!(t.protocol, TCP | UDP) => t.protocol,
        Fact::Is(_) | Fact::Absent => return Step::Break,
        Fact::Unknown(_) => return taken(cx, "a transparent socket"),
    };
    let (Some((from, to)), Some((sport, dport))) = (ends(cx), cx.packet.ports()) else {
        return taken(cx, "a transparent socket");
    };
    let established = cx.env.socket(protocol, (from, sport), (to, dport));
    let len = if to.is_ipv4() { 4 } else { 16 };
    let mut at = (to, dport);
    if let Some(reg) = e.addr {
        match m.take(cx, reg, len) {
            Taken::Bytes(b) => at.0 = address(b).unwrap_or(to),
            Taken::Unknown(_) => return taken(cx, "a transparent socket"),
            Taken::Nothing => return Step::Break,
        }
    } else {
        match cx.proxy_address(to) {
            Fact::Is(own) => at.0 = own,
            _ => return taken(cx, "a transparent socket at the address of the input device"),
        }
    }
    if let Some(reg) = e.port {
        match m.take(cx, reg, 2) {
            Taken::Bytes(b) => {
                let port = <[u8; 2]>::try_from(b).map_or(0, u16::from_be_bytes);
                at.1 = if port == 0 { dport } else { port };
            }
            Taken::Unknown(_) => return taken(cx, "a transparent socket"),
            Taken::Nothing => return Step::Break,
        }
    }
    let socket = match established {
        Fact::Is(s) if !s.wildcard => Fact::Is(s),
        Fact::Unknown(w) => Fact::Unknown(w),
        _ => cx.env.socket(protocol, (from, sport), at),
    };
    match socket {
        Fact::Is(s) => match s.transparent {
            Fact::Is(true) => {
                note(cx);
                Step::Go
            }
            Fact::Is(false) | Fact::Absent => Step::Break,
            Fact::Unknown(_) => taken(cx, "whether the socket is transparent"),
        },
        Fact::Absent => Step::Break,
        Fact::Unknown(_) => taken(cx, "a transparent socket"),
    }
}

fn note(cx: &mut Context<'_>) {
    cx.effects.push(Effect::State("tproxy".into()));
}

fn taken(cx: &mut Context<'_>, what: &'static str) -> Step {
    let there = cx.ask(what, b"nft tproxy", true);
    if there {
        note(cx);
    }
    Step::when(there)
}

/// Source and destination of the packet.
pub fn ends(cx: &Context<'_>) -> Option<(IpAddr, IpAddr)> {
    let (from, to) = cx.packet.addresses()?;
    Some((address(from)?, address(to)?))
}

/// An address of 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::environment::SocketFacts;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::evaluate::{Hook, Packet};
    use crate::sys::nft::Reg;

    fn run(packet: &Packet, transparent: Option<Fact<bool>>) -> usize {
        let socket = transparent.map(|transparent| SocketFacts {
            transparent,
            mark: Fact::Is(0),
            wildcard: false,
            uid: Fact::Absent,
            cgroup: Fact::Absent,
        });
        let host = Host { socket, ..Host::default() };
        let e = Tproxy { family: Family::Unspec, addr: Some(Reg::R1), port: None };
        let t = table(Family::Inet);
        let went = on(packet.clone(), Hook::Prerouting, &host, &t, |cx, m| {
            m.regs.write(Reg::R1, &[127, 0, 0, 1]);
            eval(cx, m, &e)
        });
        usize::from(went == Step::Go)
    }

    #[test]
    fn only_a_transparent_socket_takes_the_packet() {
        let udp = ip4(UDP, &testing::udp(1, 2, b""));
        assert_eq!(run(&udp, Some(Fact::Is(true))), 1);
        assert_eq!(run(&udp, Some(Fact::Is(false))), 0);
        assert_eq!(run(&udp, None), 0);
        assert_eq!(run(&ip4(1, &[8, 0, 0, 0, 0, 0, 0, 0]), Some(Fact::Is(true))), 0);
    }
}
