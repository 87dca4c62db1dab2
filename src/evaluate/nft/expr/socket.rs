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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::environment::SocketFacts;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::{Family, Reg};

    #[test]
    fn a_socket_says_what_is_known_of_it() {
        let facts = SocketFacts {
            transparent: Fact::Is(true),
            mark: Fact::Is(7),
            wildcard: true,
            uid: Fact::Absent,
            cgroup: Fact::Absent,
        };
        let load = |payload: &[u8], protocol, socket: Option<SocketFacts>, key| {
            let host = Host { socket, ..Host::default() };
            on(ip4(protocol, payload), Hook::Input, &host, &table(Family::Inet), |cx, m| {
                let step = eval(cx, m, &Socket { key, level: Some(1), dreg: Reg::R1 });
                (step, m.regs.read(Reg::R1, 4).map(<[u8]>::to_vec))
            })
        };
        let udp = testing::udp(1, 2, b"");
        assert_eq!(load(&udp, UDP, Some(facts.clone()), SocketKey::Mark).1, Some(7u32.to_ne_bytes().to_vec()));
        assert_eq!(load(&udp, UDP, Some(facts.clone()), SocketKey::Transparent).1, Some(vec![1, 0, 0, 0]));
        assert_eq!(load(&udp, UDP, Some(facts.clone()), SocketKey::Wildcard).1, Some(vec![1, 0, 0, 0]));
        assert_eq!(load(&udp, UDP, Some(facts.clone()), SocketKey::Cgroupv2), (Step::Go, None));
        assert_eq!(load(&udp, UDP, None, SocketKey::Mark).0, Step::Break);
        assert_eq!(load(&[0; 8], 89, Some(facts), SocketKey::Mark).0, Step::Break);
    }
}
