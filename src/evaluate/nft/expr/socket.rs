//! `socket`: the socket that the packet is for.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact, Hook};
use crate::sys::nft::expr::{Socket, SocketKey};

use super::meta::word;
use super::tproxy::ends;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// `nft_socket_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Socket) -> Step {
    let len = match e.key {
        SocketKey::Transparent | SocketKey::Wildcard => 1,
        SocketKey::Cgroupv2 => 8,
        SocketKey::Mark | SocketKey::Unknown(_) => 4,
    };
    let found = match m.info.transport.as_ref().map(|t| t.protocol) {
        Fact::Is(protocol @ (TCP | UDP)) => match (ends(cx), cx.packet.ports()) {
            (Some((from, to)), Some((sport, dport))) => {
                if matches!(cx.hook, Hook::Output | Hook::Postrouting) {
                    cx.env.socket(protocol, (to, dport), (from, sport))
                } else {
                    cx.env.socket(protocol, (from, sport), (to, dport))
                }
            }
            _ => Fact::unknown("socket"),
        },
        // An error is for the socket that it is about.
        Fact::Is(ICMP | ICMPV6) => Fact::unknown("socket of an ICMP message"),
        Fact::Is(_) | Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w),
    };
    let socket = match found {
        Fact::Is(s) => s,
        Fact::Absent => return Step::Break,
        Fact::Unknown(w) => {
            m.regs.write_unknown(e.dreg, len, Unknown::fact(w).changed(e.key.code()).perhaps_absent());
            return Step::Go;
        }
    };
    match e.key {
        SocketKey::Mark => return word(m, e.dreg, socket.mark),
        SocketKey::Wildcard => m.regs.write_u8(e.dreg, u8::from(socket.wildcard)),
        SocketKey::Transparent => match socket.transparent {
            Fact::Is(v) => m.regs.write_u8(e.dreg, u8::from(v)),
            Fact::Absent => m.regs.write_u8(e.dreg, 0),
            Fact::Unknown(w) => m.regs.write_unknown(e.dreg, 1, Unknown::fact(w)),
        },
        SocketKey::Cgroupv2 => {
            let what = Unknown::fact("id of the socket's control group").changed(e.level).perhaps_absent();
            m.regs.write_unknown(e.dreg, len, what);
        }
        SocketKey::Unknown(n) => {
            m.regs.write_unknown(e.dreg, len, Unknown::fact(format!("socket key {n}")).perhaps_absent());
        }
    }
    Step::Go
}
