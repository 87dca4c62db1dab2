//! `nat`, `masq` and `redir`: what the connection of the packet is translated to.

use std::net::IpAddr;

use crate::evaluate::nat::{self, Manip, Range};
use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Fact};
use crate::sys::nft::expr::{Masq, Nat, NatFlags, NatKind, Redir};
use crate::sys::nft::{Family, Reg};

use super::tproxy::address;

/// A register that the rule ended before it was loaded.
struct Ended;

/// `nft_nat_eval`, `nft_nat_inet_eval`
pub fn translate(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Nat) -> Step {
    if m.table_family() == Family::Inet && e.family != m.info.family && e.family != Family::Inet {
        return Step::Go;
    }
    let manip = match e.kind {
        NatKind::Snat => Manip::Source,
        NatKind::Dnat => Manip::Destination,
        NatKind::Unknown(_) => return Step::when(cx.ask(format!("nat of kind {}", e.kind), b"", true)),
    };
    let Ok((addresses, ports)) =
        addresses(cx, m, e, manip).and_then(|a| Ok((a, ports(cx, m, e.proto_min, e.proto_max)?)))
    else {
        return Step::Break;
    };
    let mut range = flags(e.flags, ports);
    range.addresses = addresses;
    Step::Verdict(nat::setup(cx, manip, &range))
}

/// `nft_masq_eval`
pub fn masquerade(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Masq) -> Step {
    let Ok(ports) = ports(cx, m, e.proto_min, e.proto_max) else { return Step::Break };
    Step::Verdict(nat::masquerade(cx, &flags(e.flags, ports)))
}

/// `nft_redir_eval`
pub fn redirect(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Redir) -> Step {
    let Ok(ports) = ports(cx, m, e.proto_min, e.proto_max) else { return Step::Break };
    Step::Verdict(nat::redirect(cx, &flags(e.flags, ports)))
}

/// Everything but the addresses. An unknown port is as one that the kernel chooses.
fn flags(flags: NatFlags, ports: Fact<(u16, u16)>) -> Range {
    Range {
        addresses: Fact::Absent,
        random: flags.intersects(NatFlags::PROTO_RANDOM | NatFlags::PROTO_RANDOM_FULLY) || ports.is_unknown(),
        ports: ports.known(),
        persistent: flags.contains(NatFlags::PERSISTENT),
        base: flags.contains(NatFlags::PROTO_OFFSET).then_some(0),
    }
}

fn ports(cx: &mut Context<'_>, m: &Machine<'_>, min: Option<Reg>, max: Option<Reg>) -> Result<Fact<(u16, u16)>, Ended> {
    let Some(min) = min else { return Ok(Fact::Absent) };
    let mut read = |reg| {
        Ok(match m.take(cx, reg, 2) {
            Taken::Bytes(b) => <[u8; 2]>::try_from(b).map(u16::from_be_bytes).ok().into(),
            Taken::Unknown(u) => Fact::Unknown(u.what),
            Taken::Nothing => return Err(Ended),
        })
    };
    Ok(match (read(min)?, read(max.unwrap_or(min))?) {
        (Fact::Is(a), Fact::Is(b)) => Fact::Is((a, b)),
        (Fact::Unknown(w), _) | (_, Fact::Unknown(w)) => Fact::Unknown(w),
        _ => Fact::Absent,
    })
}

fn addresses(cx: &mut Context<'_>, m: &Machine<'_>, e: &Nat, manip: Manip) -> Result<Fact<(IpAddr, IpAddr)>, Ended> {
    let Some(min) = e.addr_min else { return Ok(Fact::Absent) };
    let len = if e.family == Family::Ip6 { 16 } else { 4 };
    let mut read = |reg| {
        Ok(match m.take(cx, reg, len) {
            Taken::Bytes(b) => Fact::Is(b.to_vec()),
            Taken::Unknown(u) => Fact::Unknown(u.what),
            Taken::Nothing => return Err(Ended),
        })
    };
    let (min, max) = match (read(min)?, read(e.addr_max.unwrap_or(min))?) {
        (Fact::Is(a), Fact::Is(b)) => (a, b),
        (Fact::Unknown(w), _) | (_, Fact::Unknown(w)) => return Ok(Fact::Unknown(w)),
        _ => return Ok(Fact::Absent),
    };
    let (min, max) = if e.flags.contains(NatFlags::NETMAP) {
        match netmap(cx, &min, &max, manip) {
            Some(new) => (new.clone(), new),
            None => return Ok(Fact::unknown("the address that NAT maps")),
        }
    } else {
        (min, max)
    };
    Ok(match (address(&min), address(&max)) {
        (Some(min), Some(max)) => Fact::Is((min, max)),
        _ => Fact::Absent,
    })
}

/// `nft_nat_setup_netmap`: where both ends of the range agree, its bits; elsewhere the packet's own.
fn netmap(cx: &Context<'_>, min: &[u8], max: &[u8], manip: Manip) -> Option<Vec<u8>> {
    let (source, destination) = cx.packet.addresses()?;
    let own = if manip == Manip::Source { source } else { destination };
    Some(min.iter().zip(max).zip(own).map(|((a, b), own)| (own & (a ^ b)) | (a & !(a ^ b))).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::Unknown;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::evaluate::packet::CtState;
    use crate::evaluate::{Decision, Hook, Packet};

    fn packet() -> Packet {
        let mut p = ip4(17, &testing::udp(1000, 53, b""));
        p.ct.state = Fact::Is(CtState::New);
        p
    }

    fn dnat(e: Nat, family: Family, fill: impl FnOnce(&mut Machine<'_>)) -> (Step, Packet) {
        on(packet(), Hook::Prerouting, &Host::default(), &table(family), |cx, m| {
            fill(m);
            (translate(cx, m, &e), cx.packet.clone())
        })
    }

    const NAT: Nat = Nat {
        kind: NatKind::Dnat,
        family: Family::Ip,
        addr_min: Some(Reg::R1),
        addr_max: None,
        proto_min: Some(Reg(8)),
        proto_max: None,
        flags: NatFlags::empty(),
    };

    #[test]
    fn registers_say_where_to() {
        let (step, p) = dnat(NAT, Family::Inet, |m| {
            m.regs.write(Reg::R1, &[192, 168, 0, 9]);
            m.regs.write(Reg(8), &[0x1f, 0x90]);
        });
        assert_eq!(step, Step::Verdict(Decision::Accept));
        assert_eq!((p.bytes[16..20].to_vec(), p.ports()), (vec![192, 168, 0, 9], Some((1000, 8080))));
        let (step, _) = dnat(Nat { family: Family::Ip6, ..NAT }, Family::Inet, |_| {});
        assert_eq!(step, Step::Go, "a rule for the other family");
    }

    #[test]
    fn netmap_keeps_the_host_part() {
        let e = Nat { addr_max: Some(Reg(5)), proto_min: None, flags: NatFlags::NETMAP, ..NAT };
        let (_, p) = dnat(e, Family::Ip, |m| {
            m.regs.write(Reg::R1, &[172, 16, 5, 0]);
            m.regs.write(Reg(5), &[172, 16, 5, 255]);
        });
        assert_eq!(p.bytes[16..20], [172, 16, 5, 2]);
    }

    #[test]
    fn an_unknown_address_leaves_an_unknown_packet() {
        let (step, p) = dnat(Nat { proto_min: None, ..NAT }, Family::Ip, |m| {
            m.regs.write_unknown(Reg::R1, 4, Unknown::fact("x"));
        });
        assert_eq!(step, Step::Verdict(Decision::Accept));
        assert!(p.read(16, 4).is_unknown());
    }
}
